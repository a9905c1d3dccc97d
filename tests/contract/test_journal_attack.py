"""Every bypass is attempted on a scratch copy, and what is said of each is true: held when it is, not held when not."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import anyio
import psycopg
import pytest

from tests.contract.places import PostgresPlace
from tests.e2e.processes import run_cli
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.attack import attack as attack_postgres
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.attack import ATTACKS, OPEN
from versiqiid.adapters.sqlite.attack import attack as attack_sqlite
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.journal_schema import GUARDS
from versiqiid.errors import Forbidden, JournalRefused, Unavailable
from versiqiid.testing.journal_tools import SteppingClock, about

OWNER, SERVICE = "versiqii_journal_owner", "versiqii_service"
EVENTS = "ALTER EVENT TRIGGER versiqii_journal_ddl DISABLE; ALTER EVENT TRIGGER versiqii_journal_drop DISABLE;"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    async def make() -> None:
        async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
            await journal.append([about("a", 1, b"never-copied")])

    anyio.run(make)
    return tmp_path / "journal.db"


def test_a_journal_in_sqlite_holds_all_that_it_can(file: Path) -> None:
    before = file.read_bytes()
    found = attack_sqlite(file)
    assert len(found) == 2 * len(ATTACKS) + len(OPEN)
    assert {a.outcome for a in found[: -len(OPEN)]} == {"held"}
    assert all(a.said.endswith("only grows") for a in found[: -len(OPEN)]), [a for a in found if not a.said]
    assert {a.outcome for a in found[-len(OPEN) :]} == {"open"}
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["journal.db"]


@pytest.mark.parametrize("guard", GUARDS)
def test_without_a_guard_an_attempt_gets_through_and_is_told(file: Path, guard: str) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"DROP TRIGGER {guard}")
    through = [a.statement for a in attack_sqlite(file) if a.outcome == "not held"]
    assert through
    assert all(guard.partition("_")[0] in statement for statement in through)


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalRefused, match="missing"):
        attack_sqlite(tmp_path / "none.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (x)")
    with pytest.raises(JournalRefused, match="database"):
        attack_sqlite(tmp_path / "other.db")
    assert list(tmp_path.iterdir()) == [tmp_path / "other.db"]


def test_the_command_tells_every_attempt_and_its_exit_code_the_verdict(file: Path) -> None:
    asked = ("audit", "verify", "--attack", "--data-dir", str(file.parent))
    done = run_cli(*asked)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(
        f"held: {2 * len(ATTACKS)} attempts; {len(OPEN)} are open to whoever owns the database"
    )
    rows = json.loads(run_cli(*asked, "-o", "json").stdout)
    assert [row["outcome"] for row in rows] == ["held"] * 2 * len(ATTACKS) + ["open"] * len(OPEN)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("DROP TRIGGER entries_update")
    done = run_cli(*asked)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == "refused: guard at UPDATE entries SET entry = x'00'"
    assert run_cli("audit", "verify", "--attack", "--data-dir", str(file.parent / "none")).returncode == 3


# ------------------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture
def admin_url(shared_postgres: Postgres) -> str:
    return shared_postgres.create_database()


@pytest.fixture
def filled(admin_url: str) -> str:
    """The address of a superuser of a database with a journal of one entry that no session holds."""

    async def make() -> None:
        async with await PostgresPlace(admin_url).open() as journal:
            assert isinstance(journal, SqlJournal)
            await journal.append([about("a", 1, b"x")])

    anyio.run(make)
    return admin_url


def databases(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [str(name) for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()]


@pytest.mark.postgres
def test_a_journal_in_postgresql_holds_all_that_it_can_and_the_copy_is_gone(filled: str) -> None:
    before = databases(filled)
    found = attack_postgres(filled)
    assert [a for a in found if a.outcome == "not held"] == []
    assert [a.statement for a in found if a.outcome == "open"] == [
        "ALTER EVENT TRIGGER versiqii_journal_ddl DISABLE",
        "UPDATE pg_catalog.pg_trigger SET tgenabled = 'D'",
    ]
    for attempt in found:
        if attempt.by.startswith("C") and attempt.outcome == "held":
            assert "only grows" in attempt.said, attempt
        elif attempt.outcome == "held":
            assert any(word in attempt.said for word in ("permission denied", "must be", "only grows")), attempt
    assert databases(filled) == before


@pytest.mark.postgres
def test_a_journal_that_was_never_used_is_attacked_too(admin_url: str) -> None:
    PostgresPlace(admin_url)
    assert {a.outcome for a in attack_postgres(admin_url)} == {"held", "open"}


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("weaken", "through"),
    [
        ("ALTER TABLE entries DISABLE TRIGGER entries_change", ("C: a superuser", "DELETE FROM entries")),
        ("ALTER TABLE entries ENABLE TRIGGER entries_change", ("C: a superuser as a replica", "DELETE FROM entries")),
        ("ALTER TABLE entries DISABLE TRIGGER entries_truncate", ("C: a superuser", "TRUNCATE entries")),
        ("SELECT", ("C: a superuser", "CREATE RULE r AS ON INSERT TO entries DO INSTEAD NOTHING")),
        (f"GRANT {OWNER} TO {SERVICE}", (f"B: the service role {SERVICE}", f"SET ROLE {OWNER}")),
    ],
)  # fmt: skip
def test_without_a_guard_an_attempt_gets_through(filled: str, weaken: str, through: tuple[str, str]) -> None:
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute("SET search_path = versiqii_journal")
        connection.execute((EVENTS + weaken).encode())
    try:
        found = attack_postgres(filled)
    finally:
        with psycopg.connect(filled, autocommit=True) as connection:
            connection.execute(f"REVOKE {OWNER} FROM {SERVICE}")
    assert through in [(a.by, a.statement) for a in found if a.outcome == "not held"]


@pytest.mark.postgres
def test_who_cannot_attack_is_told_why(filled: str, tmp_path: Path) -> None:
    with pytest.raises(Forbidden, match="superuser"):
        attack_postgres(PostgresPlace(filled).url)
    with psycopg.connect(filled), pytest.raises(Unavailable, match="other sessions"):
        attack_postgres(filled)
    before = databases(filled)
    done = run_cli("audit", "verify", "--attack", "--journal", filled, "--data-dir", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert databases(filled) == before
