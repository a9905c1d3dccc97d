"""Rules for objects. What a new or a missing property means depends on the content model of the other side:

==============  =====================================================================================================
open            ``additionalProperties`` is true or absent, no pattern, ``unevaluatedProperties`` true or absent
partially open  a pattern matches the name, or ``additionalProperties`` is a schema, or it is absent and
                ``unevaluatedProperties`` is one
closed          ``additionalProperties`` is false, or absent and ``unevaluatedProperties`` false
==============  =====================================================================================================
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from versiqiid.core.compatibility.json_schema.dependencies import compare_dependencies
from versiqiid.core.compatibility.json_schema.found import Compare, Differences, Found, found
from versiqiid.core.compatibility.json_schema.model import Kind, Node
from versiqiid.core.compatibility.json_schema.scalars import compare_bound
from versiqiid.core.schema.keywords import matches

if TYPE_CHECKING:
    from collections.abc import Iterator


_IN_PLACE: Final = frozenset(
    ["$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependencies"]
)
_literal_start = re.compile(r"\^([\w-]+)(?![*?{])").match


def compare_objects(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    yield from _compare_required(old, new)
    yield from _compare_properties(old, new, ask)
    yield from _compare_patterns(old, new, ask)
    yield from compare_dependencies(old, new, ask)
    yield from compare_rest("ADDITIONAL_PROPERTIES", "additionalProperties", old, new, ask)
    yield from compare_rest(
        "UNEVALUATED_PROPERTIES", "unevaluatedProperties", old, new, ask, stronger="additionalProperties"
    )
    yield from compare_optional("PROPERTY_NAMES", "propertyNames", old, new, ask)
    yield from compare_bound("MAX_PROPERTIES", "maxProperties", old, new)
    yield from compare_bound("MIN_PROPERTIES", "minProperties", old, new)


def compare_rest(rule: str, keyword: str, old: Node, new: Node, ask: Compare, *, stronger: str = "") -> Iterator[Found]:
    """A keyword that speaks of all that no other one names; absent, it allows anything.

    :param stronger: the keyword beside which this one has nothing left to say.
    """
    before, after = (None if stronger in node.schema else node.child(keyword) for node in (old, new))
    was, now = _openness(before), _openness(after)
    if was is now is None and before is not None and after is not None:
        yield from ask.differences(before, after)
    elif was is not now:
        if now is False:
            yield found(f"{rule}_REMOVED", new, keyword)
        elif was is False:
            yield found(f"{rule}_ADDED", new, keyword)
        elif now is True:
            yield found(f"{rule}_EXTENDED", new, keyword)
        else:
            yield found(f"{rule}_NARROWED", new, keyword)


def compare_optional(rule: str, keyword: str, old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    """A schema that demands something when it is there."""
    before, after = old.child(keyword), new.child(keyword)
    if before is None and after is not None and after.kind is not Kind.ANY:
        yield found(f"{rule}_ADDED", new, keyword)
    elif before is not None and after is None:
        yield found(f"{rule}_REMOVED", old, keyword)
    elif before is not None and after is not None:
        yield from ask.differences(before, after)


def _openness(node: Node | None) -> bool | None:
    """True = anything, False = nothing, None = what its schema says."""
    if node is None or node.kind is Kind.ANY:
        return True
    return False if node.kind is Kind.NEVER else None


def _covering(node: Node, name: str, rest: Node | None) -> list[Node] | None:
    """What judges a property that the object does not name: None = anything goes; a NEVER among them = nothing does."""
    matching = [child for pattern, child in node.named("patternProperties").items() if matches(pattern, name)]
    if matching:
        return matching
    return None if rest is None or rest.kind is Kind.ANY else [rest]


def _rest_for_reader(node: Node) -> Node | None:
    """What judges other properties at worst."""
    return node.child("additionalProperties") or node.child("unevaluatedProperties")


def _rest_for_writer(node: Node) -> Node | None:
    """What surely judged other properties: ``unevaluatedProperties`` only where nothing beside it evaluates any."""
    rest = node.child("additionalProperties")
    return rest if rest is not None or applies_others(node) else node.child("unevaluatedProperties")


def applies_others(node: Node) -> bool:
    """Whether the schema object applies further schemas to the same value."""
    return not _IN_PLACE.isdisjoint(node.schema)


def required(node: Node) -> list[str]:
    """The names that ``required`` lists."""
    names = node.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _has_default(node: Node | None) -> bool:
    return node is not None and "default" in node.schema


def _compare_required(old: Node, new: Node) -> Iterator[Found]:
    """Of properties that both name, and of names that neither describes; a property only one names is new or gone."""
    before, after = dict.fromkeys(required(old)), dict.fromkeys(required(new))
    named_before, named_after = old.named("properties"), new.named("properties")
    for name in after:
        if name not in before and (name in named_before or name not in named_after):
            rule = (
                "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED"
                if _has_default(named_after.get(name))
                else "REQUIRED_ATTRIBUTE_ADDED"
            )
            yield found(rule, new, "required", detail=f": '{name}'")
    for name in before:
        if name not in after:
            yield found("REQUIRED_ATTRIBUTE_REMOVED", old, "required", detail=f": '{name}'")


def _compare_properties(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    before, after = old.named("properties"), new.named("properties")
    for name, node in before.items():
        other = after.get(name)
        yield from _removed(node, new, name, ask) if other is None else ask.differences(node, other)
    for name, node in after.items():
        if name not in before:
            yield from _added(old, new, node, name, ask)


def _removed(node: Node, new: Node, name: str, ask: Compare) -> Iterator[Found]:
    """Only the new content model counts: what does it make of a property that it no longer names?"""
    cover = _covering(new, name, _rest_for_reader(new))
    if cover is None:
        yield found("PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL", node)
        return
    if any(other.kind is Kind.NEVER for other in cover):
        never = node.kind is Kind.NEVER
        yield found(f"PROPERTY_{'WITH_FALSE_' if never else ''}REMOVED_FROM_CLOSED_CONTENT_MODEL", node)
        return
    details = _each(node, cover, ask)
    yield from details
    way = "IS" if ask.compatible(details) else "NOT"
    yield found(f"PROPERTY_REMOVED_{way}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", node)


def _added(old: Node, new: Node, node: Node, name: str, ask: Compare) -> Iterator[Found]:
    """Only the old content model counts: what could stand under this name before?"""
    cover = _covering(old, name, _rest_for_writer(old))
    demanded = name in required(new) and name not in required(old)
    kind = ("REQUIRED_PROPERTY_WITH_DEFAULT" if _has_default(node) else "REQUIRED_PROPERTY") if demanded else ""
    if cover is None:
        if node.kind is Kind.ANY and not demanded:
            yield found("PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL", node)
        else:
            yield found(f"{kind or 'OPTIONAL_PROPERTY'}_ADDED_TO_OPEN_CONTENT_MODEL", node)
        return
    if all(other.kind is not Kind.NEVER for other in cover):
        details = min((ask.differences(other, node) for other in cover), key=lambda d: not ask.compatible(d))
        yield from details
        way = "IS" if ask.compatible(details) else "NOT"
        yield found(f"PROPERTY_ADDED_{way}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", node)
    yield found(f"{kind or 'OPTIONAL_PROPERTY'}_ADDED_TO_UNOPEN_CONTENT_MODEL", node)


def _each(node: Node, cover: list[Node], ask: Compare) -> Differences:
    return tuple(difference for other in cover for difference in ask.differences(node, other))


def _compare_patterns(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    before, after = old.named("patternProperties"), new.named("patternProperties")
    for pattern, node in before.items():
        if pattern in after:
            yield from ask.differences(node, after[pattern])
        else:
            yield from _pattern_removed(node, new, ask)
    for pattern, node in after.items():
        if pattern not in before:
            yield from _pattern_added(old, node, pattern, ask)


def _pattern_removed(node: Node, new: Node, ask: Compare) -> Iterator[Found]:
    """Which names match is not known, so whatever may judge such a property has to take all that the pattern took."""
    rest = _rest_for_reader(new)
    details = ask.differences(node, rest) if rest is not None and _openness(rest) is None else ()
    refused = _openness(rest) is False and node.kind is not Kind.NEVER
    yield from details
    way = "" if refused or not ask.compatible(details) else "_IS_COVERED"
    yield found(f"PATTERN_PROPERTY_REMOVED{way}", node)


def _pattern_added(old: Node, node: Node, pattern: str, ask: Compare) -> Iterator[Found]:
    """All that could stand under such a name before has to fit the pattern's schema now."""
    rest = _rest_for_writer(old)
    others = [child for name, child in old.named("properties").items() if matches(pattern, name)]
    others += [child for other, child in old.named("patternProperties").items() if not _disjoint(other, pattern)]
    if rest is not None and _openness(rest) is None:
        others.append(rest)
    details = tuple(difference for other in others for difference in ask.differences(other, node))
    anything = _openness(rest) is True and node.kind is not Kind.ANY
    yield from details
    way = "" if anything or not ask.compatible(details) else "_IS_COVERED"
    yield found(f"PATTERN_PROPERTY_ADDED{way}", node)


def _disjoint(one: str, other: str) -> bool:
    """Whether no name can match both, as far as the literal texts tell that both begin with."""
    first, second = _literal_start(one), _literal_start(other)
    if first is None or second is None or "|" in one + other:
        return False
    return not first[1].startswith(second[1]) and not second[1].startswith(first[1])
