"""Figures of the migration sandbox on the scan-engine example: calls, compilation, and what a unit of fuel is worth."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import anyio

from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.document import read
from versiqiid.core.envelope import build, interpret
from versiqiid.ports import GuestCall

KEYS = Path(__file__).parents[2] / "examples" / "scan-engine" / "keys"
CALLS = 1_000
TASKS = 16
COMPILATIONS = 10


def run() -> list[tuple[str, float, str]]:
    """Name, value and unit of each figure; about three seconds."""
    return anyio.run(_run)


async def _run() -> list[tuple[str, float, str]]:
    call = _call("default")
    runtime = WasmRuntime()
    first = await runtime.run(call)
    one_by_one = await _one_by_one(runtime, call)
    return [
        ("migration step, one at a time, p50", statistics.median(one_by_one) * 1e3, "ms"),
        ("migration step, one at a time, p99", statistics.quantiles(one_by_one, n=100)[98] * 1e3, "ms"),
        ("migration steps, as many at once as processors", CALLS / await _at_once(runtime, call), "1/s"),
        ("migration step with its envelope built and read", CALLS / await _whole(runtime), "1/s"),
        ("migration module, start of the engine and compilation", await _compile(call) * 1e3, "ms"),
        ("migration step, fuel", first.fuel, "fuel"),
    ]


def _call(name: str) -> GuestCall:
    migration = json.loads((KEYS / "migrations/scan-engine/1.0.0/2.0.0").read_bytes())
    module = (KEYS / "modules" / migration["module"].removeprefix("sha256:")).read_bytes()
    return GuestCall(module, migration["module"], "vq_up", _envelope(name))


def _envelope(name: str) -> bytes:
    config = read((KEYS / "configs/av-engine/1.0.0" / name).read_bytes())
    return build(config, family="scan-engine", frm="1.0.0", to="2.0.0")


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
