"""The laws as plain functions: what differs, what is judged, how a step is classified."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.laws import Breach, Carried, Declined, Failed, Side, Tally, Terms, Trip, differences, judge
from versiqiid.core.patch import resolve_pointer
from versiqiid.core.violation import Violation

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, 1.0]) | st.text(alphabet="a/~é", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


def carried(config: Any, stash: Any = None, output: bytes | None = None) -> Carried:
    return Carried(config, canonical(config) if output is None else output, stash)


# ----------------------------------------------------------------------------------------------------- differences


@given(json_values, json_values)
def test_documents_differ_exactly_when_their_canonical_forms_do(first: Any, second: Any) -> None:
    assert (differences(first, second) == ()) is (canonical(first) == canonical(second))


@given(json_values, json_values)
def test_each_difference_names_a_place_that_is_not_the_same(first: Any, second: Any) -> None:
    """What is lost stands at its pointer in the first document; what is added stands there in the second."""
    for each in differences(first, second):
        if each.kind == "added":
            resolve_pointer(second, each.pointer)
        else:
            assert canonical(resolve_pointer(first, each.pointer)) == canonical(each.lost)
        assert each.pointer.startswith(each.place)


def test_differences_stand_at_their_deepest_place() -> None:
    first = {"a": {"b": 1, "c": [1, {"d": 2}]}, "gone": 0, "n": 1.0}
    second = {"a": {"b": 2, "c": [1, {"d": 3}]}, "new": 0, "n": 1}
    told = [(each.kind, each.pointer, each.place) for each in differences(first, second)]
    assert told == [
        ("changed", "/a/b", "/a/b"),
        ("changed", "/a/c/1/d", "/a/c"),
        ("gone", "/gone", "/gone"),
        ("added", "/new", "/new"),
    ]
    (whole,) = differences({"l": [1, 2]}, {"l": [1]})
    assert (whole.pointer, whole.lost) == ("/l", [1, 2])


@pytest.mark.parametrize(
    ("declared", "covers"),
    [
        (("/a/c",), True),
        (("/a",), True),
        (("",), True),
        (("/a/c/1/d",), True),
        (("/a/b",), False),
        (("/a/cc",), False),
        ((), False),
    ],
)
def test_a_declared_loss_covers_what_is_inside_it(declared: tuple[str, ...], covers: bool) -> None:
    (lost,) = differences({"a": {"c": [1, {"d": 2}]}}, {"a": {"c": [1, {"d": 3}]}})
    assert lost.within(declared) is covers


# ----------------------------------------------------------------------------------------------------------- judging

X = {"name": "n", "detail": "full"}
Y = {"title": "n"}


@pytest.mark.parametrize("side", list(Side))
def test_a_trip_that_keeps_every_law_shows_nothing(side: Side) -> None:
    trip = Trip(X, carried(Y), carried(Y), back=carried(X))
    assert judge(trip, Terms(side)) == ()


def test_a_result_that_does_not_fit_breaks_the_law_of_its_side() -> None:
    trip = Trip(X, carried(Y), violations=(Violation("/title", "maxLength", "expected at most 0 characters"),))
    for side, law in ((Side.UP, "valid(new, up(x))"), (Side.DOWN, "valid(old, down(y))")):
        (breach,) = judge(trip, Terms(side, declared=("",)))
        assert (breach.law, breach.pointer, breach.output, breach.covered) == (law, "/title", Y, False)


def test_a_loss_is_told_with_what_was_lost() -> None:
    trip = Trip(X, carried(Y), back=carried({"name": "n", "detail": "short"}))
    (breach,) = judge(trip, Terms(Side.DOWN))
    assert breach.law == "up(down(y, stash)) = y"
    assert (breach.pointer, breach.lost, breach.covered) == ("/detail", "full", False)
    assert breach.output == {"name": "n", "detail": "short"}
    assert judge(trip, Terms(Side.UP))[0].law == "down(up(x)) = x"


def test_a_declared_loss_is_covered() -> None:
    trip = Trip(X, carried(Y), back=carried({"name": "n"}))
    (breach,) = judge(trip, Terms(Side.DOWN, declared=("/detail",)))
    assert breach.covered
    assert not breach.foreign


def test_a_loss_of_the_way_back_is_its_own() -> None:
    """What came back gives another result, where the way back declares to lose: the step itself lost nothing."""
    trip = Trip({"a": 1}, carried({"b": 1}), back=carried({}), forth=carried({}))
    assert all(breach.foreign for breach in judge(trip, Terms(Side.UP, back_declared=("/b",))))
    (breach,) = judge(trip, Terms(Side.UP, back_declared=("/c",)))
    assert not breach.covered


def test_a_step_that_is_not_injective_is_not_excused_by_the_way_back() -> None:
    """The same result for what went in and what came out: the step lost it, whatever the other one declares."""
    trip = Trip({"a": 1, "x": 2}, carried({"b": 1}), back=carried({"a": 1}), forth=carried({"b": 1}))
    (breach,) = judge(trip, Terms(Side.UP, back_declared=("",)))
    assert (breach.pointer, breach.covered) == ("/x", False)


def test_other_bytes_the_second_time_break_a_law() -> None:
    trip = Trip(X, carried(Y, output=b"1"), carried(Y, output=b"2"), back=carried(X))
    (breach,) = judge(trip, Terms(Side.UP))
    assert breach.law == "same bytes twice"
    refused = Trip(X, carried(Y), Declined("not today"), back=carried(X))
    assert [each.law for each in judge(refused, Terms(Side.UP))] == ["same bytes twice"]


def test_declining_is_a_right_and_failing_is_not() -> None:
    assert judge(Trip(X, Declined("no depth", "/depth")), Terms(Side.UP)) == ()
    (breach,) = judge(Trip(X, Failed("trapped in vq_up")), Terms(Side.UP))
    assert (breach.law, breach.message, breach.output) == ("valid(new, up(x))", "trapped in vq_up", None)


@pytest.mark.parametrize("back", [Declined("cannot read this"), Failed("used up its fuel")])
def test_a_way_back_that_refuses_brings_nothing_back(back: Declined | Failed) -> None:
    trip = Trip(X, carried(Y), back=back)
    (breach,) = judge(trip, Terms(Side.UP, declared=("/detail",)))
    assert not breach.covered
    assert back.message in breach.message
    assert judge(trip, Terms(Side.UP, declared=("",)))[0].covered


# ------------------------------------------------------------------------------------------------------ classification


def counted(*trips: Trip, terms: Terms | None = None) -> Tally:
    terms = terms or Terms(Side.DOWN)
    tally = Tally()
    for trip in trips:
        tally.add(trip, judge(trip, terms), law_of_return=terms.side.returns)
    return tally


def test_a_step_is_classified_by_what_came_back() -> None:
    whole = Trip(X, carried(Y), back=carried(X))
    with_stash = Trip(X, carried(Y, "s"), back=carried(X), bare=carried({"name": "n"}))
    losing = Trip(X, carried(Y), back=carried({"name": "n"}))
    assert counted(whole).classification().kind == "lossless"
    assert counted(whole, with_stash).classification().kind == "lossless-with-stash"
    lossy = counted(whole, with_stash, losing).classification()
    assert (lossy.kind, lossy.paths) == ("lossy", ("/detail",))
    declared = counted(losing, terms=Terms(Side.DOWN, declared=("/detail",)))
    assert declared.classification().kind == "lossy"


def test_nothing_is_classified_that_never_came_back() -> None:
    tally = counted(Trip(X, Declined("no")), Trip(X, carried(Y)), Trip(X, Failed("trap")))
    assert tally.classification().kind == "unproven"
    assert (tally.tried, tally.carried, tally.returned, tally.declined) == (3, 1, 0, 1)


def test_paths_of_a_lossy_step_are_not_inside_each_other() -> None:
    trips = [
        Trip({"a": {"b": 1}, "c": [{"d": 1}], "a-b": 1}, carried(Y), back=carried(back))
        for back in ({"c": [{"d": 1}], "a-b": 1}, {"a": {}, "c": [{"d": 2}], "a-b": 2})
    ]
    assert counted(*trips).classification().paths == ("/a", "/a-b", "/c")


def test_losses_of_the_way_back_are_not_counted() -> None:
    trip = Trip({"a": 1}, carried({"b": 1}), back=carried({}), forth=carried({}))
    assert counted(trip, terms=Terms(Side.UP, back_declared=("/b",))).classification().kind == "lossless"


def test_no_breach_is_made_up() -> None:
    assert Breach("law", "message").covered is False
