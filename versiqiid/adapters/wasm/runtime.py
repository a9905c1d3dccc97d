"""``ports.MigrationRuntime`` on worker threads: limits how many guests run at once and starts wasmtime when needed.

wasmtime is imported at the first call, so that a daemon without WebAssembly migrations never pays for it.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from versiqiid.adapters.wasm import lua
from versiqiid.adapters.wasm.abi import is_component
from versiqiid.adapters.wasm.limits import Limits
from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from versiqiid.adapters.wasm.modules import ModuleCache
    from versiqiid.ports import GuestCall, GuestResult

_WORKERS_MAX = 8
_COMPILERS_MAX = 2
"""Modules that are compiled at once, apart from the workers: a large one takes seconds, and others go on meanwhile."""


class WasmRuntime:
    """Runs guests: bytes to bytes, each in a fresh instance, with the same verdict and fuel on every machine.

    Safe to call from any number of tasks and event loops. A cancelled call returns at once; its guest, no longer
    counted among the workers, ends by its own limits.

    :param limits: what one call may use.
    :param workers: guests at once, 64 MiB of memory each; one per processor and at most 8 when not told.
    :param interpreter: see ``engines.configuration``.
    :param folder: where large modules are kept compiled; None = they are compiled again in every process.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int | None = None,
        interpreter: bool = False,
        folder: Path | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._workers = anyio.CapacityLimiter(workers or min(os.cpu_count() or 1, _WORKERS_MAX))
        self._compilers = anyio.CapacityLimiter(_COMPILERS_MAX)
        self._how = (interpreter, folder)
        self._lock = threading.Lock()
        self._machines: dict[str, _Machine] = {}

    async def run(self, call: GuestCall) -> GuestResult:
        """What the guest's entry gave.

        :raises MigrationFailed: wrong ABI, exports or imports, trap, limit; one sentence that names which.
        """
        guest = _guest(call)
        if not self._prepared(guest):
            await anyio.to_thread.run_sync(self._prepare, guest, limiter=self._compilers, abandon_on_cancel=True)
        return await anyio.to_thread.run_sync(self._run, guest, limiter=self._workers, abandon_on_cancel=True)

    async def run_many(self, calls: Iterable[GuestCall], *, budget_s: float) -> list[GuestResult | MigrationFailed]:
        """What each call gave, in order, in one turn of a worker; a failure of a guest is its answer.

        :param calls: gone through in the worker, one after the other.
        :param budget_s: seconds after which no further call is begun: then there are fewer answers, but at least one.
        """
        return await anyio.to_thread.run_sync(
            self._run_many, calls, budget_s, limiter=self._workers, abandon_on_cancel=True
        )

    def _run_many(self, calls: Iterable[GuestCall], budget_s: float) -> list[GuestResult | MigrationFailed]:
        deadline = time.monotonic() + budget_s
        told: list[GuestResult | MigrationFailed] = []
        for call in calls:
            try:
                told.append(self._run(_guest(call)))
            except MigrationFailed as failure:
                told.append(failure)
            if time.monotonic() > deadline:
                break
        return told

    def _prepared(self, guest: _Guest) -> bool:
        machine = self._machines.get(guest.kind)
        return machine is not None and machine.modules.knows(guest.digest)

    def _prepare(self, guest: _Guest) -> None:
        self._machine(guest).modules.get(guest.digest, guest.module)

    def _run(self, guest: _Guest) -> GuestResult:
        return self._machine(guest).run(guest, self._limits)

    def _machine(self, guest: _Guest) -> _Machine:
        with self._lock:
            if guest.kind not in self._machines:
                self._machines[guest.kind] = machine = _machine(guest.kind, *self._how)
                # Also when the process ends: wasmtime's own finalizers fail by then, and say so on standard error.
                weakref.finalize(self, machine.close)
            return self._machines[guest.kind]


@dataclass(frozen=True, slots=True)
class _Guest:
    """A call, with what it runs in. ``kind`` is an ``engines.Kind``."""

    kind: str
    module: bytes
    digest: str
    entry: str
    envelope: bytes


def _guest(call: GuestCall) -> _Guest:
    if call.script is not None:
        module = lua.interpreter()
        return _Guest("lua", module, "lua", lua.ENTRY, lua.with_script(call.envelope, call.script))
    kind = "component" if is_component(call.module) else "core"
    return _Guest(kind, call.module, call.digest, call.entry, call.envelope)


@dataclass(frozen=True, slots=True)
class _Machine:
    """One engine with its compiled modules and clock."""

    engine: Any
    linker: Any
    modules: ModuleCache[Any]
    clock: Any
    guest: Callable[..., GuestResult]

    def run(self, guest: _Guest, limits: Limits) -> GuestResult:
        prepared = self.modules.get(guest.digest, guest.module)
        with self.clock.running():
            return self.guest(self.engine, prepared, guest.entry, guest.envelope, limits)

    def close(self) -> None:
        """Free everything, unless a guest still runs in an abandoned thread: then the end of the process does."""
        if self.clock.stop():
            self.modules.close()
            if self.linker is not None:
                self.linker.close()
            self.engine.close()


def _machine(kind: str, interpreter: bool, folder: Path | None) -> _Machine:
    import wasmtime  # noqa: PLC0415 - see the module's words

    from versiqiid.adapters.wasm import component, guest, modules  # noqa: PLC0415
    from versiqiid.adapters.wasm.clock import EpochClock  # noqa: PLC0415
    from versiqiid.adapters.wasm.compiling import Compiler  # noqa: PLC0415
    from versiqiid.adapters.wasm.engines import Kind, configuration  # noqa: PLC0415

    engine = wasmtime.Engine(configuration(Kind(kind), interpreter=interpreter))
    compiler = Compiler(engine, Kind(kind), interpreter, folder)
    clock = EpochClock(engine.increment_epoch)
    if kind == Kind.COMPONENT:
        prepare: Callable[[bytes], Any] = partial(component.prepare, engine, compiler.compile)
        return _Machine(engine, None, modules.ModuleCache(prepare), clock, component.run)
    linker = modules.linker(engine)
    prepare = partial(modules.prepare, linker, compiler.compile)
    return _Machine(engine, linker, modules.ModuleCache(prepare), clock, guest.run)
