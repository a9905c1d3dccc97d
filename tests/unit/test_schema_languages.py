"""Configs of Avro and Protobuf families: what fits, where it does not, and that no value is told."""

from __future__ import annotations

import copy
from typing import Any

import fastavro
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.schema.avro import compile_avro
from versiqiid.core.schema.protobuf import ProtobufDocuments, compile_protobuf
from versiqiid.core.schema.requests import read_source
from versiqiid.errors import Unreadable, UnusableSchema

SCAN: dict[str, Any] = {
    "type": "record",
    "name": "Scan",
    "fields": [
        {"name": "depth", "type": "int"},
        {"name": "size", "type": "long", "default": 1},
        {"name": "ratio", "type": "double", "default": 0.5},
        {"name": "mode", "type": {"type": "enum", "name": "Mode", "symbols": ["FAST", "DEEP"]}, "default": "FAST"},
        {"name": "paths", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "tags", "type": {"type": "map", "values": ["null", "boolean"]}, "default": {}},
        {"name": "next", "type": ["null", "Scan"], "default": None},
        {"name": "mark", "type": {"type": "fixed", "name": "Mark", "size": 2}, "default": "ab"},
    ],
}
PROTO = """
syntax = "proto3";
package scan;
import "google/protobuf/duration.proto";
message Other { bool on = 1; }
message Scan {
  int32 max_depth = 1;
  repeated string paths = 2;
  map<int32, Other> others = 3;
  oneof how { string name = 4; Other other = 5; }
  Mode mode = 6;
  google.protobuf.Duration every = 7;
  bytes key = 8;
  uint64 size = 9;
}
enum Mode { FAST = 0; DEEP = 1; }
"""


def proto(message: str | None = "Scan") -> ProtobufDocuments:
    return compile_protobuf(compile_source("schema.proto", PROTO, {}), message)


AVRO_CASES: list[tuple[Any, list[tuple[str, str]]]] = [
    ({"depth": 1}, []),
    ({"depth": 1, "next": {"depth": 2, "tags": {"a": None, "b": True}}}, []),
    ({"depth": 1, "mark": "\u00ff0", "size": 2**53 - 1, "ratio": 1}, []),
    ({}, [("", "required")]),
    ([], [("", "type")]),
    ({"depth": 2**31}, [("/depth", "type")]),
    ({"depth": True}, [("/depth", "type")]),
    ({"depth": 1.0}, [("/depth", "type")]),
    ({"depth": 1, "mode": "SLOW"}, [("/mode", "enum")]),
    ({"depth": 1, "mode": ["FAST"]}, [("/mode", "enum")]),
    ({"depth": 1, "paths": ["a", 1]}, [("/paths/1", "type")]),
    ({"depth": 1, "tags": {"x/y": 3}}, [("/tags/x~1y", "union")]),
    ({"depth": 1, "next": {"depth": 2, "paths": 3}}, [("/next/paths", "type")]),
    ({"depth": 1, "mark": "abc"}, [("/mark", "type")]),
    ({"depth": 1, "mark": "a\u0100"}, [("/mark", "type")]),
    ({"depth": 1, "typo": 2}, [("", "fields")]),
]
PROTO_CASES: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, []),
    ({"maxDepth": 1, "size": "12", "mode": "DEEP", "every": "3s", "key": "AAA="}, []),
    ({"max_depth": 1, "others": {"1": {"on": True}}, "name": "x"}, []),
    ({"maxDepth": 1, "max_depth": 1}, [("/max_depth", "fields")]),
    ([], [("", "message")]),
    ({"maxDepth": "x"}, [("/maxDepth", "type")]),
    ({"paths": ["a", 1]}, [("/paths/1", "type")]),
    ({"others": {"x": {"on": True}}}, [("/others/x", "key")]),
    ({"others": {"1": {"on": 3}}}, [("/others/1/on", "type")]),
    ({"other": {"of": 3}}, [("/other", "fields")]),
    ({"name": "x", "other": {}}, [("", "oneof")]),
    ({"mode": "SLOW"}, [("/mode", "type")]),
    ({"every": "soon"}, [("/every", "message")]),
    ({"key": "%%"}, [("/key", "type")]),
    ({"size": -1}, [("/size", "type")]),
    ({"typo": 1}, [("", "fields")]),
]


@pytest.mark.parametrize(("document", "expected"), AVRO_CASES)
def test_avro_says_where_and_why(document: Any, expected: list[tuple[str, str]]) -> None:
    """Each violation at its place, by its rule."""
    found = compile_avro(copy.deepcopy(SCAN)).violations(document)
    assert [(each.pointer, each.keyword) for each in found] == expected


