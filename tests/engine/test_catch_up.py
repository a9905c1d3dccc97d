"""What a new leader records of what it did not see, while others go on writing and recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.world import ROOT, World, build, journal_at, running, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.api.service import Service, Write
from versiqiid.engine.facts import Attribution
from versiqiid.ports import Actor, Listing

pytestmark = pytest.mark.anyio

CONFIG = "configs/av/1.0.0/default"
NEW = "configs/av/1.0.0/new"
GONE = "configs/av/1.0.0/gone"


class Overtaken:
    """A store in which somebody writes right behind the first look at the whole root."""

    def __init__(self, real: MemoryStore) -> None:
        self._real = real
        self.then: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def scan(self, prefix: str) -> Listing:
        found = await self._real.scan(prefix)
        if prefix == f"{ROOT}/" and self.then is not None:
            then, self.then = self.then, None
            await then()
        return found


async def test_what_others_record_meanwhile_stands_above_what_was_read_before(tmp_path: Path) -> None:
    """Keys that changed, came and went unseen, and are written again through an API while the new leader looks."""
    store = MemoryStore()
    async with running(tmp_path, store) as world:
        await world.write(scan_world() | {GONE: {"depth": 1}})
        await world.settled()
    async with journal_at(tmp_path) as journal:
        late: Any = Overtaken(store)
        engine = build(late, journal)
        world = World(late, journal, engine)
        await world.write({CONFIG: {"depth": 4}, NEW: {"depth": 5}, GONE: None})
        service = Service(late, engine.gate, engine.attributions, root=ROOT)

        async def write() -> None:
            by = Attribution(Actor("user", "ada", "api"), "meanwhile")
            await service.transact([Write("set", key, b'{"depth": 9}') for key in (CONFIG, NEW, GONE)], by=by)

        late.then = write
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            with anyio.fail_after(60):
                while not engine.idle():
                    await anyio.sleep(0.005)
            await world.settled()
            tasks.cancel_scope.cancel()
        assert late.then is None, "somebody wrote behind the look"
        known = {record.key: record.revision for record in await journal.keys()}
        for key in (CONFIG, NEW, GONE):
            entry = await store.get(f"{ROOT}/{key}")
            assert entry is not None
            assert known[key] == entry.revision, key
        returned = [e for e in await world.entries(key=CONFIG) if "returned" in e["data"]["observed"]]
        assert returned == [], "a key that only went on was never put back"
