"""What the settings say of Kafka is what is made there, what is sent, and what the served document describes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from jsonschema import Draft202012Validator

from tests.contract.kafka_events import read_topic
from tests.e2e.processes import Daemon, until
from tests.services.kafka import Kafka

pytestmark = pytest.mark.kafka

DAY_MS = 86_400_000


def config(admin: AdminClient, topic: str) -> dict[str, str]:
    (answer,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: held.value for name, held in answer.result(30).items()}


def until_sent(daemon: Daemon, prefix: str, kafka: Kafka) -> list[Any]:
    """The messages on the audit topic, as soon as there is one for each entry."""
    for _ in until("every entry is sent"):
        found = read_topic(kafka.address, f"{prefix}.audit")
        if found and len(found) == len(daemon.entries()):
            return found
    raise AssertionError


def test_topics_are_made_as_the_settings_say(kafka: Kafka, start: Callable[..., Daemon]) -> None:
    """Name, partitions and retention; events in structured mode are what the served document says of them."""
    daemon = start(
        "--kafka", kafka.address, "--kafka-topic-prefix", "acme", "--kafka-partitions", "3",
        "--kafka-audit-retention-days", "7", "--kafka-drift-retention-days", "0", "--kafka-mode", "structured",
        "--public-url", "https://versiqii.example/api/",
    )  # fmt: skip
    daemon.load({"envs/prod/eu/av/version": b"1.4.0"})
    messages = until_sent(daemon, "acme", kafka)
    admin = AdminClient({"bootstrap.servers": kafka.address})
    topics = admin.list_topics(timeout=30).topics
    assert {name: len(topics[name].partitions) for name in topics if name.startswith("acme")} == {
        "acme.audit": 3,
        "acme.drift": 3,
        "acme.state": 3,
    }
    audit, drift, state = (config(admin, f"acme.{role}") for role in ("audit", "drift", "state"))
    assert (audit["cleanup.policy"], audit["retention.ms"]) == ("delete", str(7 * DAY_MS))
    assert (drift["cleanup.policy"], drift["retention.ms"]) == ("delete", "-1")
    assert state["cleanup.policy"] == "compact"

    with daemon.client() as client:
        document = client.get("/asyncapi.json").json()
    assert document["channels"]["audit"]["address"] == "acme.audit"
    described = {told["name"]: told for told in document["components"]["messages"].values()}
    for message in messages:
        event = json.loads(message.value())
        assert dict(message.headers())["content-type"] == b"application/cloudevents+json"
        told = described[event["type"]]
        assert told["contentType"] == "application/cloudevents+json"
        Draft202012Validator(told["payload"]["schema"]).validate(event)
        assert event["dataschema"].startswith("https://versiqii.example/api/events/schemas/")
        assert message.key().decode() == event["subject"]


def test_topics_that_differ_are_told_and_left_as_they_are(kafka: Kafka, start: Callable[..., Daemon]) -> None:
    """One that exists with other partitions and another retention is used as it is, and the log says what differs."""
    admin = AdminClient({"bootstrap.servers": kafka.address})
    made = admin.create_topics([NewTopic("beta.audit", 1, config={"retention.ms": "60000"})])
    made["beta.audit"].result(30)
    flags = ("--kafka", kafka.address, "--kafka-topic-prefix", "beta", "--kafka-topics")
    daemon = start(*flags, "check")
    noted = daemon.until_noted("kafka: ").json()["notes"]
    assert any("beta.drift, beta.state" in note for note in noted), noted
    assert "beta.drift" not in admin.list_topics(timeout=30).topics, "only told, not made"
    daemon.stop()
    daemon.flags = (*flags, "create")
    daemon.start()
    until_sent(daemon, "beta", kafka)
    log = daemon.text()
    assert "beta.audit has 1 partitions, not 6" in log
    assert f"beta.audit has retention.ms=60000, not {365 * DAY_MS}" in log
    assert len(admin.list_topics(timeout=30).topics["beta.audit"].partitions) == 1


def test_further_client_settings_come_from_the_file(kafka: Kafka, start: Callable[..., Daemon]) -> None:
    """A ``[kafka-client]`` table goes to librdkafka by its own names; what would weaken a promise is refused."""
    daemon = start("--kafka", kafka.address, "--kafka-topic-prefix", "gamma")
    settings = daemon.folder / "settings.toml"
    settings.write_text('[kafka-client]\n"client.id" = "ours"\n"compression.type" = "gzip"\n')
    daemon.flags = (*daemon.flags, "--config", str(settings))
    daemon.restart()
    until_sent(daemon, "gamma", kafka)
    daemon.stop()
    for refused in ('"acks" = "1"', '"no.such.setting" = "p4ssw0rd"'):
        settings.write_text(f"[kafka-client]\n{refused}\n")
        process = daemon.launch()
        if "acks" in refused:
            assert process.wait(60) == 64
            assert "kafka: client setting 'acks' is not yours to set" in daemon.text()
        else:
            daemon.address = daemon.event("started")["listen"]
            daemon.until_noted("kafka: ")
            assert "p4ssw0rd" not in daemon.text()
