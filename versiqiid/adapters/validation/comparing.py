"""The process in which pairs of schemas are compared: it may be killed at any time, and holds nothing.

Run as ``python -m versiqiid.adapters.validation.comparing CPU_S MEMORY_BYTES``; its limits are those of ``worker.py``.
An item is ``{"pair": …}`` or ``{"text": …, "language": …}``, its result ``{"judgement": …}``, ``{"usable": true}`` or
``{"unusable": [message, pointer, hint]}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from versiqiid.adapters.validation.answering import Answering
from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.adapters.validation.worker import run
from versiqiid.core.comparison import check_text, judged, judgement_json, pair_of, text_of


def answered(item: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one item."""
    if "pair" in item:
        return {"judgement": judgement_json(judged(pair_of(item["pair"]), compile_source))}
    check_text(item["language"], text_of(item["text"]), compile_source)
    return {"usable": True}


if __name__ == "__main__":
    run(partial(Answering, answered))
