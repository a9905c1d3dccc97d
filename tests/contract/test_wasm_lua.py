"""Lua scripts as migrations: what they can do, and that they are held by the limits of every other guest."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.adapters.wasm import Limits, WasmRuntime
from versiqiid.core.canonical import INTEGER_MAX, Json, canonical
from versiqiid.core.envelope import Answer, GuestRefused, build, interpret
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall, GuestResult

pytestmark = pytest.mark.anyio
RUNTIME = WasmRuntime()


async def ran(script: str, config: Json = None, stash: Json = None, *, limits: Limits | None = None) -> GuestResult:
    envelope = build({} if config is None else config, family="f", frm="1.0.0", to="2.0.0", stash=stash)
    runtime = WasmRuntime(limits) if limits else RUNTIME
    with anyio.fail_after(60):
        return await runtime.run(GuestCall(b"", "sha256:0", "", envelope, script))


async def answer(script: str, config: Json = None, stash: Json = None) -> Answer:
    return interpret((await ran(script, config, stash)).output)


def body(text: str) -> str:
    return f"function migrate(config, context)\n{text}\nreturn config\nend"


async def failure(script: str, config: Json = None, *, limits: Limits | None = None) -> str:
    with pytest.raises(MigrationFailed) as failed:
        interpret((await ran(script, config, limits=limits)).output)
    assert not isinstance(failed.value, GuestRefused)
    return failed.value.message


# ------------------------------------------------------------------------------------------------------- documents


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-INTEGER_MAX, INTEGER_MAX)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
        max_leaves=30,
    )
)
def test_every_document_comes_back_as_it_went_in(document: Any) -> None:
    """Numbers keep every bit, empty lists stay lists, null stays null, names may be anything."""
    envelope = build(document, family="f", frm="1", to="2")
    script = "function migrate(config) return config end"
    result = anyio.run(RUNTIME.run, GuestCall(b"", "sha256:0", "", envelope, script))
    assert canonical(interpret(result.output).config) == canonical(document)


async def test_the_context_is_told() -> None:
    script = "function migrate(config, context) return {context.family, context.from, context.to, context.stash.a} end"
    assert (await answer(script, stash={"a": 7})).config == ["f", "1.0.0", "2.0.0", 7]


async def test_a_second_result_is_the_stash() -> None:
    told = await answer("function migrate(config) return {}, {kept = config.a} end", {"a": [1]})
    assert (told.config, told.stash) == ({}, {"kept": [1]})


async def test_lists_and_objects_are_told_apart() -> None:
    """A list is what came as one, what array() made one, and what has something at 1; an empty table is an object."""
    told = await answer(
        body("config.a = {} config.b = array({}) config.c = {1, 2} config.d[#config.d + 1] = null"), {"d": []}
    )
    assert told.config == {"a": {}, "b": [], "c": [1, 2], "d": [None]}


async def test_the_same_helpers_as_in_other_languages() -> None:
    script = body(
        "move(config, '/a', '/b/c') set(config, '/d/e', 1) move_if_present(config, '/no', '/way')\n"
        "config.seen = get(config, '/b/c') config.same = equal({x = {1}}, {x = {1}}) keep(config, '/r', 'usual')"
    )
    told = await answer(script, {"a": "v", "r": "other"})
    assert told.config == {"b": {"c": "v"}, "d": {"e": 1}, "seen": "v", "same": True}
    assert told.stash == {"/r": "other"}
    assert (await answer(body("restore(config, '/r', 'usual')"), {}, {"/r": "other"})).config == {"r": "other"}
    assert (await answer(body("restore(config, '/r', 'usual')"), {})).config == {"r": "usual"}


async def test_a_refusal_has_a_sentence_and_a_place() -> None:
    """Also out of a function that was called by another."""
    with pytest.raises(GuestRefused, match="set a depth") as refused:
        await answer("local function deep() refuse('set a depth', '/limits/depth') end\n" + body("deep()"))
    assert refused.value.pointer == "/limits/depth"
    with pytest.raises(GuestRefused, match="a member is missing") as refused:
        await answer(body("take(config, '/a/b')"), {"a": []})
    assert refused.value.pointer == "/a/b"


async def test_errors_can_be_caught_and_coroutines_yield() -> None:
    script = body(
        "local ok, why = pcall(function() error({code = 7}) end) config.code = why.code\n"
        "local step = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)\n"
        "config.sum = step() + step() + step()"
    )
    assert (await answer(script)).config == {"code": 7, "sum": 6}


async def test_what_is_printed_is_logged() -> None:
    assert (await ran(body("print('one', 2)"))).log == "one\t2\n"


# ---------------------------------------------------------------------------------------------------------- sandbox


@pytest.mark.parametrize(
    "name",
    ["os", "io", "package", "require", "debug", "dofile", "loadfile", "load", "loadstring", "string.dump", "lupa"],
)
async def test_there_is_no_way_out(name: str) -> None:
    assert (await answer(body(f"config.there = {name} ~= nil"))).config == {"there": False}


async def test_the_same_script_gives_the_same_bytes_and_fuel() -> None:
    """Random numbers, addresses and the order of a table are those of every other run, in every process."""
    script = body("for i = 1, 50 do config['m' .. i] = math.random(1000) end config.at = tostring({})")
    first, second = [await ran(script) for _ in range(2)]
    third = await WasmRuntime().run(
        GuestCall(b"", "sha256:0", "", build({}, family="f", frm="1.0.0", to="2.0.0"), script)
    )
    assert first == second == third


async def test_nothing_is_left_for_the_next_call() -> None:
    assert (await answer(body("left = 1 string.left = 1"))).config == {}
    assert (await answer(body("config.l = left == nil and string.left == nil"))).config == {"l": True}


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (body("while true do end"), "used up its 500,000,000 fuel in vq_up, the limit"),
        (body("('a'):rep(40):find(('a-'):rep(40) .. 'b')"), "used up its 500,000,000 fuel in vq_up, the limit"),
        (body("local s = 'x' while true do s = s .. s end"), "aborted: not enough memory"),
        (body("config.x = ('x'):rep(3000000)"), "vq_up gave 3,000,019 bytes, the limit is 800,000"),
        (body("local function f() return (f()) end f()"), "aborted: not enough memory"),
        (body("config.x = config"), "aborted: the result is nested more than 110 deep, or holds itself"),
        (body("config.x = print"), "aborted: the result holds a function, which JSON does not have"),
        (body("config.x = 0 / 0"), "aborted: the result holds a number that JSON does not have"),
        (body("config[true] = 1"), "aborted: the result holds an object with a name that is no string"),
        (body("config.x = {1, 2, n = 1}"), "aborted: the result holds a list with gaps or with names"),
        (body("config.x = config.y.z"), "aborted: script:2: attempt to index a nil value (field 'y')"),
        (body("error({})"), "aborted: the script raised something that is no text"),
        (body("config.x = '\\xff'"), "output is not UTF-8 at byte 16"),
        ("function migrate(config) end", "aborted: migrate returned nothing: return the config"),
        ("x = 1", "aborted: the script defines no function migrate"),
        ("function migrate(", "aborted: script:1: <name> or '...' expected near <eof>"),
        ("\x1bLua", "aborted: attempt to load a binary chunk (mode is 't')"),
    ],
)
async def test_each_way_to_fail_is_one_sentence(script: str, sentence: str) -> None:
    told = await failure(script)
    assert told.startswith(sentence)


async def test_a_hostile_script_does_no_harm_to_the_next() -> None:
    """Ten at once of the worst, and one that works among them."""
    worst = [body("while true do end"), body("local t = {} while true do t[#t + 1] = ('x'):rep(1000) end")] * 5
    works: list[Answer] = []

    async def one(script: str) -> None:
        await failure(script)

    async def good() -> None:
        works.append(await answer(body("config.x = 1")))

    async with anyio.create_task_group() as group:
        for script in worst:
            group.start_soon(one, script)
        group.start_soon(good)
    assert [each.config for each in works] == [{"x": 1}]


async def test_the_limits_are_the_runtimes() -> None:
    assert "used up its 20,000 fuel" in await failure(body(""), limits=Limits(fuel=20_000))
    assert await failure(body(""), limits=Limits(memory_bytes=1_200_000)) != ""


async def test_the_portable_interpreter_gives_the_same() -> None:
    script = body("local ok = pcall(error, 'x') config.ok = ok config.r = math.random()")
    envelope = build({}, family="f", frm="1.0.0", to="2.0.0")
    other = await WasmRuntime(interpreter=True).run(GuestCall(b"", "sha256:0", "", envelope, script))
    assert other == await ran(script)
