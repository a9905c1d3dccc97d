"""The Kafka fixtures do to a real broker what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

if TYPE_CHECKING:
    from confluent_kafka import Message

    from tests.services.kafka import Kafka

pytestmark = pytest.mark.kafka


def write(broker: Kafka, topic: str, value: bytes, *, within_s: float = 20) -> KafkaError | None:
    """Write with every acknowledgement there is; returns why it failed."""
    outcomes: list[KafkaError | None] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        outcomes.append(error)

    limits = {"message.timeout.ms": int(within_s * 1000), "acks": "all", "enable.idempotence": True}
    producer = Producer({"bootstrap.servers": broker.address, "log_level": 0} | limits)
    producer.produce(topic, value, on_delivery=delivered)
    producer.flush()
    return outcomes[0]


def read(broker: Kafka, topic: str, count: int) -> list[bytes | None]:
    """The first messages of a topic."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "test", "log_level": 0})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return [message.value() for message in consumer.consume(count, timeout=20)]
    finally:
        consumer.close()


def test_what_was_acknowledged_outlives_a_kill(kafka: Kafka) -> None:
    assert write(kafka, "events", b"1") is None
    kafka.kill()
    failed = write(kafka, "events", b"lost", within_s=0.5)
    assert failed is not None
    assert failed.code() == KafkaError._MSG_TIMED_OUT
    kafka.start()
    assert write(kafka, "events", b"2") is None
    assert read(kafka, "events", 2) == [b"1", b"2"]


def test_a_paused_broker_acknowledges_nothing_until_it_is_resumed(kafka: Kafka) -> None:
    assert write(kafka, "events", b"1") is None
    kafka.pause()
    assert write(kafka, "events", b"lost", within_s=0.5) is not None
    kafka.resume()
    assert write(kafka, "events", b"2") is None
    assert read(kafka, "events", 2)[0] == b"1"
