"""Comparing schemas: what the engine and the API ask about pairs of them."""

from __future__ import annotations

from typing import Protocol

from versiqiid.core.comparison import Pair, Text
from versiqiid.core.compatibility import Judgement


class Comparer(Protocol):
    """Judges pairs of schemas off the event loop, within a budget, so that a hostile schema cannot stall the daemon."""

    async def judge(self, pair: Pair) -> Judgement:
        """The judgement; a pair that takes more work than it may is incompatible, undecided.

        :raises UnusableSchema: one of them is no schema of its language.
        :raises Unavailable: nobody could judge; nothing is known of the pair.
        """
        ...

    async def check(self, language: str, text: Text) -> None:
        """Return when the text is a schema of its language that can be compared.

        :raises UnusableSchema: it is not, or took more work than it may. :raises Unavailable: as above.
        """
        ...
