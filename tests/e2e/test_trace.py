"""One correlation id, followed through code, configuration, state, events and decision of a daemon that really runs."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.kafka_events import read_topic
from tests.e2e.processes import Daemon, run_cli, scan_world, until
from tests.services.kafka import Kafka
from versiqiid.core.canonical import digest

BINDING = "prod/asia/av/default"
VERSION = "envs/prod/asia/av/version"
GIT = {"X-Git-Commit": "0123456789abcdef", "X-Git-Repository": "acme/configs", "X-Git-Path": "envs/eu.yaml"}


def trace(daemon: Daemon, correlation_id: str, **query: Any) -> Any:
    with daemon.client() as client:
        return client.get(f"/v1/trace/{correlation_id}", params=query).json()


def covered(daemon: Daemon, correlation_id: str) -> Any:
    """The trace as soon as a checkpoint covers all of it."""
    for _ in until(f"{correlation_id} is under a checkpoint"):
        told = trace(daemon, correlation_id)
        if all(entry["covered"] for entry in told["decision"]["entries"]):
            return told
    raise AssertionError


@pytest.fixture(scope="module")
def moved(shared: Daemon) -> Daemon:
    """A world on version 1.4.0, then moved under the id ``release-7``, with Git provenance."""
    shared.load(scan_world(), **{"X-Correlation-Id": "setup"})
    shared.until_status(BINDING, targetVersion="1.4.0")
    shared.load({VERSION: b"2.0.0"}, **GIT, **{"X-Correlation-Id": "release-7"})
    shared.until_status(BINDING, targetVersion="2.0.0")
    return shared


def test_all_layers_tell_of_one_id(moved: Daemon) -> None:
    told = covered(moved, "release-7")
    entries = {e["position"]: e for e in moved.entries() if e["correlationId"] == "release-7"}
    shift, applied, migrated = sorted(entries)
    kinds = [entries[position]["type"] for position in (shift, applied, migrated)]
    assert kinds == ["TargetVersionShifted", "EffectiveApplied", "ConfigMigrated"]

    place = {"repository": "acme/configs", "commit": "0123456789abcdef", "path": "envs/eu.yaml"}
    assert told["code"] == [place | {"positions": [shift]}]

    first, second = told["configuration"]
    assert (first["position"], first["key"], first["digest"]) == (shift, VERSION, digest(b"2.0.0"))
    assert first["previousDigest"] == digest(b"1.4.0")
    assert (second["position"], second["key"]) == (applied, f"effective/{BINDING}")
    with moved.client() as client:
        effective = client.get(f"/v1/effective/{BINDING}")
    assert (f'"{second["revision"]}"', second["digest"]) == (effective.headers["etag"], digest(effective.content))

    status = moved.status(BINDING)
    assert status is not None
    (row,) = told["state"]["bindings"]
    assert row["current"]
    assert {name: row[name] for name in ("state", "targetVersion", "effectiveDigest", "journal")} == {
        name: status[name] for name in ("state", "targetVersion", "effectiveDigest", "journal")
    }

    assert not told["events"]["kafka"]
    topics = [(e["position"], e["topics"], e["acknowledged"]) for e in told["events"]["entries"]]
    assert topics == [
        (shift, ["versiqii.audit"], None),
        (applied, ["versiqii.audit", "versiqii.state"], None),
        (migrated, ["versiqii.audit"], None),
    ]

    decisions = told["decision"]["entries"]
    assert [(e["position"], e["type"]) for e in decisions] == [(p, e["type"]) for p, e in sorted(entries.items())]
    assert told["decision"]["checkpoint"]["size"] > migrated


def test_ce_id_is_the_leaf_hash_of_the_stored_bytes(moved: Daemon) -> None:
    """Computed here from the entry as the offline command prints it, canonical by hand."""
    for event, entry in zip(
        trace(moved, "release-7")["events"]["entries"],
        [e for e in moved.entries() if e["correlationId"] == "release-7"],
        strict=True,
    ):
        raw = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert event["ceId"] == hashlib.sha256(b"\0" + raw).hexdigest()
        assert event["ceType"] == f"io.versiqii.{entry['type']}.v1"


def test_the_metric_that_is_named_carries_the_id(moved: Daemon) -> None:
    exemplar = trace(moved, "release-7")["state"]["exemplar"]
    with moved.client(Accept="application/openmetrics-text") as client:
        lines = client.get("/metrics").text.splitlines()
    wanted = f'# {{{exemplar["label"]}="release-7"}}'
    assert any(line.startswith(exemplar["metric"]) and wanted in line for line in lines)


def test_a_later_id_takes_the_state_over(moved: Daemon) -> None:
    moved.load({VERSION: b"1.4.0"}, **{"X-Correlation-Id": "back-8"})
    moved.until_status(BINDING, correlationId="back-8")
    (row,) = trace(moved, "release-7")["state"]["bindings"]
    assert (row["current"], row["correlationId"], row["targetVersion"]) == (False, "back-8", "1.4.0")
    moved.load({VERSION: b"2.0.0"}, **{"X-Correlation-Id": "again-9"})
    moved.until_status(BINDING, correlationId="again-9")


def test_a_long_trace_comes_in_pages(moved: Daemon) -> None:
    whole = trace(moved, "setup")
    first = trace(moved, "setup", limit=2)
    rest = trace(moved, "setup", start=first["nextStart"])
    joined = [*first["decision"]["entries"], *rest["decision"]["entries"]]
    assert [e["position"] for e in joined] == [e["position"] for e in whole["decision"]["entries"]]
    assert "nextStart" not in whole


def test_an_unknown_id_is_not_found(moved: Daemon) -> None:
    with moved.client() as client:
        assert client.get("/v1/trace/nobody").status_code == 404
        assert client.get("/v1/trace/setup", params={"limit": 0}).status_code in (400, 422)
    done = moved.cli("trace", "nobody")
    assert done.returncode == 6
    assert "nobody" in done.stderr


def test_the_command_prints_the_layers_side_by_side(moved: Daemon) -> None:
    covered(moved, "release-7")
    done = moved.cli("trace", "release-7")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in done.stdout.splitlines()]
    head, shift, applied, migrated = rows
    assert head == ["POSITION", "TIME", "DECISION", "CODE", "CONFIGURATION", "STATE", "EVENT"]
    assert "TargetVersionShifted ✓" in shift
    assert "acme/configs@0123456789ab" in shift
    assert any(cell.startswith(f"{VERSION}@") for cell in shift)
    assert any("versiqii.audit,versiqii.state" in cell for cell in applied)
    assert "ConfigMigrated ✓" in migrated
    assert "checkpoint over" in done.stderr
    assert json.loads(moved.cli("trace", "release-7", "-o", "json").stdout) == trace(moved, "release-7")
    assert "correlationId: release-7" in moved.cli("trace", "release-7", "-o", "yaml").stdout


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_trace_goes_through_and_comes_back(moved: Daemon) -> None:
    """In the answer's header, in the entry of the write, and in the entries that follow from it."""
    with moved.client(traceparent=PARENT, **{"If-Match": "*"}) as client:
        answer = client.put(f"/v1/{VERSION}", content=b"2.1.0")
        assert client.get("/healthz").headers["traceparent"] == PARENT
    assert answer.status_code == 200, answer.text
    assert answer.headers["traceparent"] == PARENT
    told = answer.json()["correlationId"]
    assert told == "trace-4bf92f3577b34da6a3ce929d0e0e4736"
    moved.until_status(BINDING, targetVersion="2.1.0")
    found = moved.entries(correlation_id=told)
    assert [entry["type"] for entry in found] == ["TargetVersionShifted", "EffectiveApplied", "ConfigMigrated"]
    assert {entry["data"]["traceparent"] for entry in found} == {PARENT}
    again = moved.cli("kv", "put", VERSION, "2.2.0", "--correlation-id", "traced", TRACEPARENT=PARENT)
    assert again.returncode == 0, again.stderr
    assert moved.entries(correlation_id="traced")[0]["data"]["traceparent"] == PARENT


