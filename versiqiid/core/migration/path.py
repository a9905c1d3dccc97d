"""The path rule: of all configs that could be carried to the needed schema version, which one, and over which steps.

The rule is step 5 of "How one effective config is computed" in the key layout. Its words, read one by one:

* *A place in the family's version order*: the text is a version of the family's scheme, whether or not a schema of
  that version exists. Git names have no order, yet migrations between them are declared edges, so every well-formed
  name has a place; where the rule then asks for an order, it is that of the texts, and nothing is before or after.
* *Every migration key between versions of the order is an edge*: the texts of the key are the ends, so ``v1.0.0`` and
  ``1.0.0`` are two ends, as their keys are two keys.
* *Fewest lossy steps, then fewest steps*: compared over all sources and all paths together.
* *Sources ordered before S win over those after it*: one level with S (it differs in build metadata) is not after it.
* *Nearest to S (of the schema versions that exist)*: the fewest existing schema versions strictly between the two.
* *The path whose versions come first, element by element from V*: by the order, level versions by their texts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from versiqiid.core.versions import Scheme, compare, parse
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Pair = tuple[str, str]
    Cost = tuple[int, int]  # lossy steps, steps


@dataclass(frozen=True, slots=True)
class Edge:
    """One direction of one step.

    :ivar lossy: its key's ``lossy`` is a non-empty list.
    :ivar inverse: no key of its own: it is the mechanical inverse of the lens under the opposite key.
    """

    lossy: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A way to the needed version.

    :ivar source: the version whose config is taken.
    :ivar steps: the versions led to, in order, the needed one last; empty when the source is the needed version.
    """

    source: str
    steps: tuple[str, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The migrations to run, as (from, to)."""
        return tuple(pairwise((self.source, *self.steps)))


def is_ordered_version(scheme: Scheme, text: str) -> bool:
    """Whether the text has a place in the version order of a family with this scheme."""
    try:
        parse(scheme, text)
    except InvalidVersion:
        return False
    return True


def direction(scheme: Scheme, frm: str, to: str) -> str | None:
    """The guest export that a step calls when its key names none: ``vq_up`` when ``to`` orders after ``frm``, else
    ``vq_down``; None where versions have no order, so that ``entry`` is required.

    :raises InvalidVersion: one of the two is no version of the scheme.
    """
    ordered = compare(parse(scheme, to), parse(scheme, frm))
    if ordered is None:
        return None
    return "vq_up" if ordered > 0 else "vq_down"


def best_path(
    scheme: Scheme,
    *,
    order: Iterable[str],
    edges: Mapping[Pair, Edge],
    sources: Iterable[str],
    wanted: str,
) -> Path | None:
    """The one path that the rule chooses, None when no source reaches the wanted version.

    :param order: the schema versions of the family that exist, in any order; distance is counted over them.
    :param edges: every migration key of the family; those with an end outside the order are left out here.
    :param sources: the versions that have a config; those without a place in the order are left out here.
    :param wanted: the needed schema version. When it is itself a source, it is the answer, wherever it stands.
    """
    return routes_to(scheme, order=order, edges=edges, wanted=wanted).best(sources)


def routes_to(scheme: Scheme, *, order: Iterable[str], edges: Mapping[Pair, Edge], wanted: str) -> Routes:
    """The best way to one version from everywhere, to be asked for many configs. Takes O(edges · log edges).

    The parameters are those of :func:`best_path`.
    """
    known = _Order(scheme, order)
    leading: dict[str, list[tuple[str, Edge]]] = defaultdict(list)
    for (frm, to), edge in edges.items():
        if frm != to and known.place(frm) is not None and known.place(to) is not None:
            leading[to].append((frm, edge))
    costs = _costs(leading, wanted)
    onward: dict[str, str] = {}
    for to, arriving in leading.items():
        for frm, edge in arriving:
            if to not in costs or costs[frm] != _plus(costs[to], edge):
                continue
            best = onward.get(frm)
            if best is None or known.place(to) < known.place(best):
                onward[frm] = to
    return Routes(wanted, known, costs, onward)


@dataclass(frozen=True, slots=True)
class Routes:
    """The best way to ``wanted`` from every version that reaches it. Made by :func:`routes_to`, and never changed."""

    wanted: str
    _order: _Order
    _costs: Mapping[str, Cost]
    _onward: Mapping[str, str]

    def best(self, sources: Iterable[str]) -> Path | None:
        """As :func:`best_path`, for these sources."""
        candidates = set(sources)
        if self.wanted in candidates:
            return Path(self.wanted)
        reaching = [source for source in candidates if source in self._costs]
        if not reaching:
            return None
        # Two sources have different places, so nothing behind the first version of a path is ever left to compare.
        return self._from(min(reaching, key=self._rank))

    def _rank(self, source: str) -> tuple[Any, ...]:
        wanted = self.wanted
        order = self._order
        return (*self._costs[source], order.after(source, wanted), order.between(source, wanted), order.place(source))

    def _from(self, source: str) -> Path:
        steps: list[str] = []
        at = source
        while at != self.wanted:
            at = self._onward[at]
            steps.append(at)
        return Path(source, tuple(steps))


class _Order:
    """The family's version order, each text parsed once."""

    __slots__ = ("_existing", "_places", "_scheme")

    def __init__(self, scheme: Scheme, existing: Iterable[str]) -> None:
        self._scheme = scheme
        self._places: dict[str, Any] = {}
        places = (self.place(text) for text in set(existing))
        self._existing = sorted(place[0] for place in places if place is not None)

    def place(self, text: str) -> Any:
        """A key that sorts versions of the order, all different; None for a text that has no place."""
        if text not in self._places:
            try:
                version = parse(self._scheme, text)
            except InvalidVersion:
                self._places[text] = None
            else:
                self._places[text] = (version.order_key if self._scheme.ordered else version.canonical, text)
        return self._places[text]

    def after(self, text: str, other: str) -> bool:
        return self._scheme.ordered and bool(self.place(text)[0] > self.place(other)[0])

    def between(self, text: str, other: str) -> int:
        """How many existing versions stand strictly between the two; 0 where versions have no order."""
        if not self._scheme.ordered:
            return 0
        low, high = sorted((self.place(text)[0], self.place(other)[0]))
        return max(0, bisect_left(self._existing, high) - bisect_right(self._existing, low))


def _costs(leading: Mapping[str, list[tuple[str, Edge]]], wanted: str) -> dict[str, Cost]:
    """Dijkstra, backwards from the wanted version, over (lossy steps, steps) compared in that order."""
    costs: dict[str, Cost] = {wanted: (0, 0)}
    settled: set[str] = set()
    waiting: list[tuple[Cost, str]] = [((0, 0), wanted)]
    while waiting:
        cost, at = heappop(waiting)
        if at in settled:
            continue
        settled.add(at)
        for frm, edge in leading.get(at, ()):
            reached = _plus(cost, edge)
            if frm not in costs or reached < costs[frm]:
                costs[frm] = reached
                heappush(waiting, (reached, frm))
    return costs


def _plus(cost: Cost, edge: Edge) -> Cost:
    return (cost[0] + edge.lossy, cost[1] + 1)
