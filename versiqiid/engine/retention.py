"""Documents let go of that are only history for long enough, and that the archive holds; rarely, and a few at a time.

What is spared is decided by the journal itself (``adapters/sql/retention.py``). Entries, hashes and checkpoints stay
for ever, so what is gone is still told by digest, and ``DocumentsRetired`` tells that it went and where it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from versiqiid.core.times import rfc3339
from versiqiid.engine.archive import Archive
from versiqiid.engine.audit import CHECKPOINT_STREAM
from versiqiid.errors import VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Actor, Draft, Metrics

log = logger("retention")

DAY_S = 86_400.0
AGAIN_S = 3600.0
"""After a failure. Both arbitrary: what waits for a day more or less is a year old."""

_BATCH = 100
"""Documents in one transaction, behind which an append may have to wait. Arbitrary: at most 35 MB of values."""


class RetainingJournal(Protocol):
    """A journal that can let documents go."""

    async def only_history(self, before: str, start: int = 0) -> Any:
        """``digests`` of documents that are only history, and ``start`` of the next look, None at the end."""
        ...

    async def let_go(self, old: Any, fact: Callable[[int], Draft], now: str, limit: int) -> int:
        """Let go of a batch of ``old.digests`` and append the fact, in one commit; the number of those that went."""
        ...


@dataclass(frozen=True, slots=True)
class Retention:
    """:ivar days: how long documents are kept once they are only history.
    :ivar clock: seconds since the epoch, as the journal's.
    """

    journal: RetainingJournal
    days: float
    actor: Actor
    clock: Callable[[], float]

    async def run(self, archive: Archive) -> int:
        """Let go of everything that may go; how many documents those were. Repeating it after a failure is right.

        :raises Refused: the database was made without the means for it; nothing was changed.
        :raises Unavailable: no answer; what went before is recorded.
        """
        before = rfc3339(self.clock() - self.days * DAY_S)
        there, correlation = await archive.documents(), str(uuid.uuid4())

        def fact(count: int) -> Draft:
            data = {"before": before, "count": count, "archive": archive.place}
            return Draft("DocumentsRetired", CHECKPOINT_STREAM, data, self.actor, correlation)

        gone = 0
        more: int | None = 0
        while more is not None:
            old = await self.journal.only_history(before, more)
            more = old.start
            old.digests &= there
            while old.digests:
                gone += await self.journal.let_go(old, fact, rfc3339(self.clock()), _BATCH)
        return gone


class RetentionDuty:
    """The leader's part: once a day, each time behind an archive that is up to date.

    :ivar trouble: the last failure's sentence, empty while it works.
    """

    def __init__(self, retention: Retention, metrics: Metrics) -> None:
        self._retention = retention
        self._metrics = metrics
        self._due = 0.0
        self.trouble = ""

    async def when_due(self, archive: Archive) -> None:
        """Run unless it was done within the day; a failure is told and tried again, and costs nothing but room."""
        now = self._retention.clock()
        if now < self._due:
            return
        try:
            gone = await self._retention.run(archive)
        except VersiqiiError as error:
            self.trouble, self._due = error.message, now + AGAIN_S
            log.warning("retention_failed", reason=error.message, hint=error.hint)
            return
        self.trouble, self._due = "", now + DAY_S
        self._metrics.gauge("versiqii_retention_timestamp_seconds", now)
        if gone:
            self._metrics.count("versiqii_documents_retired_total", gone)
            log.info("documents_retired", count=gone, archive=archive.place)
