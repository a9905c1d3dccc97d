"""Facts of access: the first of a kind at once, the rest as counts, whatever a stranger makes up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.access import Access, Sieve, nickname

offers = st.lists(st.tuples(st.integers(0, 12), st.floats(0, 40)), max_size=200)


def fact(number: int) -> Access:
    return Access("LoginFailed", "access/api", {"address": f"10.0.0.{number}"})


def weight(told: Access) -> int:
    """How many offers a told fact stands for."""
    return int(told.data.get("count", 1)) + int(told.data.get("others", 0))


def test_the_first_passes_and_the_rest_is_counted() -> None:
    """Once a minute, with how many there were; another kind does not wait for it."""
    sieve = Sieve()
    assert sieve.offer(fact(1), 100.0) == fact(1)
    assert [sieve.offer(fact(1), 100.0 + n) for n in range(50)] == [None] * 50
    assert sieve.offer(fact(2), 120.0) == fact(2)
    assert sieve.due(150.0) == []
    (late,) = sieve.due(160.0)
    assert late.data == {"address": "10.0.0.1", "count": 50}
    assert sieve.due(1000.0) == []
    assert sieve.offer(fact(1), 1000.0) == fact(1)


@given(offers)
def test_nothing_is_lost_and_nothing_is_made_up(given_offers: list[tuple[int, float]]) -> None:
    """What was told stands for exactly what was offered, but for what is still held back as ``others``."""
    sieve = Sieve(every_s=60, kinds_max=5, told_max=4)
    now, told = 0.0, []
    for number, later in given_offers:
        now += later
        passed = sieve.offer(fact(number), now)
        told += [passed] if passed is not None else []
        told += sieve.due(now)
    told += sieve.due(float("inf"))
    assert sum(map(weight, told)) + sieve._others == len(given_offers)


@given(offers)
def test_strangers_cannot_fill_the_journal(given_offers: list[tuple[int, float]]) -> None:
    """New kinds pass at most as often as is allowed, in every stretch of time; what is remembered is bounded."""
    sieve = Sieve(every_s=60, kinds_max=5, told_max=4)
    now, passed = 0.0, []
    for number, later in given_offers:
        now += later
        passed += [now] if sieve.offer(fact(number), now) is not None else []
        assert len(sieve._kinds) <= 5
    for begin in passed:
        assert sum(begin <= at <= begin + 60 for at in passed) <= 2 * 4 + 1


def test_a_nickname_says_nothing_of_the_token() -> None:
    assert nickname("hush") == nickname("hush") != nickname("hush2")
    assert "hush" not in nickname("hush")
    assert len(nickname("hush")) == len("token-") + 8
