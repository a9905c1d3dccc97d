"""A watch that is cut into shards, on a real Consul: sizes are small here, so that a small tree is really cut."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.services.consul import Consul
from tests.services.fixtures import launch
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.core.shards import Sizes
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.errors import Forbidden
from versiqiid.ports import Batch, Delete, Reached, Set, Shard, Trouble, WatchEvent
from versiqiid.testing.store_machine import StoreMachine
from versiqiid.testing.watch_contract import WatchContract
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from tests.services.consul import ConsulOnDisk, ConsulWithAcl

pytestmark = [pytest.mark.anyio, pytest.mark.consul]

SMALL = WatchOptions(sizes=Sizes(whole=20_000, split=8_000, merge=3_000), drill_from=1, probe_s=0.2)
"""A key of the tests' weighs about 1,000: shards of eight keys, trees of twenty in one piece."""

PATIENT = replace(SMALL, settle_s=1.0, hold_s=30.0)
"""What belongs together is waited for longer than any machine is busy."""

TREE = {f"t/{room}/{name}{number}": b"x" * 350 for room in "abcdef" for name in "pq" for number in range(10)}


def at(server: Consul, **more: object) -> ConsulSettings:
    return ConsulSettings(parse_addresses(server.address), **more)  # type: ignore[arg-type]


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


def batch_of(seen: Watching, keys: set[str], value: bytes) -> list[set[str]]:
    """In which batches these keys came to have this value."""
    told = ({e.key for e in batch.changed if e.key in keys and e.value == value} for batch in seen.batches())
    return [found for found in told if found]


# ------------------------------------------------------------------------------------------------- cut and joined


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


# -------------------------------------------------------------------------------------------------------- settling


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


# ------------------------------------------------------------------------------------------------- trouble, guards


async def test_a_restored_store_is_believed_though_it_was_written_to_at_once(
    consul_on_disk: ConsulOnDisk, tmp_path: Path
) -> None:
    """Its index is beyond what is known by the time anybody looks, and its revisions are older: watch and snapshot."""
    async with ConsulStore.connect(at(consul_on_disk), watch=SMALL) as store:
        await fill(store, TREE)
        consul_on_disk.snapshot(tmp_path / "snapshot")
        async with deciding(store, "t/") as seen:
            snapshot = seen.snapshot
            await until_shards(store, 12, 64)
            later = TREE | dict.fromkeys(list(TREE)[::5], b"later") | {"t/b/p3x": b"new"}
            await fill(store, later)
            await empty(store, ["t/e/q1"])
            del later["t/e/q1"]
            await seen.until_values(later)
            consul_on_disk.restore(tmp_path / "snapshot")
            after = {"t/d/p1": b"after", "t/z": b"after"}
            for key, value in after.items():
                assert consul_on_disk.call("PUT", f"/v1/kv/{key}", value).body == b"true"
            await seen.until_values(TREE | after)
            assert {key: value.raw for key, value in snapshot.items()} == TREE | after
            await fill(store, later)
            await seen.until_values(TREE | after | later)
            assert {key: value.raw for key, value in snapshot.items()} == TREE | after | later


async def test_a_server_that_was_killed_is_caught_up_with_in_every_shard(consul_on_disk: ConsulOnDisk) -> None:
    async with ConsulStore.connect(at(consul_on_disk), watch=SMALL) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            consul_on_disk.kill()
            await seen.until(lambda: isinstance(seen.events[-1], Trouble))
            consul_on_disk.restart()
            changed = TREE | {f"t/{room}/p1": b"changed" for room in "abcdef"}
            async with ConsulStore.connect(at(consul_on_disk)) as other:
                await fill(other, changed)
            await seen.until_values(changed)
            assert not any(batch.deleted for batch in seen.batches())


async def test_rights_lost_on_some_shards_are_an_alarm_and_delete_nothing(consul_acl: ConsulWithAcl) -> None:
    """The others go on, every trip of the guard is counted, and with the rights comes what was missed."""
    whole = 'key_prefix "t/" { policy = "write" }'
    token, metrics = consul_acl.create_token(whole), PrometheusMetrics(version="1")
    async with ConsulStore.connect(at(consul_acl, token=token), watch=SMALL, metrics=metrics) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await until_shards(store, 12, 64)
            assert trips(metrics) == 0
            change_rules(consul_acl, token, whole + 'key_prefix "t/b/" { policy = "deny" }')
            consul_acl.call("PUT", "/v1/kv/t/b/p1", b"unseen")
            consul_acl.call("PUT", "/v1/kv/t/a/p1", b"seen")
            await seen.until(lambda: any(isinstance(e, Trouble) and e.alarm for e in seen.events))
            await seen.until(lambda: seen.values()["t/a/p1"] == b"seen")
            assert seen.values().keys() == TREE.keys()
            assert all(isinstance(e.error, Forbidden) for e in seen.events if isinstance(e, Trouble))
            assert trips(metrics) > 0
            change_rules(consul_acl, token, whole)
            await seen.until_values(TREE | {"t/a/p1": b"seen", "t/b/p1": b"unseen"})
            assert not any(batch.deleted for batch in seen.batches())


