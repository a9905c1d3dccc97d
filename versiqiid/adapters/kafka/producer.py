"""One generation of a producer with its one poll thread. After any failure a generation is thrown away, not repaired.

Blocking, for a worker thread. Delivery callbacks run on the poll thread and never call the producer.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from versiqiid.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.kafka.batch import Batch
    from versiqiid.core.cloudevent import Message

_client_log = logging.getLogger("versiqiid.kafka.client")
# librdkafka says at every start that this property is experimental; that was weighed where it is set.
_client_log.addFilter(lambda record: "enable.gapless.guarantee is experimental" not in record.getMessage())

_POLL_S = 0.2  # arbitrary: how long a stop may take to be noticed; reports wake the poll at once
_AFTER_FATAL_S = 0.05  # arbitrary: keeps a poll that goes on raising from spinning

Outgoing = tuple[tuple[str, "Message"], ...]
"""The messages of one event with their topics."""


class Generation:
    """A connected producer. ``close`` must be called once, whatever happened."""

    def __init__(self, config: dict[str, Any], on_error: Callable[[str], None]) -> None:
        """:raises InvalidSetting: librdkafka does not take the settings."""
        from confluent_kafka import KafkaException, Producer  # noqa: PLC0415 - heavy, and only here when Kafka is used

        try:
            self._producer: Any = Producer(
                {**config, "error_cb": lambda error: on_error(str(error.str()))}, logger=_client_log
            )
        except KafkaException as error:
            raise InvalidSetting(f"kafka client settings: {error.args[0].str()}") from error
        self._on_error = on_error
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
        from confluent_kafka import KafkaException  # noqa: PLC0415

        if flush_s > 0:
            with contextlib.suppress(KafkaException):  # a fatal error is no reason not to close
                self._producer.flush(flush_s)
        self._producer.purge()
        if batch is not None:
            batch.drain(time.monotonic() + 5.0)  # purged messages report at once; the bound is for the impossible
        self._stopping.set()
        self._poller.join()
        self._producer = None  # the last reference: librdkafka ends its threads here, not on the event loop

    def _poll(self) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415

        while not self._stopping.is_set():
            try:
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                # A fatal error comes out of the poll instead of going to a callback. The failed delivery reports are
                # still to be fetched, so the thread goes on; whoever waits for them then throws this generation away.
                self._on_error(str(error.args[0].str()))
                self._stopping.wait(_AFTER_FATAL_S)


def _report(batch: Batch, event: int, error: Any, message: Any) -> None:
    if error is None:
        batch.report(event, "", (message.topic(), message.partition(), message.offset()))
    else:
        batch.report(event, str(error.str()))
