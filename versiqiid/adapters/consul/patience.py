"""How long a listing may take to begin. Pure.

A server puts a listing together before it sends the first byte: 12 s for 100,000 keys of 2 kB on a busy machine
(measured). With one limit for all answers such a tree would be asked for again and again, and never be read; with a
long one for all, a server that froze would be waited for as long.
"""

from __future__ import annotations

MOST_S = 160.0
"""Arbitrary: far beyond what any tree that fits into memory takes."""


class Patience:
    """What was learnt of each path. As long as for any answer at first, twice as long after each time it ran out.

    :param least_s: for any answer.
    """

    def __init__(self, least_s: float) -> None:
        self._least_s = least_s
        self._learnt: dict[str, float] = {}

    def of(self, path: str) -> float:
        """Seconds until the first byte is given up."""
        return self._learnt.get(path, self._least_s)

    def ran_out(self, path: str) -> None:
        """There was no answer in time."""
        self._learnt[path] = max(self._least_s, min(MOST_S, self.of(path) * 2))

    def took(self, path: str, seconds: float) -> None:
        """The whole answer came after so long: twice that will do the next time."""
        if seconds * 2 <= self._least_s:
            self._learnt.pop(path, None)
        else:
            self._learnt[path] = max(self._least_s, min(MOST_S, seconds * 2))
