"""How a heavy shard is cut along the next directory, or inside names where a directory itself is heavy. Pure.

When to cut, and how many queries there may be, is decided in ``shard_planning.py``.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple, TypeAlias

from versiqiid.core.shards import Cover, Kind, Query, Sizes, common, end_of

Weights: TypeAlias = Sequence[tuple[str, int]]
"""Keys in order, with what each adds to an answer, in bytes."""


def is_heavy(cover: Cover, query: Query, load: int, sizes: Sizes) -> bool:
    """Whether the shard is to be cut when there is room."""
    limit = sizes.whole if query.prefix == cover.root else sizes.split
    return query.kind is Kind.SUBTREE and load > limit


def split(cover: Cover, shard: Query, weights: Weights, room: int, limit: int) -> Cover:
    """The cover with a shard cut, heaviest part first, until every part is light or the room is used up.

    :param room: how many queries more there may be.
    :param limit: parts up to this many bytes are light.
    """
    keys = [key for key, _ in weights]
    sums = list(accumulate((weight for _, weight in weights), initial=0))
    heap = [(-sums[-1], shard.prefix, 0, len(keys))]
    made: list[Query] = []
    while heap:
        weight, prefix, start, end = heapq.heappop(heap)
        parts = _parts(cover.root, prefix, keys, start, end) if -weight > limit else ()
        queries = len(parts) + sum(part.at_point for part in parts[:1]) - 1
        if not parts or queries > room:
            made.append(Query(prefix, Kind.SUBTREE))
            continue
        room -= queries
        if parts[0].at_point:
            made.append(Query(prefix, Kind.NAMES))
        for part in parts:
            if part.query.kind is Kind.SUBTREE:
                heapq.heappush(heap, (sums[part.start] - sums[part.end], part.query.prefix, part.start, part.end))
            else:
                made.append(part.query)
    rest = (query for query in cover.queries if query != shard)
    return replace(cover, queries=tuple(sorted((*rest, *made))))


class _Part(NamedTuple):
    """:ivar at_point: the parts' common prefix is a directory, and becomes a split point."""

    query: Query
    start: int
    end: int
    at_point: bool


def _parts(root: str, prefix: str, keys: Sequence[str], start: int, end: int) -> tuple[_Part, ...]:
    """What a shard is cut into, empty when it cannot be."""
    if end - start <= 1:
        return ()
    at_point = prefix == root or prefix.endswith("/")
    base = prefix
    if not at_point:
        base = common(keys[start], keys[end - 1])
        slash = base.find("/", len(prefix))
        if slash >= 0:  # all in one directory: the shard becomes that, and can be cut there
            return (_Part(Query(base[: slash + 1], Kind.SUBTREE), start, end, at_point=False),)
    return tuple(_branches(base, keys, start, end, at_point=at_point))


def _branches(base: str, keys: Sequence[str], start: int, end: int, *, at_point: bool) -> Iterator[_Part]:
    """By the next character, so that a part also takes most of the names that are still to come."""
    if keys[start] == base:
        yield _Part(Query(base, Kind.KEY), start, start + 1, at_point)
        start += 1
    while start < end:
        prefix = keys[start][: len(base) + 1]
        after = end_of(keys, prefix, start, end)
        yield _Part(Query(prefix, Kind.SUBTREE), start, after, at_point)
        start = after
