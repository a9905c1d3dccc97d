"""How many journal entries a second reach a real Kafka broker, acknowledged and noted. Figures, no verdict."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import anyio
import anyio.lowlevel

from tests.services.finder import MissingServiceError
from tests.services.kafka import Kafka
from versiqiid.adapters.kafka import KafkaEventSink, KafkaSettings
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.cloudevent import Source
from versiqiid.engine.outbox import Outbox
from versiqiid.ports import Actor, Draft

ENTRIES = 20_000


def run() -> list[tuple[str, float, str]]:
    """Name, value and unit; empty where there is no Kafka."""
    logging.getLogger("versiqiid.kafka").setLevel(logging.CRITICAL)
    try:
        broker = Kafka()
    except MissingServiceError:
        return []
    with broker, tempfile.TemporaryDirectory() as folder:
        return anyio.run(_measure, broker.address, Path(folder))


async def _measure(address: str, folder: Path) -> list[tuple[str, float, str]]:
    digest = "sha256:" + "a" * 64
    data = {"binding": "prod/eu/av-engine/c", "state": "Migrated", "effectiveDigest": digest, "previousDigest": digest}
    async with await SqliteJournal.open(folder / "journal.db", clock=time.time) as journal:
        actor = Actor("daemon", "host-1", "kv")
        for start in range(0, ENTRIES, 500):
            numbers = range(start, start + 500)
            drafts = [
                Draft("EffectiveApplied", f"binding/prod/eu/av-engine/c{i % 997}", data, actor, "c") for i in numbers
            ]
            await journal.append(drafts)
        settings = KafkaSettings(bootstrap=address)
        sink = KafkaEventSink(settings, Source(journal.origin))
        began = time.perf_counter()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(Outbox(journal, sink, PrometheusMetrics(version="0"), dice=lambda: 0.5).run)
            while await journal.outbox_position(sink.name) < ENTRIES:
                await anyio.sleep(0.02)
            took = time.perf_counter() - began
            tasks.cancel_scope.cancel()
        single = await _latency(journal, KafkaEventSink(settings, Source(journal.origin)), actor)
    return [
        ("outbox to Kafka, two topics", ENTRIES / took, "entries/s"),
        ("one append to its acknowledgement by Kafka, p50", single[len(single) // 2] * 1000, "ms"),
        ("one append to its acknowledgement by Kafka, p99", single[len(single) * 99 // 100] * 1000, "ms"),
    ]


async def _latency(journal: SqliteJournal, sink: KafkaEventSink, actor: Actor) -> list[float]:
    times = []
    async with anyio.create_task_group() as tasks:
        box = Outbox(journal, sink, PrometheusMetrics(version="0"), dice=lambda: 0.5)
        tasks.start_soon(box.run)
        for _ in range(200):
            began = time.perf_counter()
            (entry,) = await journal.append([Draft("ConfigRevised", "config/x", {}, actor, "c")])
            while box.state.position <= entry.position:  # a spin: the figure must not hold a poll interval
                await anyio.lowlevel.checkpoint()
            times.append(time.perf_counter() - began)
        tasks.cancel_scope.cancel()
    return sorted(times)[5:]  # the first ones connect


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name}: {value:,.1f} {unit}")
