"""The most pairs that can be made at once between two sides. Nothing of schemas is known here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOTHING: Final[Mapping[int, int]] = MappingProxyType({})


def maximum_matching(edges: Sequence[Sequence[int]], start: Mapping[int, int] = _NOTHING) -> dict[int, int]:
    """A matching of maximum cardinality: as many left members as possible, each with a right member of its own.

    By augmenting paths (Kuhn); left members are taken in order, so the same edges give the same matching.

    :param edges: for each left member, the right members that it may be paired with.
    :param start: pairs to begin with, a matching itself; they are given up only where that makes more pairs.
    :returns: from left to right.
    """
    partner = {right: left for left, right in start.items()}  # from right to left
    for left in range(len(edges)):
        if left in start:
            continue  # who has a partner never loses it again, only changes it
        _augment(left, edges, partner)
    return {left: right for right, left in sorted(partner.items(), key=lambda pair: pair[1])}


def _augment(start: int, edges: Sequence[Sequence[int]], partner: dict[int, int]) -> bool:
    """Pair ``start``, moving others to other partners where that helps. Without recursion: sides may be large."""
    came_from: dict[int, int] = {}  # the left member from which each right one was reached
    ahead = [start]
    while ahead:
        left = ahead.pop()
        for right in edges[left]:
            if right in came_from:
                continue
            came_from[right] = left
            if right in partner:
                ahead.append(partner[right])
                continue
            _flip(right, came_from, partner)
            return True
    return False


def _flip(right: int, came_from: dict[int, int], partner: dict[int, int]) -> None:
    """Turn the path that ends at ``right`` around: each left member on it takes the right one after it."""
    previous = {left: taken for taken, left in partner.items()}
    while True:
        left = came_from[right]
        freed = previous.get(left)
        partner[right] = left
        if freed is None:
            return
        right = freed