@pytest.mark.parametrize(("document", "expected"), PROTO_CASES)
def test_protobuf_says_where_and_why(document: Any, expected: list[tuple[str, str]]) -> None:
    """Each violation at its place, by its rule."""
    assert [(each.pointer, each.keyword) for each in proto().violations(document)] == expected


@pytest.mark.parametrize("judge", [compile_avro(copy.deepcopy(SCAN)), proto()], ids=["avro", "protobuf"])
def test_no_value_is_told(judge: Any) -> None:
    """A secret at a place where it does not belong."""
    for name in ("depth", "max_depth", "mode", "paths", "tags", "others", "next", "other", "every", "key", "size"):
        for secret in ("s3cr3t!", {"s3cr3t!": 1}, ["s3cr3t!"]):
            told = judge.violations({"depth": 1, name: secret})
            assert all("s3cr3t" not in each.message or isinstance(secret, dict) for each in told)


values = st.recursive(
    st.sampled_from((None, True, 0, -1, 2**31, 2**40, 0.5, "a", "FAST", "ab")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
SPARE = {**SCAN, "fields": [field for field in SCAN["fields"] if field["name"] != "mark"]}
NEAR: dict[str, list[Any]] = {
    "depth": [1, -(2**31), 2**31, True, "1", None],
    "size": [2**40, -1, 0.5, "1"],
    "ratio": [0.5, 1, "1", None],
    "mode": ["DEEP", "SLOW", 1],
    "paths": [[], ["a"], ["a", None], "a"],
    "tags": [{}, {"a": None, "b": True}, {"a": 1}, []],
}
near = st.fixed_dictionaries(
    {"depth": st.sampled_from((0, 0, 0, *NEAR["depth"]))},
    optional={name: st.sampled_from(values) for name, values in NEAR.items() if name != "depth"},
)


@given(near | near.map(lambda inner: {"depth": 1, "next": inner}) | st.just({}))
def test_the_codec_says_the_same(document: Any) -> None:
    """Of documents that are Avro's or nearly so; a fixed is bytes for the codec, so there is none here."""
    theirs = fastavro.validate(document, fastavro.parse_schema(copy.deepcopy(SPARE)), raise_errors=False, strict=False)
    assert (not compile_avro(copy.deepcopy(SPARE)).violations(document)) is theirs


JUDGE = proto()


@given(st.dictionaries(st.sampled_from(("maxDepth", "paths", "others", "name", "other", "mode", "size")), values))
def test_the_runtime_says_the_same(document: Any) -> None:
    """Of Protobuf documents: what it refuses is explained, what it takes is taken."""
    try:
        json_format.ParseDict(document, JUDGE.message())
    except (json_format.ParseError, TypeError, ValueError, AttributeError):
        assert JUDGE.violations(document)
    else:
        lenient = [each for each in JUDGE.violations(document) if each.keyword != "message"]
        assert not lenient


def test_required_fields_of_proto2() -> None:
    """Also inside messages that are there."""
    source = 'syntax = "proto2"; message M { required int32 a = 1; optional M m = 2; }'
    judge = compile_protobuf(compile_source("s.proto", source, {}), None)
    assert not judge.violations({"a": 1})
    assert [each.pointer for each in judge.violations({"a": 1, "m": {}})] == ["/m"]


@pytest.mark.parametrize("message", ["Nothing", "scan.Nothing", "Mode"])
def test_a_message_that_is_not_there(message: str) -> None:
    """The schema cannot be used, and the messages that there are are named."""
    with pytest.raises(UnusableSchema) as refused:
        proto(message)
    assert "Scan" in refused.value.hint


@pytest.mark.parametrize("message", ["Scan", "scan.Scan", "scan.Other", None])
def test_a_message_by_its_name(message: str | None) -> None:
    """With its package or without; the first one where none is named."""
    wanted = {None: "Other"}.get(message, str(message).rpartition(".")[2])
    assert proto(message).message.DESCRIPTOR.name == wanted


@pytest.mark.parametrize("source", ["", "message {", 'syntax = "proto3"; import "x.proto";', "syntax = 'proto9';"])
def test_what_does_not_compile(source: str) -> None:
    """Said in one sentence; a schema without messages judges nothing."""
    with pytest.raises(UnusableSchema):
        compile_protobuf(compile_source("s.proto", source, {}), None)


def test_a_source_is_text() -> None:
    """UTF-8, a byte order mark is skipped, and no more than a document may have."""
    assert read_source(b"\xef\xbb\xbfsyntax") == "syntax"
    for raw in (b"\xff", b" " * 400_000):
        with pytest.raises(Unreadable):
            read_source(raw)
