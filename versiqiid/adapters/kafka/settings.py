"""What can be set about Kafka, and what follows from it for librdkafka. Nothing here opens a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.events import Topic
from versiqiid.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY_MS: Final = 86_400_000

# What the order and the safety of events rest on; a site's own settings may not take these away.
# Source: librdkafka CONFIGURATION.md, https://github.com/confluentinc/librdkafka/blob/v2.11.0/CONFIGURATION.md
GUARANTEES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        # A failed message must never be overtaken by a later one of its key: any gap is fatal, and a message does not
        # time out by itself (that is the one failure the gapless guarantee does not cover). The sink has the deadline.
        "enable.gapless.guarantee": True,
        "message.timeout.ms": 0,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """Where the brokers are and how the topics are named and made.

    :ivar bootstrap: ``host:port`` or several with commas.
    :ivar topic_prefix: the topics are this, a dot, and ``audit``, ``drift`` or ``state``.
    :ivar create_topics: make topics that are missing; otherwise only say what is missing or differs. Topics that exist
        are never changed, and partitions are never added: that would break the order per key.
    :ivar partitions: of topics that are made.
    :ivar replication: of topics that are made; -1 = the broker's default.
    :ivar audit_retention_ms: of topics that are made; -1 = for ever.
    :ivar drift_retention_ms: of topics that are made; -1 = for ever.
    :ivar publish_timeout_s: how long one publish waits for acknowledgements before it gives up.
    :ivar close_timeout_s: the most that closing takes.
    :ivar queue_messages_max: of librdkafka's own queue; a full one is waited for.
    :ivar client: further librdkafka settings (TLS, SASL). Values may be secret: the ``repr`` does not show them.
    :raises InvalidSetting: a value that cannot work, or a client setting that would weaken a guarantee.
    """

    bootstrap: str
    topic_prefix: str = "versiqii"
    create_topics: bool = True
    partitions: int = 6
    replication: int = -1
    audit_retention_ms: int = 365 * DAY_MS
    drift_retention_ms: int = 90 * DAY_MS
    publish_timeout_s: float = 30.0
    close_timeout_s: float = 5.0
    queue_messages_max: int = 100_000
    client: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.bootstrap.strip():
            raise InvalidSetting("kafka: no broker address", hint="give host:port, several with commas")
        if self.partitions < 1 or self.queue_messages_max < 1:
            raise InvalidSetting("kafka: partitions and queue size are at least 1")
        if weaker := sorted(set(self.client) & {*GUARANTEES, "bootstrap.servers", "queue.buffering.max.messages"}):
            raise InvalidSetting(f"kafka: client setting {weaker[0]!r} is not yours to set", hint="leave it out")

    def topic(self, role: Topic) -> str:
        """The name of the topic with that role."""
        return f"{self.topic_prefix}.{role.value}"

    def topic_config(self, role: Topic) -> dict[str, str]:
        """What a topic of that role is made with.

        The broker's clock stamps the records: a producer whose clock is an hour ahead would otherwise be refused
        (``message.timestamp.after.max.ms``), and retention would count from a clock that nobody watches.
        """
        stamp = {"message.timestamp.type": "LogAppendTime"}
        match role:
            case Topic.AUDIT:
                return {"cleanup.policy": "delete", "retention.ms": str(self.audit_retention_ms), **stamp}
            case Topic.DRIFT:
                return {"cleanup.policy": "delete", "retention.ms": str(self.drift_retention_ms), **stamp}
            case Topic.STATE:
                return {"cleanup.policy": "compact", **stamp}

    def connection(self) -> dict[str, Any]:
        """Settings of any client of these brokers, in librdkafka's words."""
        return {**self.client, "bootstrap.servers": self.bootstrap}

    def producer(self) -> dict[str, Any]:
        """Settings of the producer, in librdkafka's words."""
        return {**self.connection(), "queue.buffering.max.messages": self.queue_messages_max, **GUARANTEES}