async def test_each_look_of_the_guard_is_counted(consul: Consul) -> None:
    """A small loss is none; a mass deletion is looked at twice, then believed."""
    metrics = PrometheusMetrics(version="1")
    async with ConsulStore.connect(at(consul), metrics=metrics) as store:
        await fill(store, TREE)
        async with watching(store, "t/") as seen:
            await empty(store, ["t/a/p1"])
            await seen.until(lambda: "t/a/p1" not in seen.picture)
            assert trips(metrics) == 0
            consul.call("DELETE", "/v1/kv/t/?recurse")
            await seen.until_values({})
            assert trips(metrics) == 1


async def test_what_came_and_went_between_two_answers_is_told_by_listings(consul: Consul) -> None:
    """An observer that knows a key from elsewhere, as the writer's snapshot knows its commits, learns that it is gone.

    The snapshot is told of commits that the store never had: the same to it as ones that were undone unseen.
    """
    async with ConsulStore.connect(at(consul), watch=replace(SMALL, resync_s=0.5)) as store:
        await fill(store, TREE)
        async with deciding(store, "t/") as seen:
            snapshot = seen.snapshot
            await until_shards(store, 12, 64)
            newest = store.coverage().index
            for number, key in enumerate(("t/a/p3x", "t/zz/top", "t/c/unheard/of")):
                snapshot.wrote(key, b"ours", newest + number - 1)
            await seen.until(lambda: {key for key, _ in snapshot.items()} == TREE.keys())


def trips(metrics: PrometheusMetrics) -> float:
    line = next(each for each in metrics.render()[0].decode().splitlines() if each.startswith("versiqii_guard_trips_"))
    return float(line.rpartition(" ")[2])


def change_rules(consul_acl: ConsulWithAcl, token: str, rules: str) -> None:
    listed = consul_acl.call("GET", "/v1/acl/tokens").json()
    policy = next(each for each in listed if each.get("SecretID") == token)["Policies"][0]
    body: dict[str, Any] = {"ID": policy["ID"], "Name": policy["Name"], "Rules": rules}
    assert consul_acl.call("PUT", f"/v1/acl/policy/{policy['ID']}", body).status == 200


# --------------------------------------------------------------------------------------------- contract and model


TINY = replace(PATIENT, sizes=Sizes(whole=1_600, split=1_100, merge=600, spare=1), settle_s=0.05)
"""A key weighs 500 and a little: shards of two keys, trees of three in one piece."""


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """One server for the whole contract: each test keeps to a root of its own."""
    yield from launch(request, Consul)


DRILLED = replace(TINY, sizes=Sizes(whole=600, split=550, merge=300, spare=0))
"""With a single query, all is in one shard, which is looked through for what changed as soon as there are two keys."""


@pytest.mark.parametrize(("watch", "queries"), [(TINY, 64), (DRILLED, 1)], ids=["cut", "drilled"])
class TestShardedWatch(WatchContract):
    """All the promises of a watch, when it is always cut, and when its shard is always too heavy."""

    @pytest.fixture
    async def store(self, server: Consul, watch: WatchOptions, queries: int) -> AsyncIterator[ConsulStore]:
        options = replace(watch, settle_s=0.7)
        async with ConsulStore.connect(at(server), watch=options, queries_max=queries) as store:
            yield store


@pytest.mark.parametrize(("watch", "queries"), [(TINY, 64), (DRILLED, 1)], ids=["cut", "drilled"])
def test_consul_in_shards_agrees_with_a_dictionary(consul: Consul, watch: WatchOptions, queries: int) -> None:
    class ShardedMachine(StoreMachine):
        @contextlib.asynccontextmanager
        async def make_store(self) -> AsyncIterator[ConsulStore]:
            async with ConsulStore.connect(at(consul), watch=watch, queries_max=queries) as store:
                yield store

        def _start_watch(self) -> None:
            super()._start_watch()
            self.key_shown: dict[str, int] = {}
            self.before: dict[str, bytes] = {}

        @invariant()
        def every_picture_was_a_moment(self) -> None:
            """Key by key, in the order of its states: commits that follow each other in several shards may be told
            in another order, a single key's may not.
            """
            pictures, self.pictures = self.pictures, []
            for picture in pictures:
                for key in sorted(picture.keys() | self.before.keys()):
                    if picture.get(key) != self.before.get(key):
                        self._advance(key, picture.get(key))
                self.before = picture

        def _advance(self, key: str, value: bytes | None) -> None:
            at = self.key_shown.get(key, self.shown)
            while at < len(self.moments) and self.moments[at].get(key) != value:
                at += 1
            assert at < len(self.moments), f"{key} never was {value!r}, or was before what is known"
            self.key_shown[key] = at

    plan = settings(
        max_examples=12,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(ShardedMachine, settings=plan)
