"""What ``versiqii doctor`` asks of Kafka: which brokers there are, and which version may be known. Changes nothing.

A broker tells clients which requests it takes, not its release. Before 4.0 it has ``inter.broker.protocol.version``,
the release that the brokers speak among themselves, as a setting that can be read with the right DescribeConfigs on the
cluster; 4.0 took it away, and its successor, the finalized feature ``metadata.version``, is nothing that librdkafka can
ask for. So that is told where there is one, beside the version of the client library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from versiqiid.core.events import Topic
from versiqiid.core.findings import Finding, Level

if TYPE_CHECKING:
    from versiqiid.adapters.kafka.settings import KafkaSettings

_ANSWER_S = 5.0
_PROTOCOL = "inter.broker.protocol.version"


class KafkaProbe:
    """A check, see ``core/findings.py``."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def __call__(self) -> Sequence[Finding]:
        return await to_thread.run_sync(self._look, abandon_on_cancel=True)

    def _look(self) -> list[Finding]:
        from confluent_kafka import KafkaException, libversion  # noqa: PLC0415 - heavy
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        where = self._settings.bootstrap
        client = AdminClient({**self._settings.connection(), "log_level": 0})
        library = f"librdkafka {libversion()[0]}"
        try:
            told: Any = client.list_topics(timeout=_ANSWER_S)
        except KafkaException as error:
            hint = "Entries stay in the journal and are sent later; is the address right, and Kafka up?"
            return [
                Finding("kafka address", Level.ERROR, f"{where}: {error.args[0].str()}", hint),
                Finding("kafka version", Level.OK, library),
            ]
        brokers = ", ".join(f"{each.id} at {each.host}:{each.port}" for _, each in sorted(told.brokers.items()))
        cluster = f"cluster {told.cluster_id}, brokers {brokers}; {told.controller_id} takes what is for the controller"
        spoken = self._spoken(client, min(told.brokers))
        found = [
            Finding("kafka address", Level.OK, cluster),
            Finding("kafka version", Level.OK, f"{library}; {spoken}"),
        ]
        lacking = [name for name in map(self._settings.topic, Topic) if name not in told.topics]
        if lacking:
            hint = "The leader makes them when it has entries to send, where it may."
            found.append(Finding("kafka topics", Level.WARNING, f"not there: {', '.join(lacking)}", hint))
        return found

    def _spoken(self, client: Any, broker: int) -> str:
        """What a broker lets us know of its version."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - heavy
        from confluent_kafka.admin import ConfigResource  # noqa: PLC0415

        (asked,) = client.describe_configs([ConfigResource("broker", str(broker))], request_timeout=_ANSWER_S).values()
        try:
            entry = asked.result(timeout=_ANSWER_S * 2).get(_PROTOCOL)
        except (KafkaException, TimeoutError):
            return "the brokers' settings may not be read"
        return (
            f"brokers speak {entry.value}" if entry is not None and entry.value else "brokers tell none (4.0 or newer)"
        )
