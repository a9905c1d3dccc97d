"""Rolling back beside an engine that runs: never fought, taken up again when it was cut short, conflicts named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.engine.world import World, running, running_on_an_imported_tree, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.api.history import History
from versiqiid.api.rollback import Rollback
from versiqiid.api.service import Service, Write
from versiqiid.core.status import Cause
from versiqiid.engine.facts import Attribution
from versiqiid.errors import Conflict, InvalidInput, Unavailable
from versiqiid.ports import Actor, Operation, Revision, Set, StoreLimits

pytestmark = pytest.mark.anyio

BINDING = "prod/asia/av/default"
CONFIG = "configs/av/1.0.0/default"
ADA = Actor("user", "ada", "api")


class Frail:
    """A store whose commits of configs fail when told so, before or after they are done; and small transactions."""

    limits = StoreLimits(value_bytes_max=500_000, operations_max=8, transaction_bytes_max=500_000)

    def __init__(self, real: MemoryStore) -> None:
        self._real = real
        self.left: int | None = None
        self.written = False
        self.meanwhile: Operation | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        if self.left == 0:
            if self.meanwhile is not None:
                await self._real.commit([self.meanwhile])
                return await self._real.commit(operations)
            if self.written:
                await self._real.commit(operations)
            raise Unavailable("cut")
        self.left = None if self.left is None else self.left - 1
        return await self._real.commit(operations)


def rollback_of(world: World, store: Any) -> tuple[Rollback, Service]:
    service = Service(store, world.engine.gate, world.engine.attributions, root="versiqii")
    return Rollback(service, History(world.journal)), service


def by(correlation_id: str) -> Attribution:
    return Attribution(ADA, correlation_id)


async def do(world: World, store: Any, correlation_id: str, **undo: str) -> None:
    """Roll back: ``subject`` and ``to``, or ``undo``."""
    rollback, _ = rollback_of(world, store)
    moves = await (rollback.plan_undo(undo["undo"]) if "undo" in undo else rollback.plan(undo["subject"], undo["to"]))
    await rollback.carry_out(moves, by=by(correlation_id), told=undo)


async def rolled_back(world: World) -> list[str]:
    return [entry["data"]["key"] for entry in await world.entries(type="ConfigRolledBack")]


async def test_the_loop_never_takes_a_rollback_back(tmp_path: Path) -> None:
    """Over version moves in both directions and a decision of everything anew, the key stays as it was rolled back."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(BINDING, state="InSync")
        await world.settled()
        await world.write({CONFIG: {"depth": 7}})
        await world.settled()
        first, second = [e["data"]["revision"] for e in await world.entries(key=CONFIG)]
        await do(world, world.store, "back", subject=CONFIG, to=str(first))
        entry = await world.store.get(f"versiqii/{CONFIG}")
        assert json.loads(entry.value) == {"depth": 3}
        for version, state in (("2.0.0", "Migrated"), ("1.4.0", "InSync"), ("2.1.0", "Migrated"), ("1.5.0", "InSync")):
            await world.write({"envs/prod/asia/av/version": version})
            await world.until(BINDING, targetVersion=version, state=state)
        await world.settled()
        assert world.engine._reconciler is not None
        size = await world.journal.size()
        world.engine._reconciler.all_again(Cause("again"))
        await world.settled()
        found = await world.entries(start=size)
        assert [e for e in found if "mark" not in e["stream"]] == []
        after = await world.store.get(f"versiqii/{CONFIG}")
        assert (after.value, after.revision) == (entry.value, entry.revision)
        assert after.revision > second
        revisions = await world.entries(key=CONFIG)
        assert [e["type"] for e in revisions] == ["ConfigRevised", "ConfigRevised", "ConfigRolledBack"]
        assert revisions[-1]["actor"]["id"] == "ada"
        assert await world.effective(BINDING) == {"depth": 3}


async def test_an_imported_tree_is_not_rolled_back_beside_itself(tmp_path: Path) -> None:
    """Its config is in no store of ours: alone it is refused, with its environment it is left out."""
    async with running_on_an_imported_tree(tmp_path) as world:
        (first,) = await world.entries(key=CONFIG)
        await world.write({"envs/prod/asia/av/version": "2.0.0"})
        await world.until(BINDING, state="Migrated")
        rollback, _ = rollback_of(world, world.store)
        with pytest.raises(InvalidInput, match="imported"):
            await rollback.plan(CONFIG, str(first["data"]["revision"]))
        moves = await rollback.plan("prod/asia", first["time"])
        assert {move.key for move in moves} == {"envs/prod/asia/av/version"}


async def many(world: World) -> dict[str, bytes]:
    """Thirty configs with bindings, changed under ``edit-7``; what was before."""
    names = [f"c{number:02}" for number in range(30)]
    await world.write(scan_world())
    await world.write({f"configs/av/1.0.0/{name}": {"depth": 1} for name in names})
    await world.write({f"bindings/prod/av/{name}": "" for name in names[:5]})
    await world.settled()
    before = await world.tree("configs") | await world.tree("effective")
    _, service = rollback_of(world, world.store)
    await service.transact([Write("set", f"configs/av/1.0.0/{n}", b'{"depth": 2}') for n in names], by=by("edit-7"))
    await world.settled()
    return before


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("left", [0, 1, 2, 4])
async def test_undoing_that_was_cut_short_is_gone_on_with(tmp_path: Path, left: int, written: bool) -> None:
    """Whichever transaction is the last, done or not: asked again, everything is as before, recorded once each."""
    async with running(tmp_path) as world:
        before = await many(world)
        store = Frail(world.store)
        store.left, store.written = left, written
        with pytest.raises(Unavailable):
            await do(world, store, "undo-1", undo="edit-7")
        await world.settled()
        store.left = None
        await do(world, store, "undo-2", undo="edit-7")
        await world.settled()
        assert await world.tree("configs") | await world.tree("effective") == before
        assert sorted(await rolled_back(world)) == [f"configs/av/1.0.0/c{number:02}" for number in range(30)]
        await do(world, store, "undo-3", undo="edit-7")
        assert len(await rolled_back(world)) == 30, "what is undone is not undone again"


async def test_a_concurrent_edit_is_named_and_kept(tmp_path: Path) -> None:
    """The key, and how much had been moved; asked again, the edit of the other one stands in the way of undoing."""
    async with running(tmp_path) as world:
        await many(world)
        store = Frail(world.store)
        theirs = "configs/av/1.0.0/c29"
        store.left, store.meanwhile = 2, Set(f"versiqii/{theirs}", b'{"depth": 9}')
        with pytest.raises(Conflict) as conflict:
            await do(world, store, "undo-1", undo="edit-7")
        moved = len(set(await rolled_back(world)))
        if conflict.value.key.endswith(theirs):
            assert f"{moved} of 30" in conflict.value.message
        store.left = store.meanwhile = None
        await world.settled()
        with pytest.raises(Conflict) as conflict:
            await do(world, store, "undo-2", undo="edit-7")
        assert conflict.value.key == theirs
        assert theirs in conflict.value.message
        assert await world.get(theirs) == b'{"depth": 9}'
