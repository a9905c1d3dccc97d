"""Protobuf: each rule by a pair of schemas, compiled by a real compiler, and what the runtime really reads."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from versiqiid.core.compatibility.protobuf import RULES, Encoding, ProtobufJudge
from versiqiid.errors import UnusableSchema

protoc = pytest.importorskip("grpc_tools.protoc", reason="the package grpcio-tools is not installed")
descriptor_pb2 = pytest.importorskip("google.protobuf.descriptor_pb2", reason="the package protobuf is not installed")
descriptor_pool = pytest.importorskip("google.protobuf.descriptor_pool")
json_format = pytest.importorskip("google.protobuf.json_format")
message_factory = pytest.importorskip("google.protobuf.message_factory")

wire = ProtobufJudge()
as_json = ProtobufJudge(Encoding.WIRE_JSON)


@lru_cache(maxsize=512)
def compiled(text: str, *imports: tuple[str, str], syntax: str = "proto3") -> bytes:
    """The descriptor set of a schema in the compiler's own words."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (("main.proto", text), *imports):
            (Path(folder) / name).write_text(f'syntax = "{syntax}";\n{content}')
        out = Path(folder) / "set"
        arguments = ["protoc", f"-I{folder}", "--include_imports", f"--descriptor_set_out={out}", "main.proto"]
        assert protoc.main(arguments) == 0, text
        return out.read_bytes()


def message(body: str) -> str:
    return f"message M {{ {body} }}"


COMPATIBLE = frozenset({"wire", "json"})
ON_WIRE = frozenset({"wire"})
NEVER: frozenset[str] = frozenset()