@pytest.mark.parametrize("bad", ["", "x", PARENT + "-x", f"00-{'0' * 32}-00f067aa0ba902b7-01", "ff" + PARENT[2:]])
def test_a_trace_that_is_none_is_left_out(moved: Daemon, bad: str) -> None:
    with moved.client(traceparent=bad, **{"If-Match": "*"}) as client:
        answer = client.put("/v1/configs/av/1.0.0/untraced", content=f'{{"depth": {len(bad) % 9}}}')
    assert answer.status_code < 300, answer.text
    assert "traceparent" not in answer.headers
    found = moved.entries(correlation_id=answer.json()["correlationId"])
    assert not any("traceparent" in entry["data"] for entry in found)


def test_the_place_in_git_comes_from_the_command_line_or_from_ci(moved: Daemon) -> None:
    key = "configs/av/1.0.0/placed"
    given = ("--git-commit", "c0ffee", "--git-repository", "acme/cfg", "--git-path", "a/b.yaml")
    assert moved.cli("kv", "put", key, '{"depth": 1}', *given).returncode == 0
    ci = {"GITHUB_SHA": "beef", "GITHUB_REPOSITORY": "acme/ci", "VERSIQII_GIT_PATH": "p"}
    assert moved.cli("kv", "put", key, '{"depth": 2}', "--git-commit", "c0ffee", **ci).returncode == 0
    jenkins = {"GIT_COMMIT": "f00d", "GIT_URL": "https://bot:s3cret@git.example/acme/x.git"}
    assert moved.cli("kv", "put", key, '{"depth": 3}', **jenkins).returncode == 0
    assert [entry.get("git") for entry in moved.entries(key=key)] == [
        {"repository": "acme/cfg", "commit": "c0ffee", "path": "a/b.yaml"},
        {"repository": "acme/ci", "commit": "c0ffee", "path": "p"},
        {"repository": "https://git.example/acme/x.git", "commit": "f00d"},
    ]


