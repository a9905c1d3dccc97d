"""Which blocking queries cover a tree, so that a change costs what changed and not the whole. Pure.

A recursive query brings its whole prefix at each change under it, so a large tree is cut into shards, each with a query
of its own. Here is what a cover is; how heavy shards are cut is in ``shard_cutting.py``, how a cover follows the sizes
and the names in ``shard_planning.py``. What the answers hold, and when to ask, is not this room's business.

The cover, at any moment:

* a ``SUBTREE`` is a shard: all keys that start with its prefix. Prefixes end anywhere, also inside a name, so that a
  directory of ten thousand names can be cut as well as a tree of directories;
* a ``KEY`` is a shard of one key, for keys that are themselves the beginning of others (``a`` beside ``a/b``);
* a ``NAMES`` query stands at each directory whose members are in several shards: it lists the names one level down,
  without values, so that a name which no shard covers is found (``admit``);
* no key is in two shards; a key in none of them shows as a name at exactly one split point.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


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


class Index:
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
    return Index(cover).owner(key)


def slice_of(keys: Sequence[str], query: Query) -> tuple[int, int]:
    """From where to where the query's own stand in sorted keys."""
    start = bisect_left(keys, query.prefix)
    if query.kind is Kind.KEY:
        return start, start + (keys[start : start + 1] == [query.prefix])
    return start, end_of(keys, query.prefix, start, len(keys))


def end_of(keys: Sequence[str], prefix: str, start: int, end: int) -> int:
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
