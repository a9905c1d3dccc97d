"""Hostile guests of every tier on a running daemon: each is stopped with a sentence, and others go on.

Each hostile guest is the migration of a family of its own, with a binding that needs it. What a sentence must name is
the step, the module and the reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.contract import test_wasm_component as component
from tests.contract import wasm_guests as core
from tests.contract.test_wasm_lua import body as lua
from tests.e2e.processes import Daemon, example_keys

GROW = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
HUGE = "(i64.const 0x2000007fffffff)"
DEEP = "(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))"
FILES = '(import "wasi:filesystem/types@0.2.0" (instance))'


@dataclass(frozen=True)
class Hostile:
    """A module, or a script, and a part of the sentence that it must end in."""

    guest: bytes | str
    reason: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.guest).hexdigest() if isinstance(self.guest, bytes) else ""

    def keys(self, name: str) -> dict[str, bytes]:
        manifest = (
            {"runtime": "wasm", "module": f"sha256:{self.digest}"}
            if isinstance(self.guest, bytes)
            else {"runtime": "lua", "source": self.guest}
        )
        told = {
            f"families/{name}": "{}",
            f"schemas/{name}/1.0.0": '{"type": "object"}',
            f"schemas/{name}/2.0.0": '{"type": "object", "required": ["new"]}',
            f"targets/{name}": json.dumps({"family": name, "schemas": {"1": "1.0.0", "2": "2.0.0"}}),
            f"configs/{name}/1.0.0/c": '{"old": 1}',
            f"bindings/prod/{name}/c": "",
            f"envs/prod/{name}/version": "2.0.0",
            f"migrations/{name}/1.0.0/2.0.0": json.dumps(manifest),
        }
        module = {f"modules/{self.digest}": self.guest} if isinstance(self.guest, bytes) else {}
        return {key: value.encode() for key, value in told.items()} | module


def constant(text: str) -> bytes:
    data, expression = core.text(text)
    return core.guest(expression, rest=data)


HOSTILE = {
    # core modules
    "core-loop": Hostile(core.guest("(loop $l (br $l)) (i64.const 0)"), "used up its 500,000,000 fuel in vq_up"),
    "core-memory": Hostile(core.guest(GROW), "trapped in vq_up"),
    "core-stack": Hostile(
        core.guest("(drop (call $f (i32.const 0))) (i64.const 0)", rest=DEEP), "trapped in vq_up: stack overflow"
    ),
    "core-output": Hostile(core.guest(HUGE), "vq_up gave 2,147,483,647 bytes, the limit is 800,000"),
    "core-pointer": Hostile(core.guest("(i64.const -4294967292)"), "lies outside of its memory"),
    "core-import": Hostile(
        core.guest(imports='(import "env" "open" (func (param i32)))'), "imports env.open, which is not allowed"
    ),
    "core-unfit": Hostile(constant('{"config":{"other":1}}'), "does not fit"),
    "core-rubbish": Hostile(constant("rubbish"), "output is not JSON"),
    # components
    "component-loop": Hostile(
        component.component("(loop $l (br $l)) (i32.const 0)"), "used up its 500,000,000 fuel in up"
    ),
    "component-memory": Hostile(component.component(GROW), "trapped in up"),
    "component-stack": Hostile(
        component.component("(call $f (i32.const 0))", rest=DEEP), "trapped in up: stack overflow"
    ),
    "component-output": Hostile(
        component.component(component.HUGE.format("(i32.store (i32.const 24) (i32.const 1100000))")),
        "up gave 1,100,011 bytes, the limit is 800,000",
    ),
    "component-pointer": Hostile(component.component("(i32.const -8)"), "could not enter up"),
    "component-import": Hostile(
        component.component(more=FILES), "imports wasi:filesystem/types@0.2.0, which is not allowed"
    ),
    # scripts
    "lua-loop": Hostile(lua("while true do end"), "used up its 500,000,000 fuel"),
    "lua-memory": Hostile(lua("local s = 'x' while true do s = s .. s end"), "not enough memory"),
    "lua-stack": Hostile(lua("local function f() return (f()) end f()"), "not enough memory"),
    "lua-output": Hostile(lua("config.x = ('x'):rep(3000000)"), "bytes, the limit is 800,000"),
    "lua-import": Hostile(lua("os.execute('true')"), "attempt to index a nil value (global 'os')"),
    "lua-unfit": Hostile(lua("config.other = 1"), "does not fit"),
}

RANDOM = """(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))"""
DICE = """
(local $i i32)
(drop (call $random (i32.const 8192) (i32.const 8))) (drop (call $time (i32.const 0) (i64.const 0) (i32.const 8200)))
(loop $l
  (i32.store8 (i32.add (i32.const 4114) (local.get $i))
    (i32.add (i32.const 97) (i32.and (i32.load8_u (i32.add (i32.const 8192) (local.get $i))) (i32.const 15))))
  (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """With the example and all hostile guests at once."""
    started = Daemon(tmp_path_factory.mktemp("hostile"))
    try:
        started.start()
        started.load(example_keys())
        for name, hostile in HOSTILE.items():
            started.load(hostile.keys(name))
        yield started
    finally:
        started.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_stopped_with_a_sentence_that_names_step_module_and_reason(daemon: Daemon, name: str) -> None:
    told = daemon.until_status(f"prod/{name}/c", state="Rejected")
    hostile = HOSTILE[name]
    assert told["reason"].startswith(f"migrations/{name}/1.0.0/2.0.0 (sha256:{hostile.digest[:12]}")
    backstop = "ran for more than 5 s" in told["reason"] and "fuel" in hostile.reason  # on a machine that is very busy
    assert hostile.reason in told["reason"] or backstop
    assert told.get("effectiveDigest") is None


def test_the_others_go_on(daemon: Daemon) -> None:
    """An engine moves while all of them are there, its configs follow, and the daemon is well."""
    daemon.load({"envs/prod/asia-sg/av-engine/version": b"2.1.0"})
    daemon.until_status("prod/asia-sg/av-engine/default", state="Migrated", targetVersion="2.1.0")
    with daemon.client() as client:
        assert client.get("/readyz").status_code == 200
    assert "Traceback" not in daemon.text()


def test_dice_and_clock_are_the_same_for_every_call(daemon: Daemon) -> None:
    """A guest that asks for random numbers and the time gives the same config in two environments, twice."""
    text = '{"config":{"new":"################"}}'
    module = core.guest(DICE + core.text(text)[1], imports=RANDOM, rest=core.text(text)[0])
    dice = Hostile(module, "")
    keys = dice.keys("dice") | {"envs/test/dice/version": b"2.0.0", "bindings/test/dice/c": b""}
    daemon.load(keys)
    first, second = (daemon.until_status(f"{place}/dice/c", state="Migrated") for place in ("prod", "test"))
    assert first["effectiveDigest"] == second["effectiveDigest"]
    with daemon.client() as client:
        again = client.post("/v1/migrations/dice/1.0.0/2.0.0:run", json={"config": {"old": 1}}).json()
        assert client.get("/v1/effective/prod/dice/c").json() == again["config"]
    assert again["config"]["new"] != "#" * 16


@pytest.mark.parametrize("kind", ["core", "component", "lua"])
def test_what_is_valid_but_loses_something_is_refused_with_the_document(daemon: Daemon, kind: str) -> None:
    """At registration, when the second direction is there; and neither was written."""
    name = f"lossy-{kind}"
    guests: dict[str, bytes | str] = {
        "core": constant('{"config":{"old":1,"new":1}}'),
        "component": component.component(
            component.text('{"old":1,"new":1}')[1], rest=component.text('{"old":1,"new":1}')[0]
        ),
        "lua": lua("config.more = nil"),
    }
    keys = Hostile(guests[kind], "").keys(name)
    manifest = json.loads(keys[f"migrations/{name}/1.0.0/2.0.0"])
    manifest |= {"entry": "vq_up"} if kind != "lua" else {}
    both = {f"migrations/{name}/{ends}": json.dumps(manifest) for ends in ("1.0.0/2.0.0", "2.0.0/1.0.0")}
    open_ = {"type": "object", "properties": {"more": {"type": "integer"}}}
    rest = {key: value for key, value in keys.items() if key not in both}
    daemon.load(rest | {f"schemas/{name}/{version}": json.dumps(open_).encode() for version in ("1.0.0", "2.0.0")})
    with daemon.client() as client:
        operations = [{"op": "set", "key": key, "value": value} for key, value in both.items()]
        answer = client.post("/v1/txn", json={"operations": operations})
        assert (answer.status_code, answer.json()["code"]) == (422, "law_broken")
        assert any("more" in finding["input"] for finding in answer.json()["findings"])
        assert client.get(f"/v1/migrations/{name}/1.0.0/2.0.0").status_code == 404
