"""What a plain schema says about the shape of a value: types, members, elements. Shared by both makers of values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.core.generate.expressions import matching

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.canonical import Json

ANYTHING: tuple[Json, ...] = ({}, "", 0, True, None, [], {"a": 1}, "text", -1.5, False, ["a", 1])
"""What is made where a schema says nothing."""

ITEMS_MAX = 200
"""Elements and members that are made only because a schema demands so many. Arbitrary."""

_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_OBJECT = ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames")
_ARRAY = ("items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains")
_STRING = ("pattern", "minLength", "maxLength", "format")
_NUMBER = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")


def types_of(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """The types of value to make; empty where the schema says nothing about any.

    A schema without ``type`` that speaks of members means objects, though it allows anything else too.
    """
    told = plain.get("type")
    if isinstance(told, str):
        return (told,)
    if isinstance(told, list):
        return tuple(each for each in told if each in _TYPES)
    for name, keywords in (("object", _OBJECT), ("array", _ARRAY), ("string", _STRING), ("number", _NUMBER)):
        if any(keyword in plain for keyword in keywords):
            return (name,)
    return ()


def members_of(plain: Mapping[str, Any]) -> dict[str, Json]:
    """Every member that is named, required ones first; a required one that nobody describes is an additional one."""
    properties = plain.get("properties")
    described: dict[str, Json] = dict(properties) if isinstance(properties, dict) else {}
    required = required_of(plain)
    rest = additional_of(plain)
    named = {name: described.get(name, rest) for name in required}
    return named | {name: schema for name, schema in described.items() if name not in named and schema is not False}


def required_of(plain: Mapping[str, Any], present: Mapping[str, Any] | None = None) -> list[str]:
    """The members that must be there, given those that are: ``dependentRequired`` counts."""
    told = plain.get("required")
    found = [name for name in told if isinstance(name, str)] if isinstance(told, list) else []
    dependent = plain.get("dependentRequired", plain.get("dependencies"))
    for name, needed in dependent.items() if isinstance(dependent, dict) else ():
        if name in (present or ()) and isinstance(needed, list):
            found += [each for each in needed if isinstance(each, str) and each not in found]
    return found


def additional_of(plain: Mapping[str, Any]) -> Json:
    """The schema of a member that nobody names."""
    return plain.get("additionalProperties", plain.get("unevaluatedProperties", True))


def map_of(plain: Mapping[str, Any]) -> list[tuple[str, Json]]:
    """Members that a map could have: names with the schema of their values; empty where the object is none.

    An object whose ``additionalProperties`` is a schema is a map, and so is one with ``patternProperties``. One that is
    merely open is not, unless it must have members or says how they are called.
    """
    found: list[tuple[str, Json]] = []
    patterns = plain.get("patternProperties")
    for pattern, schema in patterns.items() if isinstance(patterns, dict) else ():
        found += [(name, schema) for name in matching(pattern, count=3)]
    rest = additional_of(plain)
    names = plain.get("propertyNames")
    demanded = rest is True and (isinstance(names, dict) or plain.get("minProperties"))
    if isinstance(rest, dict) or demanded:
        found += [(name, rest) for name in _names(names if isinstance(names, dict) else {})]
    return found


def elements_of(plain: Mapping[str, Any]) -> tuple[list[Json], Json]:
    """The schemas of the first elements, and of every further one (False = there is none)."""
    items = plain.get("items", True)
    if isinstance(items, list):  # up to 2019-09
        return items, plain.get("additionalItems", True)
    first = plain.get("prefixItems")
    return (first if isinstance(first, list) else []), items


def contained_of(plain: Mapping[str, Any]) -> tuple[Json, int]:
    """The schema of elements that an array must contain, and how many; none where it says nothing."""
    if "contains" not in plain:
        return True, 0
    return plain["contains"], min(int(plain.get("minContains", 1)), ITEMS_MAX)


def _names(plain: Mapping[str, Any]) -> list[str]:
    if isinstance(plain.get("enum"), list):
        return [name for name in plain["enum"] if isinstance(name, str)]
    if isinstance(plain.get("pattern"), str):
        return list(matching(plain["pattern"], count=3))
    return ["a", "key-2", "é/~"]
