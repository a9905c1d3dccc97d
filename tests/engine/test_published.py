"""Immutable keys that a raw write changed: used as they stand, schema drift until the published text is back."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.engine.world import SCHEMA_1, UP, World, build, journal_at, running, scan_world
from versiqiid.adapters.memory import MemoryStore
from versiqiid.core.canonical import digest

pytestmark = pytest.mark.anyio

WHERE = "prod/asia/av/default"
SCHEMA = "schemas/scan/1.0.0"
MIGRATION = "migrations/scan/1.0.0/2.0.0"


async def drifts(world: World) -> list[dict[str, Any]]:
    await world.settled()
    told = json.loads(await world.get("drift/prod/asia/av") or b'{"drifts":[]}')
    return [{name: value for name, value in drift.items() if name != "since"} for drift in told["drifts"]]


@pytest.mark.parametrize(
    ("key", "other", "event"),
    [
        (SCHEMA, SCHEMA_1 | {"title": "later"}, "SchemaChanged"),
        (MIGRATION, {"runtime": "json-patch", "patch": UP, "description": "later"}, "MigrationChanged"),
    ],
)
async def test_a_changed_published_key_is_drift_until_its_text_is_back(
    tmp_path: Path, key: str, other: Any, event: str
) -> None:
    """It is used as it stands, an event says so, and the drift ends with the published bytes."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        assert await drifts(world) == []
        published = await world.get(key) or b""
        await world.write({key: other})
        (drift,) = await drifts(world)
        assert (drift["dimension"], drift["key"]) == ("schema", key)
        assert (drift["expected"], drift["found"]) == (digest(published), digest(await world.get(key) or b""))
        assert "put the published text back" in drift["reason"]
        assert [entry["data"]["key"] for entry in await world.entries(type=event)] == [key]
        await world.write({key: published})
        assert await drifts(world) == []


async def test_taking_a_schema_away_does_not_free_its_name(tmp_path: Path) -> None:
    """As through the API: what comes back under the name must be what was published."""
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.settled()
        await world.write({SCHEMA: None})
        await world.settled()
        await world.write({SCHEMA: SCHEMA_1 | {"title": "another"}})
        assert [drift["key"] for drift in await drifts(world)] == [SCHEMA]


async def test_a_change_while_no_daemon_ran_is_found(tmp_path: Path) -> None:
    """The record is in the store, so the next leader compares with it."""
    store = MemoryStore()
    async with running(tmp_path, store) as world:
        await world.write(scan_world())
        await world.until(WHERE, state="InSync")
        await world.settled()
    async with journal_at(tmp_path) as journal:
        await World(store, journal, build(store, journal)).write({SCHEMA: SCHEMA_1 | {"title": "meanwhile"}})
    async with running(tmp_path, store) as world:
        with_leader = await drifts(world)
        assert [drift["key"] for drift in with_leader] == [SCHEMA]


async def test_a_module_of_another_digest_is_drift(tmp_path: Path) -> None:
    """The digest decides: bytes that are not what the module's name says are told, in one piece or in parts."""
    module = b"\0asm" + bytes(40)
    name = hashlib.sha256(module).hexdigest()
    manifest = {"runtime": "wasm", "module": f"sha256:{name}"}
    async with running(tmp_path) as world:
        await world.write(scan_world() | {MIGRATION: manifest, f"modules/{name}": module})
        await world.until(WHERE, state="InSync")
        assert await drifts(world) == []
        await world.write({f"modules/{name}": module + b"x"})
        (drift,) = await drifts(world)
        assert (drift["dimension"], drift["key"]) == ("schema", f"modules/{name}")
        await world.write({f"modules/{name}": {"chunks": 1, "bytes": len(module)}, f"modules/{name}/0": module})
        assert await drifts(world) == []
        await world.write({f"modules/{name}/0": bytes(len(module))})
        assert [drift["key"] for drift in await drifts(world)] == [f"modules/{name}"]


async def test_a_family_that_nothing_is_bound_to_is_no_drift(tmp_path: Path) -> None:
    """A drift is at a place; the event says it to the others."""
    async with running(tmp_path) as world:
        await world.write(scan_world() | {"bindings/prod/av/default": None})
        await world.settled()
        await world.write({SCHEMA: SCHEMA_1 | {"title": "later"}})
        assert await drifts(world) == []
        assert await world.entries(type="SchemaChanged")
