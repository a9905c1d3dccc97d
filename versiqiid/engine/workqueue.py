"""What is to be looked at again: each item at most once, with the newest cause, and a back-off for what failed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import anyio

from versiqiid.core.status import Cause

Item = TypeVar("Item", bound=Hashable)

BACKOFF_FIRST_S = 0.02
BACKOFF_MAX_S = 5.0

PATIENCE_S = 2.0
"""How long a patient item lets the others go first. Arbitrary: short for a person who looks at a drift."""


@dataclass(frozen=True, slots=True)
class Work(Generic[Item]):
    """An item taken from the queue. ``since`` is when it was first asked for, on the queue's clock."""

    item: Item
    cause: Cause
    since: float


class WorkQueue(Generic[Item]):
    """A keyed queue: bounded by the number of distinct items, fair in order of first request.

    :param clock: monotonic seconds.
    :param patient: items that follow what is done for others, again and again: they let the others go first, but not
        for longer than ``PATIENCE_S``.
    """

    def __init__(self, clock: Callable[[], float], patient: Callable[[Item], bool] = lambda _: False) -> None:
        self._clock = clock
        self._patient = patient
        self._waiting: dict[Item, Work[Item]] = {}
        self._following: dict[Item, Work[Item]] = {}
        self._later: dict[Item, tuple[float, Work[Item]]] = {}
        self._failures: dict[Item, int] = {}
        self._taken: set[Item] = set()
        self._wake = anyio.Event()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._following) + len(self._later)

    def add(self, items: Iterable[Item], cause: Cause) -> None:
        """Ask for these items; one that waits already keeps its place and its age and takes the newer cause."""
        now = self._clock()
        for item in items:
            backed_off = self._later.pop(item, None)
            line = self._line(item)
            known = line.get(item) or (backed_off[1] if backed_off else None)
            line[item] = Work(item, cause, known.since if known else now)
        if self._waiting or self._following:
            self._wake.set()

    def ensure(self, item: Item, cause: Cause) -> None:
        """Ask for the item unless it waits already; then it has the better cause."""
        if item not in self._line(item):
            self.add((item,), cause)

    def retry(self, work: Work[Item]) -> None:
        """Ask for the item again after a back-off that doubles with each retry in a row."""
        if work.item in self._line(work.item):
            return
        failures = self._failures.get(work.item, 0)
        self._failures[work.item] = min(failures + 1, 16)
        delay = min(BACKOFF_FIRST_S * 2**failures, BACKOFF_MAX_S)
        self._later[work.item] = (self._clock() + delay, work)
        self._wake.set()

    def done(self, item: Item) -> None:
        """The item went well; its back-off starts afresh."""
        self._failures.pop(item, None)

    def age_s(self, work: Work[Item]) -> float:
        """Seconds since the item was first asked for."""
        return self._clock() - work.since

    async def take(self) -> Work[Item]:
        """The oldest item that nobody has taken, as soon as there is one. It is the caller's until it is released."""
        while True:
            self._ripen()
            for line in self._lines():
                for item in line:
                    if item not in self._taken:
                        self._taken.add(item)
                        return line.pop(item)
            if self._wake.is_set():
                self._wake = anyio.Event()
            with anyio.move_on_after(self._next_ripe_s()):
                await self._wake.wait()

    def release(self, item: Item) -> None:
        """The taken item is dealt with; if it was asked for meanwhile, it can be taken again."""
        self._taken.discard(item)
        if item in self._line(item):
            self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is taken."""
        return not self._taken and not len(self)

    def _ripen(self) -> None:
        now = self._clock()
        ripe = [item for item, (at, _) in self._later.items() if at <= now]
        for item in ripe:
            self._line(item).setdefault(item, self._later.pop(item)[1])

    def _line(self, item: Item) -> dict[Item, Work[Item]]:
        return self._following if self._patient(item) else self._waiting

    def _lines(self) -> tuple[dict[Item, Work[Item]], ...]:
        """In the order in which they are looked through just now."""
        oldest = next(iter(self._following.values()), None)
        if oldest is not None and self._clock() - oldest.since > PATIENCE_S:
            return self._following, self._waiting
        return self._waiting, self._following

    def _next_ripe_s(self) -> float:
        if not self._later:
            return float("inf")
        return max(0.0, min(at for at, _ in self._later.values()) - self._clock())
