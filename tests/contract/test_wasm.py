"""The sandbox under guests that mean no good, and its promise that the same call gives the same bytes and fuel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tests.contract.wasm_guests import ALLOC, ECHO, call, entry, guest, refused, run, text, wat
from versiqiid.adapters.wasm import Limits, WasmRuntime
from versiqiid.errors import MigrationFailed

pytestmark = pytest.mark.anyio
PROJECT = Path(__file__).parents[2]

ENDLESS = "(loop $again (br $again))"
SMALL = Limits(fuel=1_000_000)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The sandbox uses threads and anyio only, so both backends must do."""
    return str(request.param)


async def test_a_guest_gives_back_what_it_was_given() -> None:
    """The envelope arrives byte for byte and so does the result."""
    result = await run(guest(), envelope=b'{"config":"\xc3\xa9"}')
    assert result.output == b'{"config":"\xc3\xa9"}'
    assert 0 < result.fuel < 100
    assert result.log == ""


async def test_down_is_its_own_entry() -> None:
    """The entry that was asked for runs, not the other."""
    data, give = text('{"up":1}')
    module = guest(give, rest=data)
    assert (await run(module)).output == b'{"up":1}'
    assert (await run(module, entry="vq_down")).output == b'{"config":{}}'


async def test_an_endless_loop_ends_at_the_fuel_limit() -> None:
    """Fuel decides, with the contract's own limit, long before the wall clock would."""
    assert await refused(guest(ENDLESS + "(i64.const 0)")) == "used up its 500,000,000 fuel in vq_up, the limit"


@pytest.mark.parametrize(
    ("where", "module"),
    [
        ("its start function", guest(rest=f"(func $s {ENDLESS}) (start $s)")),
        ("_initialize", guest(rest=f'(func (export "_initialize") {ENDLESS})')),
        ("vq_alloc", guest(alloc=f'(func (export "vq_alloc") (param i32) (result i32) {ENDLESS} (i32.const 0))')),
    ],
)
async def test_fuel_covers_everything_of_the_guest(where: str, module: bytes) -> None:
    """No function of the guest runs outside of the one account of fuel."""
    assert await refused(module, limits=SMALL) == f"used up its 1,000,000 fuel in {where}, the limit"


async def test_fuel_is_one_account_for_the_whole_call() -> None:
    """What the start function used is not there for the entry."""
    spin = "(loop $again (br_if $again (i32.ne (local.tee $i (i32.sub (local.get $i) (i32.const 1))) (i32.const 0))))"
    prepare = f"(func $s (local $i i32) (local.set $i (i32.const 120000)) {spin}) (start $s)"
    work = f"(local $i i32) (local.set $i (i32.const 120000)) {spin} {ECHO}"
    both = await run(guest(work, rest=prepare))
    alone = await run(guest(work))
    assert alone.fuel < 1_000_000 < both.fuel
    await run(guest(work), limits=SMALL)
    assert "used up its 1,000,000 fuel in vq_up" in await refused(guest(work, rest=prepare), limits=SMALL)


async def test_the_wall_clock_stops_what_fuel_does_not_price() -> None:
    """Filling memory in bulk costs next to no fuel and much time; the backstop ends it."""
    fill = "(memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864))"
    module = guest(f"(loop $again {fill} (br $again)) (i64.const 0)", memory='(memory (export "memory") 1024)')
    limits = Limits(wall_s=0.3, fuel=2**60)
    assert await refused(module, limits=limits) == "ran for more than 0.3 s in vq_up, the limit"


async def test_memory_stops_growing_at_the_limit() -> None:
    """Growth beyond 64 MiB answers -1 as WebAssembly has it, and a guest that then gives up shows how full it was."""
    grow = "(if (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) (then unreachable))"
    most = guest(grow.format(pages=1024 - 2) + ECHO)
    assert (await run(most)).output == b'{"config":{}}'
    more = guest(grow.format(pages=1024 - 2) + grow.format(pages=1) + ECHO)
    said = await refused(more)
    assert said.startswith("trapped in vq_up: unreachable code was reached")
    assert said.endswith("with 67,108,864 of 67,108,864 bytes of memory in use")


async def test_more_memory_at_the_start_than_the_limit_is_refused() -> None:
    """A module that declares too much never starts."""
    said = await refused(guest(memory='(memory (export "memory") 1025)'))
    assert said == "could not enter its start function: memory minimum size of 1025 pages exceeds memory limits"


async def test_a_table_that_is_too_large_is_refused() -> None:
    """Tables are memory too."""
    assert "could not enter its start function" in await refused(guest(rest="(table 1000000 funcref)"))


