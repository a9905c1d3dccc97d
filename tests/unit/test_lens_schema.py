"""Lenses on schemas: what the documents go through, their schema goes through."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.core.lens import apply, apply_to_schema, invert, lossy_pointers, parse_lens
from versiqiid.errors import MigrationFailed

Json = Any
INTEGER = {"type": "integer", "minimum": 0}
TEXT = {"type": "string", "maxLength": 5}


def one(operation: str, /, **fields: Json) -> Json:
    return {operation: fields}


def rename(source: str, destination: str) -> Json:
    return one("rename", source=source, destination=destination)


def closed(required: list[str] | None = None, /, **properties: Json) -> Json:
    """An object schema that allows nothing else, so that a wrong mapping is seen."""
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": list(properties) if required is None else required}


LEVELS = one(
    "convert",
    name="a",
    mapping=[{"low": 1, "high": 2}, {"1": "low", "2": "high"}],
    sourceType="string",
    destinationType="integer",
)

POINT = {"$defs": {"p": closed(x=TEXT)}}
CHAIN = {"$defs": {"n ": {"properties": {"next": {"$ref": "#/$defs/n%20"}, "v": {}}}}}

MAPPED = [
    ([], closed(a=INTEGER), closed(a=INTEGER)),
    ([rename("a", "b")], closed(["c", "a"], a=INTEGER, c=TEXT), closed(["c", "b"], b=INTEGER, c=TEXT)),
    ([rename("a", "b")], {"properties": {"a": True}}, {"properties": {"b": True}}),
    (
        [one("add", name="a", type=["string", "null"])],
        closed(),
        closed(a={"type": ["string", "null"], "default": None}),
    ),
    ([one("remove", name="a", type="integer")], closed(a=INTEGER, b=TEXT), closed(b=TEXT)),
    ([one("hoist", host="h", name="n")], closed(h=closed(n=TEXT, m=INTEGER)), closed(h=closed(m=INTEGER), n=TEXT)),
    ([one("hoist", host="h", name="n")], closed(h=closed([], n=TEXT)), closed(["h"], h=closed(), n=TEXT)),
    ([one("plunge", host="h", name="n")], closed(n=TEXT, h=closed(m=INTEGER)), closed(h=closed(m=INTEGER, n=TEXT))),
    ([one("wrap", name="a")], closed(a=TEXT), closed(a={"type": "array", "items": TEXT})),
    ([one("head", name="a")], closed(a={"type": "array", "items": TEXT, "minItems": 1}), closed(a=TEXT)),
    ([one("head", name="a")], closed(a={"type": "array"}), closed(a=True)),
    ([one("in", name="h", lens=[rename("a", "b")])], closed(h=closed(a=TEXT)), closed(h=closed(b=TEXT))),
    (
        [one("in", name="l", lens=[one("map", lens=[rename("a", "b")])])],
        closed(l={"type": "array", "items": closed(a=TEXT), "maxItems": 3}),
        closed(l={"type": "array", "items": closed(b=TEXT), "maxItems": 3}),
    ),
    ([one("map", lens=[rename("a", "b")])], {"items": closed(a=TEXT)}, {"items": closed(b=TEXT)}),
    ([LEVELS], closed(a=TEXT), closed(a={"type": "integer"})),
    (
        [LEVELS],
        closed(a={"title": "t", "enum": ["low", "mid"], "default": "low", "examples": ["high", 1]}),
        closed(a={"title": "t", "type": "integer", "enum": [1], "default": 1, "examples": [2]}),
    ),
    ([LEVELS], closed(a={"type": ["string", "null"], "const": "high"}), closed(a={"type": "integer", "const": 2})),
    (
        [one("in", name="a", lens=[rename("x", "y")])],
        {"properties": {"a": {"$ref": "#/$defs/p", "title": "t"}, "b": {"$ref": "#/$defs/p"}}, **POINT},
        {"properties": {"a": {**closed(y=TEXT), "title": "t"}, "b": {"$ref": "#/$defs/p"}}, **POINT},
    ),
    (
        [one("in", name="a", lens=[rename("v", "w")])],
        {"properties": {"a": {"$ref": "#/$defs/n%20"}}, **CHAIN},
        {"properties": {"a": {"properties": {"next": {"$ref": "#/$defs/n%20"}, "w": {}}}}, **CHAIN},
    ),
]  # fmt: skip

REFUSED = [
    ([rename("a", "b")], closed(c=TEXT), "0", "/properties/a"),
    ([rename("a", "b")], closed(a=TEXT, b=TEXT), "0", "/properties/b"),
    ([one("add", name="a", type="string")], closed(a=TEXT), "0", "/properties/a"),
    ([one("hoist", host="h", name="n")], closed(h=closed(m=TEXT)), "0", "/properties/h/properties/n"),
    ([one("hoist", host="h", name="n")], closed(h=TEXT), "0", "/properties/h"),
    ([one("head", name="a")], closed(a=TEXT), "0", "/properties/a"),
    ([one("map", lens=[])], closed(), "0", ""),
    ([rename("a", "b")], True, "0", "/properties/a"),
    ([rename("a", "b")], False, "0", ""),
    ([rename("a", "b")], {"type": "number", "properties": {"a": {}}}, "0", ""),
    ([rename("a", "b")], {"properties": {"a": {}}, "anyOf": [{"required": ["a"]}]}, "0", "/anyOf"),
    ([rename("a", "b")], {"properties": {"a": {}}, "dependentRequired": {"a": ["c"]}}, "0", "/dependentRequired"),
    ([rename("a", "b")], {"$ref": "#/$defs/gone"}, "0", ""),
    ([rename("a", "b")], {"$ref": "https://example.com/s"}, "0", ""),
    ([rename("a", "b")], {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}, "0", ""),
    ([rename("a", "b")], {"$ref": "#/$defs/x", "required": ["a"], "$defs": {"x": {"required": ["b"]}}}, "0", ""),
    ([rename("c", "d"), LEVELS], closed(c=TEXT, a=INTEGER), "1", "/properties/a"),
    ([LEVELS], closed(a={"enum": ["mid"]}), "0", "/properties/a"),
    ([LEVELS], closed(a={"const": "mid"}), "0", "/properties/a"),
    ([LEVELS], closed(a={"anyOf": [{"const": "low"}]}), "0", "/properties/a/anyOf"),
    ([one("in", name="h", lens=[rename("a", "b")])], closed(h=closed(c=TEXT)), "0.0", "/properties/h/properties/a"),
]


@pytest.mark.parametrize(("written", "schema", "expected"), MAPPED)
def test_a_schema_is_mapped_as_its_documents_are(written: Json, schema: Json, expected: Json) -> None:
    before = copy.deepcopy(schema)
    assert plain(apply_to_schema(parse_lens(written), schema)) == plain(expected)
    assert schema == before


@pytest.mark.parametrize(("written", "schema", "indices", "pointer"), REFUSED)
def test_what_a_lens_cannot_tell_about_a_schema_is_refused_with_its_place(
    written: Json, schema: Json, indices: str, pointer: str
) -> None:
    with pytest.raises(MigrationFailed) as refused:
        apply_to_schema(parse_lens(written), schema)
    assert refused.value.pointer == pointer
    assert refused.value.message.startswith(f"lens operation {indices} (")
    assert "of the schema" in refused.value.message


RECURSIVE = {"properties": {"a": {}, "child": {"$ref": "#"}}}
TWICE = {"properties": {"a": TEXT, "b": {"$ref": "#/properties/a"}}}


@pytest.mark.parametrize("schema", [RECURSIVE, TWICE])
def test_a_reference_that_would_mean_something_else_afterwards_is_refused(schema: Json) -> None:
    with pytest.raises(MigrationFailed, match="would mean something else"):
        apply_to_schema(parse_lens([rename("a", "z")]), schema)


def plain(schema: Json) -> Json:
    """Without what says nothing: the order of ``required``, and empty keywords."""
    if isinstance(schema, list):
        return [plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: plain(part) for name, part in schema.items() if not (name in ("required", "properties") and not part)}
    return {**kept, "required": sorted(schema["required"])} if "required" in kept else kept


# ------------------------------------------------- laws, with documents, their exact schemas, and lenses that fit both

NAMES = ["a", "b", "c", "h", "/"]


def schema_of(value: Json) -> Json:
    """The schema that takes documents of exactly this shape."""
    if isinstance(value, dict):
        return closed(None, **{name: schema_of(part) for name, part in value.items()})
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0]) if value else {"type": "string"}}
    return {"type": "string", "enum": ["low", "high"]} if isinstance(value, str) else INTEGER


NESTED = st.recursive(
    st.sampled_from(["low", "high"]) | st.integers(0, 3),
    lambda inner: (
        st.builds(lambda item, size: [item] * size, inner, st.integers(0, 2))
        | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), NESTED, max_size=4)


def operations_for(document: dict[str, Json]) -> list[Json]:
    have, free = sorted(document), [name for name in NAMES if name not in document]
    hosts = [(host, name) for host in have if isinstance(document[host], dict) for name in NAMES if name != host]
    return [
        *(rename(source, destination) for source in have for destination in free),
        *(one("add", name=name, type="integer") for name in free),
        *(one("remove", name=name, type="integer") for name in have),
        *(one("wrap", name=name) for name in have),
        *(one("head", name=name) for name in have if isinstance(document[name], list) and document[name]),
        *(one("hoist", host=h, name=n) for h, n in hosts if n in document[h] and n in free),
        *(one("plunge", host=h, name=n) for h, n in hosts if n not in document[h] and n in have),
        *({"convert": {**LEVELS["convert"], "name": name}} for name in have if document[name] in ("low", "high")),
        *(
            one("in", name=h, lens=[rename(n, "new")])
            for h, n in hosts
            if n in document[h] and "new" not in document[h]
        ),
    ]


@st.composite
def fitting(draw: st.DrawFn) -> tuple[Json, Json]:
    document = draw(DOCUMENTS)
    lens, current = [], document
    for _ in range(draw(st.integers(0, 5))):
        choices = operations_for(current)
        lens.append(draw(st.sampled_from(choices)))
        current = apply(parse_lens(lens[-1:]), current)
    return document, lens


@given(fitting())
@settings(deadline=None)
def test_the_mapped_document_fits_the_mapped_schema_and_a_lossless_lens_brings_the_schema_back(
    made: tuple[Json, Json],
) -> None:
    document, written = made
    lens, schema = parse_lens(written), schema_of(document)
    jsonschema.Draft202012Validator(schema).validate(document)
    mapped = apply_to_schema(lens, schema)
    jsonschema.Draft202012Validator.check_schema(mapped)
    jsonschema.Draft202012Validator(mapped).validate(apply(lens, document))
    if not lossy_pointers(lens):
        assert plain(apply_to_schema(invert(lens), mapped)) == plain(schema)
