"""The full-text index over a journal in PostgreSQL: tsvectors in the schema beside the journal's.

Words are cut before they come here, by the same rule that SQLite's index follows, so both find the same and neither a
text search configuration nor an extension of the server is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versiqiid.adapters.postgres.side import SideDatabase
from versiqiid.adapters.sql.side import Tables
from versiqiid.core.search import WORD_CHARACTERS_MAX, Asked, Mark, Text, check, tokens

# "The length of each lexeme must be less than 2 kilobytes … position values in tsvector must be greater than 0 and no
# more than 16,383 … no more than 256 positions per lexeme" (https://www.postgresql.org/docs/15/textsearch-limitations.html).
# A longer text is cut into parts that overlap by the longest phrase, so that none of these is ever reached.
_PART_TOKENS_MAX = 8_000
_PER_WORD_MAX = 255
_OVERLAP = WORD_CHARACTERS_MAX // 2  # tokens of the longest phrase: one letter each, and what parts them
_LEXEME_CHARACTERS_MAX = 400
"""A longer run of letters and digits is known by its beginning. Arbitrary: at most 1,600 bytes."""

_LOCK = "SELECT origin, position, root FROM search_meta FOR UPDATE"
_TEXT = "INSERT INTO search_texts (position, field, part, words) VALUES (?, ?, ?, ?::tsvector)"
_MARK = (
    "INSERT INTO search_meta (origin, position, root) VALUES (?, ?, ?)"
    " ON CONFLICT (one) DO UPDATE SET origin = excluded.origin, position = excluded.position, root = excluded.root"
)
_HOLDS = "SELECT position FROM search_texts WHERE words @@ ?::tsquery AND position < ?"


class PostgresSearchIndex:
    """``engine.search.Index`` in the schema beside the journal's."""

    def __init__(self, side: SideDatabase) -> None:
        self._side = side

    async def mark(self) -> Mark:
        """How far it has come."""
        return await self._side.run(lambda db: _mark(db, "SELECT origin, position, root FROM search_meta"))

    async def known(self, digests: Sequence[str]) -> frozenset[str]:
        """Those of the documents that are indexed already."""
        sql = "SELECT digest FROM search_documents WHERE digest = ANY(?)"
        return frozenset(str(digest) for (digest,) in await self._side.run(lambda db: db.query(sql, list(digests))))

    async def add(self, texts: Sequence[Text], before: Mark, after: Mark) -> bool:
        """Take in what follows a mark, all or nothing; False when another process was faster."""
        rows = [
            (text.position, field, part, words)
            for text in texts
            for field, value in (("entry", text.entry), ("document", text.document))
            for part, words in enumerate(_vectors(tokens(value)))
        ]
        names = [(name,) for text in texts for name in text.documents]

        def write(db: Tables) -> bool:
            db.query("LOCK TABLE search_meta IN EXCLUSIVE MODE")
            if _mark(db, _LOCK) != before:
                return False
            db.many(_TEXT, rows)
            db.many("INSERT INTO search_documents (digest) VALUES (?) ON CONFLICT DO NOTHING", names)
            db.query(_MARK, after.origin, after.position, after.root)
            return True

        return await self._side.run(write)

    async def find(self, asked: Asked) -> tuple[int, ...]:
        """Positions of the newest entries that match, newest first."""
        check(asked.words)
        field = "" if asked.within is None else " AND field = ?"
        more = [] if asked.within is None else [asked.within]
        values = [value for word in asked.words for value in (_query(word), asked.before, *more)]
        each = " INTERSECT ".join(f"({_HOLDS}{field})" for _ in asked.words)
        sql = f"SELECT DISTINCT position FROM ({each}) AS found ORDER BY position DESC LIMIT ?"  # noqa: S608 - of constants
        rows = await self._side.run(lambda db: db.query(sql, *values, asked.limit))
        return tuple(int(position) for (position,) in rows)

    async def clear(self) -> None:
        """Throw everything away."""

        def work(db: Tables) -> None:
            for table in ("search_meta", "search_texts", "search_documents"):
                db.query(f"DELETE FROM {table}")  # noqa: S608 - a constant

        await self._side.run(work)


def _mark(db: Tables, sql: str) -> Mark:
    rows = db.query(sql)
    return Mark(*rows[0]) if rows else Mark()


def _vectors(found: Sequence[str]) -> Iterator[str]:
    """The text form of tsvectors that together hold every phrase of the text."""
    start = 0
    while start < len(found):
        stop, counts = start, dict[str, int]()
        while stop < len(found) and stop - start < _PART_TOKENS_MAX:
            word = found[stop][:_LEXEME_CHARACTERS_MAX]
            counts[word] = counts.get(word, 0) + 1
            if counts[word] > _PER_WORD_MAX:
                break
            stop += 1
        places: dict[str, list[int]] = {}
        for at, word in enumerate(found[start:stop], 1):
            places.setdefault(word[:_LEXEME_CHARACTERS_MAX], []).append(at)
        yield " ".join(f"'{word}':{','.join(map(str, at))}" for word, at in places.items())
        start = stop if stop == len(found) else max(start + 1, stop - _OVERLAP)


def _query(word: str) -> str:
    """A word as a phrase of lexemes. They hold letters and digits only, so nothing has to be escaped."""
    stem = word.removesuffix("*")
    found = [f"'{token[:_LEXEME_CHARACTERS_MAX]}'" for token in tokens(stem)]
    if stem != word:
        found[-1] += ":*"
    return " <-> ".join(found)