async def test_endless_recursion_is_a_sentence_and_no_crash() -> None:
    """The stack has an end before the thread's stack has."""
    module = guest(
        "(call $r (local.get $p) (local.get $n))",
        rest="""(func $r (param $p i32) (param $n i32) (result i64)
      (i64.add (call $r (local.get $n) (local.get $p)) (i64.const 1)))""",
    )
    assert await refused(module) == "trapped in vq_up: stack overflow"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("unreachable", "unreachable code was reached"),
        ("(i64.load (i32.const -8))", "out of bounds memory access"),
        ("(i64.div_s (i64.const 1) (i64.const 0))", "integer division by zero"),
        ("(i64.trunc_f64_s (f64.const nan))", "bad conversion to integer"),
        ("(call_indirect (result i64) (i32.const 0))", "indirect call to null"),
    ],
)
async def test_a_trap_is_named_by_its_kind(body: str, kind: str) -> None:
    """An operator reads what happened, without the guest's memory or function names."""
    said = await refused(guest(body, rest="(table 1 funcref)"))
    assert said.startswith(f"trapped in vq_up: {kind}")


async def test_a_trap_in_start_and_in_alloc_names_the_place() -> None:
    """The place is the ABI's word for it."""
    start = guest(rest="(func $s unreachable) (start $s)")
    assert (await refused(start)).startswith("trapped in its start function: unreachable")
    alloc = guest(alloc='(func (export "vq_alloc") (param i32) (result i32) unreachable)')
    assert (await refused(alloc)).startswith("trapped in vq_alloc: unreachable")


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (0, "vq_alloc had no room for the 13 bytes of the envelope"),
        (-1, "vq_alloc gave a place outside of its memory"),
        (-16, "vq_alloc gave a place outside of its memory"),
        (2 * 65536 - 12, "vq_alloc gave a place outside of its memory"),
        (2 * 65536, "vq_alloc gave a place outside of its memory"),
    ],
)
async def test_alloc_is_not_believed(place: int, sentence: str) -> None:
    """Zero means failure; anything else must have room for the whole envelope. Negative is just large."""
    alloc = f'(func (export "vq_alloc") (param i32) (result i32) (i32.const {place}))'
    assert await refused(guest(alloc=alloc)) == sentence


async def test_an_envelope_may_end_where_memory_ends() -> None:
    """The last byte of memory is memory."""
    alloc = f'(func (export "vq_alloc") (param i32) (result i32) (i32.const {2 * 65536 - 13}))'
    assert (await run(guest(alloc=alloc))).output == b'{"config":{}}'


@pytest.mark.parametrize(
    ("pointer", "length", "sentence"),
    [
        (2 * 65536, 1, "vq_up gave a result that lies outside of its memory"),
        (2 * 65536 - 1, 2, "vq_up gave a result that lies outside of its memory"),
        (0xFFFF_FFFF, 1, "vq_up gave a result that lies outside of its memory"),
        (0xFFFF_FF00, 0x200, "vq_up gave a result that lies outside of its memory"),
        (0x8000_0000, 0, "vq_up gave a result that lies outside of its memory"),
        (0, 0xFFFF_FFFF, "vq_up gave 4,294,967,295 bytes, the limit is 800,000"),
        (0xFFFF_FFFF, 0xFFFF_FFFF, "vq_up gave 4,294,967,295 bytes, the limit is 800,000"),
        (0, 800_001, "vq_up gave 800,001 bytes, the limit is 800,000"),
    ],
)
async def test_result_pointers_are_checked_as_unsigned(pointer: int, length: int, sentence: str) -> None:
    """High bits are neither signs nor overflow; the length is judged before anything is copied."""
    packed = pointer << 32 | length
    assert await refused(guest(f"(i64.const {packed})")) == sentence


async def test_the_largest_result_is_taken_whole() -> None:
    """Exactly the limit is within it."""
    module = guest(f"(i64.const {800_000})", memory='(memory (export "memory") 16)')
    assert len((await run(module)).output) == 800_000


async def test_results_are_bytes_whatever_they_say() -> None:
    """Whether they are text is for whoever reads them; an empty result is a result."""
    data = '(data (i32.const 4096) "\\ff\\fe\\00")'
    assert (await run(guest(f"(i64.const {4096 << 32 | 3})", rest=data))).output == b"\xff\xfe\0"
    assert (await run(guest("(i64.const 0)"))).output == b""


