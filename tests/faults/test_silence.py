"""Queries that a frozen server holds behind one that is well: the watch finds out by itself, and tells what changed
long before any wait is over and without any resync."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import anyio
import pytest

from tests.faults.passage import Cut, Passage
from tests.services.consul import Consul
from tests.services.consul.cluster import ConsulCluster
from tests.services.fixtures import launch
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.shards import Sizes
from versiqiid.errors import Unavailable
from versiqiid.ports import Set
from versiqiid.testing.watching import watching

pytestmark = [pytest.mark.anyio, pytest.mark.consul, pytest.mark.timeout(300)]

NEVER_S = 600.0
WHOLE = WatchOptions(wait_s=NEVER_S, part_wait_s=NEVER_S, resync_s=NEVER_S, probe_s=0.2)
CUT = replace(WHOLE, sizes=Sizes(whole=20_000, split=8_000, merge=3_000), drill_from=1)
"""A key of these weighs about 1,000."""

TREE = {f"t/{room}/{number}": b"x" * 350 for room in "abcdef" for number in range(10)}
PATIENCE_S = 120


@pytest.mark.parametrize("options", [WHOLE, CUT], ids=["in one query", "in shards"])
async def test_held_queries_hide_nothing(consul: Consul, options: WatchOptions) -> None:
    """Changes, deletions and new directories; and when the held queries are answered after all, nothing goes back."""
    with Passage(consul.address) as passage:
        settings = ConsulSettings(parse_addresses(passage.address))
        async with ConsulStore.connect(settings, watch=options) as store, watching(store, "t/") as seen:
            await store.commit([Set(key, value) for key, value in TREE.items()])
            await seen.until_values(TREE)
            with anyio.fail_after(PATIENCE_S):
                while options is CUT and len(store.coverage().shards) < 6:
                    await anyio.sleep(0.01)
            now = dict(TREE)
            for number in range(3):
                passage.cut = Cut.HELD
                key, made, gone = f"t/c/{number}", f"t/new-{number}/a", f"t/e/{number}"
                consul.call("PUT", f"/v1/kv/{key}", b"changed")
                await seen.until(lambda key=key: seen.values()[key] == b"changed")  # type: ignore[misc]
                consul.call("PUT", f"/v1/kv/{made}", b"made")
                consul.call("DELETE", f"/v1/kv/{gone}")
                now = {each: value for each, value in (now | {key: b"changed", made: b"made"}).items() if each != gone}
                await seen.until_values(now)
                passage.cut = Cut.NO
                consul.call("PUT", f"/v1/kv/t/a/{number}", b"after")
                now[f"t/a/{number}"] = b"after"
                await seen.until_values(now)


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[ConsulCluster]:
    yield from launch(request, ConsulCluster)


async def test_a_follower_whose_leader_freezes_hides_nothing(cluster: ConsulCluster) -> None:
    """Only one server is known to the watch, and is well all the while. Its queries are with the leader that froze, and
    are still with it when it wakes and another one leads.
    """
    leader = cluster.leader()
    followers = cluster.followers()
    settings = ConsulSettings(parse_addresses(followers[0].address))
    async with ConsulStore.connect(settings, watch=replace(WHOLE, probe_s=1.0)) as store:
        await written(store, b"before")
        async with watching(store, "t/") as seen:
            for number in range(2):
                leader.pause()
                try:
                    value = b"while it is frozen, %d" % number
                    await written(store, value)
                    with anyio.fail_after(PATIENCE_S):
                        while seen.values() != {"t/a": value}:
                            await anyio.sleep(0.01)
                finally:
                    leader.resume()
                value = b"after it woke, %d" % number
                await written(store, value)
                with anyio.fail_after(PATIENCE_S):
                    while seen.values() != {"t/a": value}:
                        await anyio.sleep(0.01)
                leader = cluster.leader()
                if leader is followers[0]:
                    break


async def written(store: ConsulStore, value: bytes) -> None:
    """As soon as somebody leads."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            try:
                await store.commit([Set("t/a", value)])
            except Unavailable:
                await anyio.sleep(0.2)
            else:
                return