CASES = [
    # rule and path, where it is compatible, old, new
    ("PACKAGE_CHANGED", "", NEVER, "package a; " + message(""), "package b; " + message("")),
    ("MESSAGE_ADDED", "/N", COMPATIBLE, message(""), message("") + "message N {}"),
    ("MESSAGE_REMOVED", "/N", NEVER, message("") + "message N {}", message("")),
    ("MESSAGE_REMOVED", "/M/N", NEVER, message("message N {}"), message("")),
    ("MESSAGE_MOVED", "/M", COMPATIBLE, message(""), "message N {} " + message("")),
    ("ENUM_ADDED", "/E", COMPATIBLE, message(""), message("") + "enum E { A = 0; }"),
    ("ENUM_REMOVED", "/E", COMPATIBLE, message("") + "enum E { A = 0; }", message("")),
    ("ENUM_CONST_ADDED", "/E/1", COMPATIBLE, "enum E { A = 0; }", "enum E { A = 0; B = 1; }"),
    ("ENUM_CONST_REMOVED", "/E/1", ON_WIRE, "enum E { A = 0; B = 1; }", "enum E { A = 0; }"),
    ("ENUM_CONST_CHANGED", "/E/1", ON_WIRE, "enum E { A = 0; B = 1; }", "enum E { A = 0; C = 1; }"),
    ("FIELD_ADDED", "/M/1", COMPATIBLE, message(""), message("int32 a = 1;")),
    ("FIELD_REMOVED", "/M/1", ON_WIRE, message("int32 a = 1;"), message("")),
    ("FIELD_NAME_CHANGED", "/M/1", ON_WIRE, message("int32 a = 1;"), message("int32 b = 1;")),
    ("FIELD_KIND_CHANGED", "/M/1", NEVER, message("int32 a = 1;"), message("N a = 1; message N {}")),
    ("FIELD_KIND_CHANGED", "/M/1", NEVER, message("map<string, int32> a = 1;"), message("string a = 1;")),
    ("FIELD_SCALAR_KIND_CHANGED", "/M/1", NEVER, message("int32 a = 1;"), message("string a = 1;")),
    ("FIELD_SCALAR_KIND_CHANGED", "/M/1", NEVER, message("int32 a = 1;"), message("sint32 a = 1;")),
    ("FIELD_SCALAR_KIND_CHANGED", "/M/1", NEVER, message("fixed32 a = 1;"), message("fixed64 a = 1;")),
    (
        "FIELD_SCALAR_KIND_CHANGED",
        "/M/1",
        NEVER,
        message("map<string, int32> a = 1;"),
        message("map<string, string> a = 1;"),
    ),
    (
        "FIELD_NAMED_TYPE_CHANGED",
        "/M/1",
        NEVER,
        message("N a = 1; message N {} message O {}"),
        message("O a = 1; message N {} message O {}"),
    ),
    ("FIELD_NUMERIC_LABEL_CHANGED", "/M/1", NEVER, message("optional int32 a = 1;"), message("repeated int32 a = 1;")),
    (
        "FIELD_STRING_OR_BYTES_LABEL_CHANGED",
        "/M/1",
        ON_WIRE,
        message("optional string a = 1;"),
        message("repeated string a = 1;"),
    ),
    (
        "FIELD_MESSAGE_LABEL_CHANGED",
        "/M/1",
        ON_WIRE,
        message("N a = 1; message N {}"),
        message("repeated N a = 1; message N {}"),
    ),
    ("FIELD_JSON_KIND_CHANGED", "/M/1", ON_WIRE, message("string a = 1;"), message("bytes a = 1;")),
    ("FIELD_JSON_KIND_CHANGED", "/M/1", ON_WIRE, message("bool a = 1;"), message("int32 a = 1;")),
    (
        "FIELD_JSON_KIND_CHANGED",
        "/M/1",
        ON_WIRE,
        message("E a = 1;") + "enum E { A = 0; }",
        message("int32 a = 1;") + "enum E { A = 0; }",
    ),
    ("ONEOF_ADDED", "/M/o", COMPATIBLE, message("int32 a = 1;"), message("oneof o { int32 a = 1; }")),
    ("ONEOF_REMOVED", "/M/o", COMPATIBLE, message("oneof o { int32 a = 1; }"), message("oneof p { int32 a = 1; }")),
    (
        "ONEOF_FIELD_ADDED",
        "/M/o/2",
        COMPATIBLE,
        message("oneof o { int32 a = 1; }"),
        message("oneof o { int32 a = 1; int32 b = 2; }"),
    ),
    (
        "ONEOF_FIELD_REMOVED",
        "/M/o/2",
        NEVER,
        message("oneof o { int32 a = 1; int32 b = 2; }"),
        message("oneof o { int32 a = 1; }"),
    ),
    (
        "ONEOF_FIELD_REMOVED",
        "/M/o/1",
        NEVER,
        message("oneof o { int32 a = 1; }"),
        message("oneof o { int32 b = 2; }"),
    ),
    (
        "ONEOF_FIELD_MOVED_TO_TOP_LEVEL",
        "/M/2",
        COMPATIBLE,
        message("oneof o { int32 a = 1; int32 b = 2; }"),
        message("int32 a = 1; int32 b = 2;"),
    ),
    (
        "ONEOF_FIELD_REMOVED",
        "/M/2",
        NEVER,
        message("oneof o { int32 a = 1; int32 b = 2; }"),
        message("oneof o { int32 a = 1; } int32 b = 2;"),
    ),
    (
        "MULTIPLE_FIELDS_MOVED_TO_ONEOF",
        "/M/o",
        NEVER,
        message("int32 a = 1; int32 b = 2;"),
        message("oneof o { int32 a = 1; int32 b = 2; }"),
    ),
    (
        "FIELD_MOVED_TO_EXISTING_ONEOF",
        "/M/o",
        NEVER,
        message("int32 a = 1; oneof o { int32 b = 2; }"),
        message("oneof o { int32 a = 1; int32 b = 2; }"),
    ),
]


@pytest.mark.parametrize(("rule", "path", "where", "old", "new"), CASES)
def test_each_rule_is_found_at_its_place(rule: str, path: str, where: frozenset[str], old: str, new: str) -> None:
    """By its name and the message, oneof and number, and breaking only under the encodings where it is."""
    for name, judge in (("wire", wire), ("json", as_json)):
        found = {(each.rule, each.pointer): each for each in judge(compiled(old), compiled(new)).differences}
        assert (rule, path) in found
        difference = found[rule, path]
        assert difference.breaking is (name not in where)
        assert bool(difference.fix) is difference.breaking


