"""What one call of a guest may use. Numbers and their reasons only."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.core.envelope import OUTPUT_BYTES_MAX

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The contract's limits (``docs/kv-layout.md``, "Guests"); tests set smaller ones.

    :ivar fuel: for start function, ``_initialize``, ``vq_alloc`` and the entry together, as the locked wasmtime counts
        it. It is the limit that decides, because it is the same on every machine: about half a second of work.
    :ivar memory_bytes: all linear memory of the guest. ``memory.grow`` beyond it answers -1, as WebAssembly has it.
    :ivar wall_s: seconds, a backstop for what fuel does not price (filling memory in bulk, for one). It is kept to
        within a quarter of a second and must not be what decides.
    :ivar output_bytes: the most that is copied out of the guest.
    :ivar log_bytes: what is kept of the guest's log in one call; the rest is cut, silently.
    :ivar host_calls: calls of imports in one call of the guest. Fuel does not price what happens on our side of the
        fence; this does, so that a flood of them ends the same way everywhere. The number is arbitrary: under a second.
    :ivar random_bytes: what ``random_get`` gives in one call of the guest, for the same reason.
    :ivar table_elements: 8 bytes each, outside of the linear memory. Arbitrary; compilers stay far below it.
    """

    fuel: int = 500_000_000
    memory_bytes: int = 64 * _MIB
    wall_s: float = 5.0
    output_bytes: int = OUTPUT_BYTES_MAX
    log_bytes: int = 64_000
    host_calls: int = 100_000
    random_bytes: int = _MIB
    table_elements: int = 100_000
