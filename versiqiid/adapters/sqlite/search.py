"""The full-text index over a journal: an SQLite file of its own, so that the journal's stays append-only.

It only holds words and positions (a contentless FTS5 table), says how far it has come, and can be thrown away at any
time. Blocking calls inside worker threads.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import anyio
from anyio import to_thread

from versiqiid.core.search import Mark, Text
from versiqiid.errors import InvalidSetting, Unavailable

_FORMAT = 1
_BUSY_TIMEOUT_S = 10.0
_TABLES = (
    "CREATE TABLE meta (origin TEXT NOT NULL, position INTEGER NOT NULL, root TEXT NOT NULL) STRICT",
    "CREATE TABLE documents (digest TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE VIRTUAL TABLE texts USING fts5(entry, document, content='', tokenize='unicode61 remove_diacritics 2')",
)

T = TypeVar("T")


class SearchIndex:
    """The index in one file, made when it is not there and made anew when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._limiter = anyio.CapacityLimiter(1)

    async def mark(self) -> Mark:
        """How far it has come."""
        return await self._run(_mark)

    async def known(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the documents that are indexed already."""

        def ask(db: sqlite3.Connection) -> frozenset[str]:
            asked = [db.execute("SELECT digest FROM documents WHERE digest = ?", [d]).fetchall() for d in digests]
            return frozenset(str(digest) for rows in asked for (digest,) in rows)

        return await self._run(ask)

    async def add(self, texts: Sequence[Text], before: Mark, after: Mark) -> bool:
        """Take in what follows a mark, all or nothing; False when another process was faster."""

        def write(db: sqlite3.Connection) -> bool:
            if _mark(db) != before:
                return False
            db.executemany(
                "INSERT INTO texts (rowid, entry, document) VALUES (?, ?, ?)",
                [(text.position + 1, text.entry, text.document) for text in texts],
            )
            names = [(name,) for text in texts for name in text.documents]
            db.executemany("INSERT OR IGNORE INTO documents VALUES (?)", names)
            db.execute("DELETE FROM meta")
            db.execute("INSERT INTO meta VALUES (?, ?, ?)", [after.origin, after.position, after.root])
            return True

        return await self._run(write)

    async def find(self, expression: str, limit: int) -> tuple[int, ...]:
        """Positions of the newest entries that match, newest first.

        :param expression: as ``core.search.expression`` makes it.
        """

        def ask(db: sqlite3.Connection) -> tuple[int, ...]:
            sql = "SELECT rowid - 1 FROM texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT ?"
            return tuple(int(position) for (position,) in db.execute(sql, [expression, limit]))

        return await self._run(ask)

    async def clear(self) -> None:
        """Throw everything away."""
        await to_thread.run_sync(self._unlink, limiter=self._limiter)

    def _unlink(self) -> None:
        for suffix in ("", "-journal"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await to_thread.run_sync(self._work, work, limiter=self._limiter)

    def _work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the work in a transaction. A file that is no index (any more) is made anew, once."""
        try:
            try:
                return self._transaction(work)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise
                self._unlink()
                return self._transaction(work)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(f"search index {self._path}: {error}", hint="it may be removed at any time") from error

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                _make(db)
                value = work(db)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            return value


def _make(db: sqlite3.Connection) -> None:
    ((version,),) = db.execute("PRAGMA user_version").fetchall()
    if version == _FORMAT:
        return
    for name in ("texts", "documents", "meta"):
        db.execute(f"DROP TABLE IF EXISTS {name}")
    try:
        for statement in _TABLES:
            db.execute(statement)
    except sqlite3.OperationalError as error:
        if "no such module" in str(error):
            raise InvalidSetting("search needs an SQLite with FTS5") from error
        raise
    db.execute(f"PRAGMA user_version = {_FORMAT}")


def _mark(db: sqlite3.Connection) -> Mark:
    rows = db.execute("SELECT origin, position, root FROM meta").fetchall()
    return Mark(*rows[0]) if rows else Mark()
