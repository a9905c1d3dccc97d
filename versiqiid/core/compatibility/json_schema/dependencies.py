"""Rules for what a property brings with it: further required properties, or a schema for the whole object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.compatibility.json_schema.found import Compare, Found, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.compatibility.json_schema.model import Node


def compare_dependencies(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    yield from _compare_arrays(old, new)
    yield from _compare_schemas(old, new, ask)


def _compare_arrays(old: Node, new: Node) -> Iterator[Found]:
    before, after = _arrays(old), _arrays(new)
    for name, (keyword, later) in after.items():
        _, earlier = before.get(name, ("", frozenset()))
        if name not in before:
            yield found("DEPENDENCY_ARRAY_ADDED", new, keyword, name)
        elif earlier != later:
            way = "EXTENDED" if earlier < later else "NARROWED" if later < earlier else "CHANGED"
            yield found(f"DEPENDENCY_ARRAY_{way}", new, keyword, name)
    for name, (keyword, _) in before.items():
        if name not in after:
            yield found("DEPENDENCY_ARRAY_REMOVED", old, keyword, name)


def _compare_schemas(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    before, after = _schemas(old), _schemas(new)
    for name, (keyword, later) in after.items():
        if name in before:
            yield from ask.differences(before[name][1], later)
        else:
            yield found("DEPENDENCY_SCHEMA_ADDED", new, keyword, name)
    for name, (keyword, _) in before.items():
        if name not in after:
            yield found("DEPENDENCY_SCHEMA_REMOVED", old, keyword, name)


def _arrays(node: Node) -> dict[str, tuple[str, frozenset[Json]]]:
    """By property: the keyword that says it, and the properties that it demands."""
    return {
        name: (keyword, frozenset(names))
        for keyword in ("dependencies", "dependentRequired")
        for name, names in _members(node, keyword).items()
        if isinstance(names, list)
    }


def _schemas(node: Node) -> dict[str, tuple[str, Node]]:
    """By property: the keyword that says it, and the schema that it brings."""
    return {
        name: (keyword, child)
        for keyword in ("dependencies", "dependentSchemas")
        for name, child in node.named(keyword).items()
    }


def _members(node: Node, keyword: str) -> dict[str, Json]:
    value = node.get(keyword)
    return value if isinstance(value, dict) else {}
