"""A watch in shards while its Consul is restored, killed, or takes rights away: what is believed, and what is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.consul_at import at
from tests.contract.sharding import SMALL, TREE, deciding, empty, fill, until_shards
from tests.services.consul import Consul
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.errors import Forbidden
from versiqiid.ports import Trouble
from versiqiid.testing.watching import watching

if TYPE_CHECKING:
    from tests.services.consul import ConsulOnDisk, ConsulWithAcl

pytestmark = [pytest.mark.anyio, pytest.mark.consul]


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
            consul_acl.change_rules(token, whole + 'key_prefix "t/b/" { policy = "deny" }')
            consul_acl.call("PUT", "/v1/kv/t/b/p1", b"unseen")
            consul_acl.call("PUT", "/v1/kv/t/a/p1", b"seen")
            await seen.until(lambda: any(isinstance(e, Trouble) and e.alarm for e in seen.events))
            await seen.until(lambda: seen.values()["t/a/p1"] == b"seen")
            assert seen.values().keys() == TREE.keys()
            assert all(isinstance(e.error, Forbidden) for e in seen.events if isinstance(e, Trouble))
            assert trips(metrics) > 0
            consul_acl.change_rules(token, whole)
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
