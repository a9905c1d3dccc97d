"""The full-text index over a journal in SQLite: a file of its own, so that the journal's stays append-only.

It only holds words and positions (a contentless FTS5 table), says how far it has come, and can be thrown away at any
time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from versiqiid.adapters.sql.side import Tables
from versiqiid.adapters.sqlite.side import SideFile
from versiqiid.core.search import Asked, Mark, Text, expression

_FORMAT = 1
_TABLES = (
    "CREATE TABLE meta (origin TEXT NOT NULL, position INTEGER NOT NULL, root TEXT NOT NULL) STRICT",
    "CREATE TABLE documents (digest TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE VIRTUAL TABLE texts USING fts5(entry, document, content='', tokenize='unicode61 remove_diacritics 2')",
)


class SearchIndex:
    """``engine.search.Index`` in one file, made when it is not there and made anew when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._file = SideFile(path, _FORMAT, _TABLES)

    async def mark(self) -> Mark:
        """How far it has come."""
        return await self._file.run(_mark)

    async def known(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the documents that are indexed already."""

        def ask(db: Tables) -> frozenset[str]:
            asked = [db.query("SELECT digest FROM documents WHERE digest = ?", digest) for digest in digests]
            return frozenset(str(digest) for rows in asked for (digest,) in rows)

        return await self._file.run(ask)

    async def add(self, texts: Sequence[Text], before: Mark, after: Mark) -> bool:
        """Take in what follows a mark, all or nothing; False when another process was faster."""

        def write(db: Tables) -> bool:
            if _mark(db) != before:
                return False
            rows = [(text.position + 1, text.entry, text.document) for text in texts]
            db.many("INSERT INTO texts (rowid, entry, document) VALUES (?, ?, ?)", rows)
            names = [(name,) for text in texts for name in text.documents]
            db.many("INSERT OR IGNORE INTO documents VALUES (?)", names)
            db.query("DELETE FROM meta")
            db.query("INSERT INTO meta VALUES (?, ?, ?)", after.origin, after.position, after.root)
            return True

        return await self._file.run(write)

    async def find(self, asked: Asked) -> tuple[int, ...]:
        """Positions of the newest entries that match, newest first."""
        sql = "SELECT rowid - 1 FROM texts WHERE texts MATCH ? AND rowid <= ? ORDER BY rowid DESC LIMIT ?"
        wanted = expression(asked.words, asked.within)
        rows = await self._file.run(lambda db: db.query(sql, wanted, asked.before, asked.limit))
        return tuple(int(position) for (position,) in rows)

    async def clear(self) -> None:
        """Throw everything away."""
        await self._file.clear()


def _mark(db: Tables) -> Mark:
    rows = db.query("SELECT origin, position, root FROM meta")
    return Mark(*rows[0]) if rows else Mark()
