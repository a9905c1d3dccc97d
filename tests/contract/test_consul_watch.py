"""What a watch on a real Consul believes, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.consul_at import at
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.errors import Forbidden
from versiqiid.ports import Delete, Reached, Set, Trouble, WatchEvent
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.consul import Consul, ConsulOnDisk, ConsulWithAcl

pytestmark = [pytest.mark.anyio, pytest.mark.consul]

READ = 'key_prefix "t/" { policy = "read" }'


def alarms(seen: Watching) -> list[Trouble]:
    return [event for event in seen.events if isinstance(event, Trouble) and event.alarm]


async def test_keys_outside_the_grammar_come_through_and_cannot_be_written(consul: Consul) -> None:
    """Folder keys and typos are other people's: they are told, so that they can be counted."""
    odd = {"t/folder/": b"", "t/with space": b"x", "t/.hidden": b"x"}
    async with ConsulStore.connect(at(consul)) as store, watching(store, "t/") as seen:
        for key, value in odd.items():
            assert consul.call("PUT", f"/v1/kv/{key.replace(' ', '%20')}", value).body == b"true"
        there = {entry.key: entry.value for entry in (await store.scan("t/")).entries}
        assert "t/folder/" in there
        await seen.until_values(there)


async def test_a_real_mass_deletion_is_confirmed_and_told(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul)) as store:
        await store.commit([Set(f"t/{number}", b"x") for number in range(20)])
        async with watching(store, "t/") as seen:
            await store.commit([Delete(f"t/{number}") for number in range(20)])
            await seen.until_values({})
            assert len(seen.batches()[-1].deleted) == 20
            assert alarms(seen) == []


async def test_a_token_that_lost_rights_is_an_alarm_and_deletes_nothing(consul_acl: ConsulWithAcl) -> None:
    """Consul leaves out silently what the token may not read any more."""
    for name in ("open/a", "closed/a", "closed/b", "closed/c"):
        consul_acl.call("PUT", f"/v1/kv/t/{name}", b"1")
    token = consul_acl.create_token(READ)
    async with ConsulStore.connect(at(consul_acl, token=token)) as store, watching(store, "t/") as seen:
        before = seen.values()
        assert len(before) == 4
        consul_acl.change_rules(token, 'key_prefix "t/open/" { policy = "read" } key "t/_probe" { policy = "read" }')
        consul_acl.call("PUT", "/v1/kv/t/open/a", b"2")
        await seen.until(lambda: bool(alarms(seen)))
        assert isinstance(alarms(seen)[0].error, Forbidden)
        assert seen.values() == before
        consul_acl.change_rules(token, READ)
        await seen.until_values(before | {"t/open/a": b"2"})


async def test_a_revoked_token_is_an_alarm_and_deletes_nothing(consul_acl: ConsulWithAcl) -> None:
    consul_acl.call("PUT", "/v1/kv/t/a", b"1")
    current = [consul_acl.create_token(READ)]
    async with (
        ConsulStore.connect(at(consul_acl), token=lambda: current[0], watch=WatchOptions(probe_s=0.1)) as store,
        watching(store, "t/") as seen,
    ):
        consul_acl.revoke_token(current[0])
        await seen.until(lambda: bool(alarms(seen)))
        assert seen.values() == {"t/a": b"1"}
        current[0] = consul_acl.create_token(READ)
        await seen.until(lambda: not isinstance(seen.events[-1], Trouble))
        assert seen.values() == {"t/a": b"1"}


async def test_a_token_that_went_missing_is_an_alarm_and_deletes_nothing(consul_acl: ConsulWithAcl) -> None:
    """Without a token Consul answers "nothing there", and does not say that it filtered."""
    for number in range(4):
        consul_acl.call("PUT", f"/v1/kv/t/{number}", b"1")
    anonymous = {"Name": "probe", "Rules": 'key "t/_probe" { policy = "read" }'}
    policy = consul_acl.call("PUT", "/v1/acl/policy", anonymous).json()
    public = {"Policies": [{"ID": policy["ID"]}]}
    consul_acl.call("PUT", "/v1/acl/token/00000000-0000-0000-0000-000000000002", public)
    current: list[str | None] = [consul_acl.create_token(READ)]
    async with (
        ConsulStore.connect(at(consul_acl), token=lambda: current[0]) as store,
        watching(store, "t/") as seen,
    ):
        current[0] = None
        consul_acl.call("PUT", "/v1/kv/t/0", b"2")  # wakes the query, the next one goes without a token
        await seen.until(lambda: seen.values()["t/0"] == b"2" or bool(alarms(seen)))
        consul_acl.call("PUT", "/v1/kv/t/0", b"3")
        await seen.until(lambda: bool(alarms(seen)))
        assert len(seen.values()) == 4


async def test_an_index_that_went_back_gives_everything_anew(consul_on_disk: ConsulOnDisk, tmp_path: Path) -> None:
    """A restored snapshot gives old revisions out again, for other values: numbers prove nothing then."""
    async with ConsulStore.connect(at(consul_on_disk), watch=WatchOptions(probe_s=0.2)) as store:
        await store.commit([Set("t/a", b"old"), Set("t/b", b"old")])
        consul_on_disk.snapshot(tmp_path / "snapshot")
        async with watching(store, "t/") as seen:
            for number in range(20):
                await store.commit([Set("t/a", str(number).encode()), Set(f"t/new/{number}", b"x")])
            await seen.until(lambda: seen.values()["t/a"] == b"19" and len(seen.picture) == 22)
            consul_on_disk.restore(tmp_path / "snapshot")
            await seen.until_values({"t/a": b"old", "t/b": b"old"})
            assert seen.batches()[-1].complete, "nothing known may be compared by its number any more"
            await store.commit([Set("t/a", b"after")])
            await seen.until_values({"t/a": b"after", "t/b": b"old"})


async def test_everything_is_told_again_every_so_often(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul), watch=WatchOptions(resync_s=0.05)) as store:
        await store.commit([Set("t/a", b"1")])
        async with watching(store, "t/") as seen:
            await seen.until(lambda: sum(batch.complete for batch in seen.batches()) >= 3)
            assert seen.values() == {"t/a": b"1"}


async def test_a_quiet_watch_says_that_it_is_well_while_the_query_blocks(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul), watch=WatchOptions(probe_s=0.05)) as store:
        await store.commit([Set("t/a", b"1")])
        async with watching(store, "t/") as seen:
            await seen.until(lambda: sum(isinstance(event, Reached) for event in seen.events) >= 3)
            assert len(seen.batches()) == 1


async def test_an_observer_that_raises_during_a_sign_of_life_ends_the_watch_with_its_error(consul: Consul) -> None:
    class OverError(Exception):
        pass

    async def observe(event: WatchEvent) -> None:
        if isinstance(event, Reached):
            raise OverError

    async with ConsulStore.connect(at(consul), watch=WatchOptions(probe_s=0.01)) as store:
        await store.commit([Set("t/a", b"1")])
        with pytest.raises(OverError):
            await store.watch("t/", observe)
