"""A foreign tree of one key per setting acts as a config, and its updated-at is kept."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.world import ROOT, World, build, journal_at, running
from versiqiid.adapters.memory import MemoryStore
from versiqiid.core.imports import Import
from versiqiid.ports import Delete, Observe, Set

pytestmark = pytest.mark.anyio

TREE = "rebe-shell/config"
WHERE = "prod/rebe-shell/default"
SCHEMA = {
    "type": "object",
    "properties": {
        "backend-url": {"type": "string"},
        "feature-flags": {"type": "object"},
        "retries": {"type": "integer"},
    },
    "additionalProperties": False,
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path, imports=(Import(TREE, "rebe-shell"),)) as found:
        await found.write(
            {
                "families/shell": {},
                "schemas/shell/1.0.0": SCHEMA,
                "targets/rebe-shell": {"family": "shell", "schemas": {"1.x": "1.0.0"}},
                "envs/prod/rebe-shell/version": "1.2.0",
                "bindings/prod/rebe-shell/default": "",
            }
        )
        yield found


async def _leaf(world: World, **leaves: str | None) -> None:
    operations = [
        Delete(f"{TREE}/{name.replace('_', '-')}")
        if value is None
        else Set(f"{TREE}/{name.replace('_', '-')}", value.encode())
        for name, value in leaves.items()
    ]
    await world.store.commit(operations)


async def _effective(world: World, wanted: object) -> None:
    with anyio.fail_after(60):
        while await world.effective(WHERE) != wanted:
            await anyio.sleep(0.005)


async def test_leaves_become_one_config(world: World) -> None:
    """JSON values are parsed, anything else is a string, version and updated-at are no members."""
    await _leaf(world, backend_url="https://shell.example", feature_flags='{"wasm": true}', version="1.0.0")
    await _effective(world, {"backend-url": "https://shell.example", "feature-flags": {"wasm": True}})
    status = await world.until(WHERE, state="InSync")
    assert status["source"]["key"] == "configs/rebe-shell/1.0.0/default"
    revised = await world.entries(type="ConfigRevised")
    assert revised[-1]["data"]["key"] == "configs/rebe-shell/1.0.0/default"


async def test_updated_at_moves_with_the_content_only(world: World) -> None:
    """A change of a setting stamps the tree; an identical write does not."""
    await _leaf(world, backend_url="a", version="1.0.0")
    await _effective(world, {"backend-url": "a"})
    with anyio.fail_after(60):
        while (first := await world.store.get(f"{TREE}/updated-at")) is None:
            await anyio.sleep(0.005)
    assert first.value.endswith(b"Z")
    await _leaf(world, backend_url="a")
    await _leaf(world, backend_url="b")
    await _effective(world, {"backend-url": "b"})
    with anyio.fail_after(60):
        while (second := await world.store.get(f"{TREE}/updated-at")) == first:
            await anyio.sleep(0.005)
    assert second is not None
    assert second.value > first.value


async def test_removed_leaf_and_bad_value(world: World) -> None:
    """A setting that goes leaves the document; one that does not fit is refused and the last good config stays."""
    await _leaf(world, backend_url="a", retries="3", version="1.0.0")
    await _effective(world, {"backend-url": "a", "retries": 3})
    await _leaf(world, retries=None)
    await _effective(world, {"backend-url": "a"})
    await _leaf(world, retries="many")
    status = await world.until(WHERE, state="Rejected")
    assert status["violations"][0]["pointer"] == "/retries"
    assert await world.effective(WHERE) == {"backend-url": "a"}


async def test_without_version_the_tree_is_no_config(world: World) -> None:
    """No version key: nothing to judge by, so nothing is effective, and the binding says so."""
    await _leaf(world, backend_url="a")
    status = await world.until(WHERE, state="Held")
    assert "no config" in status["reason"]
    assert json.loads(await world.get(f"status/{WHERE}") or b"")["effectiveDigest"] is None
    assert await world.store.get(f"{ROOT}/effective/{WHERE}") is None


class Late:
    """A store that shows the foreign tree only when it is told to."""

    def __init__(self, real: MemoryStore) -> None:
        self._real = real
        self.shown = anyio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def watch(self, prefix: str, observe: Observe) -> None:
        if prefix.startswith(TREE):
            await self.shown.wait()
        await self._real.watch(prefix, observe)


async def test_another_leader_records_nothing_anew(tmp_path: Path) -> None:
    """A tree that was there all the time is neither gone nor new when a process leads before it has seen it."""
    store: Any = MemoryStore()
    async with journal_at(tmp_path) as journal:
        for term in range(3):
            late: Any = Late(store)
            engine = build(late, journal, imports=(Import(TREE, "rebe-shell"),))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run)
                world = World(store, journal, engine)
                if term == 0:
                    await world.write({"targets/rebe-shell": {"family": "shell"}})
                    await _leaf(world, backend_url="https://shell.example", version="1.0.0")
                key = "configs/rebe-shell/1.0.0/default"
                with anyio.fail_after(60):
                    while not engine.observer.leads:
                        await anyio.sleep(0.005)
                await world.settled()
                late.shown.set()
                with anyio.fail_after(60):
                    while engine.snapshot.get(key) is None or not engine.observer.leads:
                        await anyio.sleep(0.005)
                await world.settled()
                tasks.cancel_scope.cancel()
            types = [entry["type"] for entry in await world.entries(key=key)]
            assert types == ["ConfigRevised"], f"term {term}"
