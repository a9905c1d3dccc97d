"""The index rules of blocking queries, one by one and over random histories."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.cursor import UNBLOCKED, Answer, Cursor, Pace, answered, failed

PACE = Pace()
seeds = st.floats(0, 1, exclude_max=True)


def after(cursor: Cursor, index: int, *, changed: bool = True, early: bool = True, now: float = 0.0) -> Cursor:
    return answered(cursor, Answer(index, changed, early), now=now, seed=0.5, pace=PACE).cursor


def test_the_first_query_does_not_block() -> None:
    assert Cursor().index == UNBLOCKED


def test_an_index_below_one_is_taken_as_one() -> None:
    """0 would mean "do not block", and the loop would spin (blocking.mdx)."""
    assert after(Cursor(), 0).index == 1
    assert after(Cursor(), -7).index == 1


def test_an_index_that_falls_resets() -> None:
    step = answered(Cursor(index=100), Answer(99, changed=True, early=True), now=0, seed=0, pace=PACE)
    assert step.went_back
    assert step.cursor.index == UNBLOCKED
    assert after(step.cursor, 99).index == 99


def test_an_index_that_stays_or_grows_does_not_reset() -> None:
    for index in (100, 101):
        step = answered(Cursor(index=100), Answer(index, changed=False, early=False), now=0, seed=0, pace=PACE)
        assert not step.went_back
        assert step.cursor.index == index


def test_an_early_answer_at_the_same_index_is_not_blocked_on_again() -> None:
    """Consul gives queries up when a snapshot is restored, and answers with what it had before."""
    assert after(Cursor(index=100), 100, changed=False, early=True).index == UNBLOCKED
    assert after(Cursor(index=100), 100, changed=False, early=False).index == 100


def test_an_index_that_falls_is_noticed_whatever_was_asked_in_between() -> None:
    """A query that was given up, or failed, is followed by one that does not block: the fall shows in its answer."""
    asked = after(after(Cursor(), 100), 100, changed=False, early=True)
    for cursor in (asked, failed(asked, now=0, seed=0, pace=PACE).cursor):
        assert cursor.index == UNBLOCKED
        assert answered(cursor, Answer(99, changed=True, early=False), now=0, seed=0, pace=PACE).went_back
        assert not answered(cursor, Answer(100, changed=True, early=False), now=0, seed=0, pace=PACE).went_back


def test_an_index_taken_over_from_a_wider_query_is_no_fall_when_the_wait_is_over() -> None:
    """The own one may be lower. When the answer comes early at a lower one all the same, the store went back."""
    cursor = Cursor(index=100, inherited=True)
    quiet = answered(cursor, Answer(40, changed=False, early=False), now=0, seed=0, pace=PACE)
    assert (quiet.went_back, quiet.cursor.index, quiet.cursor.inherited) == (False, 40, False)
    assert answered(cursor, Answer(40, changed=True, early=True), now=0, seed=0, pace=PACE).went_back
    assert answered(quiet.cursor, Answer(39, changed=False, early=False), now=0, seed=0, pace=PACE).went_back


def test_after_an_error_the_next_query_does_not_block_and_errors_are_counted() -> None:
    cursor = Cursor(index=100)
    for attempt in (1, 2, 3):
        step = failed(cursor, now=0, seed=0.0, pace=PACE)
        cursor = step.cursor
        assert (cursor.index, cursor.failures) == (UNBLOCKED, attempt)
        assert step.delay_s == 0.125 * 2 ** (attempt - 1)
    assert after(cursor, 5).failures == 0


def test_a_wait_that_ran_out_is_followed_at_once() -> None:
    cursor = Cursor(index=10)
    for moment in range(0, 3000, 300):
        step = answered(cursor, Answer(10, changed=False, early=False), now=moment, seed=0.9, pace=PACE)
        assert step.delay_s == 0
        cursor = step.cursor


def test_early_answers_that_bring_nothing_are_asked_for_ever_more_slowly() -> None:
    """An answer is no proof of a change: a foreign key wakes an empty prefix (hashicorp/consul#9449)."""
    cursor, delays = Cursor(index=10), []
    for number in range(12):
        step = answered(cursor, Answer(11 + number, changed=False, early=True), now=0, seed=0.999, pace=PACE)
        cursor = step.cursor
        delays.append(step.delay_s)
    assert delays == sorted(delays)
    assert delays[0] < 0.03
    assert 1.9 < delays[-1] <= 2.0
    assert answered(cursor, Answer(99, changed=True, early=True), now=60, seed=0, pace=PACE).cursor.fruitless == 0


def test_a_server_whose_index_flaps_does_not_make_us_spin() -> None:
    """Two clusters behind one address: each answer resets, none of them blocks."""
    cursor, waited = Cursor(index=10), 0.0
    for number in range(40):
        answer = Answer(5 if number % 2 else 10, changed=False, early=cursor.index != UNBLOCKED)
        step = answered(cursor, answer, now=waited, seed=0, pace=PACE)
        cursor, waited = step.cursor, waited + step.delay_s
    assert waited > 20


def test_a_burst_passes_at_once_and_then_the_refill_sets_the_pace() -> None:
    cursor, now, at_once = Cursor(), 0.0, 0
    for number in range(1, 400):
        step = answered(cursor, Answer(number, changed=True, early=True), now=now, seed=0, pace=PACE)
        at_once += step.delay_s == 0
        cursor, now = step.cursor, now + step.delay_s
    assert at_once == PACE.burst
    assert abs(now - (399 - PACE.burst) / PACE.refill_per_s) < 0.1


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.booleans(), st.booleans(), st.booleans(), st.floats(0, 5), seeds), max_size=200
    )
)
def test_over_any_history(
    history: list[tuple[int, bool, bool, bool, float, float]],
) -> None:
    """The next index is never one the server did not give, never 0 by its word, and delays stay under their caps."""
    cursor, now, shown, last = Cursor(), 0.0, 0, 0
    for index, changed, early, broken, took, seed in history:
        now += took
        if broken:
            step = failed(cursor, now=now, seed=seed, pace=PACE)
            assert step.cursor.index == UNBLOCKED
            assert 0 < step.delay_s <= PACE.failed.most_s
            shown = 0
        else:
            step = answered(cursor, Answer(index, changed, early), now=now, seed=seed, pace=PACE)
            fell, last = max(index, 1) < last, max(index, 1)
            assert step.went_back == fell
            given_up = early and max(index, 1) == shown
            assert step.cursor.index == (UNBLOCKED if fell or given_up else max(index, 1))
            assert 0 <= step.delay_s <= PACE.unchanged.most_s
            shown = step.cursor.index
        cursor, now = step.cursor, now + step.delay_s


@given(st.lists(st.floats(0, 0.1), min_size=150, max_size=600), st.integers(1, 20), st.floats(1, 100))
def test_never_more_queries_than_the_bucket_holds(gaps: list[float], burst: int, refill: float) -> None:
    """In any stretch of time: burst + refill · seconds, counted here independently of the bucket."""
    pace = Pace(burst=burst, refill_per_s=refill)
    cursor, now, moments = Cursor(), 0.0, []
    for number, gap in enumerate(gaps, start=1):
        moments.append(now)
        step = answered(cursor, Answer(number, changed=True, early=True), now=now + gap, seed=0, pace=pace)
        cursor, now = step.cursor, now + gap + step.delay_s
    for start in range(0, len(moments), 25):
        for end in range(start, len(moments), 25):
            assert end - start + 1 <= burst + 2 + refill * (moments[end] - moments[start]) + 1e-6
