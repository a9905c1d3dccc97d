"""``ports.MigrationRuntime`` on worker threads: limits how many guests run at once and starts wasmtime when needed.

wasmtime is imported at the first call, so that a daemon without WebAssembly migrations never pays for it.
"""

from __future__ import annotations

import os
import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from versiqiid.adapters.wasm.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.wasm.modules import ModuleCache
    from versiqiid.ports import GuestCall, GuestResult

_WORKERS_MAX = 8


class WasmRuntime:
    """Runs guests: bytes to bytes, each in a fresh instance, with the same verdict and fuel on every machine.

    Safe to call from any number of tasks and event loops. A cancelled call returns at once; its guest, no longer
    counted among the workers, ends by its own limits.

    :param limits: what one call may use.
    :param workers: guests at once, 64 MiB of memory each; one per processor and at most 8 when not told.
    :param interpreter: see ``modules.configuration``.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int | None = None, interpreter: bool = False) -> None:
        self._limits = limits or Limits()
        self._limiter = anyio.CapacityLimiter(workers or min(os.cpu_count() or 1, _WORKERS_MAX))
        self._interpreter = interpreter
        self._lock = threading.Lock()
        self._machine: _Machine | None = None

    async def run(self, call: GuestCall) -> GuestResult:
        """What the guest's entry gave.

        :raises MigrationFailed: wrong ABI, exports or imports, trap, limit; one sentence that names which.
        """
        return await anyio.to_thread.run_sync(partial(self._run, call), limiter=self._limiter, abandon_on_cancel=True)

    def _run(self, call: GuestCall) -> GuestResult:
        return self._started().run(call, self._limits)

    def _started(self) -> _Machine:
        with self._lock:
            if self._machine is None:
                self._machine = _Machine(interpreter=self._interpreter)
                # Also when the process ends: wasmtime's own finalizers fail by then, and say so on standard error.
                weakref.finalize(self, self._machine.close)
            return self._machine


class _Machine:
    """One engine with its linker, compiled modules and clock."""

    def __init__(self, *, interpreter: bool) -> None:
        import wasmtime  # noqa: PLC0415 - see the module's words

        from versiqiid.adapters.wasm import guest, modules  # noqa: PLC0415
        from versiqiid.adapters.wasm.clock import EpochClock  # noqa: PLC0415

        self._engine: Any = wasmtime.Engine(modules.configuration(interpreter=interpreter))
        self._linker: Any = modules.linker(self._engine)
        self._modules: ModuleCache = modules.ModuleCache(partial(modules.prepare, self._engine, self._linker))
        self._clock = EpochClock(self._engine.increment_epoch)
        self._guest: Callable[..., GuestResult] = guest.run

    def run(self, call: GuestCall, limits: Limits) -> GuestResult:
        prepared = self._modules.get(call.digest, call.module)
        with self._clock.running():
            return self._guest(self._engine, prepared, call.entry, call.envelope, limits)

    def close(self) -> None:
        """Free everything, unless a guest still runs in an abandoned thread: then the end of the process does."""
        if self._clock.stop():
            self._modules.close()
            self._linker.close()
            self._engine.close()
