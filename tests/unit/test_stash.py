"""Stashes: bound to a document by its hash, read back strictly, merged where the document was edited."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.stash import keep, merge, parse_stashes
from versiqiid.errors import InvalidInput

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(alphabet="ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="abc", max_size=1), inner, max_size=3),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    return canonical(one) == canonical(other)


def test_a_stash_is_bound_to_the_document_by_its_hash() -> None:
    stash = keep("2.0.0", "1.0.0", {"b": 1, "a": 2.0}, lost={"/report": "full"})
    assert stash.sha256 == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    assert stash.of({"a": 2, "b": 1})
    assert not stash.of({"a": 2, "b": 2})


@given(json_values, json_values)
def test_what_is_told_of_a_stash_is_read_back(converted: Any, lost: Any) -> None:
    stash = keep("2", "1", converted, lost=lost)
    assert parse_stashes([stash.as_json()]) == (stash,)


@pytest.mark.parametrize(
    "told",
    [
        {},
        "text",
        [1],
        [{"from": "2", "to": "1"}],
        [{"from": "2", "to": "1", "sha256": "00", "lost": 1}],
        [{"from": 2, "to": "1", "sha256": "0" * 64}],
        [{"from": "2", "to": "1", "sha256": "0" * 64, "more": 1}],
        [{"from": "2", "to": "1", "sha256": "0" * 64, "converted": {}}],
        [{"from": "2", "to": "1", "sha256": "0" * 64, "patch": [{"op": "explode"}]}],
        [{"from": "2", "to": "1", "sha256": "0" * 64}, {"from": "2", "to": "1", "sha256": "1" * 64}],
    ],
)
def test_what_is_no_stash_is_refused(told: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_stashes(told)


def test_no_stash_is_none() -> None:
    assert parse_stashes(None) == ()


@given(json_values, json_values)
def test_a_side_that_changed_nothing_yields(base: Any, changed: Any) -> None:
    for merged in (merge(base, changed, base), merge(base, base, changed), merge(base, changed, changed)):
        assert same(merged.document, changed)
        assert merged.conflicts == ()


@given(json_values, json_values, json_values)
def test_where_both_changed_the_edit_wins(base: Any, kept: Any, edited: Any) -> None:
    """A merge without a conflict holds every member of objects that the edit changed, as the edit has it."""
    merged = merge(base, kept, edited)
    if not all(isinstance(each, dict) for each in (base, kept, edited)):
        return
    for name in edited:
        if name not in base and name not in kept:
            assert same(merged.document[name], edited[name])
    for name in base:
        if name not in edited and name in kept and same(base[name], kept[name]):
            assert name not in merged.document


def test_changes_of_different_places_meet() -> None:
    base = {"report": "summary", "depth": 1, "limits": {"a": 1}, "list": [1, 2]}
    kept = {"report": "full", "depth": 1, "limits": {"a": 1, "kept": 2}, "list": [1, 9]}
    edited = {"report": "summary", "depth": 5, "limits": {"a": 3}, "list": [7, 2]}
    merged = merge(base, kept, edited)
    assert merged.conflicts == ()
    assert merged.document == {"report": "full", "depth": 5, "limits": {"a": 3, "kept": 2}, "list": [7, 9]}


def test_conflicts_name_their_place_and_the_edit_wins() -> None:
    base = {"a": {"b": 1}, "gone": 1, "list": [1]}
    kept = {"a": {"b": 2}, "gone": 2, "list": [1, 2]}
    edited = {"a": {"b": 3}, "list": []}
    merged = merge(base, kept, edited)
    assert set(merged.conflicts) == {"/a/b", "/gone", "/list"}
    assert merged.document == edited
