"""Avro and Protobuf: a verdict that says no shows a document, which the old schema takes and the new one refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.comparison import Pair, Text, judged
from versiqiid.core.compatibility import Judgement, Live
from versiqiid.core.compatibility.avro.samples import samples as avro_samples
from versiqiid.core.compatibility.protobuf.samples import samples as protobuf_samples
from versiqiid.core.schema.avro import compile_avro
from versiqiid.core.schema.protobuf import compile_protobuf
from versiqiid.errors import UnusableSchema

ENUMS = "enum E { A = 0; B = 1; } enum F { C = 0; } message N { string s = 1; } "


def record(*fields: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": name, "type": kind} for name, kind in fields]} | more


def avro(old: Any, new: Any, *live: Live) -> Judgement:
    texts = (Text(json.dumps(schema).encode()) for schema in (old, new))
    return judged(Pair("avro", *texts, live=live), compile_source)


def protobuf(old: str, new: str) -> Judgement:
    texts = (Text(f'syntax = "proto3"; {ENUMS} {body}'.encode()) for body in (old, new))
    return judged(Pair("protobuf", *texts), compile_source)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (record(("x", "int")), record(("x", "int"), ("y", "string")), ""),
        (record(("x", "long")), record(("x", "int")), "/x"),
        (record(("x", ["null", "string"])), record(("x", "string")), "/x"),
        (
            record(("e", {"type": "enum", "name": "E", "symbols": ["A", "B"]})),
            record(("e", {"type": "enum", "name": "E", "symbols": ["A"]})),
            "/e",
        ),
        (
            record(*((f"f{at}", "int") for at in range(80)), ("x", "string")),
            record(*((f"f{at}", "int") for at in range(80)), ("x", {"type": "fixed", "name": "F", "size": 3})),
            "/x",
        ),
        ({"type": "map", "values": {"type": "array", "items": "double"}}, {"type": "map", "values": "null"}, "/a"),
    ],
)
def test_an_avro_verdict_shows_a_document(old: Any, new: Any, place: str) -> None:
    told = avro(old, new)
    assert not told.compatible
    assert told.witness is not None
    assert told.witness.violations[0].pointer == place
    assert compile_avro(old).violations(told.witness.document) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("message M { int32 a = 1; }", "message M { }"),
        ("message M { int64 a = 1; }", "message M { int32 a = 1; }"),
        ("message M { repeated N n = 1; }", "message M { repeated int32 n = 1; }"),
        ("message M { map<int32, N> n = 1; }", "message M { map<int32, E> n = 1; }"),
        ("message M { E e = 1; }", "message M { F e = 1; }"),
        ('message M { string a = 1 [json_name = "q"]; }', "message M { string a = 1; }"),
        (
            "message M { " + "".join(f"M m{at} = {at}; " for at in range(1, 60)) + "int32 x = 99; }",
            "message M { " + "".join(f"M m{at} = {at}; " for at in range(1, 60)) + "}",
        ),
    ],
)
def test_a_protobuf_verdict_shows_a_document(old: str, new: str) -> None:
    told = protobuf(old, new)
    assert not told.compatible
    assert told.witness is not None
    compiled = compile_source("s.proto", f'syntax = "proto3"; {ENUMS} {old}', {})
    assert compile_protobuf(compiled, "M").violations(told.witness.document) == ()


def test_a_live_document_comes_first_and_all_that_break_are_named() -> None:
    """One that the old schema refuses does not count."""
    live = Live("prod/a", {"x": 7}), Live("prod/b", {"x": "no"}), Live("prod/c", {"x": 8})
    told = avro(record(("x", "int")), record(("x", "int"), ("y", "string")), *live)
    assert told.witness is not None
    assert (told.witness.name, told.witness.document) == ("prod/a", {"x": 7})
    assert [each.name for each in told.broken] == ["prod/a", "prod/c"]


def test_a_compatible_verdict_shows_none() -> None:
    assert avro(record(("x", "int")), record(("x", "long"))).witness is None
    assert protobuf("message M { int32 a = 1; }", "message M { int64 a = 1; }").witness is None


def test_a_verdict_without_a_document_stands() -> None:
    """No document is finite, or none shows the name of a message."""
    assert avro(record(("x", "R")), record(("x", "int"))).witness is None
    assert protobuf("message M { }", "message Q { }").witness is None


@pytest.mark.parametrize("width", [3, 10, 60])
@pytest.mark.parametrize("kind", ["R", ["R", "null"], {"type": "map", "values": "R"}], ids=["itself", "union", "map"])
def test_avro_schemas_that_contain_themselves_often_have_few_and_small_documents(width: int, kind: Any) -> None:
    """The work is counted: without that there would be width to the power of the depth of them."""
    judge = compile_avro(record(*((f"f{at}", kind) for at in range(width))))
    found = list(avro_samples(judge.root))
    assert len(found) <= 5_000
    assert all(len(json.dumps(document)) < 20_000 for document in found)
    assert bool(found) is (kind != "R"), "one that always contains itself has no finite document"


@pytest.mark.parametrize("width", [3, 60])
@pytest.mark.parametrize("label", ["required", "optional", "repeated"])
def test_protobuf_messages_that_contain_themselves_often_have_few_documents(width: int, label: str) -> None:
    """As above."""
    fields = "".join(f"{label} M f{at} = {at}; " for at in range(1, width + 1))
    judge = compile_protobuf(compile_source("s.proto", f'syntax = "proto2"; message M {{ {fields} }}', {}), "M")
    found = list(protobuf_samples(judge.message.DESCRIPTOR))
    assert len(found) <= 5_000
    assert bool(found) is (label != "required")


NAMES = st.sampled_from(["a", "b", "c"])
KINDS = st.recursive(
    st.sampled_from(["null", "boolean", "int", "long", "double", "string", "bytes"]),
    lambda inner: st.one_of(
        inner.map(lambda items: {"type": "array", "items": items}),
        inner.map(lambda values: {"type": "map", "values": values}),
    ),
    max_leaves=3,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NAMES, KINDS), max_size=3, unique_by=lambda field: field[0]))
def test_every_sample_of_an_avro_schema_fits_it(fields: list[tuple[str, Any]]) -> None:
    """The oracle is what judges configs."""
    judge = compile_avro(record(*fields))
    found = list(avro_samples(judge.root))
    assert found
    for document in found:
        assert judge.violations(document) == (), document


@pytest.mark.parametrize("kind", ["int32", "uint64", "sfixed64", "string", "bytes", "bool", "double", "E", "N", "M"])
def test_every_sample_of_a_protobuf_message_fits_it(kind: str) -> None:
    """In every shape of a field."""
    for shape in (f"{kind} a_b = 1;", f"repeated {kind} a_b = 1;", f"map<bool, {kind}> a_b = 1;"):
        compiled = compile_source("s.proto", f'syntax = "proto3"; {ENUMS} message M {{ {shape} }}', {})
        judge = compile_protobuf(compiled, "M")
        found = list(protobuf_samples(judge.message.DESCRIPTOR))[:200]
        assert len(found) > 1
        for document in found:
            assert judge.violations(document) == (), document


def test_a_text_that_is_no_schema_is_refused_as_before() -> None:
    with pytest.raises(UnusableSchema):
        avro({"type": "nothing"}, "int")
