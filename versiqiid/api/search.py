"""Full-text search over entries and the documents recorded with them, for the faces. No HTTP here.

The index follows the journal when it is asked. One question takes in a bounded number of new entries and says how far
the index has come, so that the first question to a long journal does not hold everything else up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio

from versiqiid.core.search import Asked, check
from versiqiid.engine.audit import AuditedJournal
from versiqiid.engine.search import Hit, Index, bring, find

LIMIT_MAX = 1000
ENTRIES_AT_ONCE = 2_000
"""New entries that one question takes in. Arbitrary: some seconds of work."""


@dataclass(frozen=True, slots=True)
class Found:
    """Hits, newest first.

    :ivar indexed: entries that were searched; ``size``: entries there are. Ask again while there are more.
    :ivar before: what to give as ``before`` for older ones; None = there are none.
    """

    hits: tuple[Hit, ...]
    indexed: int
    size: int
    before: int | None

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "items": [hit.as_json() for hit in self.hits],
            "indexed": self.indexed,
            "size": self.size,
        }
        return told if self.before is None else told | {"nextPageToken": str(self.before)}


class Search:
    """Asks one journal's index and keeps it up."""

    def __init__(self, journal: AuditedJournal, index: Index) -> None:
        self._journal = journal
        self._index = index
        self._bringing = anyio.Lock()

    async def find(self, asked: Asked) -> Found:
        """The newest entries older than ``asked.before`` that hold all of the words.

        :raises InvalidInput: words that cannot be searched for. :raises Unavailable: the index cannot be reached.
        """
        check(asked.words)
        async with self._bringing:
            await bring(self._journal, self._index, at_most=ENTRIES_AT_ONCE)
        hits = await find(self._journal, self._index, asked)
        mark, size = await self._index.mark(), await self._journal.size()
        return Found(hits, mark.position, size, hits[-1].entry.position if len(hits) == asked.limit else None)
