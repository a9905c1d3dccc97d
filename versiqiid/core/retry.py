"""How long to wait before trying again. Pure numbers: no clock, no dice; the dice are thrown by the caller."""

from __future__ import annotations

from dataclasses import dataclass

_DOUBLINGS_MAX = 60
"""Beyond this the cap has long decided; it keeps the power in range."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling delays under a cap.

    :ivar first_s: the longest first delay in seconds.
    :ivar most_s: no delay is longer, in seconds.
    """

    first_s: float = 0.25
    most_s: float = 15.0


def delay_s(backoff: Backoff, attempt: int, seed: float) -> float:
    """Seconds to wait after the ``attempt``-th failure in a row: at least half of the full delay, at most all of it.

    The spread keeps a thousand clients that lost the same server from coming back in step.

    :param attempt: 1 for the first failure.
    :param seed: a throw of the dice, 0 ≤ seed < 1.
    """
    doublings = min(max(attempt, 1) - 1, _DOUBLINGS_MAX)
    full = min(backoff.most_s, backoff.first_s * 2.0**doublings)
    return full * (0.5 + seed / 2)
