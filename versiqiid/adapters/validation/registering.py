"""The process in which schemas of the registry are read and judged in pairs: it may be killed at any time.

Run as ``python -m versiqiid.adapters.validation.registering CPU_S MEMORY_BYTES``; its limits are ``worker.py``'s.
An item is ``{"schema": …}`` or ``{"old": …, "new": …, "policy": …}``; its result ``{"form": …}``, ``{"verdict": …}`` or
``{"unusable": [message, pointer, hint]}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache, partial
from typing import Any, Final

from versiqiid.adapters.validation.answering import Answering
from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.adapters.validation.worker import run
from versiqiid.core.comparison import own_name
from versiqiid.core.registry import reading
from versiqiid.core.registry.content import SchemaType, Text
from versiqiid.core.registry.messages import messages

_COMPILED_MAX: Final = 256


def answered(item: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one item."""
    if "schema" in item:
        return {"form": asdict(reading.read(_text(item["schema"]), _compile))}
    judgement = reading.judge(_text(item["old"]), _text(item["new"]), item["policy"], _compile)
    return {"verdict": [judgement.compatible, messages(judgement)]}


def _text(told: Mapping[str, Any]) -> Text:
    return Text(SchemaType(told["type"]), told["text"], tuple((name, text) for name, text in told["references"]))


@lru_cache(maxsize=_COMPILED_MAX)
def _compile(text: Text) -> bytes:
    imports = dict(text.references)
    return compile_source(own_name(imports), text.text, imports)


if __name__ == "__main__":
    run(partial(Answering, answered))
