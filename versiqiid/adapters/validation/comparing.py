"""The process in which pairs of schemas are compared: it may be killed at any time, and holds nothing.

Run as ``python -m versiqiid.adapters.validation.comparing CPU_S MEMORY_BYTES``; its limits are those of ``worker.py``.
An item is ``{"pair": …}`` or ``{"text": …, "language": …}``, its result ``{"judgement": …}``, ``{"usable": true}`` or
``{"unusable": [message, pointer, hint]}``.
"""

from __future__ import annotations

import signal
from typing import Any

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.adapters.validation.worker import run
from versiqiid.core.comparison import check_text, judged, judgement_json, pair_of, text_of
from versiqiid.errors import TooLarge, UnusableSchema


class Comparing:
    """Answers requests, one after the other."""

    def __init__(self, cpu_s: float) -> None:
        self._cpu_s = cpu_s

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one frame; every item of it has the whole CPU time."""
        return {"id": request["id"], "results": [self._limited(item) for item in request["items"]]}

    def _limited(self, item: dict[str, Any]) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)
        try:
            if "pair" in item:
                return {"judgement": judgement_json(judged(pair_of(item["pair"]), compile_source))}
            check_text(item["language"], text_of(item["text"]), compile_source)
        except UnusableSchema as error:
            return {"unusable": [error.message, error.pointer, error.hint]}
        except TooLarge as error:
            return {"unusable": [error.message, "", error.hint]}
        except MemoryError:
            return {"overworked": True}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return {"usable": True}


if __name__ == "__main__":
    run(Comparing)
