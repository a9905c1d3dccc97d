"""What a commit becomes on Consul's wire, and what a refused transaction means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.adapters.consul.transaction import encode, refused
from versiqiid.errors import Conflict, FenceLost, Forbidden, TooLarge
from versiqiid.operations import OPERATION_BYTES, wire_bytes
from versiqiid.ports import Check, Delete, Held, Operation, SessionId, Set, StoreLimits

LIMITS = StoreLimits(512 * 1024, 128, 512 * 1024)
SESSION = SessionId("5f1c6f8e-9a4b-4c7d-8e21-0123456789ab")


def verbs(*operations: Operation, limits: StoreLimits = LIMITS) -> list[tuple[str, str, int | None]]:
    return [(wire.verb, wire.key, wire.expected) for wire in encode(operations, limits)]


def test_each_expectation_has_its_verb() -> None:
    assert verbs(Set("a", b"")) == [("set", "a", None)]
    assert verbs(Set("a", b"", 0)) == [("cas", "a", 0)]
    assert verbs(Set("a", b"", 7)) == [("cas", "a", 7)]
    assert verbs(Delete("a")) == [("delete", "a", None)]
    assert verbs(Delete("a", 7)) == [("check-index", "a", 7), ("delete", "a", None)]
    assert verbs(Check("a", 0)) == [("check-not-exists", "a", 0)]
    assert verbs(Check("a", 7)) == [("check-index", "a", 7)]
    assert verbs(Held("a", SESSION)) == [("check-session", "a", None)]


def test_a_check_and_a_write_of_one_key_become_one() -> None:
    assert verbs(Check("a", 7), Set("a", b"")) == [("cas", "a", 7)]
    assert verbs(Set("a", b"", 7), Check("a", 7)) == [("cas", "a", 7)]
    assert verbs(Check("a", 0), Set("a", b"")) == [("cas", "a", 0)]
    assert verbs(Check("a", 0), Delete("a")) == [("check-not-exists", "a", 0)]
    assert verbs(Check("a", 7), Delete("a")) == [("check-index", "a", 7), ("delete", "a", None)]


def test_contradictions_are_all_sent_so_that_one_fails() -> None:
    assert verbs(Check("a", 7), Set("a", b"", 8)) == [("check-index", "a", 7), ("cas", "a", 8)]


def test_guards_go_before_writes_and_only_once() -> None:
    sent = verbs(Set("out", b""), Check("in", 3), Held("lock", SESSION), Check("in", 3), Delete("lock"))
    assert sent == [
        ("check-index", "in", 3),
        ("check-session", "lock", None),
        ("set", "out", None),
        ("delete", "lock", None),
    ]


def test_guarded_deletions_become_shorter_rather_than_too_many() -> None:
    limits = StoreLimits(512 * 1024, 4, 512 * 1024)
    assert verbs(Delete("a", 1), Delete("b", 2), limits=limits)[0] == ("check-index", "a", 1)
    assert verbs(*(Delete(key, 1) for key in "abcd"), limits=limits) == [("delete-cas", key, 1) for key in "abcd"]
    with pytest.raises(TooLarge):
        encode([Delete(key, 1) for key in "abcde"], limits)


def answer(*failed: tuple[int, str]) -> bytes:
    return json.dumps({"Results": None, "Errors": [{"OpIndex": i, "What": what} for i, what in failed]}).encode()


def test_the_callers_first_failed_operation_is_named() -> None:
    """Guards are sent first, so Consul's order is not the caller's."""
    sent = encode([Set("out", b"", 5), Check("in", 3), Held("lock", SESSION)], LIMITS)
    assert [wire.verb for wire in sent] == ["check-index", "check-session", "cas"]
    error, _ = refused(sent, answer((0, "index"), (1, "session"), (2, "stale")))
    assert isinstance(error, Conflict)
    assert (error.key, error.expected) == ("out", 5)
    error, _ = refused(sent, answer((1, "failed session check"), (0, "index")))
    assert isinstance(error, Conflict)
    assert error.key == "in"
    error, _ = refused(sent, answer((1, "failed session check")))
    assert isinstance(error, FenceLost)


def test_missing_rights_are_no_conflict() -> None:
    sent = encode([Set("out", b"", 5)], LIMITS)
    error, _ = refused(sent, answer((0, "Permission denied: token with AccessorID 'x' lacks permission 'key:write'")))
    assert isinstance(error, Forbidden)


names = st.text("abcdefghij/", min_size=1, max_size=40)
revisions = st.none() | st.integers(1, 2**63 - 1)
operations = st.lists(
    st.one_of(
        st.builds(Set, names, st.binary(max_size=400), revisions),
        st.builds(Delete, names, revisions),
        st.builds(Check, names, st.integers(0, 2**63 - 1)),
        st.builds(Held, names, st.just(SESSION)),
    ),
    max_size=20,
    unique_by=lambda operation: (operation.key, isinstance(operation, Set | Delete)),
)


@given(operations)
def test_a_planner_that_counts_bytes_our_way_is_never_refused(wanted: list[Operation]) -> None:
    """The body, as the library writes it, is within what ``wire_bytes`` says."""
    planned = sum(map(wire_bytes, wanted))
    limits = StoreLimits(512 * 1024, max(len(wanted), 1), max(planned, 2))
    payload = [wire.payload() for wire in encode(wanted, limits)]
    assert len(json.dumps(payload)) <= max(planned, 2)
    assert len(payload) <= len(wanted)


def test_the_longest_operations_stay_within_their_allowance() -> None:
    for operation in (Held("k" * 512, SESSION), Check("k" * 512, 2**64 - 1), Set("k" * 512, b"xx", 2**64 - 1)):
        (wire,) = encode([operation], LIMITS)
        extra = len(json.dumps(wire.payload()) + ", ") - len(operation.key)
        assert extra <= OPERATION_BYTES + 4
