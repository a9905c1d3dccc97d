"""Crash anywhere, run again, same end: at every write call, before it and after it took effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.crashing import Crash, Crashing, Plan
from tests.engine.world import World, build, journal_at, scan_world
from versiqiid.adapters.memory import MemoryStore

pytestmark = pytest.mark.anyio

WHERE = "prod/asia/av/default"

STEPS: list[dict[str, Any]] = [
    scan_world(),
    {"envs/prod/asia/av/version": "2.1.3"},
    {"configs/av/1.0.0/default": {"depth": 12}},
    {f"effective/{WHERE}": {"evil": 1}},
    {"envs/prod/asia/av/version": "1.4.0"},
    {"bindings/prod/av/default": None},
]


async def _run_until_settled(folder: Path, store: MemoryStore, plan: Plan, step: int | None) -> bool:
    """One life of the process; False when it crashed. ``step`` is written by somebody else once it leads."""
    try:
        async with journal_at(folder) as journal:
            engine = build(Crashing(store, plan), Crashing(journal, plan))
            world = World(store, journal, engine)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run)
                if step is not None:
                    await world.write(STEPS[step])
                await world.settled()
                tasks.cancel_scope.cancel()
        lived = True
    except* Crash:
        lived = False
    return lived


async def _live(folder: Path, plan: Plan) -> tuple[dict[str, Any], list[Any]]:
    """All steps, each in lives of its own until it is settled; the final state and the story of the binding."""
    folder.mkdir()
    store = MemoryStore()
    for step in range(len(STEPS)):
        if not await _run_until_settled(folder, store, plan, step):
            plan.at, plan.crashed = None, False
            assert await _run_until_settled(folder, store, plan, None)
    async with journal_at(folder) as journal:
        world = World(store, journal, build(store, journal))
        entries = await world.entries()
        assert [entry["position"] for entry in entries] == list(range(len(entries)))
        assert not await journal.open_intents()
        story = [
            (e["type"], e["stream"], *(e["data"].get(name) for name in ("state", "effectiveDigest", *_told_of(e))))
            for e in entries
            if not e["type"].startswith("Leader") and "mark" not in e["stream"]
        ]
        state: dict[str, Any] = dict(await world.tree("effective")) | dict.fromkeys(await world.tree("drift"), "drift")
        statuses = {key: json.loads(value) for key, value in (await world.tree("status")).items()}
        for key, status in statuses.items():
            last = [e for e in entries if e["stream"] == f"binding/{key}"][-1]
            assert status["journal"] == last["position"]
        return state | {key: (s["state"], s["reason"]) for key, s in statuses.items()}, sorted(story, key=repr)


def _told_of(entry: dict[str, Any]) -> tuple[str, ...]:
    """Drift documents hold times, so their digests differ from life to life."""
    return () if entry["type"].startswith("Drift") else ("digest",)


async def test_crash_at_every_write_ends_the_same(tmp_path: Path) -> None:
    """Same end, no entry lost, none doubled, no intent left open, every status tells its settlement's position."""
    calm = Plan()
    wanted = await _live(tmp_path / "calm", calm)
    assert calm.calls > 30
    for at in range(calm.calls):
        for after in (False, True):
            found = await _live(tmp_path / f"{at}-{after}", Plan(at, after))
            assert found[0] == wanted[0], f"state differs after a crash at call {at} after={after}"
            assert found[1] == wanted[1], f"journal differs after a crash at call {at} after={after}"
