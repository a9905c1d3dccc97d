"""The journal in PostgreSQL. Any number of hosts may share it; ``init.py`` makes it, this only uses it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from anyio import to_thread

from versiqiid.adapters.postgres import guards, schema
from versiqiid.adapters.postgres.database import PostgresDatabase
from versiqiid.adapters.sql import stretch
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.core.audit_range import StretchFound
from versiqiid.core.note import ORIGIN
from versiqiid.errors import InvalidSetting, JournalRefused

_INIT = "versiqiid journal init --journal ADMIN-URL --service-role NAME makes them"


class PostgresJournal(SqlJournal):
    """``async with await PostgresJournal.open(url, clock=time.time) as journal``.

    Needs sessions of its own: directly, or through a pooler in session mode.
    """

    VERSION_QUERY = "SELECT current_setting('server_version')"
    FORMAT = schema.FORMAT

    @classmethod
    async def open(
        cls, url: str, *, clock: Callable[[], float], origin: str | None = None, create: bool = True
    ) -> PostgresJournal:
        """The journal in this database, its guards checked.

        :param url: ``postgresql://…`` of the service role.
        :param clock: seconds since the epoch; called in a worker thread.
        :param origin: the log's name, given at its first start; one that exists must bear it. None = whatever it
            bears, and ``versiqii.local/<16 hex>`` for a new one.
        :param create: False for tools that only look: a journal without a name is refused.
        :raises JournalRefused: ``missing``: no tables, or no name and ``create`` is False; ``guard``: a guard is
            missing, by name; ``origin``: it bears another name; ``format``: made by another version.
        :raises InvalidSetting: an origin outside ``[a-z0-9][a-z0-9./-]*``, or no PostgreSQL URL.
        :raises Forbidden: the role may not; ``Unavailable``: no answer.
        """
        if origin is not None and not ORIGIN.fullmatch(origin):
            raise InvalidSetting(f"log-origin {origin!r}: expected lower-case letters, digits, '.', '/' and '-'")
        writer = PostgresDatabase(url)
        found = await to_thread.run_sync(_open, writer, origin, create)
        return cls(writer, PostgresDatabase(url), clock=clock, origin=found, stretch=partial(_stretch, url))


def _stretch(url: str, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
    """Check a stretch on a connection that is closed at its end."""
    with closing(PostgresDatabase(url)) as db:
        return stretch.check(db, start, stop, marks)


def _open(db: PostgresDatabase, origin: str | None, create: bool) -> str:
    try:
        found = _check(db)
        if found is None and create:
            found = _name(db, origin or f"versiqii.local/{secrets.token_hex(8)}")
    except db.failures as error:
        db.close()
        raise db.failure(error, committing=False) from error
    except BaseException:
        db.close()
        raise
    if found is not None and origin in (None, found):
        return found
    db.close()
    if found is None:
        raise JournalRefused("missing", db.place, "the journal was never started")
    raise JournalRefused("origin", db.place, f"it is the log {found}, expected {origin}")


def _check(db: PostgresDatabase) -> str | None:
    """The journal's name, None when it has none yet; refused unless everything is as it was made."""
    if not db.query("SELECT 1 FROM pg_namespace WHERE nspname = ?", schema.SCHEMA):
        raise JournalRefused("missing", db.place, "there are no tables", hint=_INIT)
    if missing := guards.required(db.query):
        raise JournalRefused("guard", db.place, f"missing: {', '.join(missing)}", hint=_INIT)
    meta: dict[str, str] = dict(db.query("SELECT name, value FROM meta"))
    if meta.get("format") != schema.FORMAT:
        raise JournalRefused("format", db.place, f"format {meta.get('format')}, this program knows {schema.FORMAT}")
    return meta.get("origin")


def _name(db: PostgresDatabase, origin: str) -> str:
    """Name the journal, unless another process just did."""
    db.begin()
    try:
        found = db.query("SELECT value FROM meta WHERE name = 'origin'")
        if not found:
            db.run([("INSERT INTO meta (name, value) VALUES (?, ?)", [("origin", origin)])])
        db.commit()
    except BaseException:
        db.rollback()
        raise
    return str(found[0][0]) if found else origin
