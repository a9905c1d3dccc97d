"""The best path of step 5, by listing every path there is and sorting them by the sentence of the key layout."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.oracle import versions


def best_path(
    scheme: str, edges: dict[tuple[str, str], bool], existing: set[str], sources: set[str], wanted: str
) -> list[str] | None:
    """The versions from the source to ``wanted``, or None when there is no path.

    :param edges: (from, to) → lossy.
    :param existing: the schema versions that exist in the family.
    """
    order = {text: versions.parse(scheme, text) for edge in edges for text in edge}
    order |= {text: versions.parse(scheme, text) for text in existing | sources | {wanted}}
    usable = {edge: lossy for edge, lossy in edges.items() if None not in (order[edge[0]], order[edge[1]])}
    found = [path for source in sources for path in paths(usable, [source], wanted)]
    if not found:
        return None

    def rank(path: list[str]) -> tuple[Any, ...]:
        steps = list(pairwise(path))
        cost = (sum(usable[step] for step in steps), len(steps))
        if scheme == "git-sha":  # no order: nothing comes before, and nothing is near; the text decides
            return (*cost, False, 0, path)
        low, high = sorted((order[path[0]], order[wanted]))
        between = sum(1 for text in existing if order[text] is not None and low < order[text] < high)
        return (*cost, order[path[0]] > order[wanted], between, [order[text] for text in path])

    return min(found, key=rank)


def paths(edges: dict[tuple[str, str], bool], begun: list[str], wanted: str) -> Iterator[list[str]]:
    """Every path without a circle that goes on from here and ends there."""
    if begun[-1] == wanted:
        yield begun
        return
    for start, end in edges:
        if start == begun[-1] and end not in begun:
            yield from paths(edges, [*begun, end], wanted)
