"""Pairs of schemas compared in a process that can be killed, so that no schema stalls the daemon.

How they are judged is decided in ``core/comparison``; here is only where that runs, for how long, and what is said when
it does not end.
"""

from __future__ import annotations

from typing import Any, Final

import anyio

from versiqiid.adapters.validation.process import Worker, WorkerGoneError
from versiqiid.core.comparison import UNDECIDED, Pair, Text, judgement_of, pair_json, text_json
from versiqiid.core.compatibility import Judgement
from versiqiid.errors import Unavailable, UnusableSchema

CPU_S: Final = 5.0
"""The work budget of one pair (schemas-and-migrations: "a work budget … says undecided when it runs out")."""

MEMORY_BYTES: Final = 1 << 30
_MODULE: Final = "versiqiid.adapters.validation.comparing"
_WALL_S: Final = 120.0  # a backstop for a machine that gives the worker no CPU; arbitrary
_HINT: Final = "simplify the schema: nested combinations and references to itself cost most"


class ProcessComparer:
    """Compares schemas in one worker process, started when it is first needed and replaced when it dies.

    Closed by ``aclose``. Questions wait for each other.

    :param cpu_s: CPU seconds that one pair may take. :param memory_bytes: address space of the worker.
    """

    def __init__(self, *, cpu_s: float = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._turn = anyio.Lock()
        self._worker: Worker | None = None
        self._closed = False

    async def judge(self, pair: Pair) -> Judgement:
        """The judgement on a pair; one that took more than it may is incompatible, undecided.

        :raises UnusableSchema: one of the two is no schema of the language.
        :raises Unavailable: the worker was killed by somebody else, twice, or the machine gave it no time.
        """
        result = await self._ask({"pair": pair_json(pair)})
        if result is None or "overworked" in result:
            return UNDECIDED
        return judgement_of(_usable(result)["judgement"])

    async def check(self, language: str, text: Text) -> None:
        """Return when the text is a schema of its language that can be compared.

        :raises UnusableSchema: it is not, or took more work than it may. :raises Unavailable: as above.
        """
        result = await self._ask({"language": language, "text": text_json(text)})
        if result is None or "overworked" in result:
            raise UnusableSchema(f"work limit: over {self._cpu_s:g} s of CPU, or out of memory", hint=_HINT)
        _usable(result)

    async def aclose(self) -> None:
        """End the worker. What is being asked at the moment ends with Unavailable."""
        self._closed = True
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    async def _ask(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """The result, or None when the worker ran out of time or room on it.

        Time is the item's own fault at once. Room is only when a fresh worker had too little of it, too. Any other death
        (a kill by hand, the kernel short of memory) is tried again once.
        """
        gone = WorkerGoneError(0)
        async with self._turn:
            for _ in range(2):
                worker = await self._take()
                try:
                    with anyio.fail_after(_WALL_S):
                        return (await worker.ask([item]))[0]
                except WorkerGoneError as error:
                    self._worker, gone = None, error
                    if gone.out_of_time:
                        return None
                except TimeoutError:
                    self._worker = None
                    raise Unavailable(f"no judgement within {_WALL_S:g} s: the machine is overloaded") from None
                except BaseException:
                    self._worker = None  # cancelled: the worker has ended itself
                    raise
        if gone.out_of_room:
            return None
        raise Unavailable(f"the worker that compares schemas ended ({gone})", hint="try again")

    async def _take(self) -> Worker:
        if self._closed:
            raise Unavailable("the comparer is closed")
        if self._worker is None:
            try:
                self._worker = await Worker.start(cpu_s=self._cpu_s, memory_bytes=self._memory_bytes, module=_MODULE)
            except OSError as error:
                raise Unavailable(f"cannot start the worker that compares schemas: {error.strerror}") from error
        return self._worker


def _usable(result: dict[str, Any]) -> dict[str, Any]:
    if "unusable" in result:
        message, pointer, hint = result["unusable"]
        raise UnusableSchema(message, pointer=pointer, hint=hint)
    return result
