"""Bad input of every kind: told with its place, recorded, the last good config kept, and nobody else disturbed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from tests.engine.world import running, scan_world

pytestmark = pytest.mark.anyio

WHERE, OTHER = "prod/asia/av/default", "prod/asia/av/other"
CONFIG = "configs/av/1.0.0/default"
BOMB = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefghijklmnopqrst", "bcdefghijklmnopqrstu", strict=True)
)


def guest(body: str) -> bytes:
    """A module of the ABI whose two directions do this."""
    return bytes(
        wasmtime.wat2wasm(
            f"""(module (memory (export "memory") 2)
            (data (i32.const 8) "rubbish")
            (func (export "vq_abi_version") (result i32) (i32.const 1))
            (func (export "vq_alloc") (param i32) (result i32) (i32.const 1024))
            (func (export "vq_up") (param i32 i32) (result i64) {body})
            (func (export "vq_down") (param i32 i32) (result i64) {body}))"""
        )
    )


def wasm(module: bytes) -> dict[str, Any]:
    """Version 2 runs, and this module is the way to it."""
    digest = hashlib.sha256(module).hexdigest()
    manifest = {"runtime": "wasm", "module": f"sha256:{digest}"}
    return {f"modules/{digest}": module, "migrations/scan/1.0.0/2.0.0": manifest, "envs/prod/asia/av/version": "2.0.0"}


TRAP = guest("unreachable")
LOOP = guest("(loop $on (br $on)) unreachable")
GROW = guest("(loop $on (br_if $on (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))) unreachable")
RUBBISH = guest("(i64.or (i64.shl (i64.const 8) (i64.const 32)) (i64.const 7))")
STRAY = guest("(i64.const -1)")
MISSING = {"runtime": "wasm", "module": "sha256:" + "0" * 64}

CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "broken JSON": ({CONFIG: '{"depth": '}, "Rejected", "line 1"),
    "broken YAML": ({CONFIG: "depth: [1\nb: }"}, "Rejected", "line"),
    "duplicate key": ({CONFIG: '{"depth": 1, "depth": 2}'}, "Rejected", "line 1"),
    "empty": ({CONFIG: ""}, "Rejected", "unreadable"),
    "alias bomb": ({CONFIG: BOMB}, "Rejected", "100000"),
    "too large": ({CONFIG: json.dumps({"depth": "x" * 400_000})}, "Rejected", "350000"),
    "too deep": ({CONFIG: "[" * 10_000 + "]" * 10_000}, "Rejected", "100"),
    "not UTF-8": ({CONFIG: b"\xff\xfe{}"}, "Rejected", "UTF-8"),
    "does not fit": ({CONFIG: {"depth": "deep"}}, "Rejected", "/depth"),
    "config gone": ({CONFIG: None}, "Held", "no config 'default'"),
    "version is none": ({"envs/prod/asia/av/version": "two"}, "Held", "two"),
    "version unknown": ({"envs/prod/asia/av/version": "9.0.0"}, "Held", "9.0.0"),
    "version blank": ({"envs/prod/asia/av/version": " \n"}, "Held", "blank"),
    "schema missing": ({"schemas/scan/1.0.0": None}, "Held", "schemas/scan/1.0.0"),
    "schema unusable": ({"schemas/scan/1.0.0": {"type": 7}}, "Held", "schemas/scan/1.0.0"),
    "schema of look-around": ({"schemas/scan/1.0.0": {"pattern": "(?=a)"}}, "Held", "(?=a)"),
    "target unreadable": ({"targets/av": {"family": "scan", "typo": 1}}, "Held", "'typo'"),
    "bad range": ({"targets/av": {"family": "scan", "schemas": {"1.x": "1.0.0", ">>2": "2.0.0"}}}, "Held", ">>2"),
    "binding unreadable": ({"bindings/prod/asia/av/default": '{"hold": "yes"}'}, "Held", "'hold'"),
    "module missing": (
        {"migrations/scan/1.0.0/2.0.0": MISSING, "envs/prod/asia/av/version": "2.0.0"},
        "Held",
        "modules/" + "0" * 64,
    ),
    "guest traps": (wasm(TRAP), "Rejected", "trap"),
    "guest loops": (wasm(LOOP), "Rejected", "fuel"),
    "guest grows": (wasm(GROW), "Rejected", "migrations/scan/1.0.0/2.0.0 (sha256:"),
    "guest gives rubbish": (wasm(RUBBISH), "Rejected", "migrations/scan/1.0.0/2.0.0 (sha256:"),
    "guest points astray": (wasm(STRAY), "Rejected", "bytes, the limit is"),
}

_ALL = ("envs/prod/asia/av/version", "targets/av", "schemas/scan/1.0.0")
"""A change of these concerns the other binding too."""


@pytest.mark.parametrize("name", CASES)
async def test_bad_input_is_told_and_kept_out(tmp_path: Path, name: str) -> None:
    """A status and an entry name the place and the reason; the last good config stays; others go on."""
    edit, state, told = CASES[name]
    async with running(tmp_path) as world:
        await world.write(scan_world() | {"bindings/prod/asia/av/other": "", "configs/av/1.0.0/other": {"depth": 4}})
        await world.until(WHERE, state="InSync")
        await world.until(OTHER, state="InSync")
        await world.write(edit)
        status = await world.until(WHERE, state=state)
        await world.settled()
        assert told in status["reason"]
        assert await world.get(f"effective/{WHERE}") == b'{"depth":3}'
        settled = (await world.entries(stream=f"binding/{WHERE}"))[-1]
        assert settled["type"] == {"Rejected": "ConfigRejected", "Held": "EffectiveHeld"}[state]
        assert settled["data"]["reason"] == status["reason"]
        if not any(key in edit for key in _ALL):
            await world.write({"configs/av/1.0.0/other": {"depth": 5}})
            await world.settled()
            assert await world.effective(OTHER) == {"depth": 5}
