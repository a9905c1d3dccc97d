"""kill -9 of the daemon while it sends, and another daemon taking over: nothing is lost, nothing overtakes its key."""

from __future__ import annotations

import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.contract.kafka_events import first_copies, read_topic
from tests.e2e.processes import Daemon, until
from tests.e2e.test_kafka_path import by_position, headers_of, until_sent, wanted
from tests.services.kafka import Kafka

pytestmark = pytest.mark.kafka

FLAGS = ("--session-ttl-s", "3", "--lock-delay-s", "0", "--public-url", "http://versiqii.test")
"""The lead is soon over after a kill, and long enough for a busy machine to renew it in time. A repeated message is the
same bytes, so the schemas' address must outlive a restart, which that of ``--listen …:0`` does not."""


def sent(data_dir: Path) -> int:
    """The outbox position in the journal's file, looked at from outside."""
    with closing(sqlite3.connect(f"file:{data_dir / 'journal.db'}?mode=ro", uri=True, timeout=30)) as journal:
        return int(journal.execute("SELECT coalesce(max(position), 0) FROM outbox").fetchone()[0])


def change(daemon: Daemon, round_: int, count: int) -> None:
    """Move many keys of a few streams."""
    for part in range(0, count, 20):
        keys = {f"configs/av/1.0.0/c{n % 7}": b'{"n": "%d-%d"}' % (round_, n) for n in range(part, part + 7)}
        daemon.load(keys)


def check(kafka: Kafka, prefix: str, entries: list[dict[str, Any]], origin: str) -> int:
    """The audit topic holds every entry by its own name, in order per key; the number of repetitions."""
    messages = read_topic(kafka.address, f"{prefix}.audit")
    found = by_position(messages)
    assert sorted(found) == [entry["position"] for entry in entries]
    in_order: dict[bytes, list[int]] = defaultdict(list)
    for entry in entries:
        assert wanted(entry, origin).items() <= headers_of(found[entry["position"]]).items()
        in_order[entry["stream"].encode()].append(entry["position"])
    assert first_copies(messages) == in_order
    return len(messages) - len(entries)


def test_kill_9_of_the_daemon_at_any_moment(shared_kafka: Kafka, start: Callable[..., Daemon]) -> None:
    """Killed at the start, in the middle of sending, and just after; what was recorded arrives in the end."""
    prefix = f"kills-{uuid.uuid4().hex[:8]}"
    daemon = start("--kafka", shared_kafka.address, "--kafka-topic-prefix", prefix, *FLAGS)
    origin = daemon.event("started")["origin"]
    for round_, distance in enumerate((0, 1, 7, 25)):
        goal = sent(daemon.data_dir) + distance
        change(daemon, round_, 100)
        for _ in until(f"{distance} more are sent"):
            if sent(daemon.data_dir) >= goal:
                break
        daemon.kill()
        daemon.start()
    entries = until_sent(daemon)
    assert len(entries) > 4 * 20
    assert daemon.stop() == 0
    check(shared_kafka, prefix, entries, origin)


def test_another_daemon_takes_over_what_is_not_sent(
    shared_kafka: Kafka, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    """Only who leads sends. The leader is killed with a backlog; the standby leads, and sends from where it ended."""
    prefix = f"lead-{uuid.uuid4().hex[:8]}"
    flags = ("--kafka", shared_kafka.address, "--kafka-topic-prefix", prefix, *FLAGS)
    first = start(*flags, "--name", "first")
    origin = first.event("started")["origin"]
    change(first, 0, 100)
    second = Daemon(tmp_path / "second", (*flags, "--name", "second", "--data-dir", str(first.data_dir)))
    try:
        second.start()
        change(second, 1, 100)
        first.kill()
        change(second, 2, 100)
        second.event("leading")
        change(second, 3, 40)
        entries = until_sent(second)
        assert second.stop() == 0
    finally:
        second.close()
    assert [entry["data"]["leader"] for entry in entries if entry["type"] == "LeaderElected"] == ["first", "second"]
    check(shared_kafka, prefix, entries, origin)
