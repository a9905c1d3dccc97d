"""What ``versiqii doctor`` asks of Kafka: whether brokers answer, and which library speaks to them. Changes nothing.

A broker tells clients no version, only which requests it takes; so the version told is that of the client library.
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
        library = Finding("kafka version", Level.OK, f"librdkafka {libversion()[0]}; brokers tell none")
        try:
            told: Any = AdminClient({**self._settings.connection(), "log_level": 0}).list_topics(timeout=_ANSWER_S)
        except KafkaException as error:
            hint = "Entries stay in the journal and are sent later; is the address right, and Kafka up?"
            return [Finding("kafka address", Level.ERROR, f"{where}: {error.args[0].str()}", hint), library]
        found = [Finding("kafka address", Level.OK, f"cluster {told.cluster_id}: {len(told.brokers)} brokers"), library]
        lacking = [name for name in map(self._settings.topic, Topic) if name not in told.topics]
        if lacking:
            hint = "The leader makes them when it has entries to send, where it may."
            found.append(Finding("kafka topics", Level.WARNING, f"not there: {', '.join(lacking)}", hint))
        return found
