"""Nothing is deleted because something looked empty."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.guard import Seen, Verdict, judge


def listing(known: int, left: int, **more: bool) -> Seen:
    return Seen(known=known, missing=max(0, known - left), left=left, **more)


def test_growing_and_small_losses_are_believed() -> None:
    assert judge(listing(0, 0), 0.5) is Verdict.BELIEVE
    assert judge(listing(0, 10), 0.5) is Verdict.BELIEVE
    assert judge(listing(10, 10), 0.5) is Verdict.BELIEVE
    assert judge(listing(10, 5), 0.5) is Verdict.BELIEVE


def test_more_than_the_share_is_confirmed_first() -> None:
    assert judge(listing(10, 4), 0.5) is Verdict.CONFIRM
    assert judge(listing(10, 4, confirmed=True), 0.5) is Verdict.BELIEVE
    assert judge(listing(10, 9), 0.0) is Verdict.CONFIRM


def test_empty_is_confirmed_whatever_the_share() -> None:
    assert judge(listing(1, 0), 1.0) is Verdict.CONFIRM
    assert judge(listing(1, 0, confirmed=True), 1.0) is Verdict.BELIEVE


def test_replaced_keys_count_as_missing_although_the_number_is_the_same() -> None:
    assert judge(Seen(known=10, missing=10, left=10), 0.5) is Verdict.CONFIRM


def test_a_filtered_list_is_an_alarm_even_when_nothing_is_missing_and_even_when_confirmed() -> None:
    for confirmed in (False, True):
        assert judge(listing(10, 10, filtered=True, confirmed=confirmed), 0.5) is Verdict.ALARM


def test_without_a_token_a_suspicious_list_cannot_be_confirmed() -> None:
    """The anonymous token is not told that its list was filtered."""
    assert judge(listing(10, 0, blind=True, confirmed=True), 0.5) is Verdict.ALARM
    assert judge(listing(10, 9, blind=True, confirmed=True), 0.5) is Verdict.BELIEVE


@given(st.integers(0, 1000), st.data(), st.tuples(st.booleans(), st.booleans(), st.booleans()), st.floats(0, 1))
def test_no_mass_deletion_without_a_confirmed_and_honest_list(
    known: int, data: st.DataObject, said: tuple[bool, bool, bool], share: float
) -> None:
    filtered, blind, confirmed = said
    missing = data.draw(st.integers(0, known))
    left = data.draw(st.integers(known - missing, 2000))
    verdict = judge(Seen(known, missing, left, filtered, blind, confirmed), share)
    mass = missing > 0 and (left == 0 or missing > share * known)
    if verdict is Verdict.BELIEVE and mass:
        assert confirmed
        assert not blind
    if verdict is Verdict.BELIEVE:
        assert not filtered
    if verdict is Verdict.CONFIRM:
        assert not confirmed, "asking again must lead to a decision"
