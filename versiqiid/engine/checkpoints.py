"""The periodic signer: while there are new entries, a checkpoint now and then. It writes no entries of its own."""

from __future__ import annotations

from contextlib import suppress

import anyio

from versiqiid.core.note import peek_checkpoint
from versiqiid.engine.audit import BOOKKEEPING
from versiqiid.errors import Unavailable
from versiqiid.ports import Journal, Metrics, Query, Signer

INTERVAL_S = 1.0
_AGE_S = 5.0
"""How often the checkpoint's age is told while nothing happens; arbitrary."""

_PAGE = 100


class CheckpointLoop:
    """Signs at most once in an interval; a checkpoint that was asked for elsewhere counts too."""

    def __init__(
        self, journal: Journal, signer: Signer, *, metrics: Metrics | None = None, interval_s: float = INTERVAL_S
    ) -> None:
        """:param interval_s: the setting ``checkpoint-interval-s``, in seconds."""
        self._journal = journal
        self._signer = signer
        self._metrics = metrics
        self._interval_s = interval_s
        self._signed_at = anyio.current_time()

    async def run(self) -> None:
        """Sign until cancelled. A signer that is away is asked again after the interval; entries go on meanwhile.

        :raises JournalRefused: the stored log is no extension of what was signed before. Nothing is signed from then
            on: a person must look.
        """
        while True:
            await self._wait()
            with suppress(Unavailable):  # the checkpoint lags: its age and size tell
                note = await self._journal.sign_checkpoint(self._signer)
                self._signed_at = anyio.current_time()
                self._gauge("versiqii_checkpoint_size", peek_checkpoint(note, "checkpoint").size)
            await anyio.sleep(self._interval_s)

    async def _wait(self) -> None:
        """Return when there is an entry beyond the last checkpoint that is not only about a checkpoint."""
        last = await self._journal.checkpoint()
        size = 0 if last is None else peek_checkpoint(last, "checkpoint").size
        while True:
            self._gauge("versiqii_checkpoint_age_seconds", anyio.current_time() - self._signed_at)
            with anyio.move_on_after(_AGE_S) as waiting:
                await self._journal.wait_beyond(size)
            if waiting.cancelled_caught:
                continue
            page = await self._journal.read(Query(start=size, limit=_PAGE))
            self._gauge("versiqii_journal_entries", await self._journal.size())
            if any(entry.type not in BOOKKEEPING for entry in page):
                return
            size += len(page)

    def _gauge(self, name: str, value: float) -> None:
        if self._metrics is not None:
            self._metrics.gauge(name, value)
