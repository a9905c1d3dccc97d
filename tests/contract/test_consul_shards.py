"""A watch that is cut into shards, on a real Consul: how it is cut, joined, followed, settled, and what it costs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.consul_at import at
from tests.contract.sharding import PATIENT, SMALL, TREE, empty, fill, holders, until_shards
from tests.services.consul import Consul
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.core.shards import Sizes
from versiqiid.ports import Batch, Reached, Set, WatchEvent
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.anyio, pytest.mark.consul]


def batch_of(seen: Watching, keys: set[str], value: bytes) -> list[set[str]]:
    """In which batches these keys came to have this value."""
    told = ({e.key for e in batch.changed if e.key in keys and e.value == value} for batch in seen.batches())
    return [found for found in told if found]


async def test_a_tree_is_cut_as_it_grows_and_joined_as_it_shrinks(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul), watch=SMALL) as store, watching(store, "t/") as seen:
        assert len(store.coverage().shards) == 1
        await fill(store, TREE)
        await seen.until_values(TREE)
        await until_shards(store, 12, 64)
        assert all(len(holders(store, key)) == 1 for key in TREE)
        changed = TREE | dict.fromkeys(list(TREE)[::17], b"changed")
        await fill(store, changed)
        await seen.until_values(changed)
        left = dict(list(changed.items())[:3])
        await empty(store, changed.keys() - left.keys())
        await seen.until_values(left)
        await until_shards(store, 1, 1)
        await fill(store, TREE)
        await seen.until_values(TREE)


async def test_a_cut_tree_costs_what_changed_and_is_not_read_again_as_a_whole(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul), watch=SMALL) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            for number in range(20):
                await store.commit([Set("t/c/p3", str(number).encode())])
                await seen.until(lambda number=number: seen.values()["t/c/p3"] == str(number).encode())  # type: ignore[misc]
            told = [entry.key for batch in seen.batches()[1:] for entry in batch.changed]
            assert set(told) == {"t/c/p3"}
            assert sum(batch.complete for batch in seen.batches()) == 1


async def test_directories_that_appear_and_vanish_are_followed(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul), watch=SMALL) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            fresh = {"t/new/deep/er/a": b"1", "t/a-folder/": b"", "t/zz": b"2", "t/c": b"beside t/c/"}
            for key, value in fresh.items():
                consul.call("PUT", f"/v1/kv/{key}", value)
            await seen.until_values(TREE | fresh)
            for key in fresh:
                consul.call("DELETE", f"/v1/kv/{key}")
            consul.call("DELETE", "/v1/kv/t/d/?recurse")
            rest = {key: value for key, value in TREE.items() if not key.startswith("t/d/")}
            await seen.until_values(rest)
            await fill(store, TREE)
            await seen.until_values(TREE)


async def test_never_more_queries_are_open_than_may_be(consul: Consul) -> None:
    """At the limit, shards get larger, never more; two watches share it."""
    async with ConsulStore.connect(at(consul), watch=SMALL, queries_max=12) as store, watching(store, "t/") as seen:
        await fill(store, TREE)
        await seen.until_values(TREE)
        await until_shards(store, 6, 11)
        assert len(store.coverage().shards) <= 12
        async with watching(store, "t/a/") as other:
            await fill(store, dict.fromkeys(TREE, b"y" * 350))
            await seen.until_values(dict.fromkeys(TREE, b"y" * 350))
            await other.until_values({key: b"y" * 350 for key in TREE if key.startswith("t/a/")})
            with anyio.fail_after(60):
                while len(store.coverage().shards) > 12:
                    await anyio.sleep(0.01)
        assert len(store.coverage().shards) <= 12
    assert store.coverage().shards == ()


async def test_a_shard_that_there_is_no_room_to_cut_is_looked_through_for_what_changed(consul: Consul) -> None:
    """And told as what changed: keys that come, change and go, one by one and many at once, beside folders of a UI."""
    heavy = replace(SMALL, sizes=Sizes(whole=4_000, split=3_000, merge=500, spare=0))
    async with ConsulStore.connect(at(consul), watch=heavy, queries_max=8) as store, watching(store, "t/") as seen:
        await fill(store, TREE)
        await seen.until_values(TREE)
        await until_shards(store, 2, 7)
        now, before = dict(TREE), len(seen.batches())
        for number in range(10):
            key, gone = f"t/{'abcdef'[number % 6]}/p{number}", f"t/{'fedcba'[number % 6]}/q{number}"
            made, folder = f"t/{'cdefab'[number % 6]}/new-{number}/x", f"t/b/folder-{number}/"
            fresh = {made: b"n", folder: b"", key: b"%d" % number}
            for each, value in fresh.items():
                consul.call("PUT", f"/v1/kv/{each}", value)
            consul.call("DELETE", f"/v1/kv/{gone}")
            now = {each: value for each, value in (now | fresh).items() if each != gone}
            await seen.until_values(now)
        told = {entry.key for batch in seen.batches()[before:] for entry in batch.changed}
        assert len(told) == 30
        consul.call("DELETE", "/v1/kv/t/d/?recurse")
        await seen.until_values({each: value for each, value in now.items() if not each.startswith("t/d/")})


async def test_what_changes_as_a_wait_ends_is_told(consul: Consul) -> None:
    """Waits are over before an answer can come, so none counts as early; what it says is news all the same."""
    async with ConsulStore.connect(at(consul), watch=replace(SMALL, part_wait_s=0.0)) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            for number in range(15):
                fresh = {f"t/{room}/p{number % 10}": b"%d" % number for room in "abcdef"}
                await fill(store, fresh)
                await seen.until(lambda fresh=fresh: fresh.items() <= seen.values().items())  # type: ignore[misc]


async def test_a_watch_that_ended_gives_its_connections_back_soon(consul: Consul) -> None:
    """Consul keeps a query whose asker is gone until its wait is over, and takes 200 connections from one address: with
    waits of minutes, a daemon that is started three times would be locked out.
    """
    async with ConsulStore.connect(at(consul), watch=replace(SMALL, part_wait_s=1.0)) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            before = len(seen.events)
            await seen.until(lambda: sum(isinstance(event, Reached) for event in seen.events[before:]) >= 3)
            assert connections(consul) >= 12, "every query is open"
    with anyio.fail_after(60):
        while connections(consul):
            await anyio.sleep(0.05)


def connections(consul: Consul) -> int:
    """Sockets that Consul's side holds, as the kernel lists them; those that listen left out."""
    port = int(consul.address.rpartition(":")[2])
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(int(row[1].rpartition(":")[2], 16) == port and row[3] in ("01", "08") for row in rows)


