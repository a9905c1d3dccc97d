"""Small guests in the WebAssembly text format, for tests of the sandbox."""

from __future__ import annotations

import hashlib

import anyio
import pytest
import wasmtime

from versiqiid.adapters.wasm import Limits, WasmRuntime
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestCall, GuestResult

VERSION = '(func (export "vq_abi_version") (result i32) (i32.const 1))'
ALLOC = '(func (export "vq_alloc") (param i32) (result i32) (i32.const 1024))'
MEMORY = '(memory (export "memory") 2)'
ECHO = """(i64.or (i64.shl (i64.extend_i32_u (local.get $p)) (i64.const 32)) (i64.extend_i32_u (local.get $n)))"""


def entry(name: str, body: str) -> str:
    """A function of an entry's type."""
    return f'(func (export "{name}") (param $p i32) (param $n i32) (result i64) {body})'


def guest(body: str = ECHO, *, imports: str = "", rest: str = "", memory: str = MEMORY, alloc: str = ALLOC) -> bytes:
    """A guest that keeps the ABI but for what the test changes; up does ``body``, down echoes."""
    return wat(imports, memory, VERSION, alloc, entry("vq_up", body), entry("vq_down", ECHO), rest)


def wat(*parts: str) -> bytes:
    return bytes(wasmtime.wat2wasm("(module " + "\n".join(parts) + ")"))


def text(content: str, at: int = 4096) -> tuple[str, str]:
    """A data segment with this text, and the expression that gives it as a result."""
    escaped = "".join(f"\\{byte:02x}" for byte in content.encode())
    packed = at << 32 | len(content.encode())
    return f'(data (i32.const {at}) "{escaped}")', f"(i64.const {packed})"


def call(module: bytes, *, entry: str = "vq_up", envelope: bytes = b'{"config":{}}') -> GuestCall:
    return GuestCall(module, "sha256:" + hashlib.sha256(module).hexdigest(), entry, envelope)


async def run(module: bytes, *, limits: Limits | None = None, **how: object) -> GuestResult:
    """Run once in a runtime of its own. The bound is no measure: it ends a test that a limit should have ended."""
    with anyio.fail_after(60):
        return await WasmRuntime(limits).run(call(module, **how))  # type: ignore[arg-type]


async def refused(module: bytes, *, limits: Limits | None = None, **how: object) -> str:
    """The sentence of the failure that this guest must end in."""
    with pytest.raises(MigrationFailed) as failure:
        await run(module, limits=limits, **how)
    assert failure.value.pointer is None
    return failure.value.message
