"""The diff for people: places, before and after."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility import Change, What, changes

ADDED, REMOVED, CHANGED = What.ADDED, What.REMOVED, What.CHANGED


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": 2}, [Change(CHANGED, "/a", 1, 2)]),
        ({"a": "1"}, {"a": 1}, [Change(CHANGED, "/a", "1", 1)]),
        ({"a": {"b": 1}}, {}, [Change(REMOVED, "/a", {"b": 1}, None)]),
        ({}, {"a/b": None}, [Change(ADDED, "/a~1b", None, None)]),
        ({"required": ["a", "b"]}, {"required": ["b", "a"]}, []),
        ({"required": ["a"]}, {"required": ["b", "a"]}, [Change(ADDED, "/required/0", None, "b")]),
        ({"enum": [1, "1"]}, {"enum": ["1"]}, [Change(REMOVED, "/enum/0", 1, None)]),
        ({"allOf": [1, 2]}, {"allOf": [2]}, [Change(CHANGED, "/allOf/0", 1, 2), Change(REMOVED, "/allOf/1", 2, None)]),
        (
            {"fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]},
            {"fields": [{"name": "b", "type": "long"}, {"name": "a", "type": "int"}]},
            [Change(CHANGED, "/fields/0/type", "int", "long")],
        ),
        ("int", ["null", "int"], [Change(CHANGED, "", "int", ["null", "int"])]),
    ],
)
def test_each_change_is_told_once_at_its_place(old: Any, new: Any, expected: list[Change]) -> None:
    """The outermost place that tells it."""
    assert list(changes(old, new)) == expected


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(("a", "b", "required", "name", "x/y")), inner, max_size=3),
    ),
    max_leaves=8,
)


def at(value: Any, pointer: str) -> Any:
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@given(values, values)
def test_pointers_lead_to_what_they_tell(old: Any, new: Any) -> None:
    """Into the old text for what is gone, into the new one for the rest."""
    for change in changes(old, new):
        if change.what is not ADDED and change.what is not CHANGED:
            assert canonical(at(old, change.pointer)) == canonical(change.before)
        else:
            assert canonical(at(new, change.pointer)) == canonical(change.after)


@given(values)
def test_a_value_differs_from_itself_in_nothing(value: Any) -> None:
    """Nor from a copy."""
    assert not changes(value, copy.deepcopy(value))


@given(values, values)
def test_there_and_back_are_each_other_turned_around(old: Any, new: Any) -> None:
    """What is added one way is removed the other way."""
    turned = {ADDED: REMOVED, REMOVED: ADDED, CHANGED: CHANGED}
    forth = sorted((turned[c.what], canonical(c.after), canonical(c.before)) for c in changes(old, new))
    back = sorted((c.what, canonical(c.before), canonical(c.after)) for c in changes(new, old))
    assert forth == back