async def test_what_one_transaction_changed_in_many_shards_is_told_at_once(consul: Consul) -> None:
    keys = {f"t/{room}/p0" for room in "abcdef"}
    async with ConsulStore.connect(at(consul), watch=PATIENT) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            assert len({holders(store, key)[0].prefix for key in keys}) == 6
            for number in range(3):
                value = str(number).encode()
                await store.commit([Set(key, value) for key in sorted(keys)])
                await seen.until(lambda value=value: all(seen.values()[key] == value for key in keys))  # type: ignore[misc]
                assert batch_of(seen, keys, value) == [keys]


async def test_a_transaction_that_makes_directories_is_told_at_once(consul: Consul) -> None:
    """The names tell of them, and their first read is waited for."""
    keys = {"t/a/p0", "t/f/q0", "t/new/a", "t/0/b"}
    async with ConsulStore.connect(at(consul), watch=PATIENT) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            await store.commit([Set(key, b"1") for key in sorted(keys)])
            await seen.until(lambda: all(seen.values().get(key) == b"1" for key in keys))
            assert batch_of(seen, keys, b"1") == [keys]


async def test_how_far_a_watch_is_behind_can_be_seen_while_its_observer_holds_it_up(consul: Consul) -> None:
    gate = anyio.Event()

    async def slow(event: WatchEvent) -> None:
        if isinstance(event, Batch) and not event.complete:
            await gate.wait()

    async with ConsulStore.connect(at(consul), watch=SMALL) as store, anyio.create_task_group() as tasks:
        await store.commit([Set("t/a", b"1")])
        tasks.start_soon(store.watch, "t/", slow)
        await until_lag(store, lambda lag: lag == 0 and store.coverage().index > 0)
        for number in range(5):
            await store.commit([Set("t/a", b"%d more" % number)])
        await until_lag(store, lambda lag: lag > 0)
        gate.set()
        await until_lag(store, lambda lag: lag == 0)
        tasks.cancel_scope.cancel()


async def until_lag(store: ConsulStore, holds: Callable[[int], bool]) -> None:
    with anyio.fail_after(60):
        while not holds(store.coverage().lag):
            await anyio.sleep(0.01)
