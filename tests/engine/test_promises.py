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


async def recorded(world: World, version: str, family: str = "scan") -> None:
    """Return when the version was judged."""
    with anyio.fail_after(60):
        while await world.get(f"{ROOM}{family}/{version}") is None:
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


def orders(*schemas: Any, **subject: Any) -> dict[str, Any]:
    """A subject of the registry endpoint with these versions, bound where ``told`` looks."""
    versions = [{"number": at, "name": str(at), "id": at} for at in range(1, len(schemas) + 1)]
    keys: dict[str, Any] = {f"schemas/orders/{at}": schema for at, schema in enumerate(schemas, 1)}
    keys |= {"families/orders": {"versioning": "sequence"}, "targets/av": {"family": "orders", "schemas": {"*": "1"}}}
    record = {"versions": versions, "settings": {}} | subject
    world_ = {
        "configs/av/1/default": {"depth": 1},
        "bindings/prod/av/default": "",
        "envs/prod/asia/av/version": "1.4.0",
    }
    return keys | world_ | {"_system/registry/subjects/orders": record}


OPEN = {"type": "object", "properties": {"depth": {"type": "integer"}}}
NEEDS = OPEN | {"required": ["depth"]}
NEEDS_DEFAULT = {"type": "object", "properties": {"depth": {"type": "integer", "default": 1}}, "required": ["depth"]}


async def test_a_raw_schema_in_a_subject_is_judged_by_what_its_endpoint_promises(tmp_path: Path) -> None:
    """BACKWARD where nobody said anything; the setting of all subjects under the family's own; defaults are applied."""
    async with watching(tmp_path, HereComparer()) as here:
        await here.write(orders(OPEN, NEEDS))
        (drift,) = await told(here, 1)
        assert (drift["key"], drift["expected"]) == ("schemas/orders/2", "BACKWARD")
        await here.write({"_system/registry/all": {"versions": [], "settings": {"compatibilityLevel": "FORWARD"}}})
        await told(here, 0)
        await here.write({"families/orders": {"versioning": "sequence", "compatibility": "FULL"}})
        await told(here, 1)
        await here.write({"schemas/orders/2": None})
        await told(here, 0)
        await here.write({"schemas/orders/3": NEEDS_DEFAULT})
        await recorded(here, "3", "orders")
        await told(here, 0)


async def test_what_is_softly_deleted_of_another_group_or_imported_binds_no_raw_schema(tmp_path: Path) -> None:
    def version(**more: Any) -> list[dict[str, Any]]:
        return [{"number": 1, "name": "1", "id": 1} | more, {"number": 2, "name": "2", "id": 2}]

    def held(line: str) -> dict[str, Any]:
        return {"type": "JSON", "identity": line, "uses": [], "metadata": {"properties": {"line": line}}}

    grouped = {"compatibilityGroup": "line"}
    ids = {"_system/registry/ids/1": held("a"), "_system/registry/ids/2": held("a")}
    async with watching(tmp_path, HereComparer()) as here:
        await here.write(orders(OPEN, NEEDS, settings=grouped) | ids)
        await told(here, 1)
        await here.write({"_system/registry/ids/2": held("b")})
        await told(here, 0)
        await here.write(orders(OPEN, NEEDS))
        await told(here, 1)
        await here.write(orders(OPEN, NEEDS, versions=version(deleted=True)))
        await told(here, 0)
        await here.write(orders(OPEN, NEEDS))
        await told(here, 1)
        await here.write(orders(OPEN, NEEDS, mode="IMPORT"))
        await told(here, 0)


async def test_a_change_of_what_a_schema_refers_to_is_judged_too(tmp_path: Path) -> None:
    """A promise is about the schema with all that it refers to."""
    async with watching(tmp_path, HereComparer()) as here:
        refers = {"properties": {"depth": {"$ref": "/schemas/part/1.0.0"}}}
        parts = {"schemas/part/1.0.0": {"type": "integer"}, "families/part": {}}
        keys = world(compatibility="BACKWARD") | parts
        await here.write(keys | {"schemas/scan/1.0.0": {"properties": {"depth": {"type": "integer"}}}})
        await here.write({"schemas/scan/1.1.0": refers})
        await recorded(here, "1.1.0")
        assert await told(here, 0) == []
        await here.write({"schemas/part/1.0.0": {"type": "integer", "maximum": 2}})
        (drift,) = [each for each in await told(here, 1) if each["key"] == "schemas/scan/1.1.0"]
        assert drift["found"] == "1.1.0 does not read 1.0.0"
