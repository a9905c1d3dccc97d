"""A whole engine in one process: memory store, real journal file, schemas judged and guests run in this process."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.imports import Import
from versiqiid.core.schema import compile_schema, violations
from versiqiid.core.violation import Violation
from versiqiid.engine.engine import Clocks, Engine, EngineSettings, Ports
from versiqiid.engine.leadership import LeaderSettings
from versiqiid.ports import Delete, Journal, Query, Set, ValidationRequest

ROOT = "versiqii"


class InProcessValidator:
    """The pure validator without a process around it: these tests trust their schemas."""

    async def validate(self, request: ValidationRequest) -> tuple[Violation, ...]:
        return violations(compile_schema(request.schema, formats=request.formats), request.document)

    async def check_schema(self, request: ValidationRequest) -> None:
        compile_schema(request.schema, formats=request.formats)


@dataclass
class World:
    """What a test holds: the store as an operator sees it, the journal, and the engine."""

    store: Any
    journal: Journal
    engine: Engine

    async def put(self, **keys: Any) -> None:
        """Write keys; ``/`` is spelled ``__`` in names, and what is no text or bytes becomes JSON."""
        await self.write({name.replace("__", "/"): value for name, value in keys.items()})

    async def write(self, keys: dict[str, Any]) -> int:
        operations = [
            Delete(f"{ROOT}/{key}") if value is None else Set(f"{ROOT}/{key}", raw(value))
            for key, value in keys.items()
        ]
        return await self.store.commit(operations)

    async def get(self, key: str) -> bytes | None:
        entry = await self.store.get(f"{ROOT}/{key}")
        return entry.value if entry else None

    async def status(self, binding: str) -> dict[str, Any] | None:
        found = await self.get(f"status/{binding}")
        return json.loads(found) if found else None

    async def effective(self, binding: str) -> Any:
        found = await self.get(f"effective/{binding}")
        return json.loads(found) if found else None

    async def tree(self, room: str) -> dict[str, bytes]:
        listing = await self.store.scan(f"{ROOT}/{room}/")
        return {entry.key.removeprefix(f"{ROOT}/{room}/"): entry.value for entry in listing.entries}

    async def until(self, binding: str, **wanted: Any) -> dict[str, Any]:
        """The status as soon as all these fields are as wanted."""
        with anyio.fail_after(60):
            while True:
                status = await self.status(binding)
                if status is not None and all(status.get(name) == value for name, value in wanted.items()):
                    return status
                await anyio.sleep(0.005)

    async def settled(self) -> None:
        """Return when the engine has seen the store's newest state and has nothing left to do."""
        with anyio.fail_after(60):
            mark = await self.store.commit([Set(f"{ROOT}/envs/mark/mark/version", str(time.time_ns()).encode())])
            while self.engine.snapshot.index < mark or not self.engine.idle():
                await anyio.sleep(0.005)

    async def entries(self, **query: Any) -> list[dict[str, Any]]:
        return [json.loads(entry.entry) for entry in await self.journal.read(Query(limit=10_000, **query))]


def raw(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@asynccontextmanager
async def journal_at(folder: Path) -> AsyncIterator[SqliteJournal]:
    async with await SqliteJournal.open(folder / "journal.db", clock=time.time) as journal:
        yield journal


def build(
    store: Any, journal: Journal, *, name: str = "one", resync_s: float = 3600, imports: tuple[Import, ...] = ()
) -> Engine:
    ports = Ports(store, store, journal, InProcessValidator(), WasmRuntime(), PrometheusMetrics(version="test"))
    settings = EngineSettings(LeaderSettings(name, ROOT, session_ttl_s=10), resync_s=resync_s, imports=imports)
    return Engine(ports, settings, Clocks(time.time, time.monotonic))


@asynccontextmanager
async def running(folder: Path, store: Any = None, *, imports: tuple[Import, ...] = ()) -> AsyncIterator[World]:
    """An engine that leads, until the block ends."""
    store = store or MemoryStore()
    async with journal_at(folder) as journal:
        engine = build(store, journal, imports=imports)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(engine.run)
            try:
                yield World(store, journal, engine)
            finally:
                tasks.cancel_scope.cancel()


SCHEMA_1 = {"type": "object", "properties": {"depth": {"type": "integer"}}, "additionalProperties": False}
SCHEMA_2 = {
    "type": "object",
    "properties": {"scan": {"type": "object", "properties": {"depth": {"type": "integer", "maximum": 9}}}},
    "required": ["scan"],
    "additionalProperties": False,
}
UP = [{"op": "add", "path": "/scan", "value": {}}, {"op": "move", "from": "/depth", "path": "/scan/depth"}]


def scan_world() -> dict[str, Any]:
    """Two schemas, one way up, one config, one binding, one environment on version 1.4.0."""
    return {
        "families/scan": {"language": "json-schema"},
        "schemas/scan/1.0.0": SCHEMA_1,
        "schemas/scan/2.0.0": SCHEMA_2,
        "migrations/scan/1.0.0/2.0.0": {"runtime": "json-patch", "patch": UP},
        "targets/av": {"family": "scan", "schemas": {"1.x": "1.0.0", "2.x": "2.0.0"}},
        "configs/av/1.0.0/default": {"depth": 3},
        "bindings/prod/av/default": "",
        "envs/prod/asia/av/version": "1.4.0",
    }


@asynccontextmanager
async def running_on_an_imported_tree(folder: Path) -> AsyncIterator[World]:
    """An engine that leads and has come to rest; its one config is a tree of somebody else's, ``shell/config``."""
    async with running(folder, imports=(Import("shell/config", "av"),)) as world:
        await world.write({key: value for key, value in scan_world().items() if not key.startswith("configs/")})
        leaves = {"version": b"1.0.0", "depth": b"3"}
        await world.store.commit([Set(f"shell/config/{name}", value) for name, value in leaves.items()])
        await world.until("prod/asia/av/default", state="InSync")
        await world.settled()
        yield world
