"""Delays double, spread, and stay under their cap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.retry import Backoff, delay_s

seeds = st.floats(0, 1, exclude_max=True)


@given(attempt=st.integers(1, 10**9), seed=seeds)
def test_a_delay_is_within_half_and_all_of_the_doubled_first_and_under_the_cap(attempt: int, seed: float) -> None:
    backoff = Backoff(first_s=0.25, most_s=15.0)
    full = 15.0 if attempt > 6 else min(15.0, 0.25 * 2 ** (attempt - 1))
    assert full / 2 <= delay_s(backoff, attempt, seed) <= full


def test_the_examples_a_reader_would_check() -> None:
    backoff = Backoff(first_s=1, most_s=10)
    assert [delay_s(backoff, attempt, 0.0) for attempt in (1, 2, 3, 4, 5, 6)] == [0.5, 1, 2, 4, 5, 5]


@given(attempt=st.integers(1, 100), one=seeds, two=seeds)
def test_the_dice_spread_and_do_nothing_else(attempt: int, one: float, two: float) -> None:
    backoff = Backoff()
    low, high = sorted((one, two))
    assert delay_s(backoff, attempt, low) <= delay_s(backoff, attempt, high)


def test_an_attempt_below_one_counts_as_the_first() -> None:
    assert delay_s(Backoff(), 0, 0.5) == delay_s(Backoff(), 1, 0.5)
