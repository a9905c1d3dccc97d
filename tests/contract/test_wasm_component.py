"""Components as migrations: what the world asks of them, and that they are held by the limits of every other guest."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import anyio
import pytest
import wasmtime

from versiqiid.adapters.wasm import Limits, WasmRuntime
from versiqiid.adapters.wasm.compiling import APART_BYTES
from versiqiid.core.canonical import Json
from versiqiid.core.envelope import Answer, GuestRefused, build, interpret
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall, GuestResult

pytestmark = pytest.mark.anyio

OK, ERR = 0, 1
ECHO = """(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (local.get $p))
          (i32.store (i32.const 24) (local.get $n)) (i32.const 16)"""
PLAIN = '(param "config" string) (result (result string (error string)))'
ENVELOPE = '(param "envelope" string) (result string)'


def text(content: str, *, case: int = OK) -> tuple[str, str]:
    """A data segment with the text, and a body that gives it as one case of a result."""
    escaped = "".join(f"\\{byte:02x}" for byte in content.encode())
    body = f"""(i32.store (i32.const 16) (i32.const {case})) (i32.store (i32.const 20) (i32.const 4096))
               (i32.store (i32.const 24) (i32.const {len(content.encode())})) (i32.const 16)"""
    return f'(data (i32.const 4096) "{escaped}")', body


def component(
    body: str = ECHO,
    *,
    name: str = "up",
    kind: str = PLAIN,
    rest: str = "",
    alloc: str = "(i32.const 65536)",
    more: str = "",
) -> bytes:
    """A component that exports one function of the world with this body."""
    return bytes(
        wasmtime.wat2wasm(
            f"""(component {more}
              (core module $m
                (memory (export "memory") 20)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {alloc})
                (func (export "run") (param $p i32) (param $n i32) (result i32) {body})
                {rest})
              (core instance $i (instantiate $m))
              (func (export "{name}") {kind}
                (canon lift (core func $i "run")
                  (memory (core memory $i "memory")) (realloc (core func $i "realloc")))))"""
        )
    )


def call(module: bytes, *, entry: str = "vq_up", config: Json = None, stash: Json = None) -> GuestCall:
    envelope = build(config, family="f", frm="1.0.0", to="2.0.0", stash=stash)
    return GuestCall(module, "sha256:" + hashlib.sha256(module).hexdigest(), entry, envelope)


async def run(module: bytes, *, limits: Limits | None = None, **how: Json) -> GuestResult:
    with anyio.fail_after(60):
        return await WasmRuntime(limits).run(call(module, **how))


async def answer(module: bytes, **how: Json) -> Answer:
    return interpret((await run(module, **how)).output)


async def refused(module: bytes, *, limits: Limits | None = None, **how: Json) -> str:
    with pytest.raises(MigrationFailed) as failure:
        interpret((await run(module, limits=limits, **how)).output)
    assert not isinstance(failure.value, GuestRefused)
    return failure.value.message


# ----------------------------------------------------------------------------------------------------------- the world


async def test_the_config_goes_in_and_comes_out() -> None:
    config = {"a": [1.5, "é", None], "b": {"context": {"stash": 1}}}
    result = await run(component(), config=config)
    assert interpret(result.output) == Answer(config)
    assert result.fuel > 0
    assert result == await run(component(), config=config)


async def test_an_error_is_a_refusal() -> None:
    data, body = text('it says "no"', case=ERR)
    with pytest.raises(GuestRefused, match='it says "no"'):
        await answer(component(body, rest=data), config={})


async def test_the_envelope_goes_in_and_an_answer_comes_out() -> None:
    """Stash and place: what a core module takes and gives."""
    data, body = text('{"config":{"x":1},"stash":{"/r":2}}')
    body = body.replace("(i32.store (i32.const 16) (i32.const 0))", "").replace("20)", "16)", 1)
    body = "(i32.store (i32.const 16) (i32.const 4096)) (i32.store (i32.const 20) (i32.const 35)) (i32.const 16)"
    module = component(body, rest=data, name="up-envelope", kind=ENVELOPE)
    assert await answer(module, config={}) == Answer({"x": 1}, {"/r": 2})
    echo = "(i32.store (i32.const 16) (local.get $p)) (i32.store (i32.const 20) (local.get $n)) (i32.const 16)"
    given = call(component(echo, name="up-envelope", kind=ENVELOPE), config={"a": 1}, stash=[2])
    assert (await WasmRuntime().run(given)).output == given.envelope


async def test_a_direction_may_be_left_out_and_asking_for_it_is_told() -> None:
    assert await refused(component(), entry="vq_down") == "does not export down"


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (component(name="other"), "exports neither up nor down"),
        (
            component(kind='(param "config" string) (result string)', body="(i32.const 16)"),
            "exports up as something else",
        ),
        (component(name="down-envelope", kind=PLAIN), "exports down-envelope as something else"),
        (b"\0asm\x0d\0\x01\0\xff", "is no valid module"),
        (
            component(more='(import "wasi:clocks/wall-clock@0.2.0" (instance))'),
            "imports wasi:clocks/wall-clock@0.2.0, which is not allowed (componentize-py: build with --stub-wasi)",
        ),
    ],
)
async def test_what_does_not_keep_the_world_is_named(module: bytes, sentence: str) -> None:
    assert (await refused(module)).startswith(sentence)


# ---------------------------------------------------------------------------------------------------------- the limits


GROW = "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
DEEP = "(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))"
HUGE = "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 131072)) {} (i32.const 16)"


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (component("(loop $l (br $l)) (i32.const 0)"), "used up its 500,000,000 fuel in up, the limit"),
        (component("(call $f (i32.const 0))", rest=DEEP), "trapped in up: stack overflow"),
        (component("unreachable"), "trapped in up: unreachable code was reached"),
        (component("(i32.load (i32.const -4))"), "trapped in up: out of bounds memory access"),
        (component(GROW), "trapped in up: unreachable code was reached"),
        (
            component(HUGE.format("(i32.store (i32.const 24) (i32.const 1100000))")),
            "up gave 1,100,011 bytes, the limit is",
        ),
        (component(HUGE.format("(i32.store (i32.const 24) (i32.const -1))")), "could not enter up: "),
        (component("(i32.const -8)"), "could not enter up: "),
        (component(alloc="(i32.const -1)"), "could not enter up: "),
        (component(alloc="(loop $l (br $l)) (i32.const 0)"), "used up its 500,000,000 fuel in up, the limit"),
        (component(*text("no JSON")[1:], rest=text("no JSON")[0]), "output is not JSON"),
    ],
)
async def test_each_way_to_fail_is_one_sentence(module: bytes, sentence: str) -> None:
    assert (await refused(module)).startswith(sentence)


async def test_text_that_is_not_utf8_is_refused() -> None:
    body = """(i32.store8 (i32.const 4096) (i32.const 255)) (i32.store (i32.const 16) (i32.const 0))
              (i32.store (i32.const 20) (i32.const 4096)) (i32.store (i32.const 24) (i32.const 1)) (i32.const 16)"""
    assert "utf-8" in (await refused(component(body))).lower()


async def test_all_of_a_component_shares_one_memory() -> None:
    """A second one would be a second 64 MiB."""
    more = '(core module $n (memory (export "m") 1)) (core instance $j (instantiate $n))'
    assert "resource limit exceeded: memory count too high" in await refused(component(more=more))


async def test_the_memory_limit_holds_from_the_start() -> None:
    assert "memory" in await refused(component(), limits=Limits(memory_bytes=1_000_000))


async def test_many_at_once_do_not_meet() -> None:
    runtime = WasmRuntime(workers=4)
    told: list[Json] = []

    async def one(number: int) -> None:
        told.append(interpret((await runtime.run(call(component(), config=number))).output).config)

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(one, number)
    assert sorted(told) == list(range(40))


# ------------------------------------------------------------------------------------------------------ compiled code


def large() -> bytes:
    """The echo with so much data that it is compiled apart."""
    return component(rest=f'(data (i32.const 131072) "{"x" * APART_BYTES}")')


async def test_what_was_compiled_is_found_by_the_next_process(tmp_path: Path) -> None:
    """With its digest beside it, in a folder for its owner alone; the same answer comes from it."""
    folder = tmp_path / "compiled"
    first = await WasmRuntime(folder=folder).run(call(large(), config=7))
    files = sorted(path.name for path in folder.iterdir())
    assert len(files) == 2
    assert files[1] == files[0] + ".sha256"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    made = (folder / files[0]).stat().st_ino
    assert await WasmRuntime(folder=folder).run(call(large(), config=7)) == first
    assert (folder / files[0]).stat().st_ino == made


@pytest.mark.parametrize("damage", ["torn", "changed", "no digest"])
async def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: str) -> None:
    """Never run: it would be native code."""
    await WasmRuntime(folder=tmp_path).run(call(large(), config=7))
    (file,) = (path for path in tmp_path.iterdir() if path.suffix != ".sha256")
    raw = file.read_bytes()
    match damage:
        case "torn":
            file.write_bytes(raw[: len(raw) // 2])
        case "changed":
            file.write_bytes(raw[:-1000] + bytes(1000))
        case _:
            file.with_name(file.name + ".sha256").unlink()
    assert interpret((await WasmRuntime(folder=tmp_path).run(call(large(), config=7))).output).config == 7
    assert file.read_bytes() == raw


async def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert interpret((await WasmRuntime(folder=tmp_path).run(call(large(), config=7))).output).config == 7
    assert list(tmp_path.iterdir()) == []


async def test_a_large_module_that_is_none_is_refused_from_the_other_process(tmp_path: Path) -> None:
    """The same sentence as for a small one, and no file."""
    broken = large()[:-3]
    assert (await refused(broken)).startswith("is no valid module: ")
    with pytest.raises(MigrationFailed, match="is no valid module"):
        await WasmRuntime(folder=tmp_path).run(call(broken))
    assert list(tmp_path.iterdir()) == []


async def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ones that were used last."""
    monkeypatch.setattr("versiqiid.adapters.wasm.compiling.FILES_MAX", 2)
    runtime = WasmRuntime(folder=tmp_path)
    for number in range(3):
        module = component(rest=f'(data (i32.const 131072) "{str(number) * APART_BYTES}")')
        await runtime.run(call(module, config=number))
        for age, path in enumerate(sorted(tmp_path.iterdir(), key=lambda each: each.stat().st_mtime_ns)):
            os.utime(path, (1_000 + age, 1_000 + age))
    assert len([path for path in tmp_path.iterdir() if path.suffix != ".sha256"]) == 2


def test_the_world_is_written_down() -> None:
    """The interface file says what the sandbox asks for."""
    world = Path(__file__).parents[2] / "plugins/migrations/python/template/wit/migration.wit"
    told = world.read_text(encoding="utf-8")
    for name in ("up", "down"):
        assert f"export {name}: func(config: string) -> result<string, string>;" in told
        assert f"export {name}-envelope: func(envelope: string) -> string;" in told
    assert json.dumps("import") not in told