def test_an_annotation_says_where_plain_key_writes_come_from(moved: Daemon) -> None:
    """Its key is written before, or in one transaction with, the key that it is about; it counts once."""
    store = f"sqlite:///{moved.data_dir / 'store.db'}"
    key = "configs/av/1.0.0/annotated"

    def put(name: str, value: str) -> None:
        done = run_cli("kv", "put", "--store", store, name, value)
        assert done.returncode == 0, done.stderr

    def git_of(count: int) -> list[Any]:
        for _ in until(f"{count} revisions are recorded"):
            found = [entry.get("git") for entry in moved.entries(key=key)]
            if len(found) == count:
                return found
        raise AssertionError

    put(f"annotations/{key}", json.dumps({"commit": "abc", "repository": "acme/cfg"}))
    put(key, '{"depth": 1}')
    place = {"repository": "acme/cfg", "commit": "abc"}
    assert git_of(1) == [place]
    put(key, '{"depth": 2}')
    assert git_of(2) == [place, None]
    put(f"annotations/{key}", "rubbish")
    put(key, '{"depth": 3}')
    assert git_of(3) == [place, None, None]
    put(f"annotations/{key}", json.dumps({"commit": "def"}))
    put(key, '{"depth": 4}')
    assert git_of(4) == [place, None, None, {"commit": "def"}]
    told = [entry["type"] for entry in moved.entries(key=f"annotations/{key}")]
    assert told == ["AnnotationChanged"] * 3


@pytest.mark.kafka
def test_what_is_said_of_kafka_is_what_a_broker_has(start: Callable[..., Daemon], shared_kafka: Kafka) -> None:
    prefix = f"tr{uuid.uuid4().hex[:10]}"
    daemon = start("--kafka", shared_kafka.address, "--kafka-topic-prefix", prefix)
    daemon.load(scan_world(), **{"X-Correlation-Id": "setup", "traceparent": PARENT})
    daemon.until_status(BINDING, targetVersion="1.4.0")
    for _ in until("Kafka has acknowledged the whole trace"):
        told = trace(daemon, "setup")["events"]
        if all(event["acknowledged"] for event in told["entries"]):
            break
    lying = {(d["topic"], d["partition"], d["offset"]): e["ceId"] for e in told["entries"] for d in e["deliveries"]}
    assert told["kafka"]
    sent = {(topic, event["ceId"], event["key"]) for event in told["entries"] for topic in event["topics"]}
    arrived = set()
    found = {}
    for topic in {topic for topic, _, _ in sent}:
        for message in read_topic(shared_kafka.address, topic):
            headers = dict(message.headers())
            if headers["ce_correlationid"] == b"setup":
                arrived.add((topic, headers["ce_id"].decode(), message.key().decode()))
                assert headers["traceparent"] == headers["ce_traceparent"] == PARENT.encode()
                found[topic, message.partition(), message.offset()] = headers["ce_id"].decode()
    assert arrived == sent
    assert lying == found, "each partition and offset that is told is where the event lies"
    (topic, partition, offset), _ = next(iter(found.items()))
    assert f"{topic}[{partition}]@{offset}" in daemon.cli("trace", "setup").stdout
    (daemon.data_dir / "journal.deliveries.db").unlink()
    assert not any(event["deliveries"] for event in trace(daemon, "setup")["events"]["entries"])
    assert {topic for topic, _, _ in sent} == {f"{prefix}.audit", f"{prefix}.state"}
