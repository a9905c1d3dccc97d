"""How changes are written: several transactions under way, none of them built on what another one writes."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.crashing import Crash, Crashing, Plan
from tests.engine.weather import Weather
from tests.engine.world import World, build, journal_at, running, running_on_an_imported_tree, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.core.canonical import digest
from versiqiid.engine.writer import LANES
from versiqiid.ports import StoreLimits

pytestmark = pytest.mark.anyio

WHERE = "prod/asia/av/default"
SMALL = StoreLimits(value_bytes_max=512 * 1024, operations_max=64, transaction_bytes_max=512 * 1024)


def fleet(count: int, *, depth: int = 3) -> dict[str, Any]:
    """The small world, and so many configs bound in one place."""
    more = {f"configs/av/1.0.0/c{n}": {"depth": depth} for n in range(count)}
    return scan_world() | more | {f"bindings/prod/asia/av/c{n}": "" for n in range(count)}


async def load(world: World, keys: dict[str, Any], at_once: int = 50) -> None:
    """Write keys, so many in one transaction."""
    names = list(keys)
    for start in range(0, len(names), at_once):
        await world.write({name: keys[name] for name in names[start : start + at_once]})


async def drift_of(world: World, place: str) -> list[tuple[str, str]]:
    """Dimension and binding (or other target) of each drift that is told."""
    found = await world.get(f"drift/{place}")
    drifts = json.loads(found)["drifts"] if found else []
    return sorted((drift["dimension"], drift.get("binding", "")) for drift in drifts)


async def test_drift_of_a_place_with_more_statuses_than_a_transaction_holds(tmp_path: Path) -> None:
    """One refused binding among hundreds is drift, though no transaction could check every status it was told from."""
    async with running(tmp_path, MemoryStore(limits=SMALL)) as world:
        await load(world, fleet(100))
        await world.settled()
        await world.write({"configs/av/1.0.0/c7": "{"})
        await world.until("prod/asia/av/c7", state="Rejected")
        with anyio.fail_after(60):
            while await drift_of(world, "prod/asia/av") != [("schema", "c7")]:
                await anyio.sleep(0.005)


async def test_drift_follows_statuses_that_are_written_at_the_same_time(tmp_path: Path) -> None:
    """A move that changes the drift document by itself, and a status with it, ends with the drift of that status."""
    async with running(tmp_path) as world:
        await world.write(scan_world() | {"targets/av/2.0.0": {"requires": {"auth": ">=1"}}})
        await world.write({"configs/av/1.0.0/default": {"depth": 12}})
        await world.settled()
        for _ in range(5):
            await world.write({"envs/prod/asia/av/version": "2.0.0"})
            await world.settled()
            assert await drift_of(world, "prod/asia/av") == [("dependency", ""), ("schema", "default")]
            await world.write({"envs/prod/asia/av/version": "1.4.0"})
            await world.settled()
            assert await drift_of(world, "prod/asia/av") == []


async def test_an_imported_tree_comes_to_rest(tmp_path: Path) -> None:
    """What reads an imported config is decided when it moves, and not for ever."""
    async with running_on_an_imported_tree(tmp_path) as world:
        assert await world.effective(WHERE) == {"depth": 3}


async def test_several_transactions_are_under_way_at_a_time(tmp_path: Path) -> None:
    """A store whose first answers come only together is no dead end: transactions do not wait for each other."""
    store = Weather(MemoryStore(limits=SMALL), together=LANES)
    async with running(tmp_path, store) as world:
        await load(world, fleet(60))
        await world.settled()
        store.gather()
        await world.write({"envs/prod/asia/av/version": "2.0.0"})
        await world.settled()
        assert store.most == LANES
        await as_told(world, state="Migrated")


@pytest.mark.parametrize("seed", range(8))
async def test_lost_answers_and_foreign_writes_leave_one_story(tmp_path: Path, seed: int) -> None:
    """Answers lost before or after the fact, in any lane, with somebody else writing: every binding ends as the rule
    says, every settlement is recorded once, in the order of revisions, and every status tells where."""
    store = Weather(MemoryStore(limits=SMALL), seed=seed)
    async with running(tmp_path, store) as world:
        await load(world, fleet(40))
        await world.settled()
        store.share = 0.4
        for number in count():
            depth = number % 9 + 1
            await world.write({"envs/prod/asia/av/version": "1.4.0" if number % 3 else "2.0.0"})
            for n in range(40):
                await world.write({f"configs/av/1.0.0/c{n}": {"depth": depth}})
            await world.settled()
            if store.lost >= 10:
                break
        await world.write({"envs/prod/asia/av/version": "2.1.0"})
        await world.settled()
        await as_told(world, state="Migrated")
        assert {json.dumps(await world.effective(f"prod/asia/av/c{n}")) for n in range(40)} == {
            json.dumps({"scan": {"depth": depth}})
        }
        assert not await world.journal.open_intents()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_crash_with_several_transactions_under_way(tmp_path: Path, after: bool) -> None:
    """Whatever had happened of a wave when the process ended, the next one finds out, settles it once, and goes on."""
    for at in range(0, 60, 7):
        store, folder = Weather(MemoryStore(limits=SMALL), together=LANES), tmp_path / str(at)
        folder.mkdir()
        async with running(folder, store) as world:
            await load(world, fleet(40))
            await world.settled()
        await crash_in_the_wave(folder, store, at, after=after)
        async with running(folder, store) as world:
            await world.settled()
            await as_told(world, state="Migrated")
            assert not await world.journal.open_intents()


async def crash_in_the_wave(folder: Path, store: Weather, at: int, *, after: bool) -> None:
    """One life of the process, ended at a write call of a wave that moves every binding, or at its end."""
    plan = Plan(after=after)
    try:
        async with journal_at(folder) as journal:
            engine = build(Crashing(store, plan), Crashing(journal, plan))
            world = World(store, journal, engine)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run)
                await world.settled()
                plan.at = plan.calls + at
                store.gather()
                await world.write({"envs/prod/asia/av/version": "2.0.0"})
                await world.settled()
                tasks.cancel_scope.cancel()
    except* Crash:
        pass


async def as_told(world: World, *, state: str) -> None:
    """Statuses, effective configs and journal say the same."""
    entries = await world.entries()
    assert [entry["position"] for entry in entries] == list(range(len(entries)))
    effective = await world.tree("effective")
    for name, raw in (await world.tree("status")).items():
        status = json.loads(raw)
        assert (name, status["state"], status["reason"]) == (name, state, "")
        assert status["effectiveDigest"] == digest(effective[name])
        story = [e for e in entries if e["stream"] == f"binding/{name}" and "effectiveDigest" in e["data"]]
        assert status["journal"] == story[-1]["position"]
        assert story[-1]["data"]["effectiveDigest"] == status["effectiveDigest"]
        revisions = [entry["consul"]["index"] for entry in story]
        assert revisions == sorted(set(revisions)), name
        previous = [entry["data"]["previousDigest"] for entry in story[1:]]
        assert previous == [entry["data"]["effectiveDigest"] for entry in story[:-1]], name
