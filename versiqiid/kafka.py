"""Kafka as the settings ask for it. What is sent, and how, is the business of ``adapters/kafka``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.cloudevent import Mode, Source

if TYPE_CHECKING:
    from versiqiid.adapters.kafka.settings import KafkaSettings
    from versiqiid.settings import Settings


def kafka_settings(settings: Settings) -> KafkaSettings:
    """Brokers and topics.

    :raises InvalidSetting: a value that cannot work, or a client setting that would weaken a guarantee.
    """
    from versiqiid.adapters.kafka.settings import DAY_MS, KafkaSettings  # noqa: PLC0415 - only where Kafka is used

    def milliseconds(days: float) -> int:
        return int(days * DAY_MS) if days else -1

    return KafkaSettings(
        bootstrap=settings.kafka,
        topic_prefix=settings.kafka_topic_prefix,
        create_topics=settings.kafka_topics == "create",
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        audit_retention_ms=milliseconds(settings.kafka_audit_retention_days),
        drift_retention_ms=milliseconds(settings.kafka_drift_retention_days),
        client=settings.kafka_client,
    )


def source(settings: Settings, origin: str) -> Source:
    """Who speaks, and where its schemas are served.

    :param origin: the journal's.
    :raises InvalidSetting: the public address is none.
    """
    return Source(origin, schema_base=f"{settings.public}/events/schemas", mode=Mode(settings.kafka_mode))
