"""Which blocking queries cover a tree, so that a change costs what changed and not the whole. Pure planning.

A recursive query brings its whole prefix at each change under it, so a large tree is cut into shards, each with a query
of its own. What the answers hold, and when to ask, is not this room's business.

The cover, at any moment:

* a ``SUBTREE`` is a shard: all keys that start with its prefix. Prefixes end anywhere, also inside a name, so that a
  directory of ten thousand names can be cut as well as a tree of directories;
* a ``KEY`` is a shard of one key, for keys that are themselves the beginning of others (``a`` beside ``a/b``);
* a ``NAMES`` query stands at each directory whose members are in several shards: it lists the names one level down,
  without values, so that a name which no shard covers is found (``admit``);
* no key is in two shards; a key in none of them shows as a name at exactly one split point.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from math import inf
from typing import NamedTuple, TypeAlias

Weights: TypeAlias = Sequence[tuple[str, int]]
"""Keys in order, with what each adds to an answer, in bytes."""


class Kind(StrEnum):
    SUBTREE = "subtree"
    KEY = "key"
    NAMES = "names"


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """One query of a cover."""

    prefix: str
    kind: Kind

    def holds(self, key: str) -> bool:
        """Whether the key is in this shard; never, for a split point."""
        match self.kind:
            case Kind.SUBTREE:
                return key.startswith(self.prefix)
            case Kind.KEY:
                return key == self.prefix
            case Kind.NAMES:
                return False


@dataclass(frozen=True, slots=True)
class Sizes:
    """When to cut and when to join, in bytes of an answer. All arbitrary; measured by ``tests/bench``.

    :ivar whole: a tree up to this size stays in one piece; one that was cut is joined again below half of it.
    :ivar split: a shard above this is cut when there is room.
    :ivar merge: neighbours that are smaller than this together are joined. Well below ``split``, against swinging.
    :ivar spare: queries kept back from cutting, for names that turn up.
    """

    whole: int = 2 * 1024 * 1024
    split: int = 256 * 1024
    merge: int = 64 * 1024
    spare: int = 4


@dataclass(frozen=True, slots=True)
class Cover:
    """The queries that are open at a moment.

    :ivar queries: in order.
    """

    root: str
    queries: tuple[Query, ...]

    @classmethod
    def whole(cls, root: str) -> Cover:
        """One shard."""
        return cls(root, (Query(root, Kind.SUBTREE),))

    @property
    def is_whole(self) -> bool:
        return self.queries == (Query(self.root, Kind.SUBTREE),)

    def point_of(self, query: Query) -> Query | None:
        """The split point at which the query would be missed if it were closed; None for the root's own."""
        above = [
            point
            for point in self.queries
            if point.kind is Kind.NAMES and query.prefix.startswith(point.prefix) and point != query
        ]
        return max(above, key=lambda point: len(point.prefix), default=None)


class _Index:
    """A cover made ready for many questions."""

    def __init__(self, cover: Cover) -> None:
        self._subtrees = [query.prefix for query in cover.queries if query.kind is Kind.SUBTREE]
        self._keys = {query.prefix for query in cover.queries if query.kind is Kind.KEY}
        self._points = {query.prefix for query in cover.queries if query.kind is Kind.NAMES}

    def owner(self, key: str) -> Query | None:
        if key in self._keys:
            return Query(key, Kind.KEY)
        # Of the prefixes up to the key, only the last can be one of it: no subtree lies in another.
        at = bisect_right(self._subtrees, key) - 1
        if at >= 0 and key.startswith(self._subtrees[at]):
            return Query(self._subtrees[at], Kind.SUBTREE)
        return None

    def covers(self, name: str, point: str) -> bool:
        return (name in self._points and name != point) or self.owner(name) is not None


def owner(cover: Cover, key: str) -> Query | None:
    """The one shard that the key belongs to, None when it is in none of them yet."""
    return _Index(cover).owner(key)


def slice_of(keys: Sequence[str], query: Query) -> tuple[int, int]:
    """From where to where the query's own stand in sorted keys."""
    start = bisect_left(keys, query.prefix)
    if query.kind is Kind.KEY:
        return start, start + (keys[start : start + 1] == [query.prefix])
    return start, _end(keys, query.prefix, start, len(keys))


def plan(
    cover: Cover,
    loads: Mapping[Query, int],
    weights: Callable[[Query], Weights],
    sizes: Sizes,
    queries_max: int,
    *,
    leave: Container[Query] = (),
) -> Cover:
    """The cover with light neighbours joined and heavy shards cut, as far as the queries reach.

    :param loads: the size of each shard, in bytes of an answer.
    :param weights: asked for the shards that are cut, which is costly for large ones.
    :param queries_max: never more are open; a cover that is over it is joined until it is not.
    :param leave: shards that are not to be cut.
    """
    heaviest_first = sorted(loads, key=lambda query: -loads[query])
    measured: dict[Query, float] = dict(loads)
    cover = _joined(cover, measured, sizes)
    while len(cover.queries) > queries_max and not cover.is_whole:
        cover = _relieved(cover, measured)
    for query in heaviest_first:
        if not is_heavy(cover, query, loads[query], sizes) or query in leave or query not in cover.queries:
            continue
        room = queries_max - sizes.spare - len(cover.queries)
        if room <= 0:
            cover = _exchanged(cover, measured, below=loads[query] / 4)
            room = queries_max - sizes.spare - len(cover.queries)
        if room > 0 and query in cover.queries:
            cover = split(cover, query, weights(query), room, sizes.split)
    return cover


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


