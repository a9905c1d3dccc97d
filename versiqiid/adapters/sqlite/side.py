"""A file beside a journal's file: made when it is not there, made anew when it cannot be read, removed at any time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from versiqiid.adapters.sql.database import Row
from versiqiid.adapters.sql.side import Tables
from versiqiid.adapters.sqlite.creating import make_file
from versiqiid.errors import InvalidSetting, Unavailable

_BUSY_TIMEOUT_S = 10.0
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


class _Open:
    """``sql.side.Tables`` on a connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def query(self, sql: str, *values: object) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._db.executemany(sql, rows)


class SideFile:
    """``sql.side.Side`` in one file, opened for each transaction so that it may vanish between any two.

    :param form: number of this layout; a file of another one is made anew.
    :param tables: statements that make it.
    """

    def __init__(self, path: Path, form: int, tables: Sequence[str]) -> None:
        self._path = path
        self._form = form
        self._tables = tables
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[Tables], T]) -> T:
        """See ``sql.side.Side.run``."""
        return await to_thread.run_sync(self._work, work, limiter=self._limiter)

    async def clear(self) -> None:
        """Throw everything away."""
        await to_thread.run_sync(self._unlink, limiter=self._limiter)

    def _unlink(self) -> None:
        for suffix in ("", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    def _work(self, work: Callable[[Tables], T]) -> T:
        """A file that is not one of ours (any more) is made anew, once."""
        try:
            try:
                return self._transaction(work)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
                    raise
                self._unlink()
                return self._transaction(work)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"file {self._path}: {error}", hint="it may be removed at any time") from error

    def _transaction(self, work: Callable[[Tables], T]) -> T:
        make_file(self._path)
        with closing(sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous = NORMAL")  # what a power cut may take can be made again
            db.execute("BEGIN IMMEDIATE")
            try:
                self._make(db)
                value = work(_Open(db))
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            return value

    def _make(self, db: sqlite3.Connection) -> None:
        ((form,),) = db.execute("PRAGMA user_version").fetchall()
        if form == self._form:
            return
        for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
            with suppress(sqlite3.OperationalError):  # the tables of a virtual table go with it, and not alone
                db.execute(f'DROP TABLE IF EXISTS "{name}"')
        try:
            for statement in self._tables:
                db.execute(statement)
        except sqlite3.OperationalError as error:
            if "no such module" in str(error):
                raise InvalidSetting("search needs an SQLite with FTS5") from error
            raise
        db.execute(f"PRAGMA user_version = {self._form}")


DELIVERIES: tuple[int, tuple[str, ...]] = (
    1,
    (
        """CREATE TABLE deliveries (
            sink TEXT NOT NULL, position INTEGER NOT NULL, topic TEXT NOT NULL, partition_number INTEGER NOT NULL,
            partition_offset INTEGER NOT NULL, PRIMARY KEY (sink, position, topic)
        ) STRICT, WITHOUT ROWID""",
    ),
)
"""Form and tables of the file that ``sql.deliveries`` uses."""

SNAPSHOTS: tuple[int, tuple[str, ...]] = (
    1,
    (
        """CREATE TABLE snapshots (
            position INTEGER PRIMARY KEY NOT NULL, root TEXT NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL
        ) STRICT""",
    ),
)
"""Form and tables of the file that ``sql.snapshots`` uses."""
