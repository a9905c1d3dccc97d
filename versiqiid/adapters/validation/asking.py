"""One worker process and questions that wait for each other: started when it is first needed, replaced when it dies.

What is asked, and what no answer means, is the business of whoever asks.
"""

from __future__ import annotations

from typing import Any, Final

import anyio

from versiqiid.adapters.validation.process import Worker, WorkerGoneError
from versiqiid.errors import Unavailable

MEMORY_BYTES: Final = 1 << 30
WALL_S: Final = 120.0
"""A backstop for a machine that gives the worker no CPU. Arbitrary."""


class Asking:
    """A conversation with whatever worker is alive. Closed by ``aclose``.

    :param module: what runs in the process; see ``worker.run``.
    :param cpu_s: CPU seconds that one question may take. :param memory_bytes: address space of the worker.
    """

    def __init__(self, module: str, *, cpu_s: float, memory_bytes: int = MEMORY_BYTES) -> None:
        self._module = module
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._turn = anyio.Lock()
        self._worker: Worker | None = None
        self._closed = False

    async def ask(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """The result, or None when the worker ran out of time or room on it.

        Time is the item's own fault at once. Room is only when a fresh worker had too little of it, too. Any other
        death (a kill by hand, the kernel short of memory) is tried again once.

        :raises Unavailable: it was killed by somebody else, twice, or the machine gave it no time.
        """
        gone = WorkerGoneError(0)
        async with self._turn:
            for _ in range(2):
                worker = await self._take()
                try:
                    with anyio.fail_after(WALL_S):
                        return (await worker.ask([item]))[0]
                except WorkerGoneError as error:
                    self._worker, gone = None, error
                    if gone.out_of_time:
                        return None
                except TimeoutError:
                    self._worker = None
                    raise Unavailable(f"no answer within {WALL_S:g} s: the machine is overloaded") from None
                except BaseException:
                    self._worker = None  # cancelled: the worker has ended itself
                    raise
        if gone.out_of_room:
            return None
        raise Unavailable(f"the worker for schemas ended ({gone})", hint="try again")

    async def aclose(self) -> None:
        """End the worker. What is being asked at the moment ends with Unavailable."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    async def _take(self) -> Worker:
        if self._closed:
            raise Unavailable("the worker for schemas is closed")
        if self._worker is None:
            try:
                self._worker = await Worker.start(
                    cpu_s=self._cpu_s, memory_bytes=self._memory_bytes, module=self._module
                )
            except OSError as error:
                raise Unavailable(f"cannot start the worker for schemas: {error.strerror}") from error
        return self._worker
