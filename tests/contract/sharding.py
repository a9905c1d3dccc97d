"""Watches that are cut into shards: sizes are small here, so that a small tree is really cut."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import anyio

from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.shards import Sizes
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.ports import Batch, Delete, Set, Shard, WatchEvent
from versiqiid.testing.watching import Watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

SMALL = WatchOptions(sizes=Sizes(whole=20_000, split=8_000, merge=3_000), drill_from=1, probe_s=0.2)
"""A key of the tests' weighs about 1,000: shards of eight keys, trees of twenty in one piece."""

PATIENT = replace(SMALL, settle_s=1.0, hold_s=30.0)
"""What belongs together is waited for longer than any machine is busy."""

TREE = {f"t/{room}/{name}{number}": b"x" * 350 for room in "abcdef" for name in "pq" for number in range(10)}


async def fill(store: ConsulStore, tree: dict[str, bytes]) -> None:
    keys = sorted(tree)
    for start in range(0, len(keys), 60):
        await store.commit([Set(key, tree[key]) for key in keys[start : start + 60]])


async def empty(store: ConsulStore, keys: Iterable[str]) -> None:
    gone = sorted(keys)
    for start in range(0, len(gone), 60):
        await store.commit([Delete(key) for key in gone[start : start + 60]])


def shards(store: ConsulStore) -> list[Shard]:
    return [shard for shard in store.coverage().shards if shard.kind != "names"]


def holders(store: ConsulStore, key: str) -> list[Shard]:
    return [s for s in shards(store) if (key == s.prefix if s.kind == "key" else key.startswith(s.prefix))]


async def until_shards(store: ConsulStore, least: int, most: int) -> None:
    with anyio.fail_after(60):
        while not least <= len(shards(store)) <= most:
            await anyio.sleep(0.01)


class Deciding(Watching):
    """A watch with the snapshot that the engine decides from."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = Snapshot()

    async def observe(self, event: WatchEvent) -> None:
        if isinstance(event, Batch):
            changed = {entry.key: Value(entry.value, entry.revision) for entry in event.changed}
            self.snapshot.apply(Observation(changed, event.deleted, event.index, event.complete, event.scope))
        await super().observe(event)


@contextlib.asynccontextmanager
async def deciding(store: ConsulStore, prefix: str) -> AsyncIterator[Deciding]:
    seen = Deciding()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.watch, prefix, seen.observe)
        await seen.until(lambda: bool(seen.batches()))
        yield seen
        tasks.cancel_scope.cancel()
