"""The process in which schemas of the registry are read and judged in pairs: it may be killed at any time.

Run as ``python -m versiqiid.adapters.validation.registering CPU_S MEMORY_BYTES``; its limits are ``worker.py``'s.
An item is ``{"schema": …}`` or ``{"old": …, "new": …, "policy": …}``; its result ``{"form": …}``, ``{"verdict": …}`` or
``{"unusable": [message, pointer, hint]}``.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.adapters.validation.worker import run
from versiqiid.core.registry import reading
from versiqiid.core.registry.content import SchemaType, Text
from versiqiid.core.registry.messages import messages
from versiqiid.errors import InvalidInput, UnusableSchema

_COMPILED_MAX: Final = 256


class Registering:
    """Answers requests, one after the other."""

    def __init__(self, cpu_s: float) -> None:
        self._cpu_s = cpu_s

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to one frame; every item of it has the whole CPU time."""
        return {"id": request["id"], "results": [self._limited(item) for item in request["items"]]}

    def _limited(self, item: dict[str, Any]) -> dict[str, Any]:
        signal.setitimer(signal.ITIMER_PROF, self._cpu_s)
        try:
            return _answered(item)
        except InvalidInput as error:
            pointer = error.pointer if isinstance(error, UnusableSchema) else ""
            return {"unusable": [error.message, pointer, error.hint]}
        except (MemoryError, RecursionError):
            return {"unusable": ["work limit: more memory or nesting than a schema may take", "", ""]}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _answered(item: Mapping[str, Any]) -> dict[str, Any]:
    if "schema" in item:
        return {"form": asdict(reading.read(_text(item["schema"]), _compile))}
    judgement = reading.judge(_text(item["old"]), _text(item["new"]), item["policy"], _compile)
    return {"verdict": [judgement.compatible, messages(judgement)]}


def _text(told: Mapping[str, Any]) -> Text:
    return Text(SchemaType(told["type"]), told["text"], tuple((name, text) for name, text in told["references"]))


@lru_cache(maxsize=_COMPILED_MAX)
def _compile(text: Text) -> bytes:
    name = "schema.proto"
    while name in dict(text.references):
        name = f"_{name}"
    return compile_source(name, text.text, dict(text.references))


if __name__ == "__main__":
    run(Registering)
