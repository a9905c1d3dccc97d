"""Our side of the fence: what a guest's imports do, and the state of the one call that they belong to.

Two rules keep many guests in one process apart. Host functions are defined once and find their call through a
thread-local, because a call stays on one worker thread. And they never raise: wasmtime-py carries an exception out of
a callback in one variable for the whole process, so a guest on another thread could be handed it. What must end a guest
is written into its call and its fuel is taken away; the verdict is read from the call, never from the trap.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versiqiid.adapters.wasm.abi import Signature
from versiqiid.core.envelope import sentence

if TYPE_CHECKING:
    from versiqiid.adapters.wasm.limits import Limits

_ABORT_BYTES_MAX = 4_000
_UNSIGNED = 0xFFFF_FFFF


class BadPointer(Exception):
    """A pointer and length that do not lie inside the guest's memory."""


@dataclass(slots=True)
class Call:
    """One call of one guest: what it logged, what it used, and why it was stopped, if it was."""

    store: Any
    limits: Limits
    log: bytearray = field(default_factory=bytearray)
    host_calls: int = 0
    random_bytes: int = 0
    stopped: str = ""

    def stop(self, why: str) -> None:
        """End the guest at its next check of fuel; the first reason counts."""
        if not self.stopped:
            self.stopped = why
        self.store.set_fuel(0)

    def write_log(self, data: bytes) -> None:
        self.log += data[: self.limits.log_bytes - len(self.log)]

    def log_room(self) -> int:
        """How many bytes the log still takes."""
        return self.limits.log_bytes - len(self.log)


class View:
    """The guest's memory, by unsigned pointers, with every access checked."""

    def __init__(self, caller: Any) -> None:
        self._caller = caller
        self._memory = caller.get("memory")
        self._size = self._memory.data_len(caller)

    def read(self, pointer: int, length: int, *, most: int | None = None) -> bytes:
        """The bytes there, at most ``most`` of them; the whole range must lie inside the memory."""
        start, count = self._inside(pointer, length)
        return bytes(self._memory.read(self._caller, start, start + (count if most is None else min(count, most))))

    def write(self, pointer: int, data: bytes) -> None:
        start, _ = self._inside(pointer, len(data))
        if data:
            self._memory.write(self._caller, data, start)

    def check(self, pointer: int, length: int) -> None:
        """Return when the range lies inside the memory."""
        self._inside(pointer, length)

    def _inside(self, pointer: int, length: int) -> tuple[int, int]:
        start, count = pointer & _UNSIGNED, length & _UNSIGNED
        if start + count > self._size:
            raise BadPointer
        return start, count


Behaviour = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Import:
    """A function that a guest may import: its type, and what it does with (call, view, *arguments).

    The behaviour's answer counts only where the type has a result.

    :ivar bad_pointer: what the guest gets for a bad pointer; None stops it.
    """

    signature: Signature
    behaviour: Behaviour
    bad_pointer: int | None = None


_current = threading.local()


class bound_to:  # noqa: N801 - reads as a phrase where it is used
    """While held, host functions on this thread belong to this call."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        _current.call = self._call

    def __exit__(self, *_: object) -> None:
        _current.call = None


def guarded(name: str, imported: Import) -> Callable[..., int | None]:
    """The function that wasmtime calls: counts, never raises, and does nothing for a guest that was stopped."""
    answers = bool(imported.signature.results)

    def function(caller: Any, *arguments: int) -> int | None:
        call: Call = _current.call
        result = 0
        try:
            call.host_calls += 1
            if call.host_calls > call.limits.host_calls:
                call.stop(f"called its imports more than {call.limits.host_calls:,} times, the limit")
            if not call.stopped:
                result = imported.behaviour(call, View(caller), *arguments)
        except BadPointer:
            if imported.bad_pointer is None:
                call.stop(f"gave {name} a pointer outside of its memory")
            else:
                result = imported.bad_pointer
        except Exception as error:  # noqa: BLE001 - nothing may be raised here, see the module's words
            call.stop(f"could not be served: {name} failed with {type(error).__name__}")
        return result if answers else None

    return function


def log(call: Call, view: View, pointer: int, length: int) -> int:
    """``versiqii.log``: one line of text."""
    call.write_log(view.read(pointer, length, most=call.log_room()) + b"\n")
    return 0


def abort(call: Call, view: View, pointer: int, length: int) -> int:
    """``versiqii.abort``: the guest gives up, with a sentence for the operator."""
    text = sentence(view.read(pointer, length, most=_ABORT_BYTES_MAX).decode("utf-8", "replace"))
    call.stop(f"aborted: {text}" if text else "aborted without a word")
    return 0


def random(call: Call, count: int) -> bytes:
    """The next ``count`` bytes of the one fixed sequence: SHA-256 of ``versiqii random_get 0``, ``… 1``, ``… 2`` and so
    on, one after the other. Every call of a guest starts at its beginning.
    """
    start, end = call.random_bytes, call.random_bytes + count
    size = hashlib.sha256().digest_size
    blocks = range(start // size, -(-end // size))
    data = b"".join(hashlib.sha256(b"versiqii random_get %d" % block).digest() for block in blocks)
    call.random_bytes = end
    skip = start % size
    return data[skip : skip + count]


_TEXT = Signature(("i32", "i32"), ())
VERSIQII = {"log": Import(_TEXT, log), "abort": Import(_TEXT, abort)}
