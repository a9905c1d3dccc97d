"""Outbox and Kafka sink while the broker is killed, frozen or absent, and while the producing process is killed.

Always the same judgement: nothing lost, first copies in order per key, duplicates only with an equal ``ce_id``.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.kafka_events import SOURCE, CountingJournal, check_arrived, first_copies, read_topic
from tests.services.kafka.pair import KafkaPair, leaders_of
from versiqiid.adapters.kafka import KafkaEventSink, KafkaSettings
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.cloudevent import leaf_hash
from versiqiid.core.retry import Backoff
from versiqiid.engine.outbox import Outbox, OutboxSettings
from versiqiid.ports import Actor, Draft, Query

if TYPE_CHECKING:
    from tests.services.kafka import Kafka

pytestmark = [pytest.mark.anyio, pytest.mark.kafka]

QUICK = OutboxSettings(batch_entries=50, backoff=Backoff(0.05, 0.5), measure_s=0.1)


def relay(address: str, journal: CountingJournal, *, timeout_s: float = 10.0) -> Outbox:
    metrics = PrometheusMetrics(version="0")
    sink = KafkaEventSink(KafkaSettings(bootstrap=address, publish_timeout_s=timeout_s), SOURCE, metrics=metrics)
    return Outbox(journal, sink, metrics, dice=lambda: 0.5, settings=QUICK)  # type: ignore[arg-type]


async def test_a_broker_killed_and_restarted_in_the_middle(kafka: Kafka, tmp_path: Path) -> None:
    """kill -9 of the broker while entries flow; the outbox waits and goes on by itself."""
    journal = CountingJournal(3000, tmp_path / "position")
    async with anyio.create_task_group() as tasks:
        await tasks.start(relay(kafka.address, journal, timeout_s=3).run)
        await journal.reached(700)
        await anyio.to_thread.run_sync(kafka.kill)
        await anyio.to_thread.run_sync(kafka.start)
        await journal.reached(3000)
        tasks.cancel_scope.cancel()
    check_arrived(kafka.address, "versiqii.audit", 3000)


async def test_a_broker_frozen_for_longer_than_a_publish_waits(kafka: Kafka, tmp_path: Path) -> None:
    """SIGSTOP: acknowledgements stay out, the publish gives up; requests that arrive late do no harm to the order."""
    journal = CountingJournal(2000, tmp_path / "position")
    box = relay(kafka.address, journal, timeout_s=1)
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        await journal.reached(300)
        kafka.pause()
        with anyio.fail_after(60):
            while box.state.attempt < 2:
                await anyio.sleep(0.01)
        assert box.state.trouble.startswith(f"kafka {kafka.address}: ")
        stood = journal.position
        kafka.resume()
        await journal.reached(2000)
        tasks.cancel_scope.cancel()
    assert stood < 2000
    check_arrived(kafka.address, "versiqii.audit", 2000)


async def test_stopping_while_the_broker_is_frozen_is_quick(kafka: Kafka, tmp_path: Path) -> None:
    """Cancelled in the middle of a publish, the outbox ends within its bound and without an error."""
    journal = CountingJournal(2000, tmp_path / "position")
    async with anyio.create_task_group() as tasks:
        await tasks.start(relay(kafka.address, journal, timeout_s=600).run)
        await journal.reached(300)
        kafka.pause()
        stood = -1
        while stood != journal.position:  # until nothing is acknowledged any more
            stood = journal.position
            await anyio.sleep(0.3)
        asked = anyio.current_time()
        tasks.cancel_scope.cancel()
    assert anyio.current_time() - asked < 120, "the ten minutes of a publish were waited out"
    kafka.resume()
    async with anyio.create_task_group() as tasks:
        await tasks.start(relay(kafka.address, journal).run)
        await journal.reached(2000)
        tasks.cancel_scope.cancel()
    check_arrived(kafka.address, "versiqii.audit", 2000)


async def test_it_starts_without_a_broker_and_catches_up(kafka: Kafka, tmp_path: Path) -> None:
    """Ready at once although nobody listens; everything is there once the broker is."""
    kafka.stop()
    journal = CountingJournal(200, tmp_path / "position")
    box = relay(kafka.address, journal, timeout_s=1)
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(60):
            await tasks.start(box.run)
        with anyio.fail_after(60):
            while box.state.attempt < 2:
                await anyio.sleep(0.01)
        await anyio.to_thread.run_sync(kafka.start)
        await journal.reached(200)
        tasks.cancel_scope.cancel()
    assert check_arrived(kafka.address, "versiqii.audit", 200) == 0


HOUR_OF_ATTEMPTS = 3600 // 30
"""How often the outbox tries in an hour: its waits grow to half a minute."""


async def test_a_broker_that_is_away_for_an_hour(kafka: Kafka, tmp_path: Path) -> None:
    """As many attempts as an hour has, only the waits are shorter; then everything arrives, once the broker is back."""
    journal = CountingJournal(800, tmp_path / "position")
    metrics = PrometheusMetrics(version="0")
    settings = KafkaSettings(bootstrap=kafka.address, publish_timeout_s=0.05)
    quick = OutboxSettings(batch_entries=50, backoff=Backoff(0.001, 0.01), measure_s=0.1)
    sink = KafkaEventSink(settings, SOURCE, metrics=metrics)
    box = Outbox(journal, sink, metrics, dice=lambda: 0.5, settings=quick)  # type: ignore[arg-type]
    await anyio.to_thread.run_sync(kafka.kill)
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        with anyio.fail_after(120):
            while box.state.attempt < HOUR_OF_ATTEMPTS:
                await anyio.sleep(0.01)
        assert journal.position == 0
        tasks.cancel_scope.cancel()
    await anyio.to_thread.run_sync(kafka.start)
    async with anyio.create_task_group() as tasks:
        await tasks.start(relay(kafka.address, journal).run)
        await journal.reached(800)
        tasks.cancel_scope.cancel()
    assert check_arrived(kafka.address, "versiqii.audit", 800) == 0


async def test_partitions_get_another_leader_in_the_middle(kafka_pair: KafkaPair, tmp_path: Path) -> None:
    """kill -9 of the broker that leads some of the partitions; it comes back behind, and catches up."""
    journal = CountingJournal(4000, tmp_path / "position")
    async with anyio.create_task_group() as tasks:
        await tasks.start(relay(kafka_pair.address, journal, timeout_s=5).run)
        await journal.reached(500)
        led, _ = await anyio.to_thread.run_sync(leaders_of, kafka_pair.first.address, "versiqii.audit")
        assert set(led.values()) == {1, 2}, "both lead some"
        await anyio.to_thread.run_sync(kafka_pair.second.kill)
        await journal.reached(journal.position + 1000)
        moved, _ = await anyio.to_thread.run_sync(leaders_of, kafka_pair.first.address, "versiqii.audit")
        assert set(moved.values()) == {1}, "the other one leads all of them"
        await anyio.to_thread.run_sync(kafka_pair.second.start)
        await journal.reached(4000)
        tasks.cancel_scope.cancel()
    check_arrived(kafka_pair.first.address, "versiqii.audit", 4000)


SIZE = 6000


def child(address: str, journal: Path) -> subprocess.Popen[bytes]:
    """The producing process: this file, run."""
    command = [sys.executable, str(Path(__file__).resolve()), address, str(journal)]
    return subprocess.Popen(command, cwd=Path(__file__).resolve().parents[2], env={"PYTHONPATH": "."})


async def test_kill_9_of_the_process_that_writes_and_relays(shared_kafka: Kafka, tmp_path: Path) -> None:
    """A process appends to a real journal and relays it; killed eight times at different distances, then left alone.

    Every entry that the journal holds is on the topic in the end, under the hash of the journal's own bytes.
    """
    prefix = f"kill-{uuid.uuid4().hex[:8]}"
    file = tmp_path / "journal.db"
    async with await SqliteJournal.open(file, clock=time.time) as journal:

        async def reached(position: int) -> None:
            with anyio.fail_after(60):
                while await journal.outbox_position(f"kafka:{prefix}") < position:
                    await anyio.sleep(0.01)

        for distance in (1, 60, 233, 2, 300, 150, 51, 170):
            start = await journal.outbox_position(f"kafka:{prefix}")
            with child(f"{shared_kafka.address}/{prefix}", file) as process:
                await reached(start + distance)
                process.send_signal(signal.SIGKILL)
        with child(f"{shared_kafka.address}/{prefix}", file) as process:
            await reached(SIZE)
            process.terminate()
        assert process.returncode == 0
        assert await journal.outbox_position(f"kafka:{prefix}") == SIZE
        entries = await journal.read(Query(limit=10_000))
    messages = read_topic(shared_kafka.address, f"{prefix}.audit")
    wanted: dict[bytes, list[int]] = {}
    for entry in entries:
        wanted.setdefault(entry.stream.encode(), []).append(entry.position)
    arrived = first_copies(messages)
    assert arrived == wanted
    for message in messages:
        headers = dict(message.headers())
        assert headers["ce_id"].decode() == leaf_hash(entries[int(headers["ce_sequence"])].entry)
    assert len(messages) - SIZE <= 9 * QUICK.batch_entries, "at most one batch is repeated per crash"


async def main(address: str, file: str) -> None:
    """Append and relay until killed. ``address`` is ``host:port/topic-prefix``."""
    bootstrap, _, prefix = address.partition("/")
    sink = KafkaEventSink(KafkaSettings(bootstrap=bootstrap, topic_prefix=prefix), SOURCE)
    async with await SqliteJournal.open(Path(file), clock=time.time) as journal:

        async def write() -> None:
            actor = Actor("daemon", "host-1", "kv")
            while (number := await journal.size()) < SIZE:
                streams = [f"config/c{(number + i) % 7}" for i in range(3)]
                await journal.append([Draft("ConfigRevised", stream, {}, actor, "c") for stream in streams])

        with anyio.open_signal_receiver(signal.SIGTERM) as signals:
            async with anyio.create_task_group() as tasks:
                metrics = PrometheusMetrics(version="0")
                box = Outbox(journal, sink, metrics, dice=lambda: time.monotonic() % 1, settings=QUICK)
                tasks.start_soon(box.run)
                tasks.start_soon(write)
                async for _ in signals:
                    tasks.cancel_scope.cancel()
                    break


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
