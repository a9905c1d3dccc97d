"""Figures of the migration sandbox on the scan-engine example: calls, compilation, and what a unit of fuel is worth."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import anyio

from versiqiid.adapters.validation import ProcessValidator
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.document import read
from versiqiid.core.envelope import build, interpret
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.engine.lawcheck import Effort, LawCheck
from versiqiid.engine.pairs import pair
from versiqiid.ports import GuestCall

PROJECT = Path(__file__).parents[2]
KEYS = PROJECT / "examples" / "scan-engine" / "keys"
PLUGINS = PROJECT / "plugins" / "migrations"
CALLS = 1_000
TASKS = 16
COMPILATIONS = 10


def run() -> list[tuple[str, float, str]]:
    """Name, value and unit of each figure; some seconds."""
    return anyio.run(_run)


async def _run() -> list[tuple[str, float, str]]:
    call = _call("default")
    runtime = WasmRuntime()
    first = await runtime.run(call)
    one_by_one = await _one_by_one(runtime, call)
    script = await runtime.run(_script())
    in_lua = await _one_by_one(runtime, _script())
    return [
        ("migration step, one at a time, p50", statistics.median(one_by_one) * 1e3, "ms"),
        ("migration step, one at a time, p99", statistics.quantiles(one_by_one, n=100)[98] * 1e3, "ms"),
        ("migration steps, as many at once as processors", CALLS / await _at_once(runtime, call), "1/s"),
        ("migration step with its envelope built and read", CALLS / await _whole(runtime), "1/s"),
        ("migration module, start of the engine and compilation", await _compile(call) * 1e3, "ms"),
        ("migration step, fuel", first.fuel, "fuel"),
        ("migration steps in one turn of a worker", CALLS / await _in_one_turn(runtime, call), "1/s"),
        ("migration step in Lua, one at a time, p50", statistics.median(in_lua) * 1e3, "ms"),
        ("migration step in Lua, fuel", script.fuel, "fuel"),
        ("law test of one step and its way back, documents", *await _laws()),
    ]


def _call(name: str) -> GuestCall:
    migration = json.loads((KEYS / "migrations/scan-engine/1.0.0/2.0.0").read_bytes())
    module = (KEYS / "modules" / migration["module"].removeprefix("sha256:")).read_bytes()
    return GuestCall(module, migration["module"], "vq_up", _envelope(name))


def _envelope(name: str) -> bytes:
    config = read((KEYS / "configs/av-engine/1.0.0" / name).read_bytes())
    return build(config, family="scan-engine", frm="1.0.0", to="2.0.0")


def _script() -> GuestCall:
    script = (PLUGINS / "lua/scan-engine/up.lua").read_text(encoding="utf-8")
    return GuestCall(b"", "", "", _envelope("default"), script)


async def _in_one_turn(runtime: WasmRuntime, call: GuestCall) -> float:
    start = time.perf_counter()
    await runtime.run_many([call] * CALLS, budget_s=600)
    return time.perf_counter() - start


async def _laws() -> tuple[float, str]:
    values = {
        path.relative_to(KEYS).as_posix(): Value(path.read_bytes(), 1) for path in KEYS.rglob("*") if path.is_file()
    }
    snapshot = Snapshot()
    snapshot.apply(Observation(values, index=1, complete=True))
    directions = pair(snapshot, "scan-engine", "1.0.0", "2.0.0")
    async with ProcessValidator() as validator:
        laws = LawCheck(validator, WasmRuntime())
        await laws.run(*directions, Effort(count=10))
        start = time.perf_counter()
        report = await laws.run(*directions, Effort(count=1_000, budget_s=600))
        took = time.perf_counter() - start
    return sum(step.tally.tried for step in report.steps) / took, "1/s"


async def _one_by_one(runtime: WasmRuntime, call: GuestCall) -> list[float]:
    took = []
    for _ in range(CALLS):
        start = time.perf_counter()
        await runtime.run(call)
        took.append(time.perf_counter() - start)
    return took


async def _at_once(runtime: WasmRuntime, call: GuestCall) -> float:
    async def some() -> None:
        for _ in range(CALLS // TASKS):
            await runtime.run(call)

    start = time.perf_counter()
    async with anyio.create_task_group() as group:
        for _ in range(TASKS):
            group.start_soon(some)
    return (time.perf_counter() - start) * CALLS / (CALLS // TASKS * TASKS)


async def _whole(runtime: WasmRuntime) -> float:
    start = time.perf_counter()
    for _ in range(CALLS):
        call = _call("default")
        interpret((await runtime.run(call)).output)
    return time.perf_counter() - start


async def _compile(call: GuestCall) -> float:
    took = []
    for _ in range(COMPILATIONS):
        runtime = WasmRuntime()
        start = time.perf_counter()
        await runtime.run(call)
        took.append(time.perf_counter() - start)
    return statistics.median(took)


if __name__ == "__main__":
    for name, value, unit in run():
        print(f"{name}: {value:,.2f} {unit}")
