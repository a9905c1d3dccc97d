"""The planner's table, and laws over all of its inputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.agent.plan import (
    REPAIRS_MAX,
    SEVERITY,
    Attributes,
    Desired,
    Failure,
    Kind,
    Known,
    Leave,
    OnDisk,
    Record,
    SetAttributes,
    State,
    Swap,
    decide,
)

A = Attributes(0o644, 0, 0)
B = Attributes(0o600, 0, 0)
NEW = Desired("d2", "c2", "t2", A)
OLD = Known("d1", "c1", "t1")


def failure(trial: str) -> Failure:
    return Failure(trial, "d2", State.RESTORED, "probe: exit status 1", "now")


def file(content: str, attributes: Attributes = A) -> OnDisk:
    return OnDisk(Kind.FILE, content, attributes)


GONE = OnDisk(Kind.ABSENT)


@pytest.mark.parametrize(
    ("known", "disk", "desired", "repairs", "action"),
    [
        (Known(), GONE, NEW, False, Swap()),
        (Known(), file("foreign"), NEW, False, Swap()),
        (Known(), OnDisk(Kind.LINK, "l", A), NEW, False, Swap()),
        (Known(), file("c2"), NEW, False, Record()),
        (Known(), file("c2", B), NEW, False, SetAttributes()),
        (OLD, file("c1"), NEW, False, Swap()),
        (OLD, file("edited"), NEW, False, Swap()),
        (Known("d2", "c2", "t2"), file("c2"), NEW, False, Leave(State.APPLIED)),
        (Known("d2", "c2", "t2"), file("c2", B), NEW, False, SetAttributes()),
        (Known("d2", "c2", "t2"), GONE, NEW, False, Swap()),
        (Known("d2", "c2", "t2"), file("edited"), NEW, True, Swap(repair=True)),
        (Known("d2", "c2", "other settings"), file("c2"), NEW, False, Record()),
        (Known("d1", "c1", "t1", failure("t2")), file("c1"), NEW, True, Leave(State.RESTORED, "probe: exit status 1")),
        (Known("d1", "c1", "t1", failure("t9")), file("c1"), NEW, False, Swap()),
        (Known("d2", "c2", "t2", failure("t9")), file("c2"), NEW, False, Record()),
    ],
)
def test_the_table(known: Known, disk: OnDisk, desired: Desired, repairs: bool, action: object) -> None:
    """One row each."""
    assert decide(known, disk, desired, repairs=repairs) == action


@pytest.mark.parametrize(
    ("known", "disk", "desired", "repairs", "state"),
    [
        (Known(), GONE, None, False, State.WAITING),
        (OLD, file("c1"), None, False, State.GONE),
        (OLD, OnDisk(Kind.OTHER), NEW, False, State.FAILED),
        (Known("d2", "c2", "t2"), file("edited"), NEW, False, State.EDITED),
        (Known("d2", "c2", "t2", None, REPAIRS_MAX), file("edited"), NEW, True, State.EDITED),
    ],
)
def test_files_that_are_left_alone(
    known: Known, disk: OnDisk, desired: Desired | None, repairs: bool, state: State
) -> None:
    """Each with a reason to read."""
    action = decide(known, disk, desired, repairs=repairs)
    assert isinstance(action, Leave)
    assert action.state is state
    assert action.reason


names = st.sampled_from(["1", "2", "3"])
knowns = st.builds(
    Known, st.none() | names, st.none() | names, st.none() | names,
    st.none() | st.builds(failure, names), st.integers(0, REPAIRS_MAX + 1),
)  # fmt: skip
disks = st.builds(OnDisk, st.sampled_from(Kind), st.none() | names, st.sampled_from([A, B]))
wishes = st.none() | st.builds(Desired, names, names, names, st.sampled_from([A, B]))


@given(knowns, disks, wishes, st.booleans())
def test_laws(known: Known, disk: OnDisk, desired: Desired | None, repairs: bool) -> None:
    """Nothing is written without a wish, over a thing that is no file, for a trial that failed, or when it is there."""
    action = decide(known, disk, desired, repairs=repairs)
    if desired is None or disk.kind is Kind.OTHER or (known.failure and known.failure.trial == desired.trial):
        assert isinstance(action, Leave)
        return
    right = disk.kind is Kind.FILE and disk.content == desired.content
    assert isinstance(action, Swap) <= (not right)
    assert isinstance(action, Leave) <= (right or disk.kind is not Kind.ABSENT)
    if isinstance(action, Leave) and action.state is State.APPLIED:
        assert right
        assert disk.attributes == desired.attributes


def test_every_state_has_a_place_in_the_order() -> None:
    """A report of several files shows the worst; a state without rank could not be shown."""
    assert sorted(SEVERITY) == sorted(State)
