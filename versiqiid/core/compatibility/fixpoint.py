"""Schemas that refer to themselves, compared to a fix-point: each pair once, and what was assumed of a pair taken back.

A pair that is met again while it is being compared is assumed to be without differences; where that turns out wrong,
all is compared again with what was learned. The work is counted, so that the same pair gets the same verdict anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
FoundT = TypeVar("FoundT", bound=Hashable)


class OverBudgetError(Exception):
    """More pairs than the budget, or nested too deeply to be followed."""


class FixPoint(Generic[KeyT, FoundT]):
    """The differences of pairs.

    :param breaks: whether these differences make a pair incompatible.
    :param steps_max: pairs that may be looked at, met again or not.
    """

    def __init__(self, breaks: Callable[[tuple[FoundT, ...]], bool], steps_max: int) -> None:
        self._breaks = breaks
        self._steps_left = steps_max
        self._done: dict[KeyT, tuple[FoundT, ...]] = {}
        self._open: set[KeyT] = set()
        self._breaking: dict[KeyT, tuple[FoundT, ...]] = {}
        self._assumed = False

    def run(self, compare: Callable[[], tuple[FoundT, ...]]) -> tuple[FoundT, ...]:
        """What ``compare`` finds once nothing wrong is assumed any more; it asks ``of`` for the pairs that it meets.

        :raises OverBudgetError: more pairs than ``steps_max``, or nested too deeply.
        """
        while True:
            self._done, self._assumed = {}, False
            try:
                result = compare()
            except RecursionError:
                raise OverBudgetError from None
            breaking = {pair: found for pair, found in self._done.items() if self._breaks(found)}
            if not self._assumed or breaking.keys() <= self._breaking.keys():
                return result
            self._breaking |= breaking

    def of(self, pair: KeyT, compare: Callable[[], Iterable[FoundT]]) -> tuple[FoundT, ...]:
        """Every difference of the pair, none twice.

        :raises OverBudgetError: as above.
        """
        self._steps_left -= 1
        if self._steps_left < 0:
            raise OverBudgetError
        if pair in self._done:
            return self._done[pair]
        if pair in self._open:
            if pair in self._breaking:
                return self._breaking[pair]
            self._assumed = True
            return ()
        self._open.add(pair)
        try:
            result = tuple(dict.fromkeys(compare()))
        finally:
            self._open.remove(pair)
        self._done[pair] = result
        return result
