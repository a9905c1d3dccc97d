"""Places with more keys to look at than a transaction has operations: on Consul 128, before 1.14 half as many."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.world import running, scan_world
from versiqiid.adapters.memory import LIMITS, MemoryStore

pytestmark = pytest.mark.anyio

MANY = 150


async def test_a_place_with_more_bindings_than_a_transaction_has_operations_tells_its_drift(tmp_path: Path) -> None:
    """On Consul a transaction takes 128 operations; a drift is told however many bindings it is about."""
    store = MemoryStore(limits=replace(LIMITS, operations_max=128))
    bindings = {f"bindings/prod/av/b{number}": {"config": "default"} for number in range(MANY)}
    async with running(tmp_path, store) as world:
        await world.write(scan_world())
        for names in (list(bindings)[:100], list(bindings)[100:]):
            await world.write({name: bindings[name] for name in names})
        await world.settled()
        await world.write({"configs/av/1.0.0/default": {"depth": 12}, "envs/prod/asia/av/version": "2.0.0"})
        await world.settled()
        drift = json.loads(await world.get("drift/prod/asia/av") or b'{"count": 0}')
        assert drift["count"] == MANY + 1
        await world.write({"configs/av/1.0.0/default": {"depth": 2}})
        await world.settled()
        assert await world.get("drift/prod/asia/av") is None


@pytest.mark.parametrize("operations_max", [64, 128])
async def test_an_environment_deeper_than_a_transaction_is_long(tmp_path: Path, operations_max: int) -> None:
    """Each ancestor is looked for twice. As many absences are guarded as there is room for, the nearest first."""
    deep = "/".join(["e"] * 90)
    store = MemoryStore(limits=replace(LIMITS, operations_max=operations_max))
    async with running(tmp_path, store) as world:
        moved = {"bindings/e/av/default": "", "envs/e/av/version": "1.4.0", f"envs/{deep}/x/av/version": "1.4.0"}
        gone = {"bindings/prod/av/default": None, "envs/prod/asia/av/version": None}
        for part in (scan_world(), gone, moved):
            await world.write(part)
        await world.until(f"{deep}/x/av/default", state="InSync")
        await world.write({f"bindings/{deep}/av/default": {"hold": True}})
        await world.until(f"{deep}/x/av/default", state="Held")
        await world.write({f"envs/{deep}/x/av/version": None, f"bindings/{deep}/av/default": None})
        await world.write({"envs/e/av/version": "2.0.0"})
        await world.until(f"{deep}/x/av/default", state="Migrated")