def test_every_rule_has_a_case() -> None:
    """But for those about required fields, which only proto2 has."""
    assert {name for name, *_ in CASES} | {"REQUIRED_FIELD_ADDED", "REQUIRED_FIELD_REMOVED"} == set(RULES)


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("REQUIRED_FIELD_ADDED", "", "required string a = 1;"),
        ("REQUIRED_FIELD_ADDED", "optional string a = 1;", "required string a = 1;"),
        ("REQUIRED_FIELD_REMOVED", "required string a = 1;", ""),
    ],
)
def test_required_fields_neither_come_nor_go(rule: str, old: str, new: str) -> None:
    """A reader refuses a message without one."""
    judgement = wire(compiled(message(old), syntax="proto2"), compiled(message(new), syntax="proto2"))
    assert [each.rule for each in judgement.breaking] == [rule]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (message("int32 a = 1;"), message("int64 a = 1;")),
        (message("N a = 1; message N {}"), message(".M.N a = 1; message N {}")),
        (message("map<string, N> a = 1; message N {}"), message("map<string, M.N> a = 1; message N {}")),
        (message("int32 a = 1;"), message("optional int32 a = 1;")),
        (message("oneof o { int32 a = 1; int32 b = 2; }"), message("oneof p { int32 a = 1; int32 b = 2; }")),
        (
            message("oneof o { int32 a = 1; int32 b = 2; }"),
            message("oneof o { int32 a = 1; } oneof p { int32 b = 2; }"),
        ),
        (message("M a = 1;"), message("M a = 1; int32 b = 2;")),
    ],
)
def test_what_means_the_same_is_compatible(old: str, new: str) -> None:
    """Under both encodings."""
    assert wire(compiled(old), compiled(new)).compatible
    assert as_json(compiled(old), compiled(new)).compatible


def imported(name: str, package: str, body: str) -> tuple[str, str]:
    return name, f"package {package}; {body}"


def test_imported_messages_are_compared_where_they_are_used() -> None:
    """Whatever file and package they come from."""
    text = 'import "{0}.proto"; message M {{ {0}.Home home = 1; }}'
    old = compiled(text.format("one"), imported("one.proto", "one", "message Home { int32 id = 1; Home next = 2; }"))
    same = compiled(text.format("two"), imported("two.proto", "two", "message Home { int32 id = 1; Home next = 2; }"))
    other = compiled(text.format("two"), imported("two.proto", "two", "message Home { string id = 1; Home next = 2; }"))
    assert wire(old, same).compatible
    breaking = wire(old, other).breaking
    assert [(each.rule, each.pointer) for each in breaking] == [("FIELD_SCALAR_KIND_CHANGED", "/Home/1")]


def test_long_chains_of_imported_messages_end() -> None:
    """None of them is followed by recursion."""
    chain = "".join(f"message N{number} {{ N{number + 1} next = 1; }} " for number in range(1_000))
    main = 'import "n.proto"; message M { n.N0 a = 1; }'
    old = compiled(main, imported("n.proto", "n", chain + "message N1000 { int32 a = 1; }"))
    new = compiled(main, imported("n.proto", "n", chain + "message N1000 { string a = 1; }"))
    assert [each.pointer for each in wire(old, new).breaking] == ["/N1000/1"]


@pytest.mark.parametrize("raw", [b"", b"no set", b"\xff\xff"])
def test_what_is_no_descriptor_set_is_refused(raw: bytes) -> None:
    """On either side."""
    good = compiled(message(""))
    for pair in ((raw, good), (good, raw)):
        with pytest.raises(UnusableSchema, match="no Protobuf schema"):
            wire(*pair)


def test_a_set_without_its_imports_is_refused() -> None:
    """Rather than judged by half."""
    whole = descriptor_pb2.FileDescriptorSet.FromString(
        compiled('import "n.proto"; message M { n.N a = 1; }', imported("n.proto", "n", "message N {}"))
    )
    alone = descriptor_pb2.FileDescriptorSet(file=whole.file[-1:]).SerializeToString()
    with pytest.raises(UnusableSchema, match="no Protobuf schema"):
        wire(alone, alone)


def test_every_schema_reads_itself() -> None:
    """Nothing is different."""
    for _, _, _, *texts in CASES:
        for text in texts:
            assert not wire(compiled(text), compiled(text)).differences


FIELDS = ("int32", "int64", "uint32", "bool", "sint32", "string", "bytes", "fixed32", "fixed64", "float", "double", "E")
SAMPLES: dict[str, Any] = {"string": "a1Z=", "bytes": "YWJj", "bool": True, "E": "B"}


def instance(raw: bytes) -> Any:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("M"))()


@pytest.mark.parametrize("old_type", FIELDS)
@pytest.mark.parametrize("new_type", FIELDS)
def test_the_runtime_reads_what_is_called_compatible(old_type: str, new_type: str) -> None:
    """Every pair of scalar types: on the wire the field arrives, in the JSON mapping the document is taken."""
    old, new = (compiled(message(f"{kind} a = 1;") + "enum E { A = 0; B = 1; }") for kind in (old_type, new_type))
    written = instance(old)
    json_format.ParseDict({"a": SAMPLES.get(old_type, 1)}, written)
    if wire(old, new).compatible:
        read = instance(new)
        read.ParseFromString(written.SerializeToString())
        assert read.ListFields()
    if as_json(old, new).compatible:
        json_format.ParseDict(json_format.MessageToDict(written), instance(new))
