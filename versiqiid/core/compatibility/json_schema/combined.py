"""Rules for allOf, anyOf and oneOf: which part of one side is read by which part of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility.json_schema.found import Compare, Differences, found
from versiqiid.core.compatibility.json_schema.matching import maximum_matching
from versiqiid.core.compatibility.json_schema.model import SUMS, Kind, Node

if TYPE_CHECKING:
    from collections.abc import Sequence


def compare_combined(old: Node, new: Node, ask: Compare) -> Differences:
    """Two schemas of which at least one combines others."""
    if not old.kind.combined:
        return _from_plain(old, new, ask)
    if not new.kind.combined:
        return _to_plain(old, new, ask)
    return _both(old, new, ask)


def _from_plain(old: Node, new: Node, ask: Compare) -> Differences:
    if len(new.parts) == 1:
        return ask.differences(old, new.parts[0])
    if new.kind is Kind.ALL:
        return _matched(old, [old], new, new.parts, ask)
    for part in new.parts:
        if ask.fits(old, part):
            return (*ask.differences(old, part), found("SUM_TYPE_EXTENDED", new))
    return (*_alike([old], new.parts, ask), found("TYPE_CHANGED", new))


def _to_plain(old: Node, new: Node, ask: Compare) -> Differences:
    if len(old.parts) == 1:
        return ask.differences(old.parts[0], new)
    if old.kind is Kind.ALL:
        for part in old.parts:
            if ask.fits(part, new):
                return (*ask.differences(part, new), found("PRODUCT_TYPE_NARROWED", new))
        return (*_alike(old.parts, [new], ask), found("TYPE_CHANGED", new))
    refused = [part for part in old.parts if not ask.fits(part, new)]
    details = _flat([ask.differences(part, new) for part in old.parts])
    return (*details, found("SUM_TYPE_NARROWED", new)) if refused else details


def _both(old: Node, new: Node, ask: Compare) -> Differences:
    before, after = _distinct(old.parts), _distinct(new.parts)
    if old.kind is new.kind:
        return _matched(old, before, new, after, ask)
    single_before, single_after = len(old.parts) == 1, len(new.parts) == 1
    looser = (
        new.kind is Kind.SOME
        or (single_before and (single_after or new.kind is Kind.ONE))
        or (single_after and old.kind is Kind.ALL)
    )
    result: Differences = (found("COMBINED_TYPE_CHANGED", new),)
    if looser:
        result = (found("COMBINED_TYPE_EXTENDED", new), *_matched(old, before, new, after, ask))
        if ask.compatible(result):
            return result
    if old.kind is Kind.ALL:
        for part in before:
            if ask.fits(part, new):
                return (*ask.differences(part, new), found("PRODUCT_TYPE_NARROWED", new))
    elif all(ask.fits(part, new) for part in before):
        return _flat([ask.differences(part, new) for part in before])
    return result


def _matched(old: Node, before: Sequence[Node], new: Node, after: Sequence[Node], ask: Compare) -> Differences:
    """Pair the parts; each pair's differences, and one for what is left over.

    Confluent's rule: a matching of maximum cardinality has to reach every part of the smaller side. Where that fails
    and one part may answer for several (``_nothing_alone``), no part needs one of its own.
    """
    edges = [[right for right, part in enumerate(after) if ask.fits(left, part)] for left in before]
    same = [
        [right for right in ends if not ask.differences(before[left], after[right])] for left, ends in enumerate(edges)
    ]
    pairs = maximum_matching(edges, maximum_matching(same))
    size = _size(old, before, new, after)
    paired = _flat([ask.differences(before[left], after[right]) for left, right in pairs.items()])
    covered = len(pairs) == min(len(before), len(after))
    if covered and ask.compatible(size):
        return (*size, *paired)
    if _nothing_alone(old, new, edges, len(after)):
        return _flat([ask.differences(before[left], after[right]) for left, ends in enumerate(edges) for right in ends])
    if covered:
        return (*size, *paired)
    left_over = [part for left, part in enumerate(before) if left not in pairs]
    unread = [part for right, part in enumerate(after) if right not in pairs.values()]
    return (*size, *paired, *_alike(left_over, unread, ask), found("COMBINED_TYPE_SUBSCHEMAS_CHANGED", new))


def _nothing_alone(old: Node, new: Node, edges: Sequence[Sequence[int]], after: int) -> bool:
    """Whether the edges alone show that the new side takes all that the old one did, whoever answers for whom."""
    if new.kind is Kind.ALL:
        return old.kind not in SUMS and len({right for ends in edges for right in ends}) == after
    if new.kind is Kind.SOME:
        return all(edges) if old.kind in SUMS else any(edges)
    return False


def _size(old: Node, before: Sequence[Node], new: Node, after: Sequence[Node]) -> Differences:
    if len(before) < len(after):
        return (found("PRODUCT_TYPE_EXTENDED" if new.kind is Kind.ALL else "SUM_TYPE_EXTENDED", new),)
    if len(before) > len(after):
        return (found("SUM_TYPE_NARROWED" if old.kind in SUMS else "PRODUCT_TYPE_NARROWED", new),)
    return ()


def _alike(before: Sequence[Node], after: Sequence[Node], ask: Compare) -> Differences:
    """What is different between parts of the same kind that did not find each other, to say more than that."""
    differences: list[Differences] = []
    candidates = list(after)
    for part in before:
        other = next((candidate for candidate in candidates if candidate.kind is part.kind), None)
        if other is not None:
            candidates.remove(other)
            differences.append(ask.differences(part, other))
    return _flat(differences)


def _distinct(parts: Sequence[Node]) -> list[Node]:
    """Without repetitions: the same schema written twice is one part."""
    kept: dict[object, Node] = {}
    for part in parts:
        kept.setdefault((part.kind, part.keyword, part.typed, part.integer, canonical(part.schema)), part)
    return list(kept.values())


def _flat(differences: Sequence[Differences]) -> Differences:
    return tuple(found for each in differences for found in each)
