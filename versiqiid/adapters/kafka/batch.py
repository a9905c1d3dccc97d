"""The books of one publish: which events have all their delivery reports. Only counting and waiting, no Kafka."""

from __future__ import annotations

import threading
import time

Place = tuple[str, int, int]
"""Topic, partition and offset of a message."""


class Batch:
    """Reports come in on the poll thread; one worker waits. Every method may be called from any thread.

    Invariant: ``acknowledged`` never counts an event before one whose reports are not all in.
    """

    def __init__(self, size: int) -> None:
        self._places: list[tuple[int, Place]] = []
        self._owed = [1] * size  # one is given back by ``sent``, so that an event half sent is not acknowledged
        self._outstanding = 0
        self._reports = 0
        self._failure = ""
        self._abandoned = False
        self._news = threading.Condition()

    def expect(self, event: int) -> None:
        """One more report is owed for this event."""
        with self._news:
            self._owed[event] += 1
            self._outstanding += 1

    def sent(self, event: int) -> None:
        """All messages of this event are on their way."""
        with self._news:
            self._owed[event] -= 1

    def withdraw(self) -> None:
        """The message last expected was not sent after all; its event stays unacknowledged."""
        with self._news:
            self._outstanding -= 1

    def report(self, event: int, failure: str, place: Place | None = None) -> None:
        """A report came; ``failure`` is empty for an acknowledgement.

        :param place: topic, partition and offset of what was acknowledged.
        """
        with self._news:
            self._outstanding -= 1
            self._reports += 1
            if failure:
                self._failure = self._failure or failure
            else:
                self._owed[event] -= 1
                if place is not None:
                    self._places.append((event, place))
            self._news.notify_all()

    def fail(self, failure: str) -> None:
        """Nothing more is sent; the first reason stays."""
        with self._news:
            self._failure = self._failure or failure
            self._news.notify_all()

    def abandon(self) -> None:
        """Nobody waits for the result any more."""
        with self._news:
            self._abandoned = True
            self._news.notify_all()

    @property
    def failure(self) -> str:
        """The first failure, or ``""``."""
        return self._failure

    @property
    def over(self) -> bool:
        """Whether to stop sending."""
        return bool(self._failure) or self._abandoned

    @property
    def complete(self) -> bool:
        """Whether every event is acknowledged."""
        with self._news:
            return not any(self._owed)

    def acknowledged(self) -> int:
        """How many events, from the first, are acknowledged without a gap."""
        with self._news:
            for count, owed in enumerate(self._owed):
                if owed:
                    return count
            return len(self._owed)

    def places(self, count: int) -> list[tuple[int, Place]]:
        """Event and place of each acknowledged message of the first ``count`` events."""
        with self._news:
            return sorted(place for place in self._places if place[0] < count)

    def wait_for_report(self, deadline: float) -> bool:
        """Wait until one more report is in; False when the deadline came, or the batch is over."""
        with self._news:
            seen = self._reports
            self._news.wait_for(lambda: self._reports != seen or self.over, max(0.0, deadline - time.monotonic()))
            return self._reports != seen and not self.over

    def wait(self, deadline: float) -> None:
        """Wait until no report is outstanding, the batch is over, or the deadline comes."""
        with self._news:
            self._news.wait_for(lambda: self.over or not self._outstanding, max(0.0, deadline - time.monotonic()))

    def drain(self, deadline: float) -> None:
        """Wait until no report is outstanding, over or not."""
        with self._news:
            self._news.wait_for(lambda: not self._outstanding, max(0.0, deadline - time.monotonic()))