def absorb(cover: Cover, prefix: str) -> Cover:
    """The cover with everything that begins with the prefix in one shard."""
    rest = (query for query in cover.queries if not query.prefix.startswith(prefix))
    return replace(cover, queries=tuple(sorted((*rest, Query(prefix, Kind.SUBTREE)))))


def admit(cover: Cover, point: Query, names: Iterable[str], loads: Mapping[Query, int], queries_max: int) -> Cover:
    """The cover with a shard for each name that had none. At the limit, shards get larger, never more.

    :param names: what there is one level below the split point: leaves, and directories with their ``/``.
    """
    measured: dict[Query, float] = dict(loads)
    index = _Index(cover)
    for name in names:
        if index.covers(name, point.prefix):
            continue
        while len(cover.queries) >= queries_max and not cover.is_whole:
            cover = _relieved(cover, measured)
        if point not in cover.queries:
            break  # joined, with all its names
        if not (index := _Index(cover)).covers(name, point.prefix):
            cover = replace(cover, queries=tuple(sorted((*cover.queries, _shard_for(cover, point, name)))))
            index = _Index(cover)
    return cover


def closed(cover: Cover, shards: Iterable[Query]) -> Cover:
    """The cover without shards that are empty, and without split points that have nothing left to part."""
    gone = set(shards) - {Query(cover.root, Kind.SUBTREE)}
    queries = [query for query in cover.queries if query not in gone]
    for query in sorted(queries, reverse=True):
        inside = any(other.prefix.startswith(query.prefix) for other in queries if other != query)
        if query.kind is Kind.NAMES and not inside:
            queries.remove(query)
    return replace(cover, queries=tuple(queries)) if queries else Cover.whole(cover.root)


# ------------------------------------------------------------------------------------------------------ cutting


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
        after = _end(keys, prefix, start, end)
        yield _Part(Query(prefix, Kind.SUBTREE), start, after, at_point)
        start = after


def _end(keys: Sequence[str], prefix: str, start: int, end: int) -> int:
    """Where the keys that begin with the prefix end."""
    if not prefix:
        return end
    return bisect_left(keys, True, start, end, key=lambda key: not key.startswith(prefix))  # noqa: FBT003 - the key's


def common(one: str, other: str) -> str:
    """The beginning that two keys share, which may end inside a name."""
    length = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        length += 1
    return one[:length]


def _shard_for(cover: Cover, point: Query, name: str) -> Query:
    """The widest shard for a new name that takes nothing from its neighbours."""
    inside = [query.prefix for query in cover.queries if query != point and query.prefix.startswith(point.prefix)]
    for length in range(len(point.prefix) + 1, len(name) + 1):
        prefix = name[:length]
        if not any(other.startswith(prefix) for other in inside):
            return Query(prefix, Kind.SUBTREE)
    return Query(name, Kind.KEY)


# ------------------------------------------------------------------------------------------------------ joining


def _joined(cover: Cover, loads: dict[Query, float], sizes: Sizes) -> Cover:
    """All in one if it is light enough for that; else light neighbours together, the deepest first."""
    if not cover.is_whole and _below(cover, loads, cover.root) <= sizes.whole // 2:
        return _with(cover, loads, cover.root)
    while not cover.is_whole:
        found = {prefix: _below(cover, loads, prefix) for prefix in _joinable(cover)}
        light = [prefix for prefix, load in found.items() if load <= sizes.merge]
        if not light:
            break
        cover = _with(cover, loads, max(light, key=len))
    return cover


def _relieved(cover: Cover, loads: dict[Query, float]) -> Cover:
    """Fewer queries, at the lowest cost."""
    return _with(cover, loads, min(_joinable(cover), key=lambda prefix: (_below(cover, loads, prefix), prefix)))


def _exchanged(cover: Cover, loads: dict[Query, float], *, below: float) -> Cover:
    """Fewer queries, where that costs little against what could be cut instead."""
    found = {prefix: _below(cover, loads, prefix) for prefix in _joinable(cover)}
    prefix = min(found, key=lambda prefix: (found[prefix], prefix), default=None)
    return cover if prefix is None or found[prefix] > below else _with(cover, loads, prefix)


def _joinable(cover: Cover) -> set[str]:
    """Prefixes under which there is something to join, and no split point that would have to go first."""
    shards = [query.prefix for query in cover.queries if query.kind is not Kind.NAMES]
    points = [query.prefix for query in cover.queries if query.kind is Kind.NAMES]
    found = {common(*pair) for pair in pairwise(shards)} | set(points)
    return {
        prefix
        for prefix in found
        if prefix.startswith(cover.root) and not any(point.startswith(prefix) and point != prefix for point in points)
    }


def _below(cover: Cover, loads: Mapping[Query, float], prefix: str) -> float:
    """What there is under a prefix; more than anything, where a shard is too new to have been measured."""
    inside = (query for query in cover.queries if query.kind is not Kind.NAMES and query.prefix.startswith(prefix))
    return sum(loads.get(query, inf) for query in inside)


def _with(cover: Cover, loads: dict[Query, float], prefix: str) -> Cover:
    loads[Query(prefix, Kind.SUBTREE)] = _below(cover, loads, prefix)
    return absorb(cover, prefix)
