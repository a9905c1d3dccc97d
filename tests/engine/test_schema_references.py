"""Schemas that use others: every one that was looked at is guarded, and a change of it computes the config again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.world import SCHEMA_1, UP, InProcessValidator, running, scan_world
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.keys import BindingId
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.compute import Computer

pytestmark = pytest.mark.anyio

BINDING = "prod/asia/av/default"
PART = "schemas/part/1.0.0"
DEPTH = {"type": "integer", "maximum": 9}


def using(shape: dict[str, Any]) -> dict[str, Any]:
    """The schema with its depth in another document."""
    return {"type": "object", "properties": shape, "additionalProperties": False}


REFERENCE = {"$ref": f"/{PART}"}
FLAT = using({"depth": REFERENCE})
NESTED = using({"scan": using({"depth": REFERENCE})})


def world(**more: Any) -> dict[str, Any]:
    return (
        scan_world()
        | {"families/part": {}, "migrations/scan/1.0.0/2.0.0": {"runtime": "json-patch", "patch": UP}}
        | more
    )


async def test_a_missing_part_holds_and_a_changed_one_is_judged_by(tmp_path: Path) -> None:
    async with running(tmp_path) as here:
        await here.write(world(**{"schemas/scan/1.0.0": FLAT, "configs/av/1.0.0/default": {"depth": 5}}))
        told = await here.until(BINDING, state="Held")
        assert f"{PART} is missing: schemas/scan/1.0.0 refers to it" in told["reason"]
        await here.write({PART: DEPTH})
        await here.until(BINDING, state="InSync")
        await here.write({PART: {"type": "integer", "maximum": 4}})
        await here.until(BINDING, state="Rejected")
        await here.write({PART: None})
        await here.until(BINDING, state="Held")
        assert await here.effective(BINDING) == {"depth": 5}, "the last good one stays"


async def test_what_is_remembered_of_a_path_does_not_outlive_a_part(tmp_path: Path) -> None:
    """A migrated result is judged again by the schema that it leads to, with the part as it is now."""
    keys = {"schemas/scan/1.0.0": SCHEMA_1, "schemas/scan/2.0.0": NESTED, PART: DEPTH}
    async with running(tmp_path) as here:
        await here.write(world(**keys, **{"configs/av/1.0.0/default": {"depth": 5}}))
        await here.write({"envs/prod/asia/av/version": "2.0.0"})
        await here.until(BINDING, state="Migrated")
        await here.write({PART: {"type": "integer", "maximum": 4}})
        told = await here.until(BINDING, state="Rejected")
        assert told["violations"][0]["pointer"] == "/scan/depth"
        await here.write({PART: DEPTH})
        await here.until(BINDING, state="Migrated")


async def test_each_part_and_each_record_of_the_registry_is_a_guard(tmp_path: Path) -> None:
    """Of the transaction that writes the effective config: with its revision, or with its absence."""
    async with running(tmp_path) as here:
        await here.write(world(**{"schemas/scan/1.0.0": FLAT, PART: DEPTH, "configs/av/1.0.0/default": {"depth": 5}}))
        await here.until(BINDING, state="InSync")
        snapshot: Snapshot = here.engine.snapshot
        outcome = await Computer(InProcessValidator(), WasmRuntime()).outcome(
            snapshot, BindingId("prod/asia", "av", "default")
        )
        part = snapshot.get(PART)
        assert part is not None
        assert outcome.reads.guards[PART] == part.revision
        assert outcome.reads.guards["_system/registry/subjects/scan"] == 0
