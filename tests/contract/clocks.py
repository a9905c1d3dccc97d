"""A clock that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class HandClock:
    """Seconds that go by only when told."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds
