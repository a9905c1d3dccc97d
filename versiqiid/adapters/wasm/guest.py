"""One call of one guest, from a fresh store to its bytes. No threads, no caches, no asynchrony: a plain function.

The order is the ABI's: start function, ``_initialize``, ``vq_abi_version``, ``vq_alloc`` once, the entry once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import wasmtime

from versiqiid.adapters.wasm import abi
from versiqiid.adapters.wasm.clock import ticks
from versiqiid.adapters.wasm.host import Call, bound_to
from versiqiid.adapters.wasm.modules import Prepared
from versiqiid.adapters.wasm.sentences import cause, code_of, trapped
from versiqiid.errors import MigrationFailed
from versiqiid.ports import GuestResult

if TYPE_CHECKING:
    from versiqiid.adapters.wasm.limits import Limits

_UNSIGNED_32 = 0xFFFF_FFFF
_UNSIGNED_64 = 0xFFFF_FFFF_FFFF_FFFF


def run(engine: Any, prepared: Prepared, entry: str, envelope: bytes, limits: Limits) -> GuestResult:
    """What the entry gave for this envelope; same module, entry and envelope give the same bytes and the same fuel.

    :param entry: ``vq_up`` or ``vq_down``.
    :raises MigrationFailed: one sentence saying which limit, trap or rule; nothing of the guest's memory is in it but
        its own word through ``versiqii.abort``.
    """
    if entry not in abi.ENTRIES or entry not in prepared.exports:
        raise MigrationFailed(f"does not export {entry}", hint=f"The entries it has: {_entries(prepared)}.")
    store = wasmtime.Store(engine)
    try:
        store.set_limits(limits.memory_bytes, limits.table_elements, instances=1, tables=8, memories=1)
        store.set_fuel(limits.fuel)
        store.set_epoch_deadline(ticks(limits.wall_s))
        call = Call(store, limits)
        with bound_to(call):
            output = _Guest(store, call, prepared).transform(entry, envelope)
        return GuestResult(output, limits.fuel - store.get_fuel(), _text(call.log, limits.log_bytes))
    finally:
        store.close()


class _Guest:
    """A running instance. Every step into it goes through ``_enter``, which turns each way to fail into a sentence."""

    def __init__(self, store: Any, call: Call, prepared: Prepared) -> None:
        self._store = store
        self._call = call
        self._prepared = prepared
        self._exports: Any = {}

    def transform(self, entry: str, envelope: bytes) -> bytes:
        instance = self._enter("its start function", self._prepared.instance.instantiate, self._store)
        self._exports = instance.exports(self._store)
        if "_initialize" in self._prepared.exports:
            self._ask("_initialize")
        version = self._ask("vq_abi_version")
        if version != abi.VERSION:
            raise MigrationFailed(f"speaks ABI {version}, expected ABI {abi.VERSION}")
        pointer = self._give(envelope)
        packed = self._ask(entry, pointer, len(envelope)) & _UNSIGNED_64
        return self._take(entry, packed >> 32, packed & _UNSIGNED_32)

    def _give(self, envelope: bytes) -> int:
        pointer: int = self._ask("vq_alloc", len(envelope)) & _UNSIGNED_32
        if pointer == 0:
            raise MigrationFailed(f"vq_alloc had no room for the {len(envelope):,} bytes of the envelope")
        memory = self._exports["memory"]
        if pointer + len(envelope) > memory.data_len(self._store):
            raise MigrationFailed("vq_alloc gave a place outside of its memory")
        memory.write(self._store, envelope, pointer)
        return pointer

    def _take(self, entry: str, pointer: int, length: int) -> bytes:
        most = self._call.limits.output_bytes
        if length > most:
            raise MigrationFailed(f"{entry} gave {length:,} bytes, the limit is {most:,}")
        memory = self._exports["memory"]
        if pointer + length > memory.data_len(self._store):
            raise MigrationFailed(f"{entry} gave a result that lies outside of its memory")
        return bytes(memory.read(self._store, pointer, pointer + length))

    def _ask(self, name: str, *arguments: int) -> Any:
        return self._enter(name, self._exports[name], self._store, *arguments)

    def _enter(self, where: str, function: Any, *arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except wasmtime.Trap as trap:
            raise MigrationFailed(self._call.stopped or self._trapped(where, trap)) from None
        except wasmtime.WasmtimeError as error:
            raise MigrationFailed(self._call.stopped or f"could not enter {where}: {cause(error)}") from None
        if self._call.stopped:
            raise MigrationFailed(self._call.stopped)
        return result

    def _trapped(self, where: str, trap: Any) -> str:
        return trapped(where, name := code_of(trap) or "UNKNOWN", self._call.limits) + self._pressure(name)

    def _pressure(self, name: str) -> str:
        """Names the memory limit beside a trap when the guest was near it: a failed growth shows only as a trap."""
        if not self._exports or name in ("OUT_OF_FUEL", "INTERRUPT"):
            return ""
        most, used = self._call.limits.memory_bytes, self._exports["memory"].data_len(self._store)
        return f", with {used:,} of {most:,} bytes of memory in use" if used * 2 > most else ""


def _entries(prepared: Prepared) -> str:
    return ", ".join(name for name in abi.ENTRIES if name in prepared.exports)


def _text(log: bytearray, most: int) -> str:
    """The log as text that is safe on a terminal and no longer than it was as bytes."""
    text = bytes(log).decode("utf-8", "replace")
    shown = "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)
    return shown.encode("utf-8")[:most].decode("utf-8", "ignore")
