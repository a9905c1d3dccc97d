"""Pairs of schemas compared in a process that can be killed, so that no schema stalls the daemon.

How they are judged is decided in ``core/comparison``; here is only where that runs, for how long, and what is said when
it does not end.
"""

from __future__ import annotations

from typing import Any, Final

from versiqiid.adapters.validation.asking import MEMORY_BYTES, Asking
from versiqiid.core.comparison import UNDECIDED, Pair, Text, judgement_of, pair_json, text_json
from versiqiid.core.compatibility import Judgement
from versiqiid.errors import UnusableSchema

CPU_S: Final = 5.0
"""The work budget of one pair (schemas-and-migrations: "a work budget … says undecided when it runs out")."""

_MODULE: Final = "versiqiid.adapters.validation.comparing"
_HINT: Final = "simplify the schema: nested combinations and references to itself cost most"


class ProcessComparer:
    """Compares schemas in one worker process, started when it is first needed and replaced when it dies.

    Closed by ``aclose``. Questions wait for each other.

    :param cpu_s: CPU seconds that one pair may take. :param memory_bytes: address space of the worker.
    """

    def __init__(self, *, cpu_s: float = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._cpu_s = cpu_s
        self._asking = Asking(_MODULE, cpu_s=cpu_s, memory_bytes=memory_bytes)

    async def judge(self, pair: Pair) -> Judgement:
        """The judgement on a pair; one that took more than it may is incompatible, undecided.

        :raises UnusableSchema: one of the two is no schema of the language.
        :raises Unavailable: the worker was killed by somebody else, twice, or the machine gave it no time.
        """
        result = await self._asking.ask({"pair": pair_json(pair)})
        if result is None or "overworked" in result:
            return UNDECIDED
        return judgement_of(_usable(result)["judgement"])

    async def check(self, language: str, text: Text) -> None:
        """Return when the text is a schema of its language that can be compared.

        :raises UnusableSchema: it is not, or took more work than it may. :raises Unavailable: as above.
        """
        result = await self._asking.ask({"language": language, "text": text_json(text)})
        if result is None or "overworked" in result:
            raise UnusableSchema(f"work limit: over {self._cpu_s:g} s of CPU, or out of memory", hint=_HINT)
        _usable(result)

    async def aclose(self) -> None:
        """End the worker. What is being asked at the moment ends with Unavailable."""
        await self._asking.aclose()


def _usable(result: dict[str, Any]) -> dict[str, Any]:
    if "unusable" in result:
        message, pointer, hint = result["unusable"]
        raise UnusableSchema(message, pointer=pointer, hint=hint)
    return result
