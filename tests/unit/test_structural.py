"""Differences item by item: lists by the keys that a schema names; and the patch that follows."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.listkeys import Place
from versiqiid.core.structural import differences, patch

RULES: dict[str, Any] = {
    "type": "object",
    "properties": {"rules": {"type": "array", "x-versiqii-list-keys": ["name"], "items": {"$ref": "#/$defs/rule"}}},
    "$defs": {"rule": {"properties": {"ports": {"x-kubernetes-list-map-keys": ["port", "protocol"], "items": {}}}}},
}


def rule(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def told(before: Any, after: Any, schema: Any = RULES) -> list[dict[str, Any]]:
    return [change.as_json() for change in differences(before, after, Place(schema))]


def test_an_item_is_known_by_its_key_wherever_it_stands() -> None:
    before = {"rules": [rule("a", level=1), rule("b", level=2), rule("c")], "depth": 1}
    after = {"rules": [rule("c"), rule("d"), rule("a", level=9)], "depth": 2, "new": None}
    assert told(before, after) == [
        {"change": "moved", "path": "/rules/[name=a]"},
        {"change": "changed", "path": "/rules/[name=a]/level", "before": 1, "after": 9},
        {"change": "moved", "path": "/rules/[name=c]"},
        {"change": "removed", "path": "/rules/[name=b]", "before": rule("b", level=2)},
        {"change": "added", "path": "/rules/[name=d]", "after": rule("d")},
        {"change": "changed", "path": "/depth", "before": 1, "after": 2},
        {"change": "added", "path": "/new", "after": None},
    ]
    assert patch({"rules": [rule("a"), rule("b", x=1)]}, {"rules": [rule("b", x=2)]}, Place(RULES)) == [
        {"op": "remove", "path": "/rules/0"},
        {"op": "replace", "path": "/rules/0/x", "value": 2},
    ]


def test_keys_are_found_behind_references_and_may_be_several() -> None:
    before = {"rules": [rule("a/b", ports=[{"port": 53, "protocol": "udp"}, {"port": 53, "protocol": "tcp"}])]}
    after = {"rules": [rule("a/b", ports=[{"port": 53, "protocol": "udp", "on": True}])]}
    assert told(before, after) == [
        {"change": "added", "path": "/rules/[name=a~1b]/ports/[port=53,protocol=udp]/on", "after": True},
        {
            "change": "removed",
            "path": "/rules/[name=a~1b]/ports/[port=53,protocol=tcp]",
            "before": {"port": 53, "protocol": "tcp"},
        },
    ]


@pytest.mark.parametrize(
    "items",
    [[rule("a"), rule("a")], [rule("a"), {"other": 1}], [rule("a"), 1], [rule(str(n)) for n in range(2_001)]],
)
def test_a_list_that_the_keys_do_not_tell_apart_goes_by_place(items: list[Any]) -> None:
    first = next(differences({"rules": items}, {"rules": [rule("b")]}, Place(RULES)))
    assert first.path.startswith("/rules/0")


@pytest.mark.parametrize(
    "schema",
    [
        True, None, 1, {}, {"properties": 1}, {"$ref": "#/$defs/none"}, {"$ref": "http://x/"}, {"allOf": 3},
        {"$ref": "#"}, {"properties": {"rules": {"x-versiqii-list-keys": "name"}}}, {"properties": {"rules": True}},
    ],
)  # fmt: skip
def test_a_schema_that_says_nothing_of_use_is_no_hindrance(schema: Any) -> None:
    assert told({"rules": [rule("a")]}, {"rules": [rule("b")]}, schema) == [
        {"change": "changed", "path": "/rules/0/name", "before": "a", "after": "b"}
    ]


def test_a_schema_that_refers_to_itself_has_an_end() -> None:
    tree = {
        "$ref": "#/$defs/t",
        "$defs": {"t": {"properties": {"in": {"x-versiqii-list-keys": ["id"], "items": {"$ref": "#"}}}}},
    }
    before = {"in": [{"id": 1, "in": [{"id": 2}, {"id": 3, "x": 1}]}]}
    after = {"in": [{"id": 1, "in": [{"id": 3, "x": 2}]}]}
    assert [change["path"] for change in told(before, after, tree)] == [
        "/in/[id=1]/in/[id=3]/x",
        "/in/[id=1]/in/[id=2]",
    ]


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b/~"])
ITEMS = st.lists(
    st.dictionaries(st.sampled_from(["name", "level", "in"]), SCALARS | st.lists(SCALARS, max_size=3), max_size=3),
    max_size=6,
)
KEYED = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6).flatmap(
    lambda names: st.tuples(*(st.builds(lambda v, n=name: {"name": n, "level": v}, SCALARS) for name in names)).map(
        list
    )
)
DOCUMENTS = st.dictionaries(st.sampled_from(["rules", "x", "y/~"]), KEYED | ITEMS | SCALARS, max_size=3)


@settings(max_examples=300)
@given(before=DOCUMENTS, after=DOCUMENTS)
def test_a_patch_leads_to_the_other_document(before: Any, after: Any) -> None:
    """Applied by the library, which knows nothing of keys; and no change is told exactly when there is none."""
    made = patch(before, after, Place(RULES))
    assert json.dumps(jsonpatch.apply_patch(before, made), sort_keys=True) == json.dumps(after, sort_keys=True)
    changes = told(before, after)
    assert (changes == []) == (made == []) == (json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True))


@given(before=KEYED, after=KEYED)
def test_items_with_the_same_key_are_never_sent_again(before: Any, after: Any) -> None:
    """A patch adds only what is new: items that are there already are moved and edited."""
    made = patch({"rules": before}, {"rules": after}, Place(RULES))
    there = {item["name"] for item in before}
    added = [
        operation["value"]["name"]
        for operation in made
        if operation["path"].count("/") == 2 and operation["op"] == "add"
    ]
    assert sorted(added) == sorted(item["name"] for item in after if item["name"] not in there)
