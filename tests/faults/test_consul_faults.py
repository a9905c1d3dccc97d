"""A real Consul is frozen, killed, restarted: watches recover and lose nothing, writes say what is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import anyio
import pytest

from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import Timeouts
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.cursor import Pace
from versiqiid.core.retry import Backoff
from versiqiid.core.shards import Sizes
from versiqiid.errors import Unavailable
from versiqiid.ports import Reached, Set, Trouble
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from tests.services.consul import Consul, ConsulOnDisk
    from tests.services.consul.cluster import ConsulCluster

pytestmark = [pytest.mark.anyio, pytest.mark.consul]

QUICK = Timeouts(connect_s=0.5, answer_s=0.5)
EAGER = WatchOptions(probe_s=0.2, pace=Pace(failed=Backoff(first_s=0.05, most_s=0.5)))
CUT = replace(EAGER, sizes=Sizes(whole=1_600, split=1_100, merge=600, spare=1))
"""A key weighs 500 and a little: shards of two keys."""


@pytest.fixture(params=[EAGER, CUT], ids=["whole", "cut"])
def watch(request: pytest.FixtureRequest) -> WatchOptions:
    """With one query, and with one for every two keys."""
    found: WatchOptions = request.param
    return found


def connect(address: str, watch: WatchOptions = EAGER) -> ConsulStore:
    return ConsulStore.connect(ConsulSettings(parse_addresses(address)), timeouts=QUICK, watch=watch)


def troubles(seen: Watching) -> list[Trouble]:
    return [event for event in seen.events if isinstance(event, Trouble)]


async def in_thread(call: object) -> None:
    await anyio.to_thread.run_sync(call)  # type: ignore[arg-type]


async def test_a_frozen_server_is_noticed_while_the_query_blocks_and_nothing_is_lost(
    consul: Consul, watch: WatchOptions
) -> None:
    """The query itself would be silent for five minutes."""
    async with connect(consul.address, watch) as store:
        more = {f"t/{room}/{leaf}": b"1" for room in "cde" for leaf in "xyz"}
        await store.commit([Set(key, value) for key, value in ({"t/a": b"1", "t/b": b"1"} | more).items()])
        async with watching(store, "t/") as seen:
            await in_thread(consul.pause)
            await seen.until(lambda: len(troubles(seen)) >= 2)
            assert [trouble.attempt for trouble in troubles(seen)][:2] == [1, 2]
            assert not any(trouble.alarm for trouble in troubles(seen))
            assert seen.values() == {"t/a": b"1", "t/b": b"1"} | more
            await in_thread(consul.resume)
            await seen.until(lambda: isinstance(seen.events[-1], Reached))
            await store.commit([Set("t/a", b"2"), Set("t/d/y", b"2")])
            await seen.until_values({"t/a": b"2", "t/b": b"1"} | more | {"t/d/y": b"2"})


async def test_a_commit_to_a_frozen_server_may_have_been_written(consul: Consul) -> None:
    async with connect(consul.address) as store:
        await store.commit([Set("t/a", b"1")])
        await in_thread(consul.pause)
        with pytest.raises(Unavailable) as caught:
            await store.commit([Set("t/a", b"2")])
        assert caught.value.maybe_written
        with pytest.raises(Unavailable) as caught:
            await store.get("t/a")
        assert not caught.value.maybe_written
        await in_thread(consul.resume)
        with anyio.fail_after(60):
            while True:
                entry = await store.get("t/a")
                if entry is not None and entry.value == b"2":  # it was written after all: read before you retry
                    break


async def test_a_killed_server_that_comes_back_is_caught_up_with(
    consul_on_disk: ConsulOnDisk, watch: WatchOptions
) -> None:
    async with connect(consul_on_disk.address, watch) as store:
        await store.commit([Set(f"t/{number}", b"1") for number in range(10)])
        async with watching(store, "t/") as seen:
            await in_thread(consul_on_disk.kill)
            await seen.until(lambda: bool(troubles(seen)))
            assert len(seen.values()) == 10, "nothing is deleted because something is away"
            with pytest.raises(Unavailable) as caught:
                await store.commit([Set("t/0", b"2")])
            assert not caught.value.maybe_written, "nobody listens"
            await in_thread(consul_on_disk.start)
            await store.commit([Set("t/0", b"3")])
            await seen.until_values({f"t/{number}": b"3" if number == 0 else b"1" for number in range(10)})


async def test_a_server_that_forgot_everything_is_believed_only_after_confirmation(
    consul: Consul, watch: WatchOptions
) -> None:
    """In memory a restart empties it: the index starts again, and the watch follows."""
    async with connect(consul.address, watch) as store:
        await store.commit([Set(f"t/{number}", b"1") for number in range(10)])
        async with watching(store, "t/") as seen:
            await in_thread(consul.restart)
            await store.commit([Set("t/new", b"1")])
            await seen.until_values({"t/new": b"1"})


@pytest.mark.timeout(120)
async def test_a_cluster_without_its_leader_goes_on_through_the_others(
    consul_cluster: ConsulCluster, watch: WatchOptions
) -> None:
    """The first address is the leader's; it is frozen, then the watch and the commits move on."""
    leader = consul_cluster.leader()
    others = [server.address for server in consul_cluster.servers if server is not leader]
    patient = ConsulStore.connect(
        ConsulSettings(parse_addresses(",".join([leader.address, *others]))),
        timeouts=Timeouts(connect_s=1, answer_s=3),
        watch=watch,
    )
    async with patient as store:
        more = {f"t/{room}/{leaf}": b"1" for room in "cde" for leaf in "xyz"}
        await store.commit([Set("t/a", b"1"), *(Set(key, value) for key, value in more.items())])
        async with watching(store, "t/") as seen:
            await in_thread(leader.pause)
            with anyio.fail_after(60):
                for number in range(200):
                    try:
                        await store.commit([Set("t/a", str(number).encode())])
                        break
                    except Unavailable:
                        continue
            entry = await store.get("t/a")
            assert entry is not None
            await seen.until_values({"t/a": entry.value} | more)
            await in_thread(leader.resume)
            await store.commit([Set("t/b", b"after")])
            # What the frozen leader was asked may still be written now, so nothing more is said of t/a.
            await seen.until(lambda: seen.values().get("t/b") == b"after")
