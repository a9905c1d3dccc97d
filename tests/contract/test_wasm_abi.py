"""What is refused before a guest runs: no module, wrong imports, wrong exports, another ABI. Each by name."""

from __future__ import annotations

import pytest

from tests.contract.wasm_guests import ALLOC, ECHO, MEMORY, VERSION, call, entry, guest, refused, run, wat
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.adapters.wasm.modules import ModuleCache, Prepared
from versiqiid.errors import MigrationFailed

pytestmark = pytest.mark.anyio

UP, DOWN = entry("vq_up", ECHO), entry("vq_down", ECHO)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (b"", "is no WebAssembly module"),
        (b"(module)", "is no WebAssembly module"),
        (b"\x7fELF\x02\x01\x01\0", "is no WebAssembly module"),
        (b"\0asm\x0d\0\x01\0", "exports neither up nor down"),
        (b"\0asm\x01\0\0\0\x01", "is no valid module: unexpected end-of-file (at offset 0x9)"),
    ],
)
async def test_bytes_that_are_no_core_module(code: bytes, sentence: str) -> None:
    """The text format is for people: only the binary format of a core module is taken."""
    assert await refused(code) == sentence


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('(memory (export "memory") 1 2 shared)', "threads"),
        ('(memory (export "memory") i64 1)', "memory64"),
        ('(memory (export "memory") 1) (memory 1)', "multiple memories"),
        ("(tag)", "exceptions"),
        (
            "(func (param v128) (result v128) (i32x4.relaxed_trunc_f32x4_s (local.get 0)))",
            "relaxed SIMD",
        ),
    ],
)
async def test_features_that_could_differ_between_machines_are_off(text: str, word: str) -> None:
    """Threads and relaxed SIMD are how WebAssembly is not deterministic; the rest is simply unneeded."""
    said = await refused(wat(text))
    assert said.startswith("is no valid module: ")
    assert word.lower() in said.lower()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((VERSION, ALLOC, UP, DOWN), "exports no memory named memory"),
        (('(func (export "memory"))', VERSION, ALLOC, UP), "exports no memory named memory"),
        ((MEMORY, ALLOC, UP, DOWN), "does not export vq_abi_version"),
        ((MEMORY, VERSION, UP, DOWN), "does not export vq_alloc"),
        ((MEMORY, VERSION, ALLOC), "exports neither vq_up nor vq_down"),
        (
            (MEMORY, VERSION, ALLOC, '(func (export "vq_up") (param i32 i32) (result i32) (i32.const 0))'),
            "exports vq_up as a function (i32, i32) -> (i32), expected a function (i32, i32) -> (i64)",
        ),
        (
            (MEMORY, VERSION, ALLOC, UP, '(func (export "vq_down") (param i64))'),
            "exports vq_down as a function (i64) -> (), expected a function (i32, i32) -> (i64)",
        ),
        (
            (MEMORY, VERSION, UP, '(global (export "vq_alloc") i32 (i32.const 5))'),
            "exports vq_alloc as a global, expected a function (i32) -> (i32)",
        ),
        (
            (MEMORY, VERSION, ALLOC, UP, '(func (export "_initialize") (param i32))'),
            "exports _initialize as a function (i32) -> (), expected a function () -> ()",
        ),
    ],
)
async def test_exports_are_the_abi(parts: tuple[str, ...], sentence: str) -> None:
    """What is missing or has another type is named, with the type that was expected."""
    assert await refused(wat(*parts)) == sentence


async def test_another_abi_version_is_refused() -> None:
    """A module says which ABI it speaks, and is believed."""
    two = '(func (export "vq_abi_version") (result i32) (i32.const 2))'
    assert await refused(wat(MEMORY, two, ALLOC, UP, DOWN)) == "speaks ABI 2, expected ABI 1"


@pytest.mark.parametrize(
    ("imported", "sentence"),
    [
        (
            '(import "env" "abort" (func (param i32 i32 i32 i32)))',
            'imports env.abort, which is not allowed (AssemblyScript: build with "--use abort=")',
        ),
        ('(import "env" "memory" (memory 1))', "imports env.memory, which is not allowed"),
        ('(import "versiqii" "now" (func (result i64)))', "imports versiqii.now, which is not allowed"),
        ('(import "wasi_unstable" "fd_write" (func))', "imports wasi_unstable.fd_write, which is not allowed"),
        ('(import "a\\1b[2J" "b" (func))', "imports a?[2J.b, which is not allowed"),
        (
            '(import "versiqii" "log" (func (param i32)))',
            "imports versiqii.log as a function (i32) -> (), expected a function (i32, i32) -> ()",
        ),
        (
            '(import "wasi_snapshot_preview1" "random_get" (global i32))',
            "imports wasi_snapshot_preview1.random_get as a global, expected a function (i32, i32) -> (i32)",
        ),
    ],
)
async def test_imports_are_a_short_list(imported: str, sentence: str) -> None:
    """Anything outside of it is refused by name, before any of the guest runs."""
    memory = "" if "(memory" in imported else MEMORY
    assert await refused(guest(imports=imported, memory=memory or '(export "memory" (memory 0))')) == sentence


async def test_initialize_is_called_before_anything_else() -> None:
    """A reactor's constructors have run when the version is asked for."""
    module = wat(
        MEMORY,
        "(global $ready (mut i32) (i32.const 0))",
        '(func (export "_initialize") (global.set $ready (i32.add (global.get $ready) (i32.const 1))))',
        '(func (export "vq_abi_version") (result i32) (global.get $ready))',
        ALLOC,
        UP,
        DOWN,
    )
    assert (await run(module)).output == b'{"config":{}}'


async def test_a_refused_module_is_refused_again() -> None:
    """The verdict is kept with the module: same sentence, same advice, nothing compiled twice."""
    runtime, module = WasmRuntime(), wat(VERSION)
    said = []
    for _ in range(2):
        with pytest.raises(MigrationFailed) as failure:
            await runtime.run(call(module))
        said.append((failure.value.message, failure.value.hint))
    assert said == [("exports no memory named memory", "ABI 1 exports its linear memory as memory.")] * 2


def test_the_cache_forgets_the_least_recently_used() -> None:
    """By number and by size, but never the module that is being asked for."""
    compiled: list[bytes] = []

    def prepare(code: bytes) -> Prepared:
        compiled.append(code)
        return Prepared(code, frozenset())

    cache = ModuleCache(prepare, modules_max=2, bytes_max=10)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert cache.get(name, name.encode()).instance == name.encode()
    assert compiled == [b"a", b"b", b"c", b"b"]
    cache.get("large", b"x" * 11)
    cache.get("large", b"x" * 11)
    cache.get("a", b"a")
    assert compiled[4:] == [b"x" * 11, b"a"]
