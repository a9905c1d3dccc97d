"""Schemas written as raw keys that break what their family promises: taken as they stand, judged, and told as drift."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.engine.world import SCHEMA_1, World, build, journal_at, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.comparison import Pair, Text, check_text, judged
from versiqiid.core.compatibility import Judgement
from versiqiid.core.promiserecord import ROOM

pytestmark = pytest.mark.anyio

NARROWER = SCHEMA_1 | {"properties": {"depth": {"type": "integer", "maximum": 2}}}
WIDER = SCHEMA_1 | {"properties": {"depth": {"type": "number"}}}


class HereComparer:
    """The pure judges without a process around them, and how often they were asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def judge(self, pair: Pair) -> Judgement:
        self.asked += 1
        return judged(pair, compile_source)

    async def check(self, language: str, text: Text) -> None:
        check_text(language, text, compile_source)


@asynccontextmanager
async def watching(folder: Path, comparer: HereComparer, store: Any = None) -> AsyncIterator[World]:
    """An engine that leads and judges, until the block ends."""
    store = store or MemoryStore()
    async with journal_at(folder) as journal:
        engine = build(store, journal)
        engine._ports = replace(engine._ports, comparer=comparer)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            yield World(store, journal, engine)
            tasks.cancel_scope.cancel()


def world(**family: Any) -> dict[str, Any]:
    keys = scan_world() | {"families/scan": family}
    return {key: value for key, value in keys.items() if not key.startswith(("migrations/", "schemas/scan/2"))}


async def told(world: World, count: int) -> list[dict[str, Any]]:
    """The drifts of the place as soon as there are so many."""
    with anyio.fail_after(60):
        while True:
            drifts = json.loads(await world.get("drift/prod/asia/av") or b'{"drifts": []}')["drifts"]
            if len(drifts) == count:
                return drifts  # type: ignore[no-any-return]
            await anyio.sleep(0.01)


async def recorded(world: World, version: str) -> None:
    """Return when the version was judged."""
    with anyio.fail_after(60):
        while await world.get(f"{ROOM}scan/{version}") is None:
            await anyio.sleep(0.01)


async def test_a_raw_schema_that_breaks_the_promise_is_drift_with_the_document_that_shows_it(tmp_path: Path) -> None:
    """And is used as it stands; the drift ends with the promise, and with the schema."""
    async with watching(tmp_path, HereComparer()) as here:
        await here.write(world(compatibility="BACKWARD"))
        await here.until("prod/asia/av/default", state="InSync")
        await here.write({"schemas/scan/1.1.0": NARROWER})
        (drift,) = await told(here, 1)
        assert (drift["dimension"], drift["key"], drift["expected"]) == ("schema", "schemas/scan/1.1.0", "BACKWARD")
        assert drift["found"] == "1.1.0 does not read 1.0.0"
        assert "MAXIMUM_ADDED at /properties/depth/maximum" in drift["reason"]
        assert drift["document"]["depth"] > 2
        await here.settled()
        assert [e["data"]["environment"] for e in await here.entries(type="DriftDetected")] == ["prod/asia"]
        await here.write({"families/scan": {"compatibility": "FORWARD"}})
        await told(here, 0)
        await here.write({"families/scan": {"compatibility": "FULL"}})
        await told(here, 1)
        await here.write({"schemas/scan/1.1.0": None})
        await told(here, 0)


async def test_what_keeps_the_promise_is_no_drift_and_is_judged_once(tmp_path: Path) -> None:
    """Neither a restart nor another leader judges it again; a change of what decides does."""
    store, comparer = MemoryStore(), HereComparer()
    async with watching(tmp_path, comparer, store) as here:
        await here.write(world(compatibility="BACKWARD_TRANSITIVE") | {"schemas/scan/1.1.0": WIDER})
        await recorded(here, "1.1.0")
        assert await told(here, 0) == []
        assert comparer.asked == 1
    async with watching(tmp_path, comparer, store) as here:
        await here.write({"schemas/scan/1.2.0": WIDER | {"title": "later"}})
        await recorded(here, "1.2.0")
        assert comparer.asked == 3, "two pairs of the new version, none of the one that was judged"


async def test_a_draft_is_judged_when_it_is_published(tmp_path: Path) -> None:
    comparer = HereComparer()
    async with watching(tmp_path, comparer) as here:
        drafted = {"lifecycle/scan/1.1.0": {"state": "draft"}, "schemas/scan/1.1.0": NARROWER}
        await here.write(world(compatibility="BACKWARD") | drafted | {"schemas/scan/1.2.0": WIDER})
        await recorded(here, "1.2.0")
        assert comparer.asked == 1
        await here.write({"lifecycle/scan/1.1.0": {"state": "published"}})
        (drift,) = await told(here, 1)
        assert drift["key"] == "schemas/scan/1.1.0"


async def test_a_schema_that_cannot_be_judged_stops_no_other(tmp_path: Path) -> None:
    async with watching(tmp_path, HereComparer()) as here:
        await here.write(world(compatibility="BACKWARD") | {"schemas/scan/1.1.0": {"type": 7}})
        await here.write({"schemas/scan/1.0.1": NARROWER})
        (drift,) = await told(here, 1)
        assert drift["key"] == "schemas/scan/1.0.1"
        assert await here.get(f"{ROOM}scan/1.1.0") is None


async def test_subjects_of_the_registry_endpoint_are_judged_there(tmp_path: Path) -> None:
    comparer = HereComparer()
    async with watching(tmp_path, comparer) as here:
        other = {"families/orders": {"compatibility": "BACKWARD", "versioning": "sequence"}}
        other |= {"schemas/orders/1": SCHEMA_1, "schemas/orders/2": NARROWER, "_system/registry/subjects/orders": "{}"}
        await here.write(world(compatibility="BACKWARD") | other | {"schemas/scan/1.1.0": WIDER})
        await recorded(here, "1.1.0")
        assert comparer.asked == 1
