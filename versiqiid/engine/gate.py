"""One door to the journal in this process, so that a settlement's position can be foretold while its door is held."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from versiqiid.ports import Draft, IntentId, Journal, Metrics, Recorded


class JournalGate:
    """Appends in turn. Another process may still append in between: a foretold position is then put right later."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self.journal = journal
        self._metrics = metrics
        self._lock = anyio.Lock()

    async def append(self, drafts: Sequence[Draft], *, epoch: int | None = None) -> tuple[Recorded, ...]:
        """As ``Journal.append``, after whoever holds the door."""
        async with self._lock:
            began = anyio.current_time()
            recorded = await self.journal.append(drafts, epoch=epoch)
            self._metrics.observe("versiqii_journal_append_seconds", anyio.current_time() - began)
            return recorded

    @asynccontextmanager
    async def held(self) -> AsyncIterator[int]:
        """Hold the door; the value is the position that the next entry will have."""
        async with self._lock:
            yield await self.journal.size()

    async def settle(self, drafts: Sequence[Draft], *, intent: IntentId, epoch: int) -> tuple[Recorded, ...]:
        """Append the settlement of an intent. The caller holds the door, or is recovering and nobody else writes."""
        return await self.journal.append(drafts, settles=intent, epoch=epoch)
