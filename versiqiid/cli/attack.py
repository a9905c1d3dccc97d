"""``versiqii audit verify --attack``: which backend is attacked, and how the outcome is told."""

from __future__ import annotations

from pathlib import Path

from versiqiid.adapters.sql.attack import Attempt
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidSetting
from versiqiid.settings import load
from versiqiid.stores import sqlite_path

_SQLITE, _POSTGRES = "sqlite:///", ("postgresql://", "postgres://")


def attempts(journal: str | None, data_dir: Path | None) -> tuple[Attempt, ...]:
    """Try every known bypass on a scratch copy; the journal itself is only read.

    :param journal: for PostgreSQL, the address of a superuser.
    :raises InvalidSetting: an address of no journal. :raises JournalRefused: no journal is there.
    """
    given = {"journal": journal, "data_dir": data_dir}
    url = load({name: value for name, value in given.items() if value is not None}).journal_url
    if url.startswith(_SQLITE):
        from versiqiid.adapters.sqlite.attack import attack as on_sqlite  # noqa: PLC0415

        return on_sqlite(sqlite_path(url))
    if url.startswith(_POSTGRES):
        from versiqiid.adapters.postgres.attack import attack as on_postgres  # noqa: PLC0415

        return on_postgres(url)
    raise InvalidSetting("setting 'journal': no address of a journal")


def told(session: Session, found: tuple[Attempt, ...]) -> int:
    """Print every attempt; 0 when all was held that a database can hold, else 3 with the first that was not."""
    rows = [{"outcome": a.outcome, "by": a.by, "statement": a.statement, "said": a.said} for a in found]
    session.show(rows, "outcome", "by", "statement", wide=("said",))
    through = [attempt for attempt in found if attempt.outcome == "not held"]
    held = sum(attempt.outcome == "held" for attempt in found)
    if through:
        session.tell(f"{held} attempts were held, {len(through)} were not")
        session.tell(f"refused: guard at {through[0].statement}")
        return Exit.INVALID
    session.tell(
        f"held: {held} attempts; {len(found) - held} are open to whoever owns the database, and only a checkpoint kept"
        " elsewhere shows what is done then"
    )
    return Exit.OK
