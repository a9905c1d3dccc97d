"""What workers that answer single questions have in common: the CPU time of each, and words for what went wrong."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Any

from versiqiid.errors import InvalidInput, UnusableSchema

Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


class Answering:
    """Answers requests, one item after the other.

    :param answer: gives the result of one item. What it refuses becomes ``{"unusable": [message, pointer, hint]}``, and
        ``{"overworked": true}`` says that it had too little memory or stack.
    """

    def __init__(self, answer: Answer, cpu_s: float) -> None:
        self._answer = answer
        self._cpu_s = cpu_s

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one frame; every item of it has the whole CPU time."""
        return {"id": request["id"], "results": [self._limited(item) for item in request["items"]]}

    def _limited(self, item: dict[str, Any]) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)
        try:
            return self._answer(item)
        except InvalidInput as error:
            pointer = error.pointer if isinstance(error, UnusableSchema) else ""
            return {"unusable": [error.message, pointer, error.hint]}
        except (MemoryError, RecursionError):
            return {"overworked": True}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
