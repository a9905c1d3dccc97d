"""Lenses on documents: each operation, each failure, the way back, and what is lost."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.lens import apply, invert, lens_to_json, lossy_pointers, parse_lens
from versiqiid.errors import InvalidInput, MigrationFailed

Json = Any
SECRET = "hunter2"


def one(operation: str, /, **fields: Json) -> Json:
    return {operation: fields}


def rename(source: str, destination: str) -> Json:
    return one("rename", source=source, destination=destination)


def member(name: str, *operations: Json) -> Json:
    return one("in", name=name, lens=list(operations))


def each(*operations: Json) -> Json:
    return one("map", lens=list(operations))


def convert(name: str, up: Json, down: Json, source: str = "string", destination: str = "integer") -> Json:
    return one("convert", name=name, mapping=[up, down], sourceType=source, destinationType=destination)


LEVELS = convert("level", {"low": 1, "high": 2}, {"1": "low", "2": "high"})

APPLIED = [
    ([], {"a": 1}, {"a": 1}),
    ([rename("a", "b")], {"a": 1, "c": 2}, {"b": 1, "c": 2}),
    ([rename("a/b", "~")], {"a/b": None}, {"~": None}),
    ([one("add", name="a", type="integer", default=7)], {}, {"a": 7}),
    ([one("add", name="a", type="array")], {}, {"a": []}),
    ([one("add", name="a", type=["string", "null"])], {}, {"a": None}),
    ([one("add", name="a", type=["boolean", "string"])], {}, {"a": False}),
    ([one("remove", name="a", type="string")], {"a": "x", "b": 1}, {"b": 1}),
    ([one("hoist", host="h", name="n")], {"h": {"n": 1, "m": 2}}, {"h": {"m": 2}, "n": 1}),
    ([one("plunge", host="h", name="n")], {"h": {"m": 2}, "n": 1}, {"h": {"n": 1, "m": 2}}),
    ([one("wrap", name="a")], {"a": None}, {"a": [None]}),
    ([one("head", name="a")], {"a": [{"b": 1}, 2]}, {"a": {"b": 1}}),
    ([member("a", rename("b", "c"))], {"a": {"b": 1}}, {"a": {"c": 1}}),
    ([member("a", each(rename("b", "c")))], {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"c": 1}, {"c": 2}]}),
    ([each(rename("b", "c"))], [{"b": 1}], [{"c": 1}]),
    ([member("a", each(each(rename("b", "c"))))], {"a": [[], [{"b": 1}]]}, {"a": [[], [{"c": 1}]]}),
    ([LEVELS], {"level": "high"}, {"level": 2}),
    ([convert("a", {"true": "on", "false": "off"}, {"on": True}, "boolean", "string")], {"a": True}, {"a": "on"}),
    ([convert("a", {"1": True}, {"true": 1}, "integer", "boolean")], {"a": 1.0}, {"a": True}),
    ([convert("a", {"1.50": "x"}, {"x": 1.5}, "number", "string")], {"a": 1.5}, {"a": "x"}),
    ([convert("a", {"null": ""}, {"": None}, "null", "string")], {"a": None}, {"a": ""}),
    ([rename("a", "b"), rename("b", "a"), one("wrap", name="a")], {"a": 1}, {"a": [1]}),
]

FAILED = [
    ([rename("a", "b")], {"c": SECRET}, "0", "/a"),
    ([rename("a", "b")], {"a": SECRET, "b": 1}, "0", "/b"),
    ([rename("a", "b")], [SECRET], "0", ""),
    ([one("add", name="a", type="string")], {"a": SECRET}, "0", "/a"),
    ([one("remove", name="a", type="string")], {"b": SECRET}, "0", "/a"),
    ([one("hoist", host="h", name="n")], {"n": SECRET}, "0", "/h"),
    ([one("hoist", host="h", name="n")], {"h": {}}, "0", "/h/n"),
    ([one("hoist", host="h", name="n")], {"h": SECRET}, "0", "/h"),
    ([one("hoist", host="h", name="n")], {"h": {"n": 1}, "n": SECRET}, "0", "/n"),
    ([one("plunge", host="h", name="n")], {"h": {}}, "0", "/n"),
    ([one("plunge", host="h", name="n")], {"n": SECRET}, "0", "/h"),
    ([one("plunge", host="h", name="n")], {"h": [], "n": 1}, "0", "/h"),
    ([one("plunge", host="h", name="n")], {"h": {"n": SECRET}, "n": 1}, "0", "/h/n"),
    ([one("wrap", name="a")], {}, "0", "/a"),
    ([one("head", name="a")], {}, "0", "/a"),
    ([one("head", name="a")], {"a": SECRET}, "0", "/a"),
    ([one("head", name="a")], {"a": []}, "0", "/a"),
    ([member("a", rename("b", "c"))], {}, "0", "/a"),
    ([rename("x", "y"), member("a/b", rename("b", "c"))], {"x": 1, "a/b": {}}, "1.0", "/a~1b/b"),
    ([member("a", each(rename("b", "c")))], {"a": {"b": SECRET}}, "0.0", "/a"),
    ([member("a", each(one("wrap", name="b"), one("wrap", name="c")))], {"a": [{"b": 1}]}, "0.0.1", "/a/0/c"),
    ([LEVELS], {"level": SECRET}, "0", "/level"),
    ([LEVELS], {"level": 1}, "0", "/level"),
    ([LEVELS], {}, "0", "/level"),
    ([convert("a", {"1": "x"}, {"x": 1}, "integer", "string")], {"a": True}, "0", "/a"),
    ([convert("a", {"true": "x"}, {"x": True}, "boolean", "string")], {"a": 1}, "0", "/a"),
]  # fmt: skip

NO_LENS = [
    ({}, "a lens must be an array"),
    ([[]], "lens operation 0"),
    ([{}], "lens operation 0"),
    ([{"rename": {}, "add": {}}], "lens operation 0"),
    ([rename("a", "b"), {"warp": {}}], "lens operation 1: 'warp'"),
    ([{"rename": []}], "operation 0 (rename)"),
    ([one("rename", source="a")], "'destination' is missing"),
    ([one("rename", source="a", destination=1)], "'destination' must be a string"),
    ([one("rename", source="a", destination="b", also="c")], "unknown field 'also'"),
    ([rename("a", "a")], "must differ"),
    ([one("hoist", host="a", name="a")], "must differ"),
    ([one("plunge", host="a", name="a")], "must differ"),
    ([one("add", name="a")], "'type' is missing"),
    ([one("add", name="a", type="text")], "'type' must be"),
    ([one("add", name="a", type=[])], "'type' must be"),
    ([one("add", name="a", type=[["string"]])], "'type' must be"),
    ([one("add", name="a", type=["string", "string"])], "'type' must be"),
    ([one("add", name="a", type="integer", default=SECRET)], "'default' must be of the type"),
    ([one("add", name="a", type="integer", default=True)], "'default' must be of the type"),
    ([one("remove", name="a", type="string", default=None)], "'default' must be of the type"),
    ([one("in", name="a", lens={})], "'lens' of lens operation 0 must be an array"),
    ([member("a", member("b", {"x": {}}))], "lens operation 0.0.0"),
    ([one("map")], "'lens' is missing"),
    ([one("convert", name="a", mapping=[{}, {}], sourceType="array", destinationType="string")], "'sourceType'"),
    ([one("convert", name="a", mapping=[{}, {}], sourceType="null", destinationType=["null"])], "'destinationType'"),
    ([one("convert", name="a", mapping=[{}], sourceType="string", destinationType="string")], "two objects"),
    ([one("convert", name="a", mapping=[{}, []], sourceType="string", destinationType="string")], "two objects"),
    ([convert("a", {"x": SECRET}, {})], "mapping up, entry 0"),
    ([convert("a", {"x": True}, {})], "mapping up, entry 0"),
    ([convert("a", {}, {"one": "x"})], "mapping down, entry 0"),
    ([convert("a", {}, {"1": "x", "1.0": "y"})], "mapping down, entry 1"),
    ([convert("a", {}, {"NaN": "x"}, "string", "number")], "mapping down, entry 0"),
    ([convert("a", {"[" * 5000: 1}, {}, "integer")], "mapping up, entry 0"),
    ([convert("a", {"9" * 5000: 1}, {}, "integer")], "mapping up, entry 0"),
    (functools.reduce(lambda inner, _: [each(*inner)], range(60), []), "nested more than 50 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("lens", "document", "expected"), APPLIED)
def test_each_operation_does_what_the_table_says(lens: Json, document: Json, expected: Json) -> None:
    before = copy.deepcopy(document)
    assert canonical(apply(parse_lens(lens), document)) == canonical(expected)
    assert canonical(document) == canonical(before)


@pytest.mark.parametrize(("lens", "document", "indices", "pointer"), FAILED)
def test_a_document_of_another_shape_is_a_failure_with_place_and_operation(
    lens: Json, document: Json, indices: str, pointer: str
) -> None:
    before = copy.deepcopy(document)
    with pytest.raises(MigrationFailed) as failed:
        apply(parse_lens(lens), document)
    assert failed.value.pointer == pointer
    assert failed.value.message.startswith(f"lens operation {indices} (")
    assert failed.value.message.endswith(f"at {pointer or 'the root'}")
    assert SECRET not in failed.value.message + failed.value.hint
    assert document == before


@pytest.mark.parametrize(("lens", "named"), NO_LENS)
def test_what_is_no_lens_is_refused_and_the_operation_is_named(lens: Json, named: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_lens(lens)
    assert named in refused.value.message
    assert SECRET not in refused.value.message


LOST = [
    ([], ()),
    ([rename("a", "b"), one("add", name="c", type="string")], ()),
    ([one("remove", name="a", type="string")], ("/a",)),
    ([one("head", name="a")], ("/a",)),
    ([one("wrap", name="a")], ()),
    ([LEVELS], ()),
    ([convert("a", {"x": 1, "y": 1}, {"1": "x"})], ("/a",)),
    ([convert("a", {"x": 1}, {"1": "z"})], ("/a",)),
    ([convert("a", {"x": 1}, {})], ("/a",)),
    ([member("a/b", one("remove", name="~", type="null"))], ("/a~1b/~0",)),
    ([member("a", each(one("remove", name="b", type="null")))], ("/a",)),
    ([each(one("head", name="b"))], ("",)),
    # called as in the document that goes in, whatever happened to its name before
    ([rename("a", "b"), one("remove", name="b", type="null")], ("/a",)),
    ([one("hoist", host="h", name="n"), one("head", name="n")], ("/h/n",)),
    ([one("plunge", host="h", name="n"), member("h", one("remove", name="n", type="null"))], ("/n",)),
    ([one("plunge", host="h", name="n"), one("remove", name="h", type="object")], ("/h", "/n")),
    ([member("a", rename("x", "y")), member("a", one("remove", name="y", type="null"))], ("/a/x",)),
    # of what the lens brought along the document loses nothing, but the way back may
    ([one("add", name="a", type="null"), one("remove", name="a", type="null")], ("/a",)),
    ([one("add", name="a", type="integer", default=3), convert("a", {"3": 7}, {}, "integer")], ("/a",)),
    ([member("a", one("remove", name="x", type="null")), one("remove", name="a", type="object")], ("/a",)),
]


@pytest.mark.parametrize(("lens", "expected"), LOST)
def test_losses_are_named_by_pointers_into_the_document_that_goes_in(lens: Json, expected: tuple[str, ...]) -> None:
    assert lossy_pointers(parse_lens(lens)) == expected


def test_the_inverse_of_a_removal_adds_its_default() -> None:
    lens = parse_lens([one("remove", name="a", type="integer", default=7), rename("b", "c")])
    assert lens_to_json(invert(lens)) == [rename("c", "b"), one("add", name="a", type="integer", default=7)]
    assert apply(invert(lens), apply(lens, {"a": 1, "b": 2})) == {"a": 7, "b": 2}


# ------------------------------------------------------------------------- laws, on lenses made to fit a document

NAMES = ["a", "b", "c", "h", "a/b", "~", ""]
SCALARS = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, "x", "y", ""])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=5)


def operations_for(document: dict[str, Json], *, lossless: bool) -> st.SearchStrategy[Json]:
    """Operations that fit the document as it is."""
    free = [name for name in NAMES if name not in document]
    have = sorted(document)
    hosts = [(host, name) for host in have if isinstance(document[host], dict) for name in NAMES if name != host]
    choices: list[Json] = [rename(source, destination) for source in have for destination in free]
    choices += [one("add", name=name, type=["integer", "null"], default=3) for name in free]
    choices += [one("wrap", name=name) for name in have]
    choices += [one("hoist", host=h, name=n) for h, n in hosts if n in document[h] and n in free]
    choices += [one("plunge", host=h, name=n) for h, n in hosts if n not in document[h] and n in have]
    choices += [fitting_convert(name, document[name], lossless=lossless) for name in have if is_scalar(document[name])]
    if not lossless:
        choices += [one("remove", name=name, type="string", default="gone") for name in have]
        choices += [one("head", name=name) for name in have if isinstance(document[name], list) and document[name]]
    nested = [
        lenses_for(document[name], lossless=lossless).map(lambda lens, name=name: member(name, *lens))
        for name in have
        if isinstance(document[name], dict)
    ]
    mapped = [
        lenses_for(document[name][0], lossless=lossless).map(lambda lens, name=name: member(name, each(*lens)))
        for name in have
        if isinstance(document[name], list) and len(document[name]) == 1 and isinstance(document[name][0], dict)
    ]
    return st.one_of(*([st.sampled_from(choices)] if choices else []), *nested, *mapped)


def is_scalar(value: Json) -> bool:
    return not isinstance(value, dict | list)


def fitting_convert(name: str, value: Json, *, lossless: bool) -> Json:
    types = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
    text = value if isinstance(value, str) else canonical(value).decode()
    down = {"7": value} if lossless or value is None else {"7": other_of(value)}
    return convert(name, {text: 7}, down, types[type(value)], "integer")


def other_of(value: Json) -> Json:
    return (
        not value
        if isinstance(value, bool)
        else value * 2 + type(value)(1)
        if not isinstance(value, str)
        else value + "!"
    )


@st.composite
def lenses_for(draw: st.DrawFn, document: Json, *, lossless: bool) -> Json:
    lens: list[Json] = []
    for _ in range(draw(st.integers(0, 4))):
        if not isinstance(document, dict) or not (document or lossless):
            break
        operation = draw(operations_for(document, lossless=lossless))
        document = apply(parse_lens([operation]), document)
        lens.append(operation)
    return lens


@st.composite
def fitting(draw: st.DrawFn, *, lossless: bool) -> tuple[Json, Json]:
    document = draw(DOCUMENTS)
    return document, draw(lenses_for(document, lossless=lossless))


@given(fitting(lossless=True))
@settings(deadline=None)
def test_a_lossless_lens_brings_every_document_back(made: tuple[Json, Json]) -> None:
    document, written = made
    lens = parse_lens(written)
    assert lossy_pointers(lens) == ()
    assert canonical(apply(invert(lens), apply(lens, document))) == canonical(document)


@given(fitting(lossless=False))
@settings(deadline=None)
def test_a_lossy_lens_changes_nothing_but_what_it_names(made: tuple[Json, Json]) -> None:
    document, written = made
    lens = parse_lens(written)
    there = apply(lens, document)
    try:
        back = apply(invert(lens), there)
    except MigrationFailed:  # what was lost is needed, such as the array that a head is to look into
        assert lossy_pointers(lens)
        return
    for place in differences(document, back, ""):
        assert any(place == lost or place.startswith(lost + "/") for lost in lossy_pointers(lens)), place


@given(fitting(lossless=False))
@settings(deadline=None)
def test_inverting_and_writing_are_each_undone_by_doing_them_again(made: tuple[Json, Json]) -> None:
    lens = parse_lens(made[1])
    assert invert(invert(lens)) == lens
    assert parse_lens(lens_to_json(lens)) == lens


def differences(old: Json, new: Json, pointer: str) -> list[str]:
    """Where two documents differ, found without any of the code under test."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for name in {*old, *new}:
            below = pointer + "/" + name.replace("~", "~0").replace("/", "~1")
            found += differences(old[name], new[name], below) if name in old and name in new else [below]
        return found
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [
            place
            for at, pair in enumerate(zip(old, new, strict=True))
            for place in differences(*pair, f"{pointer}/{at}")
        ]
    return [] if canonical(old) == canonical(new) else [pointer]
