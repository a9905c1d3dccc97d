"""JSON Patch: the examples of RFC 6902, the places where libraries are loose, and what a stranger might try."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.patch import (
    DEPTH_MAX,
    apply_patch,
    is_pointer,
    make_patch,
    resolve_pointer,
    validate_patch,
)
from versiqiid.errors import InvalidInput, MigrationFailed, NotFound

Operation = dict[str, Any]


def op(name: str, path: str, **members: Any) -> Operation:
    return {"op": name, "path": path, **{key.rstrip("_"): value for key, value in members.items()}}


SECRET = "hunter2"  # stands in documents and must never stand in a message

APPLIED = [
    # RFC 6902, appendix A: A.1 to A.8, A.10, A.11, A.14, A.16
    ({"foo": "bar"}, [op("add", "/baz", value="qux")], {"foo": "bar", "baz": "qux"}),
    ({"foo": ["bar", "baz"]}, [op("add", "/foo/1", value="qux")], {"foo": ["bar", "qux", "baz"]}),
    ({"baz": "qux", "foo": "bar"}, [op("remove", "/baz")], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [op("remove", "/foo/1")], {"foo": ["bar", "baz"]}),
    ({"baz": "qux", "foo": 1}, [op("replace", "/baz", value="boo")], {"baz": "boo", "foo": 1}),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [op("move", "/qux/thud", from_="/foo/waldo")],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    ({"a": ["all", "grass", "cow", "eat"]}, [op("move", "/a/3", from_="/a/1")], {"a": ["all", "cow", "eat", "grass"]}),
    ({"foo": "bar"}, [op("test", "/foo", value="bar")], {"foo": "bar"}),
    ({"foo": "bar"}, [op("add", "/child", value={"grandchild": {}})], {"foo": "bar", "child": {"grandchild": {}}}),
    ({"foo": "bar"}, [op("add", "/baz", value="qux", xyz=123)], {"foo": "bar", "baz": "qux"}),
    ({"/": 9, "~1": 10}, [op("test", "/~01", value=10)], {"/": 9, "~1": 10}),
    ({"foo": ["bar"]}, [op("add", "/foo/-", value=["abc", "def"])], {"foo": ["bar", ["abc", "def"]]}),
    # and what else the text says
    ({"a": 1}, [], {"a": 1}),
    ({"a": 1}, [op("add", "/a", value=2)], {"a": 2}),
    ({"a": 1}, [op("replace", "", value=[7])], [7]),
    ({"a": 1}, [op("add", "", value=None)], None),
    ({"": {"": 1}}, [op("replace", "//", value=2)], {"": {"": 2}}),
    ([1], [op("add", "/1", value=2)], [1, 2]),
    ({"a": {"b": 1}}, [op("copy", "/c", from_="/a"), op("add", "/a/b", value=2)], {"a": {"b": 2}, "c": {"b": 1}}),
    ({"a": {"b": 1}}, [op("copy", "/a/c", from_="")], {"a": {"b": 1, "c": {"a": {"b": 1}}}}),
    ({"a": 1}, [op("move", "/a", from_="/a")], {"a": 1}),
    ({"0": 1, "-": 2}, [op("remove", "/0"), op("replace", "/-", value=3)], {"-": 3}),
    ({"n": 1}, [op("test", "/n", value=1.0)], {"n": 1}),
    ({"o": {"a": 1, "b": [True]}}, [op("test", "/o", value={"b": [True], "a": 1})], {"o": {"a": 1, "b": [True]}}),
    ([], [op("add", "/-", value={"a": []}), op("add", "/0/a/-", value=1)], [{"a": [1]}]),
]  # fmt: skip

FAILED = [
    # A.9, A.12, A.13 (a test of an absent member), A.15
    ({"baz": SECRET}, [op("test", "/baz", value="bar")], 0, "/baz"),
    ({"foo": "bar"}, [op("add", "/baz/bat", value=SECRET)], 0, "/baz/bat"),
    ({"foo": "bar"}, [op("test", "/baz", value=None)], 0, "/baz"),
    ({"/": 9, "~1": 10}, [op("test", "/~01", value="10")], 0, "/~01"),
    # Python thinks these equal
    ({"b": True}, [op("test", "/b", value=1)], 0, "/b"),
    ({"b": 0}, [op("test", "/b", value=False)], 0, "/b"),
    ({"b": [1, {"c": True}]}, [op("test", "/b", value=[1, {"c": 1}])], 0, "/b"),
    ({"b": None}, [op("test", "/b", value=False)], 0, "/b"),
    # places that are none
    ({"a": [1, 2]}, [op("remove", "/a/2")], 0, "/a/2"),
    ({"a": [1, 2]}, [op("remove", "/a/-1")], 0, "/a/-1"),
    ({"a": [1, 2]}, [op("remove", "/a/01")], 0, "/a/01"),
    ({"a": [1, 2]}, [op("replace", "/a/1e0", value=0)], 0, "/a/1e0"),
    ({"a": [1, 2]}, [op("replace", "/a/\u0660", value=0)], 0, "/a/\u0660"),
    ({"a": [1, 2]}, [op("remove", "/a/-")], 0, "/a/-"),
    ({"a": [1, 2]}, [op("replace", "/a/-", value=0)], 0, "/a/-"),
    ({"a": [1, 2]}, [op("test", "/a/-", value=2)], 0, "/a/-"),
    ({"a": [1, 2]}, [op("copy", "/b", from_="/a/-")], 0, "/a/-"),
    ({"a": [1, 2]}, [op("add", "/a/3", value=0)], 0, "/a/3"),
    ({"a": [1, 2]}, [op("add", "/a/b", value=0)], 0, "/a/b"),
    ({"a": [1, 2]}, [op("add", "/a/-/b", value=0)], 0, "/a/-/b"),
    ({"a": SECRET}, [op("test", "/a/0", value="h")], 0, "/a/0"),
    ({"a": SECRET}, [op("copy", "/b", from_="/a/0")], 0, "/a/0"),
    ({"a": SECRET}, [op("add", "/a/0", value="h")], 0, "/a/0"),
    ({"a": SECRET}, [op("replace", "/b", value=0)], 0, "/b"),
    ({"a": SECRET}, [op("remove", "/b")], 0, "/b"),
    ({"a": SECRET}, [op("move", "/c", from_="/b")], 0, "/b"),
    ({"a": SECRET}, [op("move", "/b/c", from_="/a")], 0, "/b/c"),
    ({"a": 1}, [op("add", "/b", value=1), op("remove", "/b"), op("remove", "/b")], 2, "/b"),
    ({"a": 1}, [op("test", "/a", value=1), op("remove", "/x/y")], 1, "/x/y"),
]  # fmt: skip

NO_PATCH = [
    ({}, "array"),
    ("[]", "array"),
    (None, "array"),
    ([[]], "operation 0"),
    (["add"], "operation 0"),
    ([{"path": "/a"}], "'op'"),
    ([op("append", "/a", value="b")], "'op'"),
    ([op("Add", "/a", value="b")], "'op'"),
    ([{"op": ["add"], "path": "/a"}], "'op'"),
    ([op("test", "", value={}), op("add", "/a")], "operation 1 of the patch (add): 'value'"),
    ([op("replace", "/a")], "'value'"),
    ([op("test", "/a")], "'value'"),
    ([op("copy", "/a")], "'from'"),
    ([op("move", "/a")], "'from'"),
    ([{"op": "remove"}], "'path'"),
    ([op("remove", "a")], "'path'"),
    ([op("remove", "/a~")], "'path'"),
    ([op("remove", "/a~2")], "'path'"),
    ([{"op": "remove", "path": 0}], "'path'"),
    ([{"op": "remove", "path": ["a"]}], "'path'"),
    ([op("copy", "/a", from_="b")], "'from'"),
    ([op("remove", "")], "whole document"),
    ([op("move", "/a/b", from_="/a")], "part of itself"),
    ([op("move", "/a", from_="")], "part of itself"),
]


@pytest.mark.parametrize(("document", "patch", "expected"), APPLIED)
def test_a_patch_gives_what_the_rfc_says(document: Any, patch: list[Operation], expected: Any) -> None:
    before, patch_before = copy.deepcopy(document), copy.deepcopy(patch)
    result = apply_patch(document, patch)
    assert canonical(result) == canonical(expected)
    assert (document, patch) == (before, patch_before)


@pytest.mark.parametrize(("document", "patch", "index", "pointer"), FAILED)
def test_an_operation_that_does_not_apply_is_named_with_its_place_and_without_a_value(
    document: Any, patch: list[Operation], index: int, pointer: str
) -> None:
    before = copy.deepcopy(document)
    with pytest.raises(MigrationFailed) as failed:
        apply_patch(document, patch)
    assert document == before
    assert failed.value.pointer == pointer
    assert f"operation {index} ({patch[index]['op']})" in failed.value.message
    assert pointer in failed.value.message
    assert SECRET not in failed.value.message + failed.value.hint
    assert failed.value.__cause__ is None


@pytest.mark.parametrize(("patch", "named"), NO_PATCH)
def test_what_is_no_patch_is_refused_before_anything_is_applied(patch: Any, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_patch(patch)
    assert named in refused.value.message
    with pytest.raises(InvalidInput):
        apply_patch({"a": {}}, patch)


def test_the_result_shares_nothing_with_document_or_patch() -> None:
    document: Any = {"a": {"b": []}}
    patch: Any = [op("add", "/c", value={"d": []}), op("copy", "/e", from_="/a")]
    result = apply_patch(document, patch)
    result["a"]["b"].append(1)
    result["c"]["d"].append(1)
    result["e"]["b"].append(2)
    assert document == {"a": {"b": []}}
    assert patch[0]["value"] == {"d": []}
    assert result == {"a": {"b": [1]}, "c": {"d": [1]}, "e": {"b": [2]}}


BOMBS = [
    [op("copy", f"/{step}", from_="") for step in range(30)],
    [op("copy", "/a/-", from_="/a") for _ in range(30)],
    [step for _ in range(3000) for step in (op("copy", "/x", from_="/s"), op("remove", "/x"))],
    [op("add", "/s2", value=SECRET * 30_000)] + [op("copy", "/a/-", from_="/s2") for _ in range(30)],
]


@pytest.mark.parametrize("patch", BOMBS, ids=["of the whole", "within itself", "removed again", "of a long string"])
def test_copies_are_bounded_whatever_becomes_of_them(patch: list[Operation]) -> None:
    with pytest.raises(
        MigrationFailed, match=r"operation \d+ \(copy\): more than 2000000 values and characters"
    ) as failed:
        apply_patch({"a": [1], "s": "s" * 1000}, patch)
    assert SECRET not in failed.value.message


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels - 1):
        value = [value]
    return value


def test_depth_is_bounded_in_the_document_in_values_in_copies_and_in_moves() -> None:
    assert apply_patch({}, [op("add", "/a", value=deep(DEPTH_MAX - 1))]) == {"a": deep(DEPTH_MAX - 1)}
    too_deep = "more than 200 levels"
    with pytest.raises(MigrationFailed, match="the document has 5000 levels"):
        apply_patch(deep(5000), [])
    with pytest.raises(MigrationFailed, match=too_deep):
        apply_patch({}, [op("add", "/a", value=deep(DEPTH_MAX))])
    with pytest.raises(MigrationFailed, match=too_deep):
        apply_patch({"a": deep(150), "b": {"c": {}}}, [op("add", "/b/c/d", value=deep(50)), *chain("copy")])
    with pytest.raises(MigrationFailed, match=too_deep):
        apply_patch({"a": deep(150), "b": deep(150)}, [op("move", "/b" + "/0" * 148 + "/-", from_="/a")])


def chain(name: str) -> list[Operation]:
    """Each copy goes to the end of the one before, so depth doubles."""
    return [op(name, "/a" + "/0" * 148 + "/-", from_="/a")]


def test_pointers_are_checked_and_resolved_without_showing_values() -> None:
    assert is_pointer("")
    assert is_pointer("/a~0~1/-")
    assert not is_pointer("a")
    assert not is_pointer("/~")
    assert not is_pointer(None)
    assert resolve_pointer({"a/b": [1]}, "/a~1b/0") == 1
    for pointer in ("/a/1", "/a/-", "x"):
        with pytest.raises(NotFound) as missing:
            resolve_pointer({"a": [SECRET]}, pointer)
        assert SECRET not in missing.value.message


SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, 1.5, "", "a", "~/", "1", "\ud7ff"])
)
NAMES = st.sampled_from(["a", "b", "0", "-", "", "~", "/", "é"])
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=25
)


def test_numbers_that_are_equal_need_no_patch_wherever_they_stand() -> None:
    """The library tells 0 from 0.0 when they are members of an object in an array."""
    assert make_patch([{"a": 0, "b": 1}], [{"a": 0.0, "b": 1}]) == []
    assert make_patch({"a": 1e20}, {"a": 1e20}) == []
    assert make_patch([True], [1]) == [op("replace", "/0", value=1)]


@given(JSON, JSON)
def test_a_made_patch_turns_the_one_into_the_other_to_the_byte(old: Any, new: Any) -> None:
    before = copy.deepcopy((old, new))
    patch = make_patch(old, new)
    validate_patch(patch)
    assert canonical(apply_patch(old, patch)) == canonical(new)
    assert canonical([old, new]) == canonical(list(before))
    assert (patch == []) == (canonical(old) == canonical(new))


def turned(value: Any) -> Any:
    """An equal document with its members the other way round."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(JSON, JSON)
def test_equal_documents_give_equal_patches(old: Any, new: Any) -> None:
    """Whoever asks twice, in JSON or in YAML, is told the same."""
    assert canonical(make_patch(turned(old), turned(new))) == canonical(make_patch(old, new))


POINTERS = st.lists(NAMES, max_size=3).map(
    lambda names: "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
)
VALUED = st.sampled_from(["add", "replace", "test"])
OPERATIONS = st.one_of(
    st.builds(lambda name, path, value: op(name, path, value=value), VALUED, POINTERS, JSON),
    st.builds(lambda path: op("remove", path), POINTERS),
    st.builds(lambda name, path, frm: op(name, path, from_=frm), st.sampled_from(["move", "copy"]), POINTERS, POINTERS),
)


@given(JSON, st.lists(OPERATIONS, max_size=5))
def test_whatever_the_patch_the_input_stays_and_only_two_errors_come(document: Any, patch: list[Operation]) -> None:
    text, patch_text = json.dumps(document), json.dumps(patch)
    try:
        result = apply_patch(document, patch)
    except (InvalidInput, MigrationFailed):
        pass
    else:
        assert canonical(apply_patch(document, patch)) == canonical(result)
    assert (json.dumps(document), json.dumps(patch)) == (text, patch_text)
