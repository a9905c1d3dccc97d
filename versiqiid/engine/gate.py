"""One door to the journal in this process: whoever is to append stands in line, so that positions can be foretold.

A place in the line says at which position its entries will stand if everybody before does as told. Who has nothing to
append after all gives the place up, and those behind stand elsewhere than foretold; so they do when another process
appends in between. A foretold position that was wrong is put right later (docs/decisions/0004).
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from versiqiid.ports import Draft, IntentId, Journal, Metrics, Recorded


class Place:
    """A place in the line.

    :ivar position: where the first of its entries will stand, as foretold.
    """

    __slots__ = ("_first", "_gate", "count", "position")

    def __init__(self, gate: JournalGate, position: int, count: int) -> None:
        self._gate = gate
        self._first = anyio.Event()
        self.position = position
        self.count = count

    async def append(
        self, drafts: Sequence[Draft], *, settles: IntentId | None = None, epoch: int | None = None
    ) -> tuple[Recorded, ...]:
        """As ``Journal.append``, once everybody before is done."""
        await self._first.wait()
        recorded = await self._gate.append_now(drafts, settles=settles, epoch=epoch)
        self.count = 0
        return recorded

    def call(self) -> None:
        """It is this one's turn."""
        self._first.set()


class JournalGate:
    """Appends in the order in which places were taken."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self.journal = journal
        self._metrics = metrics
        self._line: deque[Place] = deque()
        self._entrance = anyio.Lock()
        self._end = 0

    async def append(
        self, drafts: Sequence[Draft], *, settles: IntentId | None = None, epoch: int | None = None
    ) -> tuple[Recorded, ...]:
        """As ``Journal.append``, after whoever stands in line."""
        async with self.reserved(len(drafts)) as place:
            return await place.append(drafts, settles=settles, epoch=epoch)

    @asynccontextmanager
    async def reserved(self, count: int) -> AsyncIterator[Place]:
        """Stand in line with ``count`` entries; leaving the block gives the place up, used or not."""
        async with self._entrance:
            if not self._line:
                self._end = await self.journal.size()
            place = Place(self, self._end + sum(other.count for other in self._line), count)
            self._line.append(place)
        self._line[0].call()
        try:
            yield place
        finally:
            self._line.remove(place)
            if self._line:
                self._line[0].call()

    async def append_now(
        self, drafts: Sequence[Draft], *, settles: IntentId | None, epoch: int | None
    ) -> tuple[Recorded, ...]:
        """Append whatever the line says; ``Place.append`` is who may."""
        began = anyio.current_time()
        recorded = await self.journal.append(drafts, settles=settles, epoch=epoch)
        self._metrics.observe("versiqii_journal_append_seconds", anyio.current_time() - began)
        if recorded:
            self._end = recorded[-1].position + 1
        return recorded
