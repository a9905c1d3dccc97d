"""The event sink: journal entries to Kafka, acknowledged in order. When and what to send is ``engine/outbox.py``."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from anyio import CancelScope, CapacityLimiter, to_thread

from versiqiid.adapters.kafka.batch import Batch
from versiqiid.adapters.kafka.producer import Generation, Outgoing
from versiqiid.adapters.kafka.topics import ensure_topics
from versiqiid.core.cloudevent import Source, latest, message
from versiqiid.core.delivery import Delivery
from versiqiid.core.events import Topic, topics_of
from versiqiid.errors import Unavailable, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from versiqiid.adapters.kafka.settings import KafkaSettings
    from versiqiid.ports import Metrics, Recorded

    Keep = Callable[[str, Sequence[Delivery]], Awaitable[None]]

_log = logging.getLogger("versiqiid.kafka")


class KafkaEventSink:
    """``ports.EventSink`` on Kafka: at least once, in position order per key and topic, duplicates byte for byte equal.

    One publish at a time. A publish that is not wholly acknowledged costs the producer: the next one gets a new one,
    so no message of a failed publish can be sent late, behind the caller's back.
    """

    def __init__(
        self, settings: KafkaSettings, source: Source, *, metrics: Metrics | None = None, keep: Keep | None = None
    ) -> None:
        """:param keep: told of each publish where its acknowledged messages lie, with the journal's and our own name;
        it may fail, and is asked once.
        """
        self._settings = settings
        self._keep = keep
        self._source = source
        self._metrics = metrics
        self._generation: Generation | None = None
        self._busy = threading.Lock()
        self._limiter = CapacityLimiter(2)  # one publish, and one close that waits for it
        self._trouble = ""
        self._differences: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The outbox position is kept under this name; another prefix is another audience."""
        return f"kafka:{self._settings.topic_prefix}"

    @property
    def differences(self) -> tuple[str, ...]:
        """What differed from the settings when the topics were last looked at, one sentence each."""
        return self._differences

    async def publish(self, events: Sequence[Recorded]) -> int:
        """Send in order and return how many, from the first, are acknowledged without a gap.

        The event loop is not blocked. Cancelled, it returns at once and nothing more is sent for long.

        :raises Unavailable: none is known to be acknowledged; some may have arrived.
        """
        if not events:
            return 0
        batch = Batch(len(events))
        try:
            count = await to_thread.run_sync(
                self._publish, tuple(events), batch, limiter=self._limiter, abandon_on_cancel=True
            )
        finally:
            batch.abandon()
        await self._tell(events, batch, count)
        return count

    async def _tell(self, events: Sequence[Recorded], batch: Batch, count: int) -> None:
        """Keep where the messages lie. It is a convenience for people: without it events go on."""
        if self._keep is None:
            return
        places = [Delivery(events[at].position, *place) for at, place in batch.places(count)]
        try:
            await self._keep(f"{self._source.origin} {self.name}", places)
        except VersiqiiError as error:
            _log.warning("where %d events lie is not kept: %s", count, error.message)

    async def aclose(self) -> None:
        """Flush for a bounded time and close. Closing twice is done already."""
        with CancelScope(shield=True):
            await to_thread.run_sync(self._close, limiter=self._limiter)

    # ------------------------------------------------------------------------------------ on a worker thread

    def _publish(self, events: tuple[Recorded, ...], batch: Batch) -> int:
        outgoing = [self._messages(event) for event in events]  # all or none: nothing is sent before all are encoded
        with self._busy:
            self._trouble = ""
            try:
                generation = self._generation or self._open()
            except Unavailable:
                self._up(up=False)
                raise
            deadline = time.monotonic() + self._settings.publish_timeout_s  # connecting has a bound of its own
            generation.send(outgoing, batch, deadline)
            batch.wait(deadline)
            if batch.complete:
                self._up(up=True)
                return len(events)
            reason = batch.failure or self._trouble or "no acknowledgement"
            self._discard(batch)
        count = batch.acknowledged()
        self._up(up=count > 0)
        if count == 0:
            raise Unavailable(
                f"kafka {self._settings.bootstrap}: {reason} (entry {events[0].position})",
                hint="entries stay in the journal and are sent later",
            )
        return count

    def _messages(self, event: Recorded) -> Outgoing:
        found = []
        for role in topics_of(event.type):
            encode = latest if role is Topic.STATE else message
            found.append((self._settings.topic(role), encode(event.entry, self._source)))
        return tuple(found)

    def _open(self) -> Generation:
        found = ensure_topics(self._settings, min(10.0, self._settings.publish_timeout_s))
        for difference in found:
            if difference not in self._differences:  # said once, not at every reconnection
                _log.warning("%s", difference)
        self._differences = found
        self._generation = Generation(self._settings.producer(), self._remember)
        return self._generation

    def _discard(self, batch: Batch | None, *, flush_s: float = 0.0) -> None:
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.close(batch, flush_s=flush_s)

    def _close(self) -> None:
        with self._busy:
            self._discard(None, flush_s=self._settings.close_timeout_s)

    def _remember(self, trouble: str) -> None:
        self._trouble = trouble

    def _up(self, *, up: bool) -> None:
        if self._metrics is not None:
            self._metrics.gauge("versiqii_kafka_up", float(up))