COUNTING = """(global $calls (mut i32) (i32.const 48))"""
COUNT = """(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
  (i32.store8 (i32.const 64) (global.get $calls)) (i64.const 274877906945)"""


async def test_every_call_gets_a_fresh_instance() -> None:
    """A guest cannot remember: not in globals, not in memory."""
    runtime, module = WasmRuntime(), guest(COUNT, rest=COUNTING)
    assert [(await runtime.run(call(module))).output for _ in range(3)] == [b"1", b"1", b"1"]


async def test_alloc_is_called_once_a_call() -> None:
    """An allocator that counts sees one request."""
    alloc = f"""(func (export "vq_alloc") (param i32) (result i32) {COUNT} (drop) (i32.const 1024))"""
    module = guest(f"(i64.const {64 << 32 | 1})", alloc=alloc, rest=COUNTING)
    assert (await run(module)).output == b"1"


async def test_fuel_and_bytes_are_the_same_in_every_run() -> None:
    """Run again, from the cached module, in another runtime, and interpreted instead of compiled: one and the same."""
    nan = "(f64.store (i32.const 64) (f64.div (f64.const 0) (f64.const 0)))"
    module = guest(f"{nan} (i64.const {64 << 32 | 8})")
    first = WasmRuntime()
    results = [await first.run(call(module)) for _ in range(3)]
    results.append(await WasmRuntime().run(call(module)))
    results.append(await WasmRuntime(interpreter=True).run(call(module)))
    assert {(result.output, result.fuel) for result in results} == {(bytes(6) + b"\xf8\x7f", results[0].fuel)}


async def test_a_hostile_guest_does_not_disturb_its_neighbours() -> None:
    """Many guests at once, good and bad, on several threads: each has its own verdict, every time."""
    runtime = WasmRuntime(Limits(fuel=3_000_000), workers=4)
    data, give = text('{"config":1}')
    good = guest(give, rest=data)
    aborting = guest(
        "(call $abort (i32.const 4096) (i32.const 3)) (i64.const 0)",
        imports='(import "versiqii" "abort" (func $abort (param i32 i32)))',
        rest='(data (i32.const 4096) "bad")',
    )
    expected = {
        good: '{"config":1}',
        aborting: "aborted: bad",
        guest(ENDLESS + "(i64.const 0)"): "used up its 3,000,000 fuel in vq_up, the limit",
        guest("unreachable"): "trapped in vq_up: unreachable code was reached (a panic or failed assertion, "
        "as compilers write them)",
    }
    seen: list[tuple[bytes, str]] = []

    async def one(module: bytes) -> None:
        try:
            seen.append((module, (await runtime.run(call(module))).output.decode()))
        except MigrationFailed as failure:
            seen.append((module, failure.message))

    async with anyio.create_task_group() as group:
        for module in list(expected) * 25:
            group.start_soon(one, module)
    assert len(seen) == 100
    assert [(module, said) for module, said in seen if said != expected[module]] == []


async def test_a_guest_without_one_direction_serves_the_other() -> None:
    """A key names one direction; a module need not have both."""
    only_up = wat(
        '(memory (export "memory") 1)',
        '(func (export "vq_abi_version") (result i32) (i32.const 1))',
        ALLOC,
        entry("vq_up", ECHO),
    )
    assert (await run(only_up)).output == b'{"config":{}}'
    assert await refused(only_up, entry="vq_down") == "does not export vq_down"


async def test_a_cancelled_call_returns_before_its_guest_ends() -> None:
    """Stopping the daemon waits for no guest."""
    runtime = WasmRuntime(Limits(fuel=2**60, wall_s=0.5), workers=1)
    with anyio.move_on_after(0.05) as scope:
        await runtime.run(call(guest(ENDLESS + "(i64.const 0)")))
    assert scope.cancelled_caught
    assert (await runtime.run(call(guest()))).output == b'{"config":{}}'


def test_a_process_that_ends_with_a_runtime_alive_ends_in_silence() -> None:
    """wasmtime's finalizers would fail at that moment, on standard error of the daemon."""
    program = """
import anyio
from tests.contract.wasm_guests import call, guest
from versiqiid.adapters.wasm import WasmRuntime
runtime = WasmRuntime()
print(anyio.run(runtime.run, call(guest())).output)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert (done.stdout, done.stderr) == ("""b'{"config":{}}'\n""", "")


def test_nothing_of_wasmtime_is_loaded_before_the_first_call() -> None:
    """A daemon without WebAssembly migrations does not pay for it."""
    program = "import sys, versiqiid.adapters.wasm as w; w.WasmRuntime(); print('wasmtime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout == "False\n"
