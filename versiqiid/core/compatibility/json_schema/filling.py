"""A document as a reader sees it that fills in defaults before it validates. Only what ``required`` demands is filled
in: whatever else is missing, the schema does not miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from versiqiid.core.compatibility.json_schema.model import Kind, Node
from versiqiid.core.compatibility.json_schema.objects import required

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_LEVELS_MAX: Final = 100  # of nesting, as documents have them


def filled(document: Json, root: Node) -> Json:
    """A copy with every required property that is missing and has a default.

    :param root: of the reader's schema.
    """
    return _filled(document, root, _LEVELS_MAX)


def _filled(value: Json, node: Node, levels: int) -> Json:
    if not levels:
        return value
    if node.kind is Kind.ALL:
        for part in node.parts:
            value = _filled(value, part, levels - 1)
        return value
    if node.kind is Kind.OBJECT and isinstance(value, dict):
        return _object(value, node, levels)
    if node.kind is Kind.ARRAY and isinstance(value, list):
        items = node.child("items")
        return value if items is None else [_filled(element, items, levels - 1) for element in value]
    return value


def _object(value: dict[str, Json], node: Node, levels: int) -> dict[str, Json]:
    copy = dict(value)
    named = node.named("properties")
    for name in required(node):
        if name not in copy and name in named and "default" in named[name].schema:
            copy[name] = named[name].schema["default"]
    for name, child in named.items():
        if name in copy:
            copy[name] = _filled(copy[name], child, levels - 1)
    return copy
