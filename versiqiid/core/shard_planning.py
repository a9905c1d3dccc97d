"""How a cover follows what there is: heavy shards cut, light neighbours joined, new names let in, empty shards closed.

Pure. At the limit of queries, shards get larger, never more.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf

from versiqiid.core.shard_cutting import Weights, is_heavy, split
from versiqiid.core.shards import Cover, Index, Kind, Query, Sizes, common


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


def absorb(cover: Cover, prefix: str) -> Cover:
    """The cover with everything that begins with the prefix in one shard."""
    rest = (query for query in cover.queries if not query.prefix.startswith(prefix))
    return replace(cover, queries=tuple(sorted((*rest, Query(prefix, Kind.SUBTREE)))))


def admit(cover: Cover, point: Query, names: Iterable[str], loads: Mapping[Query, int], queries_max: int) -> Cover:
    """The cover with a shard for each name that had none. At the limit, shards get larger, never more.

    :param names: what there is one level below the split point: leaves, and directories with their ``/``.
    """
    measured: dict[Query, float] = dict(loads)
    index = Index(cover)
    for name in names:
        if index.covers(name, point.prefix):
            continue
        while len(cover.queries) >= queries_max and not cover.is_whole:
            cover = _relieved(cover, measured)
        if point not in cover.queries:
            break  # joined, with all its names
        if not (index := Index(cover)).covers(name, point.prefix):
            cover = replace(cover, queries=tuple(sorted((*cover.queries, _shard_for(cover, point, name)))))
            index = Index(cover)
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
