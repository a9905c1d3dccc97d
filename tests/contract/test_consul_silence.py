"""A server that is well and passes queries on to one that is not: what was written meanwhile is told all the same, long
before a query's wait is over or anything is read for safety's sake.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.consul_at import at
from tests.contract.wayside import Asked, Says, Wayside, wayside
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.ports import WatchEvent

pytestmark = pytest.mark.anyio

NEVER_S = 600.0
"""No wait of a query and no resync comes to anybody's help."""

OPTIONS = WatchOptions(wait_s=NEVER_S, part_wait_s=NEVER_S, resync_s=NEVER_S, probe_s=0.05)
PATIENCE_S = 60


@dataclass
class Cluster:
    """What a scripted server says of ``t/``: the truth to who does not wait, nothing to who does.

    :ivar late: queries that wait are answered, with what there was when they came, and how often that may be.
    """

    keys: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    index: int = 10
    late: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    over: threading.Event = field(default_factory=threading.Event)
    whole_reads: int = 0
    waiting: int = 0

    def write(self, key: str, value: bytes | None) -> None:
        self.index += 1
        if value is None:
            del self.keys[key]
        else:
            self.keys = self.keys | {key: (value, self.index)}

    def answer(self, asked: Asked) -> Says:
        query = dict(asked.query)
        if asked.path.endswith("_probe"):
            return Says(404, b"", {"X-Consul-Index": str(self.index)})
        says = self._says(query)
        if "index" in query:
            self.waiting += 1
            while not self.late.acquire(timeout=0.01):
                if self.over.is_set():
                    break
        else:
            self.whole_reads += "recurse" in query
        return says

    def _says(self, query: dict[str, str]) -> Says:
        index = {"X-Consul-Index": str(self.index)}
        if not self.keys:
            return Says(404, b"", index)
        if "keys" in query:
            return Says(200, json.dumps(sorted(self.keys)).encode(), index)
        items = [
            {"Key": key, "Value": base64.b64encode(value).decode(), "ModifyIndex": at}
            for key, (value, at) in self.keys.items()
        ]
        return Says(200, json.dumps(items).encode(), index)


@contextmanager
def scripted() -> Iterator[tuple[Cluster, Wayside]]:
    cluster = Cluster({"t/a": (b"1", 9), "t/b": (b"1", 10)})
    with wayside(cluster.answer) as server:
        try:
            yield cluster, server
        finally:
            cluster.over.set()


async def until_waiting(cluster: Cluster, queries: int) -> None:
    with anyio.fail_after(PATIENCE_S):
        while cluster.waiting < queries:
            await anyio.sleep(0.01)


async def test_what_a_silent_query_does_not_tell_is_told() -> None:
    with scripted() as (cluster, server):
        async with ConsulStore.connect(at(server.address), watch=OPTIONS) as store, watching(store, "t/") as seen:
            for number in range(3):
                await until_waiting(cluster, number + 1)
                cluster.write("t/a", b"new %d" % number)
                await seen.until_values({"t/a": b"new %d" % number, "t/b": b"1"})


async def test_a_silent_query_does_not_hide_that_all_is_gone() -> None:
    with scripted() as (cluster, server):
        async with ConsulStore.connect(at(server.address), watch=OPTIONS) as store, watching(store, "t/") as seen:
            await until_waiting(cluster, 1)
            for key in ("t/a", "t/b"):
                cluster.write(key, None)
            await seen.until_values({})
            cluster.write("t/c", b"1")
            await seen.until_values({"t/c": b"1"})


async def test_an_answer_from_before_does_not_undo_what_was_told() -> None:
    """The frozen server wakes, and answers with the state that it had."""
    with scripted() as (cluster, server):
        async with ConsulStore.connect(at(server.address), watch=OPTIONS) as store, watching(store, "t/") as seen:
            await until_waiting(cluster, 1)
            cluster.write("t/a", b"new")
            await seen.until_values({"t/a": b"new", "t/b": b"1"})
            await until_waiting(cluster, 2)
            cluster.late.release(2)
            cluster.write("t/b", b"newer")
            await seen.until_values({"t/a": b"new", "t/b": b"newer"})
            told = [entry.value for batch in seen.batches() for entry in batch.changed if entry.key == "t/a"]
            assert told[-1] == b"new"
            assert told.count(b"1") == 1


async def test_while_nothing_is_written_nothing_is_read_again() -> None:
    with scripted() as (cluster, server):
        async with ConsulStore.connect(at(server.address), watch=OPTIONS) as store, watching(store, "t/") as seen:
            await seen.until(lambda: len(seen.events) > 10)
            assert cluster.whole_reads == 1
            assert not [asked for asked in server.asked if ("keys", "") in asked.query]


async def test_writes_elsewhere_cost_a_list_of_names_and_no_reading() -> None:
    """The store's own index runs ahead of the prefix's for ever then."""
    with scripted() as (cluster, _):
        real = cluster.answer

        def elsewhere(asked: Asked) -> Says:
            if asked.path.endswith("_probe"):
                return Says(404, b"", {"X-Consul-Index": str(cluster.index + 1000)})
            return real(asked)

        with wayside(elsewhere) as other:
            async with ConsulStore.connect(at(other.address), watch=OPTIONS) as store, watching(store, "t/") as seen:
                await seen.until(lambda: len(seen.events) > 10)
                assert cluster.whole_reads == 1
                assert cluster.waiting == 1


async def test_an_observer_that_takes_its_time_is_not_taken_for_a_silent_query() -> None:
    """What came and is not dealt with yet is no reason to ask again."""
    with scripted() as (cluster, server):
        seen, busy, free = Watching(), anyio.Event(), anyio.Event()

        async def observe(event: WatchEvent) -> None:
            await seen.observe(event)
            if seen.values().get("t/a") == b"new" and not busy.is_set():
                busy.set()
                await free.wait()

        async with ConsulStore.connect(at(server.address), watch=OPTIONS) as store, anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, "t/", observe)
            await until_waiting(cluster, 1)
            cluster.write("t/a", b"new")
            with anyio.fail_after(PATIENCE_S):
                await busy.wait()
                reads = cluster.whole_reads
                probes = sum(asked.path.endswith("_probe") for asked in server.asked)
                while sum(asked.path.endswith("_probe") for asked in server.asked) < probes + 5:
                    await anyio.sleep(0.01)
            free.set()
            cluster.write("t/b", b"newer")
            await seen.until_values({"t/a": b"new", "t/b": b"newer"})
            assert cluster.whole_reads <= reads + 2
            tasks.cancel_scope.cancel()
