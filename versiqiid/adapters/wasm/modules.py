"""From bytes to a module that may run: the engine's settings, compilation, the ABI check, and a cache of both verdicts.

Compiled code is kept in memory only. A cache on disk would save a few milliseconds a module at start-up and would make
whoever can write that file the author of native code in the daemon.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import wasmtime

from versiqiid.adapters.wasm import host, wasi
from versiqiid.adapters.wasm.abi import Signature, check_exports, check_imports
from versiqiid.core.envelope import sentence
from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CORE_HEADER = b"\0asm\x01\0\0\0"
_COMPONENT_HEADER = b"\0asm\x0d\0\x01\0"
_MODULES_MAX = 128
_BYTES_MAX = 64 * 1024 * 1024
_CAUSE_CHARACTERS_MAX = 200
_STACK_BYTES = 512 * 1024
"""wasmtime's own default, named because it is part of a verdict. How many calls it holds depends on the processor's
architecture, so "stack overflow" is the one verdict that may differ between them."""

_OFFERED: Mapping[tuple[str, str], host.Import] = {
    **{("versiqii", name): imported for name, imported in host.VERSIQII.items()},
    **{(wasi.MODULE, name): imported for name, imported in wasi.WASI.items()},
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled module that keeps the ABI, its imports bound; shared by any number of calls at once.

    :ivar exports: which names of the ABI it has.
    """

    instance: Any
    exports: frozenset[str]


def configuration(*, interpreter: bool) -> Any:
    """Settings under which the same module gives the same bytes and the same fuel everywhere.

    :param interpreter: run wasmtime's portable interpreter instead of machine code, for hosts that forbid memory that
        is both written and executed (systemd's ``MemoryDenyWriteExecute``). Same verdicts and fuel, many times slower.
    """
    config = wasmtime.Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.max_wasm_stack = _STACK_BYTES
    config.cranelift_nan_canonicalization = True
    config.parallel_compilation = False  # its thread pool is lost in a forked process, which then hangs
    for feature in (
        "wasm_threads",
        "shared_memory",
        "wasm_relaxed_simd",  # differs between machines by design
        "wasm_memory64",
        "wasm_multi_memory",
        "wasm_exceptions",
        "wasm_gc",
        "gc_support",
        "wasm_function_references",
        "wasm_component_model",
        "wasm_custom_page_sizes",
        "wasm_wide_arithmetic",
        "wasm_stack_switching",
    ):
        setattr(config, feature, False)
    if interpreter:
        config.target = "pulley64"
    return config


def linker(engine: Any) -> Any:
    """Everything a guest may import, defined once for all guests of the engine."""
    made = wasmtime.Linker(engine)
    types = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
    for (module, name), imported in _OFFERED.items():
        signature = imported.signature
        kind = wasmtime.FuncType([types[p]() for p in signature.params], [types[r]() for r in signature.results])
        made.define_func(module, name, kind, host.guarded(f"{module}.{name}", imported), access_caller=True)
    return made


def prepare(engine: Any, bound: Any, code: bytes) -> Prepared:
    """Compile and check; nothing of the guest runs.

    :raises MigrationFailed: no module, or one that does not keep the ABI; the sentence says where.
    """
    if not code.startswith(_CORE_HEADER):
        what = "a WebAssembly component" if code.startswith(_COMPONENT_HEADER) else "no WebAssembly module"
        raise MigrationFailed(f"is {what}", hint="ABI 1 takes core modules in the binary format.")
    try:
        module = wasmtime.Module(engine, code)
    except wasmtime.WasmtimeError as error:
        raise MigrationFailed(f"is no valid module: {cause(error)}") from error
    check_imports(module.imports, _signatures())
    exports = check_exports(module.exports)
    try:
        return Prepared(bound.instantiate_pre(module), exports)
    except wasmtime.WasmtimeError as error:
        raise MigrationFailed(f"cannot be linked: {cause(error)}") from error


def cause(error: Exception) -> str:
    """The innermost cause that wasmtime tells, short, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return sentence(lines[-1] if lines else "no cause given")[:_CAUSE_CHARACTERS_MAX]


def _signatures() -> dict[tuple[str, str], Signature]:
    return {key: imported.signature for key, imported in _OFFERED.items()}


@dataclass(slots=True)
class _Slot:
    """One digest's verdict; the lock lets one thread compile and the others wait for it."""

    size: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    prepared: Prepared | None = None
    failure: tuple[str, str] | None = None


class ModuleCache:
    """Prepared modules, and refusals, by digest: the least recently used go first, by number and by bytes of code.

    Digest alone is key enough: a cache belongs to one engine, hence to one wasmtime and one configuration.

    :param prepare: compiles and checks; raises MigrationFailed.
    """

    def __init__(
        self, prepare: Callable[[bytes], Prepared], *, modules_max: int = _MODULES_MAX, bytes_max: int = _BYTES_MAX
    ) -> None:
        self._prepare = prepare
        self._modules_max = modules_max
        self._bytes_max = bytes_max
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str, code: bytes) -> Prepared:
        """The prepared module, compiled at most once at a time.

        :raises MigrationFailed: it cannot be used, each time with the same sentence.
        """
        slot = self._slot(digest, len(code))
        with slot.lock:
            if slot.prepared is None and slot.failure is None:
                try:
                    slot.prepared = self._prepare(code)
                except MigrationFailed as error:
                    slot.failure = (error.message, error.hint)
        if slot.prepared is not None:
            return slot.prepared
        message, hint = slot.failure or ("cannot be used", "")
        raise MigrationFailed(message, hint=hint)

    def close(self) -> None:
        """Free the compiled code. No call may be running, none may follow."""
        with self._lock:
            for slot in self._slots.values():
                if slot.prepared is not None:
                    slot.prepared.instance.close()
            self._slots.clear()

    def _slot(self, digest: str, size: int) -> _Slot:
        with self._lock:
            slot = self._slots.pop(digest, None) or _Slot(size)
            self._slots[digest] = slot
            total = sum(each.size for each in self._slots.values())
            while len(self._slots) > 1 and (len(self._slots) > self._modules_max or total > self._bytes_max):
                total -= self._slots.popitem(last=False)[1].size
            return slot
