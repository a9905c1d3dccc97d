"""Avro in the registry: defaults that are values of their types, names written out, needless objects."""

from __future__ import annotations

import json
from typing import Any

import fastavro
import fastavro.validation as fastavro_validation
import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.registry.avro_defaults import wrong_default
from versiqiid.core.registry.avro_form import form_of, named_in, resolved, unwrapped
from versiqiid.core.registry.content import SchemaType, Text
from versiqiid.core.registry.reading import read
from versiqiid.errors import UnusableSchema

NAMED = [
    {"type": "enum", "name": "E", "symbols": ["A", "B"]},
    {"type": "fixed", "name": "F", "size": 2},
    {
        "type": "record",
        "name": "R",
        "fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "int", "default": 1}],
    },
]
TYPES = st.recursive(
    st.sampled_from(["null", "boolean", "int", "long", "double", "string", *NAMED]),
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda values: {"type": "map", "values": values}, inner),
    ),
    max_leaves=3,
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False),
        st.sampled_from(["", "A", "xy"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def wrong(kind: Any, value: Any) -> str | None:
    form = form_of(
        {"type": "record", "name": "Own", "fields": [{"name": "f", "type": kind, "default": value}]}, normal=False
    )
    return wrong_default(form, named_in(form))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", None),
        ("int", "1"),
        ("int", 1.5),
        ("int", True),
        ("int", 2**31),
        ("long", 2**63),
        ("boolean", 0),
        ("null", ""),
        ("double", "1"),
        (["null", "int"], "x"),
        ({"type": "array", "items": "int"}, ["1"]),
        ({"type": "map", "values": "int"}, {"a": None}),
        (NAMED[0], 1),
        (NAMED[2], {"y": 1}),
        (NAMED[2], {"x": "1"}),
    ],
)
def test_a_default_of_another_type(kind: Any, value: Any) -> None:
    assert wrong(kind, value) == "/fields/0/default"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", -(2**31)),
        ("double", 1),
        ("bytes", "\u00ff"),
        (["null", "int"], None),
        (["null", "int"], 1),
        ({"type": "int", "logicalType": "date"}, 1),
        ({"type": "array", "items": "int"}, []),
        (NAMED[0], "A"),
        (NAMED[1], "ab"),
        (NAMED[2], {"x": 1}),
    ],
)
def test_a_default_of_its_type(kind: Any, value: Any) -> None:
    assert wrong(kind, value) is None


@given(kind=TYPES, value=VALUES)
def test_fastavro_agrees(kind: Any, value: Any) -> None:
    """Where a datum is one of the type by an independent library, it is a default of it, and the other way round.

    Left out is what the two mean differently on purpose: an enum's default need not be a symbol and a fixed's not of
    the size (so the library for Java), and text stands for bytes in JSON.
    """
    names = json.dumps(kind)
    if any(f'"name": "{name}"' in names for name in "EF"):
        return
    valid = fastavro_validation.validate(
        value,
        fastavro.parse_schema({"type": "record", "name": "O", "fields": [{"name": "f", "type": kind}]})["fields"][0][
            "type"
        ],
        raise_errors=False,
    )
    assert (wrong(kind, value) is None) == valid


def test_a_wrong_default_deep_inside_is_found_at_its_place() -> None:
    inner = {
        "type": "record",
        "name": "I",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": ""}],
    }
    schema = {
        "type": "record",
        "name": "O",
        "fields": [{"name": "list", "type": {"type": "array", "items": ["null", inner]}}],
    }
    with pytest.raises(UnusableSchema, match="/fields/0/type/items/1/fields/1/default"):
        read(Text(SchemaType.AVRO, json.dumps(schema)), lambda _: b"")


def test_a_name_is_written_out_where_it_is_used_first() -> None:
    """Through references of references, once each; recursion stays a name."""
    leaf = {"type": "enum", "name": "Leaf", "namespace": "a", "symbols": ["X"]}
    node = {
        "type": "record",
        "name": "Node",
        "namespace": "a",
        "fields": [{"name": "leaf", "type": "Leaf"}, {"name": "next", "type": ["null", "Node"]}],
    }
    root = ["a.Node", {"type": "array", "items": "a.Leaf"}]
    told = resolved(root, [leaf, node])
    assert told[0]["fields"][0]["type"]["symbols"] == ["X"]
    assert told[0]["fields"][1]["type"] == ["null", "a.Node"]
    assert told[1]["items"] == "a.Leaf"
    fastavro.parse_schema(told)


def test_a_primitive_has_no_name() -> None:
    """What belongs to other types says nothing; a logical type does."""
    assert form_of({"type": "int", "name": "Depth", "aliases": ["D"]}, normal=False) == "int"
    told = {"type": "int", "logicalType": "date"}
    assert form_of({**told, "name": "Day"}, normal=False) == told
    assert form_of({"type": "fixed", "name": "F", "size": 1}, normal=False)["name"] == "F"


def test_an_object_that_only_names_a_type_is_that_name() -> None:
    reference = '{"type":"enum","name":"Currency","namespace":"money","symbols":["EUR"]}'
    schema = '{"type":"record","name":"P","fields":[{"name":"c","type":{"type":"money.Currency"}}]}'
    plain = schema.replace('{"type":"money.Currency"}', '"money.Currency"')
    forms = [read(Text(SchemaType.AVRO, text, (("c", reference),)), lambda _: b"").plain for text in (schema, plain)]
    assert forms[0] == forms[1]
    assert unwrapped({"type": "fixed", "name": "type", "size": 1}) == {"type": "fixed", "name": "type", "size": 1}
