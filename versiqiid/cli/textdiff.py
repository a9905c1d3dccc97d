"""Differences of documents as text: of their canonical YAML, so that order and spelling do not count."""

from __future__ import annotations

import difflib
import io
from typing import Any

from versiqiid.core.document import read
from versiqiid.errors import Unreadable


def unified(one: bytes, other: bytes, first_name: str, second_name: str) -> str:
    """A unified difference, empty when both say the same."""
    return "".join(difflib.unified_diff(_lines(one), _lines(other), first_name, second_name))


def _lines(raw: bytes) -> list[str]:
    try:
        return as_yaml(read(raw)).splitlines(keepends=True)
    except Unreadable:
        return raw.decode("utf-8", "replace").splitlines(keepends=True)


def as_yaml(value: Any) -> str:
    """Block YAML with sorted keys."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only differences pay for it

    writer = YAML()
    writer.default_flow_style = False
    out = io.StringIO()
    writer.dump(_ordered(value), out)
    return out.getvalue()


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
