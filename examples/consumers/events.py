"""What the three consumers share: reading Versiqii's events from Kafka, committed only after they were dealt with.

An event is delivered at least once. What may come again is a suffix of what came, with the same ``id``; the first
copies of one key come in order. The attributes are CloudEvents 1.0 headers, the body is JSON (see `/asyncapi.json`).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT_EVERY = 100


@dataclass(frozen=True)
class Event:
    """One event: its attributes, and the body's plain envelope."""

    id: str
    type: str
    subject: str
    time: str
    sequence: int
    body: dict[str, Any]

    @property
    def data(self) -> dict[str, Any]:
        return dict(self.body["data"])


def arguments(what: str) -> argparse.ArgumentParser:
    """The options that all three have."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", help="brokers, host:port, several with commas")
    parser.add_argument("--prefix", default="versiqii", help="what the topics' names begin with")
    parser.add_argument("--once", action="store_true", help="end when everything that is there was read")
    return parser


class Events:
    """The events of a topic for a consumer group, as an iterator that ends on SIGINT, SIGTERM, or with ``once``.

    Offsets are committed after the next event is asked for, so an event whose handling failed comes again.
    """

    def __init__(self, options: argparse.Namespace, *, group: str, topic: str, newest: bool = False) -> None:
        self._once = options.once
        self._topic = f"{options.prefix}.{topic}"
        self._stopped = False
        self._ended: set[int] = set()
        self._assigned: set[int] = set()
        self._next: dict[int, int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": options.bootstrap,
                "group.id": group,
                "auto.offset.reset": "latest" if newest else "earliest",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "session.timeout.ms": 6000,  # the broker's least: after a crash the next start need not wait for long
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def __iter__(self) -> Iterator[Event]:
        self._consumer.subscribe([self._topic], on_assign=self._gained, on_revoke=self._lost, on_lost=self._lost)
        handled = 0
        try:
            while not self._stopped and not self._at_end():
                message = self._consumer.poll(0.5)
                if message is None:
                    continue
                if (error := message.error()) is not None:
                    self._judge(error, message)
                    continue
                self._ended.discard(message.partition())
                if (event := read(message)) is not None:
                    yield event  # if it fails there, nothing below happens, and the event comes again
                self._next[message.partition()] = message.offset() + 1
                handled += 1
                if handled % COMMIT_EVERY == 0:
                    self._commit()
            self._commit()
        finally:
            self._consumer.close()

    def _commit(self) -> None:
        places = [TopicPartition(self._topic, number, offset) for number, offset in self._next.items()]
        self._next.clear()
        try:
            if places:
                self._consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:  # not ours any more: whoever has the partition now reads them again
            print(f"offsets were not committed: {error}", file=sys.stderr)

    def _at_end(self) -> bool:
        return self._once and bool(self._assigned) and self._ended >= self._assigned

    def _judge(self, error: KafkaError, message: Any) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own way to say it
            self._ended.add(message.partition())
            # Also where nothing was read: a group that began at the end must not begin at a later end next time.
            self._next[message.partition()] = message.offset()
            self._commit()
        elif error.fatal() or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise KafkaException(error)
        # anything else is the client's to repair: it connects again by itself

    def _gained(self, _consumer: Consumer, partitions: list[Any]) -> None:
        self._assigned |= {one.partition for one in partitions}

    def _lost(self, _consumer: Consumer, partitions: list[Any]) -> None:
        gone = {one.partition for one in partitions}
        self._assigned -= gone
        self._ended -= gone
        self._next = {number: offset for number, offset in self._next.items() if number not in gone}

    def _stop(self, *_: object) -> None:
        self._stopped = True


def read(message: Any) -> Event | None:
    """The event in a message, in binary or structured mode; None for a tombstone."""
    if message.value() is None:
        return None
    headers = {name: value.decode() for name, value in message.headers() or ()}
    body = json.loads(message.value())
    if headers.get("content-type", "").startswith("application/cloudevents"):
        attributes, body = body, body["data"]
    else:
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items()}
    return Event(
        attributes["id"],
        attributes["type"],
        attributes["subject"],
        attributes["time"],
        int(attributes["sequence"]),
        body,
    )
