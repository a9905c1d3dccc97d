"""What a guest finds behind its imports: a log, a way to give up, and a WASI that has nothing."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.contract.wasm_guests import guest, refused, run
from versiqiid.adapters.wasm import Limits
from versiqiid.adapters.wasm.wasi import WASI

pytestmark = pytest.mark.anyio

LOG = '(import "versiqii" "log" (func $log (param i32 i32)))'
ABORT = '(import "versiqii" "abort" (func $abort (param i32 i32)))'


def wasi(name: str, *params: str, result: str = "(result i32)") -> str:
    kinds = " ".join(params)
    return f'(import "wasi_snapshot_preview1" "{name}" (func ${name} (param {kinds}) {result}))'


def show(length: int, at: int = 4096) -> str:
    return f"(i64.const {at << 32 | length})"


def errno(call: str) -> str:
    """A body whose result is the error number of a WASI call, as one byte."""
    return f"(i32.store8 (i32.const 4096) {call}) {show(1)}"


async def test_a_log_is_kept_line_by_line() -> None:
    """And what a terminal could misread is not in it."""
    data = '(data (i32.const 0) "one two\\1b[2J\\ff")'
    module = guest(
        f"(call $log (i32.const 0) (i32.const 3)) (call $log (i32.const 4) (i32.const 8)) {show(0)}",
        imports=LOG,
        rest=data,
    )
    assert (await run(module)).log == "one\ntwo\ufffd[2J\ufffd\n"


async def test_a_log_flood_is_cut_and_ends_nothing() -> None:
    """64 kB in all; the guest does not notice, whether it sends much at once or little often."""
    fill = "(memory.fill (i32.const 0) (i32.const 97) (i32.const 131072))"
    large = guest(f"{fill} (call $log (i32.const 0) (i32.const 131072)) {show(0)}", imports=LOG)
    assert len((await run(large)).log.encode()) == 64_000
    loop = "(loop $again (call $log (i32.const 0) (i32.const 10)) (br_if $again {more}))"
    more = "(i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 1))) (i32.const 20000))"
    often = guest(f"{fill} (local.set $p (i32.const 0)) {loop.format(more=more)} {show(0)}", imports=LOG)
    result = await run(often)
    assert (len(result.log.encode()), result.output) == (64_000, b"")
    endless = guest(loop.format(more="(i32.const 1)") + show(0), imports=LOG)
    said = await refused(endless, limits=Limits(host_calls=5_000))
    assert said == "called its imports more than 5,000 times, the limit"


async def test_a_bad_pointer_to_our_own_imports_ends_the_guest() -> None:
    """Outside of the memory, beyond its end, or negative."""
    for pointer, length in ((131072, 1), (131071, 2), (-1, 1), (0, -1)):
        module = guest(f"(call $log (i32.const {pointer}) (i32.const {length})) {show(0)}", imports=LOG)
        assert await refused(module) == "gave versiqii.log a pointer outside of its memory"


async def test_abort_ends_the_guest_with_its_sentence() -> None:
    """Nothing after it counts, not even a result, not even another abort."""
    data = '(data (i32.const 0) "no\\0aroom\\07 left\\1b[31mlater")'
    body = "(call $abort (i32.const 0) (i32.const 18)) (call $abort (i32.const 18) (i32.const 5)) " + show(1)
    assert await refused(guest(body, imports=ABORT, rest=data)) == "aborted: no room left[31m"
    silent = guest(f"(call $abort (i32.const 0) (i32.const 0)) {show(0)}", imports=ABORT)
    assert await refused(silent) == "aborted without a word"


async def test_an_aborts_sentence_has_an_end() -> None:
    """At most 1,000 characters reach anybody, however much the guest says."""
    fill = "(memory.fill (i32.const 0) (i32.const 97) (i32.const 131072))"
    module = guest(f"{fill} (call $abort (i32.const 0) (i32.const 131072)) {show(0)}", imports=ABORT)
    assert await refused(module) == "aborted: " + "a" * 999 + "…"


async def test_abort_works_in_the_start_function() -> None:
    """Before there is an instance to ask."""
    module = guest(
        imports=ABORT,
        rest='(data (i32.const 0) "early") (func $s (call $abort (i32.const 0) (i32.const 5))) (start $s)',
    )
    assert await refused(module) == "aborted: early"


async def test_random_is_a_fixed_documented_sequence() -> None:
    """SHA-256 of "versiqii random_get <n>" for n = 0, 1, 2 …, from the beginning in every call of a guest."""
    oracle = b"".join(hashlib.sha256(f"versiqii random_get {n}".encode()).digest() for n in range(4))
    first, second, third = 5, 40, 60
    draw = "(drop (call $random_get (i32.const {at}) (i32.const {n})))"
    body = draw.format(at=4096, n=first) + draw.format(at=4096 + first, n=second)
    body += draw.format(at=4096 + first + second, n=third) + show(first + second + third)
    module = guest(body, imports=wasi("random_get", "i32", "i32"))
    expected = oracle[: first + second + third]
    assert [(await run(module)).output for _ in range(2)] == [expected, expected]


async def test_random_has_an_end() -> None:
    """Bytes that fuel does not price are counted."""
    once = "(drop (call $random_get (i32.const 0) (i32.const 65536)))"
    enough = guest(once * 16 + show(0), imports=wasi("random_get", "i32", "i32"))
    assert (await run(enough)).output == b""
    more = guest(once * 17 + show(0), imports=wasi("random_get", "i32", "i32"))
    assert await refused(more) == "asked random_get for more than 1,048,576 bytes, the limit"


async def test_the_clock_stands_still() -> None:
    """Zero, whichever clock."""
    body = f"(drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 4096))) {show(8)}"
    module = guest(body, imports=wasi("clock_time_get", "i32", "i64", "i32"), rest='(data (i32.const 4096) "12345678")')
    assert (await run(module)).output == bytes(8)


@pytest.mark.parametrize("name", ["args_sizes_get", "environ_sizes_get"])
async def test_there_are_no_arguments_and_no_environment(name: str) -> None:
    """None of them, with a size of nothing."""
    body = f"(drop (call ${name} (i32.const 4096) (i32.const 4100))) {show(8)}"
    module = guest(body, imports=wasi(name, "i32", "i32"), rest='(data (i32.const 4096) "12345678")')
    assert (await run(module)).output == bytes(8)


async def test_standard_output_and_error_are_the_log() -> None:
    """Gathered from their vectors, with the number of bytes as a system would tell it."""
    vectors = '(data (i32.const 0) "\\20\\00\\00\\00\\03\\00\\00\\00\\23\\00\\00\\00\\02\\00\\00\\00") '
    write = "(drop (call $fd_write (i32.const {fd}) (i32.const 0) (i32.const 2) (i32.const 4096)))"
    module = guest(
        write.format(fd=1) + write.format(fd=2) + show(4),
        imports=wasi("fd_write", "i32", "i32", "i32", "i32"),
        rest=vectors + '(data (i32.const 32) "abcde")',
    )
    result = await run(module)
    assert (result.log, result.output) == ("abcdeabcde", b"\5\0\0\0")


@pytest.mark.parametrize(
    ("call", "imported", "number"),
    [
        ("(call $fd_prestat_get (i32.const 3) (i32.const 0))", wasi("fd_prestat_get", "i32", "i32"), 8),
        ("(call $fd_close (i32.const 1))", wasi("fd_close", "i32"), 0),
        ("(call $fd_close (i32.const 3))", wasi("fd_close", "i32"), 8),
        (
            "(call $fd_seek (i32.const 1) (i64.const 0) (i32.const 0) (i32.const 0))",
            wasi("fd_seek", "i32", "i64", "i32", "i32"),
            70,
        ),
        ("(call $fd_fdstat_get (i32.const 2) (i32.const 64))", wasi("fd_fdstat_get", "i32", "i32"), 0),
        ("(call $fd_fdstat_get (i32.const 2) (i32.const -4))", wasi("fd_fdstat_get", "i32", "i32"), 21),
        (
            "(call $fd_write (i32.const 1) (i32.const 131068) (i32.const 1) (i32.const 0))",
            wasi("fd_write", "i32", "i32", "i32", "i32"),
            21,
        ),
        (
            "(call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))",
            wasi("fd_write", "i32", "i32", "i32", "i32"),
            28,
        ),
        (
            "(call $fd_write (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0))",
            wasi("fd_write", "i32", "i32", "i32", "i32"),
            8,
        ),
        (
            "(call $fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 64))",
            wasi("fd_read", "i32", "i32", "i32", "i32"),
            0,
        ),
        (
            "(call $poll_oneoff (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
            wasi("poll_oneoff", "i32", "i32", "i32", "i32"),
            52,
        ),
        ("(call $random_get (i32.const -1) (i32.const 2))", wasi("random_get", "i32", "i32"), 21),
    ],
)
async def test_wasi_answers_as_a_system_that_has_nothing(call: str, imported: str, number: int) -> None:
    """With the error numbers that a program knows how to take."""
    assert (await run(guest(errno(call), imports=imported))).output == bytes([number])


async def test_proc_exit_is_no_way_to_answer() -> None:
    """Not even with code 0."""
    module = guest(f"(call $proc_exit (i32.const 0)) {show(1)}", imports=wasi("proc_exit", "i32", result=""))
    assert await refused(module) == "left through proc_exit with code 0 instead of giving a result"


async def test_every_function_of_preview1_can_be_imported_and_called() -> None:
    """All 46 are there with the interface's types, and none of them harms us, whatever it is called with."""
    assert len(WASI) == 46
    for name, imported in WASI.items():
        params = imported.signature.params
        arguments = " ".join(f"({kind}.const -1)" for kind in params)
        result = "(result i32)" if imported.signature.results else ""
        dropped = f"(drop (call ${name} {arguments}))" if result else f"(call ${name} {arguments})"
        declared = wasi(name, *params, result=result).replace("(param )", "")
        if name == "proc_exit":
            assert "proc_exit with code 4294967295" in await refused(guest(dropped + show(0), imports=declared))
        else:
            assert (await run(guest(dropped + show(0), imports=declared))).output == b""


def test_the_interface_matches_what_a_compiler_links() -> None:
    """wasmtime brings the same interface of its own: every function of ours must fit it, name and type."""
    import wasmtime  # noqa: PLC0415

    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    for name, imported in WASI.items():
        params = imported.signature.params
        result = "(result i32)" if imported.signature.results else ""
        declared = re.sub(r"\(param \)", "", wasi(name, *params, result=result))
        linker.instantiate_pre(wasmtime.Module(engine, f"(module {declared})"))
