"""From a key to Kafka through the daemon as a process: every entry arrives by its own name, and the state beside it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import rfc8785
from jsonschema import Draft202012Validator

from tests.contract.kafka_events import read_topic
from tests.e2e.processes import Daemon, example_keys, until
from tests.services.kafka import Kafka

pytestmark = pytest.mark.kafka

PLACE = "prod/asia-sg/av-engine"


def backlog(daemon: Daemon) -> int:
    """Entries that Kafka has not acknowledged, by the daemon's own count; none is told before the outbox runs."""
    with daemon.client() as client:
        found = re.search(r"^versiqii_outbox_backlog (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return int(float(found[1])) if found else -1


def until_sent(daemon: Daemon) -> list[dict[str, Any]]:
    """All entries, as soon as Kafka has acknowledged every one of them and no new one has come."""
    for _ in until("the outbox is empty"):
        before = daemon.entries()
        if backlog(daemon) == 0 and len(daemon.entries()) == len(before):
            return before
    raise AssertionError


def headers_of(message: Any) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers()}


def wanted(entry: dict[str, Any], origin: str) -> dict[str, str]:
    """The CloudEvents attributes of an entry, from the entry alone."""
    return {
        "ce_specversion": "1.0",
        "ce_id": hashlib.sha256(b"\x00" + rfc8785.dumps(entry)).hexdigest(),
        "ce_source": f"//{origin}",
        "ce_type": f"io.versiqii.{entry['type']}.v1",
        "ce_time": entry["time"],
        "ce_subject": entry["stream"],
        "ce_correlationid": entry["correlationId"],
        "ce_causationid": entry["causationId"],
        "ce_sequence": f"{entry['position']:020d}",
        "content-type": "application/json",
    }


def by_position(messages: list[Any]) -> dict[int, Any]:
    """One message per position; a second copy must be the same event."""
    found: dict[int, Any] = {}
    for message in messages:
        at = int(headers_of(message)["ce_sequence"])
        assert at not in found or headers_of(found[at]) == headers_of(message)
        found[at] = message
    return found


def check_audit(kafka: Kafka, entries: list[dict[str, Any]], origin: str) -> dict[int, Any]:
    """The audit topic holds every entry of the journal and nothing else."""
    found = by_position(read_topic(kafka.address, "versiqii.audit"))
    assert sorted(found) == [entry["position"] for entry in entries]
    for entry in entries:
        message = found[entry["position"]]
        assert wanted(entry, origin).items() <= headers_of(message).items()
        assert message.key().decode() == entry["stream"]
        body = json.loads(message.value())
        assert body["event_type"] == entry["type"]
        assert body["actor"] == entry["actor"]
        assert body["data"] == entry["data"]
    return found


def check_described(kafka: Kafka, daemon: Daemon) -> None:
    """Every message on every topic is what the served AsyncAPI document and the schema that it names itself say."""
    with daemon.client() as client:
        document = client.get("/asyncapi.json").json()
        schemas: dict[str, Any] = {}
        headers_schema = Draft202012Validator(document["components"]["schemas"]["CloudEventHeaders"])
        seen = 0
        for channel in document["channels"].values():
            names = {document["components"]["messages"][name]["name"] for name in channel["messages"]}
            for message in read_topic(kafka.address, channel["address"]):
                headers = headers_of(message)
                headers_schema.validate(headers)
                assert headers["ce_type"] in names
                if message.value() is None:
                    continue
                where = headers["ce_dataschema"]
                if where not in schemas:
                    assert urlsplit(where).netloc == daemon.address, "the port that any free one has become"
                    schemas[where] = client.get(where).json()
                    assert schemas[where]["$id"] == where
                Draft202012Validator(schemas[where]).validate(json.loads(message.value()))
                seen += 1
        assert seen > 0


def check_state(kafka: Kafka, daemon: Daemon) -> dict[str, Any]:
    """The newest message of each key on the compacted topic tells the digest of what the engine reads."""
    newest = {message.key().decode(): message for message in read_topic(kafka.address, "versiqii.state")}
    bodies = {key: message.value() for key, message in newest.items() if message.value() is not None}
    living = {key: json.loads(body)["data"]["effectiveDigest"] for key, body in bodies.items()}
    with daemon.client() as client:
        items = client.get("/v1/effective/", params={"values": "true"}).json()["items"]
    assert living == {
        item["key"].replace("effective/", "binding/", 1): f"sha256:{hashlib.sha256(item['value'].encode()).hexdigest()}"
        for item in items
    }
    return newest


def test_from_key_to_topic(kafka: Kafka, start: Callable[..., Daemon]) -> None:
    """Kafka comes up only after the daemon has worked for a while; nothing is lost by that, and nothing was held up."""
    kafka.stop()
    daemon = start("--kafka", kafka.address)
    origin = daemon.event("started")["origin"]
    daemon.load(example_keys())
    daemon.until_status(f"{PLACE}/default", state="InSync", targetVersion="1.4.0")
    assert daemon.until_noted("kafka: ").status_code == 200, "Kafka away is no reason to be unready"

    kafka.start()
    moved = daemon.cli("regions", "set-engine", "prod/asia-sg", "av-engine", "3.0.0", "--correlation-id", "change-1")
    assert moved.returncode == 0, moved.stderr
    daemon.until_status(f"{PLACE}/default", state="Migrated", targetVersion="3.0.0")
    daemon.until_status(f"{PLACE}/legacy", state="Rejected", targetVersion="3.0.0")
    for _ in until("the refusal is drift"):
        if "DriftDetected" in {entry["type"] for entry in daemon.entries()}:
            break
    entries = until_sent(daemon)
    audit = check_audit(kafka, entries, origin)
    (applied,) = [
        entry
        for entry in entries
        if entry["type"] == "EffectiveApplied"
        and entry["correlationId"] == "change-1"
        and entry["stream"] == f"binding/{PLACE}/default"
    ]
    assert headers_of(audit[applied["position"]])["ce_correlationid"] == "change-1"
    check_state(kafka, daemon)
    drift = by_position(read_topic(kafka.address, "versiqii.drift"))
    assert {headers_of(m)["ce_type"] for m in drift.values()} == {"io.versiqii.DriftDetected.v1"}
    assert all(headers_of(m)["ce_id"] == headers_of(audit[at])["ce_id"] for at, m in drift.items())

    gone = daemon.cli("bindings", "delete", "bindings/prod/av-engine/strict")
    assert gone.returncode == 0, gone.stderr
    for _ in until("the bindings are gone"):
        if daemon.status(f"{PLACE}/strict") is None and daemon.status("prod/eu-fr/av-engine/strict") is None:
            break
    until_sent(daemon)
    check_described(kafka, daemon)
    newest = check_state(kafka, daemon)
    assert newest[f"binding/{PLACE}/strict"].value() is None, "a tombstone takes the key off the topic"
    assert daemon.stop() == 0
