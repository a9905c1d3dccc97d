"""Rules for arrays. Positions with a schema of their own are a prefix, and one schema speaks of all that follow: the
shape of draft 2020-12, into which ``items`` and ``additionalItems`` of older dialects are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core.compatibility.json_schema.found import Compare, Found, found
from versiqiid.core.compatibility.json_schema.model import Kind, Node
from versiqiid.core.compatibility.json_schema.objects import applies_others, compare_rest
from versiqiid.core.compatibility.json_schema.scalars import compare_bound

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an array says of its elements.

    :ivar rest: of those after the prefix; None where nothing is said.
    :ivar keyword: where ``rest`` stands, or would stand.
    """

    node: Node
    prefix: tuple[Node, ...]
    rest: Node | None
    keyword: str

    @property
    def for_reader(self) -> Node | None:
        """What judges a position behind the prefix at worst: ``unevaluatedItems`` counts where nothing else does."""
        return self.rest if self.rest is not None else self.node.child("unevaluatedItems")

    @property
    def for_writer(self) -> Node | None:
        """What surely judged it: ``unevaluatedItems`` only where nothing beside it evaluates any."""
        hidden = applies_others(self.node) or self.node.child("contains") is not None
        return self.rest if self.rest is not None or hidden else self.node.child("unevaluatedItems")


def compare_arrays(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    before, after = _shape(old), _shape(new)
    shared = min(len(before.prefix), len(after.prefix))
    for earlier, later in zip(before.prefix[:shared], after.prefix[:shared], strict=True):
        yield from ask.differences(earlier, later)
    for node in before.prefix[shared:]:
        yield from _removed(node, after, ask)
    for node in after.prefix[shared:]:
        yield from _added(before, node, ask)
    yield from _compare_rest(before, after, ask)
    yield from compare_rest("UNEVALUATED_ITEMS", "unevaluatedItems", old, new, ask, stronger=after.keyword)
    yield from _compare_contains(old, new, ask)
    yield from compare_bound("MAX_ITEMS", "maxItems", old, new)
    yield from compare_bound("MIN_ITEMS", "minItems", old, new)
    unique_before, unique_after = old.get("uniqueItems") is True, new.get("uniqueItems") is True
    if unique_before != unique_after:
        yield found(f"UNIQUE_ITEMS_{'ADDED' if unique_after else 'REMOVED'}", new, "uniqueItems")


def _shape(node: Node) -> _Shape:
    if node.reader.knows("prefixItems"):
        return _Shape(node, _list(node, "prefixItems"), node.child("items"), "items")
    if isinstance(node.get("items"), list):
        return _Shape(node, _list(node, "items"), node.child("additionalItems"), "additionalItems")
    return _Shape(node, (), node.child("items"), "items")


def _list(node: Node, keyword: str) -> tuple[Node, ...]:
    value = node.get(keyword)
    length = len(value) if isinstance(value, list) else 0
    return tuple(filter(None, (node.child(keyword, index) for index in range(length))))


def _removed(node: Node, after: _Shape, ask: Compare) -> Iterator[Found]:
    """A position without a schema of its own: what follows the prefix judges it now."""
    rest = after.for_reader
    if rest is None or rest.kind is Kind.ANY:
        yield found("ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL", node)
    elif rest.kind is Kind.NEVER:
        never = node.kind is Kind.NEVER
        yield found(f"ITEM_{'WITH_FALSE_' if never else ''}REMOVED_FROM_CLOSED_CONTENT_MODEL", node)
    else:
        details = ask.differences(node, rest)
        yield from details
        way = "IS" if ask.compatible(details) else "NOT"
        yield found(f"ITEM_REMOVED_{way}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", node)


def _added(before: _Shape, node: Node, ask: Compare) -> Iterator[Found]:
    """A position that gets a schema of its own: what followed the prefix judged it before."""
    rest = before.for_writer
    if rest is None or rest.kind is Kind.ANY:
        empty = "WITH_EMPTY_SCHEMA_" if node.kind is Kind.ANY else ""
        yield found(f"ITEM_{empty}ADDED_TO_OPEN_CONTENT_MODEL", node)
    elif rest.kind is Kind.NEVER:
        yield found("ITEM_ADDED_TO_CLOSED_CONTENT_MODEL", node)
    else:
        details = ask.differences(rest, node)
        yield from details
        way = "IS" if ask.compatible(details) else "NOT"
        yield found(f"ITEM_ADDED_{way}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", node)


def _compare_rest(before: _Shape, after: _Shape, ask: Compare) -> Iterator[Found]:
    was, now = before.rest, after.rest
    nothing_before, nothing_after = _is(Kind.NEVER, was), _is(Kind.NEVER, now)
    any_before, any_after = was is None or _is(Kind.ANY, was), now is None or _is(Kind.ANY, now)
    plain = not before.prefix and not after.prefix
    if (nothing_before and nothing_after) or (any_before and any_after):
        return
    if nothing_after:
        yield found("ADDITIONAL_ITEMS_REMOVED", after.node, after.keyword)
    elif nothing_before:
        yield found("ADDITIONAL_ITEMS_ADDED", after.node, after.keyword)
    elif any_after:
        yield found("SCHEMA_REMOVED" if plain else "ADDITIONAL_ITEMS_EXTENDED", before.node, before.keyword)
    elif any_before:
        yield found("SCHEMA_ADDED" if plain else "ADDITIONAL_ITEMS_NARROWED", after.node, after.keyword)
    elif was is not None and now is not None:
        yield from ask.differences(was, now)


def _is(kind: Kind, node: Node | None) -> bool:
    return node is not None and node.kind is kind


def _compare_contains(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    """What is counted, and how often it has to be there. An upper limit turns "looser" around: both ways must fit."""
    before, after = old.child("contains"), new.child("contains")
    least_before, least_after = _least(old), _least(new)
    if after is not None and before is None and (least_after > 0 or new.get("maxContains") is not None):
        yield found("CONTAINS_ADDED", new, "contains")
    elif before is not None and after is None:
        yield found("CONTAINS_REMOVED", old, "contains")
    elif before is not None and after is not None:
        details = ask.differences(before, after)
        yield from details
        if new.get("maxContains") is not None and not ask.fits(after, before):
            yield found("CONTAINS_CHANGED", new, "contains")
        yield from compare_bound("MAX_CONTAINS", "maxContains", old, new)
        if least_before != least_after:
            way = "INCREASED" if least_before < least_after else "DECREASED"
            yield found(f"MIN_CONTAINS_{way}", new, "minContains")


def _least(node: Node) -> int:
    value = node.get("minContains")
    return value if isinstance(value, int) else 1
