"""What the Kafka tests share: entries, a reader of whole topics, and a journal that outlives its process."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import rfc8785
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from versiqiid.core.cloudevent import Source
from versiqiid.ports import Query, Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Source("versiqii.local/0123456789abcdef", "https://v.example/events/schemas")
TYPES = ("ConfigRevised", "EffectiveApplied", "DriftDetected", "DriftResolved", "EffectiveRemoved")


def recorded(position: int, *, type: str | None = None, stream: str | None = None, data: Any = None) -> Recorded:  # noqa: A002
    """The entry at a position: always the same for the same arguments."""
    kind = type or TYPES[position % len(TYPES)]
    where = stream or f"binding/prod/eu/av-engine/c{position % 7}"
    time = f"2026-03-01T12:00:00.{position:06d}Z"
    fact = {
        "position": position,
        "time": time,
        "type": kind,
        "tenant": "default",
        "stream": where,
        "streamRevision": position,
        "actor": {"kind": "daemon", "id": "host-1", "via": "kv"},
        "correlationId": f"c-{position}",
        "causationId": f"c-{position}",
        "data": data or {},
    }
    return Recorded(position, time, kind, where, position, f"c-{position}", rfc8785.dumps(fact))


def read_topic(address: str, topic: str) -> list[Any]:
    """Every message of a topic from the beginning, by partition and offset; empty when there is no such topic."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 0,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        ended: set[int] = set()
        found = []
        while len(ended) < len(partitions):
            message = consumer.poll(30)
            assert message is not None, f"{topic}: no end within 30 s"
            if (error := message.error()) is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise AssertionError(error)
        return sorted(found, key=lambda message: (message.partition(), message.offset()))
    finally:
        consumer.close()


def first_copies(messages: Sequence[Any]) -> dict[bytes, list[int]]:
    """By key: positions in the order in which they first arrived. A duplicate must be the same event, byte for byte."""
    seen: dict[int, tuple[Any, ...]] = {}
    order: dict[bytes, list[int]] = defaultdict(list)
    for message in messages:
        headers = dict(message.headers())
        position = int(headers["ce_sequence"])
        whole = (message.key(), message.value(), sorted(headers.items()))
        if position in seen:
            assert seen[position] == whole, "a duplicate differs"
            continue
        seen[position] = whole
        order[message.key()].append(position)
    return dict(order)


def check_arrived(address: str, topic: str, count: int) -> int:
    """Nothing lost, first copies in order per key, identities right; the number of duplicates."""
    messages = read_topic(address, topic)
    order = first_copies(messages)
    wanted: dict[bytes, list[int]] = defaultdict(list)
    for position in range(count):
        wanted[recorded(position).stream.encode()].append(position)
    assert order == dict(wanted)
    for message in messages:
        headers = dict(message.headers())
        entry = recorded(int(headers["ce_sequence"])).entry
        assert headers["ce_id"].decode() == hashlib.sha256(b"\0" + entry).hexdigest()
    return len(messages) - count


class CountingJournal:
    """A journal of ``size`` computed entries whose outbox position is a file, so that a killed process leaves it."""

    def __init__(self, size: int, place: Path) -> None:
        self._size = size
        self._place = place

    @property
    def position(self) -> int:
        return int(self._place.read_text()) if self._place.exists() else 0

    async def size(self) -> int:
        return self._size

    async def read(self, query: Query) -> tuple[Recorded, ...]:
        return tuple(recorded(i) for i in range(query.start, min(self._size, query.start + query.limit)))

    async def wait_beyond(self, position: int) -> None:
        while self._size <= position:
            await anyio.sleep_forever()

    async def outbox_position(self, _sink: str) -> int:
        return self.position

    async def advance_outbox(self, _sink: str, position: int) -> None:
        part = self._place.with_suffix(".part")
        part.write_text(str(position))
        part.replace(self._place)

    async def reached(self, position: int) -> None:
        """Return when the outbox has got that far."""
        with anyio.fail_after(60):
            while self.position < position:
                await anyio.sleep(0.01)
