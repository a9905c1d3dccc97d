"""Two brokers: one is the controller too, the other one may be killed, and its partitions get another leader."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import Self

from confluent_kafka.admin import AdminClient

from tests.services.finder import Found
from tests.services.kafka import Kafka

_REPLICATED = """
default.replication.factor=2
min.insync.replicas=1
"""


class _Follower(Kafka):
    """A broker of another one's cluster."""

    def __init__(self, first: Kafka) -> None:
        voters = f"controller.quorum.voters=1@127.0.0.1:{first.ports[1]}"
        listeners = "listeners=PLAINTEXT://{0}\nadvertised.listeners=PLAINTEXT://{0}"
        super().__init__(first.found)
        self._first = first
        self._roles = f"process.roles=broker\nnode.id=2\n{voters}\n{listeners}\n{_REPLICATED}"

    def _command(self) -> list[str]:
        self._more = self._roles.replace("{0}", self.address)  # later lines win
        return super()._command()

    def _cluster_id(self) -> str:
        meta = (self._first.folder / "data" / "meta.properties").read_text()
        found = re.search("^cluster.id=(.+)$", meta, re.MULTILINE)
        assert found is not None, meta
        return found[1]

    def _is_ready(self) -> bool:
        return len(leaders_of(self._first.address, "")[1]) == 2


def leaders_of(address: str, topic: str) -> tuple[dict[int, int], set[int]]:
    """The leader of each partition of a topic, and the brokers that are there."""
    told = AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=10)
    partitions = told.topics[topic].partitions if topic in told.topics else {}
    return {number: found.leader for number, found in partitions.items()}, set(told.brokers)


class KafkaPair:
    """`first` stays; `second` may be stopped, killed, paused and started again. Topics have a copy on each."""

    def __init__(self, found: Found | None = None) -> None:
        self.first = Kafka(found, properties=_REPLICATED)
        self.found = self.first.found
        self._stack = ExitStack()

    @property
    def address(self) -> str:
        """Both, for clients."""
        return f"{self.first.address},{self.second.address}"

    def log_tail(self) -> str:
        """Of both."""
        return self.first.log_tail() + self.second.log_tail()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.first)
            self.second = stack.enter_context(_Follower(self.first))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
