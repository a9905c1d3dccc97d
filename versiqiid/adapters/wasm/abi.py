"""ABI version 1 as a table, and the check of a compiled module against it. Nothing is run here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

VERSION = 1
ENTRIES = ("vq_up", "vq_down")
CORE_HEADER = b"\0asm\x01\0\0\0"
_COMPONENT_HEADER = b"\0asm\x0d\0\x01\0"


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameter and result types by their WebAssembly names."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"

    @classmethod
    def of(cls, kind: Any) -> Signature:
        """The signature of a wasmtime function type."""
        return cls(tuple(map(str, kind.params)), tuple(map(str, kind.results)))


_ENTRY = Signature(("i32", "i32"), ("i64",))
_EXPORTS: Mapping[str, Signature] = {
    "vq_abi_version": Signature((), ("i32",)),
    "vq_alloc": Signature(("i32",), ("i32",)),
    "vq_up": _ENTRY,
    "vq_down": _ENTRY,
    "_initialize": Signature((), ()),
}
_REQUIRED = ("vq_abi_version", "vq_alloc")


def is_component(code: bytes) -> bool:
    """Whether these bytes begin as a component does: a module's tier is told by the module, not by its key."""
    return code.startswith(_COMPONENT_HEADER)


def check_imports(imports: Iterable[Any], offered: Mapping[tuple[str, str], Signature]) -> None:
    """Return when every import is offered and asked for with the right type.

    :param imports: wasmtime's import types of the module.
    :raises MigrationFailed: naming the import that is not allowed.
    """
    for wanted in imports:
        name = f"{_shown(wanted.module)}.{_shown(wanted.name or '')}"
        signature = offered.get((wanted.module, wanted.name or ""))
        if signature is None:
            raise MigrationFailed(
                f"imports {name}, which is not allowed" + _advice(wanted.module, wanted.name or ""),
                hint="A guest may import versiqii.log, versiqii.abort and wasi_snapshot_preview1, nothing else.",
            )
        found = _signature(wanted.type)
        if found != signature:
            raise MigrationFailed(f"imports {name} as {_kind(wanted.type)}, expected a function {signature}")


def check_exports(exports: Iterable[Any]) -> frozenset[str]:
    """The names of the ABI that the module exports, each with its right type.

    A module may leave out one direction; asking for an entry that is not there is the caller's error.

    :param exports: wasmtime's export types of the module.
    :raises MigrationFailed: naming the export that is missing or has another type.
    """
    found = {kind.name: kind.type for kind in exports}
    memory = found.get("memory")
    if memory is None or not _is_memory(memory):
        raise MigrationFailed("exports no memory named memory", hint="ABI 1 exports its linear memory as memory.")
    for name in _REQUIRED:
        if name not in found:
            raise MigrationFailed(f"does not export {name}", hint=f"ABI 1 has {name} {_EXPORTS[name]}.")
    for name, signature in _EXPORTS.items():
        if name in found and _signature(found[name]) != signature:
            raise MigrationFailed(f"exports {name} as {_kind(found[name])}, expected a function {signature}")
    if not any(name in found for name in ENTRIES):
        raise MigrationFailed("exports neither vq_up nor vq_down", hint=f"ABI 1 has both as functions {_ENTRY}.")
    return frozenset(_EXPORTS) & frozenset(found)


def _advice(module: str, name: str) -> str:
    if (module, name) == ("env", "abort"):
        return ' (AssemblyScript: build with "--use abort=")'
    return ""


def _is_memory(kind: Any) -> bool:
    return type(kind).__name__ == "MemoryType"


def _signature(kind: Any) -> Signature | None:
    return Signature.of(kind) if type(kind).__name__ == "FuncType" else None


def _kind(kind: Any) -> str:
    signature = _signature(kind)
    return f"a function {signature}" if signature else f"a {type(kind).__name__.removesuffix('Type').lower()}"


def _shown(name: str) -> str:
    """A name out of the module, short and printable: it goes into a status that people read."""
    return "".join(character if character.isprintable() else "?" for character in name[:80])
