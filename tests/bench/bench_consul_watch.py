"""A large tree on Consul: from a write to the watch and to the effective config, and what a change costs on the wire.

The ballast lies under the root in keys of 2 kB that mean nothing to the daemon, so that the figures are the watch's and
not the journal's. Beside the watch in shards stands one recursive query over the whole tree, as a comparison. The bench
is a process of its own, beside Consul and the daemon; the wire is that of the watch in the bench.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from tests.bench.bench_daemon import EXAMPLE, daemon
from tests.services.catalogue import CONSUL
from tests.services.consul import Consul
from tests.services.finder import find
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import AnyioHTTP
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.shards import Sizes
from versiqiid.ports import Batch, Set, WatchEvent

Row = tuple[str, float, str]

SIZES = (1_000, 10_000, 50_000, 100_000)
COMPARED = (1_000, 10_000)
"""Beyond, one query over the whole takes seconds for each change, and shows nothing new."""

VALUE = 2_000
CHANGES, PAUSE_S = 40, 0.1
DIRECTORY = 100
AT_ONCE = 120
ONE_QUERY = Sizes(whole=10**15)


def run() -> Iterator[Row]:
    with Consul(find(CONSUL)) as consul:
        there = 0
        for size in SIZES:
            anyio.run(_fill, consul.address, there, size)
            there = size
            yield from anyio.run(_watch, consul, size, Sizes())
            if size in COMPARED:
                yield from anyio.run(_watch, consul, size, ONE_QUERY)
            yield from _effective(consul, size)


def key(number: int) -> str:
    directory = number // DIRECTORY
    return f"versiqii/ballast/{directory % 10}/service-{directory // 10:03}/{number % DIRECTORY:03}"


async def _fill(address: str, start: int, size: int) -> None:
    async with _store(address, Sizes()) as store:
        for at in range(start, size, AT_ONCE):
            await store.commit([Set(key(n), b"%0*d" % (VALUE, n)) for n in range(at, min(at + AT_ONCE, size))])


@asynccontextmanager
async def _store(address: str, sizes: Sizes) -> AsyncIterator[ConsulStore]:
    settings = ConsulSettings(parse_addresses(address))
    async with ConsulStore.connect(settings, watch=WatchOptions(sizes=sizes)) as store:
        yield store


# ------------------------------------------------------------------------------------------------------- the watch


@dataclass
class Wire:
    """What came over the connections of a store."""

    requests: int = 0
    received: int = 0

    def count(self, http: AnyioHTTP) -> None:
        parsed = http._parsed

        async def counting(response: Any, callback: Any) -> Any:
            self.requests, self.received = self.requests + 1, self.received + len(response.content)
            return await parsed(response, callback)

        http._parsed = counting  # type: ignore[method-assign]


async def _watch(consul: Consul, size: int, sizes: Sizes) -> list[Row]:
    name = f"{size:,} keys, " + ("one query" if sizes is ONE_QUERY else "in shards")
    seen: dict[str, bytes] = {}
    news = anyio.Event()

    async def observe(event: WatchEvent) -> None:
        nonlocal news
        if isinstance(event, Batch):
            seen.update((entry.key, entry.value) for entry in event.changed)
            news.set()
            news = anyio.Event()

    async def until(where: str, value: bytes) -> None:
        while seen.get(where) != value:
            await news.wait()

    async with (
        _store(consul.address, sizes) as store,
        _store(consul.address, sizes) as writer,
        anyio.create_task_group() as tasks,
    ):
        began = time.perf_counter()
        tasks.start_soon(store.watch, "versiqii/", observe)
        while len(seen) < size:
            await news.wait()
        first = time.perf_counter() - began
        await anyio.sleep(2)  # the tree is cut by then, and each shard's query open
        wire, took = Wire(), []
        wire.count(store._endpoints.http)
        for number in range(CHANGES):
            where, value = key(number * 7919 % size), b"%0*d" % (VALUE, int(time.time() * 1000))
            began = time.perf_counter()
            await writer.commit([Set(where, value)])
            await until(where, value)
            took.append((time.perf_counter() - began) * 1000)
            await anyio.sleep(PAUSE_S)
        open_now = _connections(int(consul.address.rpartition(":")[2]))
        shards = len(store.coverage().shards)
        tasks.cancel_scope.cancel()
    took.sort()
    return [
        (f"{name}: first complete picture", first * 1000, "ms"),
        (f"{name}: write to watch, p50", statistics.median(took), "ms"),
        (f"{name}: write to watch, p95", took[int(len(took) * 0.95) - 1], "ms"),
        (f"{name}: answers per change", wire.requests / CHANGES, ""),
        (f"{name}: received per change", wire.received / CHANGES / 1000, "kB"),
        (f"{name}: queries open", shards, ""),
        (f"{name}: connections, the writer's included", open_now, ""),
    ]


def _connections(port: int) -> int:
    """Established connections of this machine to a port, as the kernel lists them."""
    rows = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
    return sum(row[3] == "01" and int(row[2].rpartition(":")[2], 16) == port for row in rows)


# ------------------------------------------------------------------------------------------------------ the daemon


def _effective(consul: Consul, size: int) -> Iterator[Row]:
    """A plain write of a config in Consul, and the effective key that follows from it in Consul."""
    keys = {path.relative_to(EXAMPLE).as_posix(): path.read_bytes() for path in EXAMPLE.rglob("*") if path.is_file()}
    config = "configs/av-engine/1.0.0/default"
    document, effective = json.loads(keys[config]), "/v1/kv/versiqii/effective/prod/asia-sg/av-engine/default"
    for name, value in keys.items():
        consul.call("PUT", f"/v1/kv/versiqii/{name}", value)
    took = []
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder), "--store", f"consul://{consul.address}"):
        _until_effective(consul, effective, document["timeout_ms"])
        for number in range(CHANGES):
            document["timeout_ms"] = size + number
            began = time.perf_counter()
            consul.call("PUT", f"/v1/kv/versiqii/{config}", json.dumps(document).encode())
            _until_effective(consul, effective, size + number)
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE_S)
    consul.call("DELETE", "/v1/kv/versiqii/_system/?recurse")
    took.sort()
    yield f"{size:,} keys: write to effective config, p50", statistics.median(took), "ms"
    yield f"{size:,} keys: write to effective config, p95", took[int(len(took) * 0.95) - 1], "ms"


def _until_effective(consul: Consul, path: str, timeout_ms: int) -> None:
    index = "0"
    while True:
        answer = consul.call("GET", f"{path}?raw&wait=30s&index={index}", timeout_s=60)
        if answer.status == 200 and json.loads(answer.body).get("timeout_ms") == timeout_ms:
            return
        index = answer.headers.get("x-consul-index", "0")  # none while a busy machine elects a leader


if __name__ == "__main__":
    for row in run():
        print(row)
