"""The journal in one SQLite file. Several processes of one host may share it.

Here is the connection and its durability; what is written is decided in ``adapters/sql``. WAL, ``synchronous=FULL``:
NORMAL may lose the last commits at a power failure (https://www.sqlite.org/pragma.html#pragma_synchronous).
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from anyio import to_thread

from versiqiid.adapters.sql import stretch
from versiqiid.adapters.sql.database import Failures, Row
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite import journal_schema as schema
from versiqiid.adapters.sqlite.creating import make_file
from versiqiid.core.audit_range import StretchFound
from versiqiid.core.note import ORIGIN
from versiqiid.errors import InvalidSetting, JournalRefused, Refused, Unavailable, VersiqiiError
from versiqiid.ports import Recorded

BUSY_TIMEOUT_S = 10.0
"""How long a write waits for another process's; arbitrary, far above any commit."""

_WAL_BYTES_KEPT = 64 * 1024 * 1024


class SqliteDatabase:
    """One connection to the file; see ``adapters.sql.database.Database``."""

    failures: Failures = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        """:raises sqlite3.Error: the file cannot be opened; it is never created."""
        self.place = str(path)
        self._connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,  # one thread at a time, but anyio may choose another one each time
        )

    def configure(self) -> None:
        """Make every commit durable."""
        for pragma in ("journal_mode = WAL", "synchronous = FULL", f"journal_size_limit = {_WAL_BYTES_KEPT}"):
            self._connection.execute(f"PRAGMA {pragma}")

    def query(self, sql: str, *values: object) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def ask(self, questions: Sequence[tuple[str, Sequence[object]]]) -> list[list[Row]]:
        return [self._connection.execute(sql, values).fetchall() for sql, values in questions]

    def run(self, statements: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        for sql, rows in statements:
            self._connection.executemany(sql, rows)

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def begin_reading(self) -> None:
        self._connection.execute("BEGIN")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # the connection is gone, and the transaction with it

    def hand_over(self, entries: Sequence[Recorded]) -> None:
        """Nobody relays from a file."""

    def let_go(self, digests: Sequence[str]) -> None:
        guard = "documents_delete"
        self.query(f"DROP TRIGGER {guard}")
        self.run([("DELETE FROM documents WHERE digest = ?", [(digest,) for digest in digests])])
        self.query(schema.GUARDS[guard])

    def guards(self) -> tuple[str, ...]:
        found: dict[str, str] = dict(self.query("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"))
        return tuple(f"trigger {name}" for name, sql in schema.GUARDS.items() if found.get(name) != sql)

    def is_refusal(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)

    def failure(self, error: Exception, *, committing: bool) -> VersiqiiError:
        return _failure(self.place, error, committing=committing)

    def close(self) -> None:
        self._connection.close()


_HINTS = {
    sqlite3.SQLITE_BUSY: "another process holds the journal; stop it or wait",
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_READONLY: "make the file and its folder writable for this user",
    sqlite3.SQLITE_CANTOPEN: "check the path and the rights on its folder",
}


def _failure(place: str, error: Exception, *, committing: bool) -> VersiqiiError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalRefused("database", place, str(error), hint="restore the file from a backup")
    if isinstance(error, sqlite3.IntegrityError):
        return Refused(f"journal {place}: {error}")
    failure = Unavailable(f"journal {place}: {error}", hint=_HINTS.get(code, ""))
    failure.maybe_written = committing and code not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL)
    return failure


class SqliteJournal(SqlJournal):
    """The journal in one SQLite file: ``async with await SqliteJournal.open(path, clock=time.time) as journal``."""

    VERSION_QUERY = "SELECT sqlite_version()"
    FORMAT = schema.FORMAT

    @classmethod
    async def open(
        cls, path: Path, *, clock: Callable[[], float], origin: str | None = None, create: bool = True
    ) -> SqliteJournal:
        """The journal at this path, ready.

        :param clock: seconds since the epoch; called in a worker thread.
        :param origin: the log's name, used when the journal is made; one that exists must bear it. None = whatever it
            bears, and ``versiqii.local/<16 hex>`` for a new one.
        :param create: False for tools that only look: a missing file is refused, never made.
        :raises JournalRefused: ``missing``: there is none and it may not be made; ``database``: the file is something
            else; ``origin``: it bears another name; ``format``: made by a newer version.
        :raises InvalidSetting: an origin outside ``[a-z0-9][a-z0-9./-]*``.
        :raises Unavailable: the file cannot be opened; nothing was changed.
        """
        if origin is not None and not ORIGIN.fullmatch(origin):
            raise InvalidSetting(f"log-origin {origin!r}: expected lower-case letters, digits, '.', '/' and '-'")
        writer, reader, found = await to_thread.run_sync(_open, path, origin, create)
        return cls(writer, reader, clock=clock, origin=found, stretch=partial(_stretch, path))


def _stretch(path: Path, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
    """Check a stretch on a connection that is closed at its end."""
    with closing(SqliteDatabase(path)) as db:
        return stretch.check(db, start, stop, marks)


def _open(path: Path, origin: str | None, create: bool) -> tuple[SqliteDatabase, SqliteDatabase, str]:
    if not create and not path.is_file():
        raise JournalRefused("missing", str(path), "there is no journal")
    with ExitStack() as opened:
        try:
            if create:
                make_file(path)
            writer = SqliteDatabase(path)
            opened.callback(writer.close)
            _check(writer, create=create)
            writer.configure()
            found = _make(writer, origin) if create else _origin(writer)
            reader = SqliteDatabase(path)
            opened.callback(reader.close)
            reader.configure()
        except OSError as error:
            failure = Unavailable(
                f"journal {path}: {error.strerror}", hint="check the path and the rights on its folder"
            )
            failure.maybe_written = False
            raise failure from error
        except sqlite3.Error as error:
            raise _failure(str(path), error, committing=False) from error
        if origin not in (None, found):
            raise JournalRefused("origin", str(path), f"it is the log {found}, expected {origin}")
        opened.pop_all()
        return writer, reader, found


def _check(db: SqliteDatabase, *, create: bool) -> None:
    """Leave a file alone that is not ours."""
    ((tables,),) = db.query("SELECT count(*) FROM sqlite_schema")
    ((application,),) = db.query("PRAGMA application_id")
    ((version,),) = db.query("PRAGMA user_version")
    if not tables and create:
        return
    if application != schema.APPLICATION_ID:
        raise JournalRefused("missing" if not tables else "database", db.place, "the file is not a journal")
    if version != schema.FORMAT:
        raise JournalRefused("format", db.place, f"format {version}, this program knows {schema.FORMAT}")


def _make(db: SqliteDatabase, origin: str | None) -> str:
    """Make the tables unless another process just did; the journal's name."""
    db.begin()
    try:
        if not db.query("SELECT 1 FROM sqlite_schema WHERE name = 'meta'"):
            for statement in (*schema.TABLES, *schema.GUARDS.values()):
                db.query(statement)
            db.query(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            db.query(f"PRAGMA user_version = {schema.FORMAT}")
            name = origin or f"versiqii.local/{secrets.token_hex(8)}"
            db.query("INSERT INTO meta (name, value) VALUES ('origin', ?)", name)
        db.commit()
    except BaseException:
        db.rollback()
        raise
    return _origin(db)


def _origin(db: SqliteDatabase) -> str:
    return str(db.query("SELECT value FROM meta WHERE name = 'origin'")[0][0])
