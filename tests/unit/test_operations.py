"""Expectations are judged in the caller's order, against the state before the commit."""

from __future__ import annotations

import pytest

from versiqiid.errors import Conflict, FenceLost, InvalidKey, TooLarge
from versiqiid.operations import check_expectations, check_prefix, check_size, conflict
from versiqiid.ports import Check, Delete, Held, SessionId, Set, StoreLimits

REVISIONS = {"a": 3, "b": 5}
HOLDERS = {"lock": SessionId("me")}


def judge(*operations: Set | Delete | Check | Held) -> None:
    check_expectations(operations, lambda key: REVISIONS.get(key, 0), HOLDERS.get)


def test_what_holds_passes() -> None:
    judge(Set("a", b"", 3), Delete("b", 5), Check("c", 0), Held("lock", SessionId("me")), Set("c", b""))


def test_the_first_failure_in_order_is_raised() -> None:
    with pytest.raises(Conflict) as caught:
        judge(Check("b", 4), Held("lock", SessionId("you")), Set("a", b"", 0))
    assert (caught.value.key, caught.value.expected, caught.value.found) == ("b", 4, 5)
    with pytest.raises(FenceLost):
        judge(Held("lock", SessionId("you")), Check("b", 4))


def test_a_conflict_reads_as_a_sentence() -> None:
    assert str(conflict("a", 3, 5)) == "cannot write 'a': expected revision 3, found revision 5"
    assert str(conflict("a", 0, 5)) == "cannot write 'a': expected no such key, found revision 5"
    assert str(conflict("a", 3, 0)) == "cannot write 'a': expected revision 3, found none"
    assert str(conflict("a", 3, None)) == "cannot write 'a': expected revision 3, found another"


def test_prefixes() -> None:
    for good in ("", "a", "a/", "a/b", "a/b.", "_system/"):
        check_prefix(good)
    for bad in ("/", "a//", "..", "a/../", " "):
        with pytest.raises(InvalidKey, match="prefix"):
            check_prefix(bad)


def test_sizes_name_what_was_offered_and_the_limit() -> None:
    limits = StoreLimits(value_bytes_max=100, operations_max=2, transaction_bytes_max=400)
    check_size([Set("a", b"x" * 100), Check("b", 0)], limits)
    with pytest.raises(TooLarge) as caught:
        check_size([Check("a", 0)] * 3, limits)
    assert (caught.value.size, caught.value.limit) == (3, 2)
    with pytest.raises(TooLarge) as caught:
        check_size([Set("a", b"x" * 100), Set("b", b"x" * 100)], limits)
    assert (caught.value.size, caught.value.limit) == (514, 400)
