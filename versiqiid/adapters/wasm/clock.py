"""The wall-clock backstop: moves an engine's epoch while guests run. It knows nothing of guests or verdicts."""

from __future__ import annotations

import math
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK_S = 0.25
_IDLE_TICKS_MAX = 40


def ticks(wall_s: float) -> int:
    """How many ticks from now are surely not less than this many seconds (the first may come at once)."""
    return math.ceil(wall_s / TICK_S) + 1


class EpochClock:
    """Ticks every quarter of a second while at least one guest runs, and ends its thread after ten idle seconds.

    A thread of its own, because epochs belong to the engine and not to a call: a timer per call would end its
    neighbours too.

    :param tick: moves the epoch; called from the clock's thread.
    """

    def __init__(self, tick: Callable[[], None]) -> None:
        self._tick = tick
        self._lock = threading.Lock()
        self._running = 0
        self._ticking = False
        self._stopped = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """The epoch moves at least as long as this is held."""
        with self._lock:
            self._running += 1
            if not self._ticking:
                threading.Thread(target=self._run, name="versiqii-epoch", daemon=True).start()
                self._ticking = True
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def stop(self) -> bool:
        """Never tick again, and say so; False, and nothing has changed, while a guest still runs."""
        with self._lock:
            self._stopped = self._stopped or self._running == 0
            return self._stopped

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(TICK_S)
            with self._lock:
                idle = 0 if self._running else idle + 1
                if self._stopped or idle > _IDLE_TICKS_MAX:
                    self._ticking = False
                    return
                self._tick()
