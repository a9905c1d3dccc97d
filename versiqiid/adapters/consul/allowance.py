"""What the watches of one store share: the number of open queries, what the store itself wrote, what operators see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.ports import Coverage, Shard

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from versiqiid.adapters.consul.mosaic import Piece
    from versiqiid.ports import Metrics

QUERIES_MAX = 64
"""Well under Consul's 200 connections per client address, of which an API on the same host also wants some."""


_FENCED_MAX = 4096
"""Commits that are remembered. Arbitrary: more than come between two answers; who is forgotten is asked for sooner."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a watch stands.

    :ivar index: up to which it has told what there is.
    :ivar store_index: the newest index that it heard of.
    """

    pieces: tuple[Piece, ...]
    index: int = 0
    store_index: int = 0


class Allowance:
    """Open queries over all watches of a store.

    :param queries_max: for all of them together; each watch has at least one.
    """

    def __init__(self, queries_max: int = QUERIES_MAX, metrics: Metrics | None = None) -> None:
        self._queries_max = queries_max
        self._metrics = metrics
        self._watches: dict[object, Callable[[], Standing]] = {}
        self._fenced: dict[int, None] = {}

    def room(self, watch: object) -> int:
        """How many queries this watch may have open, those that it has included."""
        others = sum(len(standing().pieces) for other, standing in self._watches.items() if other is not watch)
        return max(1, self._queries_max - others)

    def join(self, watch: object, standing: Callable[[], Standing]) -> None:
        """A watch begins.

        :param standing: asked whenever somebody wants to know: a watch that is held up by its observer tells nothing.
        """
        self._watches[watch] = standing

    def leave(self, watch: object) -> None:
        """The watch has ended."""
        self._watches.pop(watch, None)

    def coverage(self, now: float) -> Coverage:
        """All queries of all watches, as of now. The indexes are those of the watch that is furthest behind."""
        standings = [standing() for standing in self._watches.values()]
        shards = (_shard(piece, now) for standing in standings for piece in standing.pieces)
        behind = max(standings, key=lambda each: each.store_index - each.index, default=Standing(()))
        return Coverage(
            tuple(sorted(shards, key=lambda shard: (shard.prefix, shard.kind))), behind.index, behind.store_index
        )

    @property
    def fenced(self) -> Container[int]:
        """The indexes of the newest commits that were fenced: what a leader wrote, and took in as it wrote it."""
        return self._fenced.keys()

    def wrote_fenced(self, index: int) -> None:
        """A fenced commit was written."""
        self._fenced[index] = None
        if len(self._fenced) > _FENCED_MAX:
            del self._fenced[next(iter(self._fenced))]

    def tripped(self) -> None:
        """A guard did not believe an answer."""
        if self._metrics is not None:
            self._metrics.count("versiqii_guard_trips_total")


def _shard(piece: Piece, now: float) -> Shard:
    return Shard(
        prefix=piece.query.prefix,
        kind=piece.query.kind.value,
        keys=len(piece.held),
        value_bytes=piece.load,
        index=piece.index,
        age_s=now - piece.heard_at if piece.heard_at else None,
        failures=piece.cursor.failures,
    )
