"""From bytes to a module that may run: compilation, the ABI check, and a cache of both verdicts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import wasmtime

from versiqiid.adapters.wasm import host, wasi
from versiqiid.adapters.wasm.abi import CORE_HEADER, Signature, check_exports, check_imports
from versiqiid.adapters.wasm.sentences import cause
from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MODULES_MAX = 128
_BYTES_MAX = 64 * 1024 * 1024

_OFFERED: Mapping[tuple[str, str], host.Import] = {
    **{("versiqii", name): imported for name, imported in host.VERSIQII.items()},
    **{(wasi.MODULE, name): imported for name, imported in wasi.WASI.items()},
}


class Closing(Protocol):
    """What a cache holds."""

    def close(self) -> None:
        """Free the compiled code."""
        ...


T = TypeVar("T", bound=Closing)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A compiled module that keeps the ABI, its imports bound; shared by any number of calls at once.

    :ivar exports: which names of the ABI it has.
    """

    instance: Any
    exports: frozenset[str]

    def close(self) -> None:
        self.instance.close()


def linker(engine: Any) -> Any:
    """Everything a guest may import, defined once for all guests of the engine."""
    made = wasmtime.Linker(engine)
    types = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
    for (module, name), imported in _OFFERED.items():
        signature = imported.signature
        kind = wasmtime.FuncType([types[p]() for p in signature.params], [types[r]() for r in signature.results])
        made.define_func(module, name, kind, host.guarded(f"{module}.{name}", imported), access_caller=True)
    return made


def prepare(bound: Any, compile_: Callable[[bytes], Any], code: bytes) -> Prepared:
    """Compile and check; nothing of the guest runs.

    :param bound: the engine's linker. :param compile_: makes a ``Module`` of the bytes.
    :raises MigrationFailed: no module, or one that does not keep the ABI; the sentence says where.
    """
    if not code.startswith(CORE_HEADER):
        raise MigrationFailed(
            "is no WebAssembly module", hint="A module is a core module with ABI 1 or a component, in binary format."
        )
    module = compile_(code)
    check_imports(module.imports, _signatures())
    exports = check_exports(module.exports)
    try:
        return Prepared(bound.instantiate_pre(module), exports)
    except wasmtime.WasmtimeError as error:
        raise MigrationFailed(f"cannot be linked: {cause(error)}") from error


def _signatures() -> dict[tuple[str, str], Signature]:
    return {key: imported.signature for key, imported in _OFFERED.items()}


@dataclass(slots=True)
class _Slot(Generic[T]):
    """One digest's verdict; the lock lets one thread compile and the others wait for it."""

    size: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    prepared: T | None = None
    failure: tuple[str, str] | None = None


class ModuleCache(Generic[T]):
    """Prepared modules, and refusals, by digest: the least recently used go first, by number and by bytes of code.

    Digest alone is key enough: a cache belongs to one engine, hence to one wasmtime and one configuration.

    :param prepare: compiles and checks; raises MigrationFailed.
    """

    def __init__(
        self, prepare: Callable[[bytes], T], *, modules_max: int = _MODULES_MAX, bytes_max: int = _BYTES_MAX
    ) -> None:
        self._prepare = prepare
        self._modules_max = modules_max
        self._bytes_max = bytes_max
        self._slots: OrderedDict[str, _Slot[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str, code: bytes) -> T:
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

    def knows(self, digest: str) -> bool:
        """Whether the verdict on this module is known: ``get`` costs nothing then."""
        with self._lock:
            slot = self._slots.get(digest)
            return slot is not None and (slot.prepared is not None or slot.failure is not None)

    def close(self) -> None:
        """Free the compiled code. No call may be running, none may follow."""
        with self._lock:
            for slot in self._slots.values():
                if slot.prepared is not None:
                    slot.prepared.close()
            self._slots.clear()

    def _slot(self, digest: str, size: int) -> _Slot[T]:
        with self._lock:
            slot = self._slots.pop(digest, None) or _Slot[T](size)
            self._slots[digest] = slot
            total = sum(each.size for each in self._slots.values())
            while len(self._slots) > 1 and (len(self._slots) > self._modules_max or total > self._bytes_max):
                total -= self._slots.popitem(last=False)[1].size
            return slot
