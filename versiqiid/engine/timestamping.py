"""Checkpoints stamped with the time of somebody else's clock (RFC 3161), kept in the journal with the stamp.

What is under a stamped checkpoint was there at that time, whoever holds the signing key later.
"""

from __future__ import annotations

import base64
import uuid
from typing import Protocol

import anyio

from versiqiid.core.canonical import digest
from versiqiid.core.note import peek_checkpoint
from versiqiid.engine.audit import BOOKKEEPING, CHECKPOINT_STREAM
from versiqiid.errors import JournalRefused, VersiqiiError
from versiqiid.ports import Actor, Draft, Journal, Query

_PAGE = 1000


class Authority(Protocol):
    """Somebody with a clock and a key."""

    @property
    def place(self) -> str:
        """What errors call it."""
        ...

    async def stamp(self, data: bytes) -> tuple[bytes, str]:
        """Its verified answer over the data, and the time in it as RFC 3339."""
        ...


async def stamp_newest(journal: Journal, authority: Authority, *, actor: Actor) -> tuple[bytes, bytes, str]:
    """Stamp the newest checkpoint, keep note and stamp in the journal, and record ``CheckpointTimestamped``.

    :returns: the note, the authority's answer over it, and the time.
    :raises JournalRefused: ``missing``: the journal was never signed; ``timestamp``: the answer does not verify.
    :raises Unavailable: no answer from the authority; nothing was changed.
    """
    note = await journal.checkpoint()
    if note is None:
        raise JournalRefused("missing", "checkpoint", "the journal was never signed")
    response, time = await authority.stamp(note)
    checkpoint = peek_checkpoint(note, "checkpoint")
    data = {
        "size": checkpoint.size,
        "root": base64.b64encode(checkpoint.root).decode(),
        "authority": authority.place,
        "stampedAt": time,
        "checkpoint": digest(note),
        "timestamp": digest(response),
    }
    documents = (note, response)
    fact = Draft("CheckpointTimestamped", CHECKPOINT_STREAM, data, actor, str(uuid.uuid4()), documents=documents)
    await journal.append([fact])
    return note, response, time


class TimestampLoop:
    """Stamps the newest checkpoint at intervals, when there is news under it.

    :ivar trouble: the last failure's sentence, empty while it works.
    """

    def __init__(self, journal: Journal, authority: Authority, *, actor: Actor, interval_s: float) -> None:
        """:param interval_s: the setting ``timestamp-interval-s``, in seconds; also the pause after a failure."""
        self._journal = journal
        self._authority = authority
        self._actor = actor
        self._interval_s = interval_s
        self.trouble = ""

    async def run(self) -> None:
        """Until cancelled. An authority that is away, or whose stamps do not verify, costs nothing but the stamps."""
        size = 0
        while True:
            size = await self._news(size)
            try:
                note, _, _ = await stamp_newest(self._journal, self._authority, actor=self._actor)
            except VersiqiiError as error:
                self.trouble = error.message
            else:
                self.trouble = ""
                size = peek_checkpoint(note, "checkpoint").size
            await anyio.sleep(self._interval_s)

    async def _news(self, size: int) -> int:
        """Wait for an entry from this position on that is not about checkpoints itself; the position before it."""
        while True:
            await self._journal.wait_beyond(size)
            page = await self._journal.read(Query(start=size, limit=_PAGE))
            if any(entry.type not in BOOKKEEPING for entry in page):
                return size
            size += len(page)
