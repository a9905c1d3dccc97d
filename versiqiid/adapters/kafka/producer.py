"""One generation of a producer with its one poll thread. After any failure a generation is thrown away, not repaired.

Blocking, for a worker thread. Delivery callbacks run on the poll thread and never call the producer.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.kafka.batch import Batch
    from versiqiid.core.cloudevent import Message

_POLL_S = 0.2  # arbitrary: how long a stop may take to be noticed; reports wake the poll at once

Outgoing = tuple[tuple[str, "Message"], ...]
"""The messages of one event with their topics."""


class Generation:
    """A connected producer. ``close`` must be called once, whatever happened."""

    def __init__(self, config: dict[str, Any], on_error: Callable[[str], None]) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - heavy, and only here when Kafka is used

        self._producer: Any = Producer(
            {**config, "error_cb": lambda error: on_error(str(error.str()))},
            logger=logging.getLogger("versiqiid.kafka"),
        )
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-poll", daemon=True)
        self._poller.start()

    def send(self, events: list[Outgoing], batch: Batch, deadline: float) -> None:
        """Hand every message over in order, and stop at the first failure, at the deadline, or when abandoned."""
        for event, messages in enumerate(events):
            for topic, message in messages:
                batch.expect(event)
                if not self._hand_over(topic, message, partial(_report, batch, event), batch, deadline):
                    batch.withdraw()
                    return
            batch.sent(event)

    def _hand_over(
        self, topic: str, message: Message, report: Callable[[Any, Any], None], batch: Batch, deadline: float
    ) -> bool:
        from confluent_kafka import KafkaException  # noqa: PLC0415

        while not batch.over and time.monotonic() < deadline:
            try:
                self._producer.produce(
                    topic, value=message.body, key=message.key, headers=list(message.headers), on_delivery=report
                )
            except BufferError:  # backpressure: room comes with the next delivery report
                batch.wait_for_report(min(deadline, time.monotonic() + _POLL_S))
            except KafkaException as error:
                batch.fail(str(error.args[0].str()))
            else:
                return True
        return False

    def close(self, batch: Batch | None, *, flush_s: float) -> None:
        """Flush for at most ``flush_s``, then drop what is left; what was dropped is reported as failed.

        Dropping is safe for the order: requests under way carry a prefix of what was queued, in order and without a
        gap, so a repetition from the first unacknowledged entry never puts a later entry's first copy before it.
        """
        if flush_s > 0:
            self._producer.flush(flush_s)
        self._producer.purge()
        if batch is not None:
            batch.drain(time.monotonic() + 5.0)  # purged messages report at once; the bound is for the impossible
        self._stopping.set()
        self._poller.join()
        self._producer = None  # the last reference: librdkafka ends its threads here, not on the event loop

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL_S)


def _report(batch: Batch, event: int, error: Any, _message: Any) -> None:
    batch.report(event, "" if error is None else str(error.str()))
