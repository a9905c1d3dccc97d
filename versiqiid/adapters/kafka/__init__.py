"""Kafka, through confluent-kafka: the only package that imports it. What an event looks like is ``core/cloudevent.py``.

confluent-kafka is imported when a sink is first used, so that an embedded daemon starts without it.
"""

from versiqiid.adapters.kafka.settings import KafkaSettings
from versiqiid.adapters.kafka.sink import KafkaEventSink

__all__ = ["KafkaEventSink", "KafkaSettings"]
