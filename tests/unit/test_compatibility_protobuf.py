"""Protobuf: each rule by a pair of schemas, compiled by a real compiler, and what the runtime really reads."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.compatibility.protobuf import RULES, Encoding, ProtobufJudge
from versiqiid.errors import UnusableSchema

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
        message("int32 a = 1;") + "enum E { A = 0; }",
        message("E a = 1;") + "enum E { A = 0; }",
    ),
    ("FIELD_RANGE_NARROWED", "/M/1", ON_WIRE, message("int64 a = 1;"), message("int32 a = 1;")),
    ("FIELD_RANGE_NARROWED", "/M/1", ON_WIRE, message("int32 a = 1;"), message("uint32 a = 1;")),
    (
        "FIELD_ENUM_CHANGED",
        "/M/1",
        ON_WIRE,
        message("E a = 1;") + "enum E { A = 0; } enum F { B = 0; }",
        message("F a = 1;") + "enum E { A = 0; } enum F { B = 0; }",
    ),
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
        "ONEOF_FIELD_MOVED_TO_TOP_LEVEL",
        "/M/2",
        COMPATIBLE,
        message("oneof o { int32 a = 1; int32 b = 2; }"),
        message("oneof o { int32 a = 1; } int32 b = 2;"),
    ),
    (
        "FIELD_JSON_NAME_CHANGED",
        "/M/1",
        ON_WIRE,
        message('int32 a = 1 [json_name = "x"];'),
        message('int32 a = 1 [json_name = "y"];'),
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
    """But for those that proto3 has no words for."""
    others = {"REQUIRED_FIELD_ADDED", "REQUIRED_FIELD_REMOVED", "FIELD_MESSAGE_ENCODING_CHANGED"}
    assert {name for name, *_ in CASES} | others == set(RULES)


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


SIGNED_32, SIGNED_64 = (1, -(2**31), 2**31 - 1), (1, -(2**63), 2**63 - 1)
SAMPLES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("int32", "sint32", "sfixed32"), SIGNED_32),
    **dict.fromkeys(("int64", "sint64", "sfixed64"), SIGNED_64),
    **dict.fromkeys(("uint32", "fixed32"), (1, 2**32 - 1)),
    **dict.fromkeys(("uint64", "fixed64"), (1, 2**64 - 1)),
    **dict.fromkeys(("float", "double"), (1.5, -1.0)),
    "string": ("a1Z=", "ä"),
    "bytes": ("YWJj",),
    "bool": (True,),
    "E": ("B",),
    "F": ("B",),
    "G": ("C",),
}
ENUMS = "enum E { A = 0; B = 1; } message X { enum F { A = 0; B = 1; C = 2; } } message Y { enum G { Z = 0; C = 1; } }"
NAMES = {"F": "X.F", "G": "Y.G"}


def instance(raw: bytes) -> Any:
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(raw).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("M"))()


@pytest.mark.parametrize("old_type", SAMPLES)
@pytest.mark.parametrize("new_type", SAMPLES)
def test_the_runtime_reads_what_is_called_compatible(old_type: str, new_type: str) -> None:
    """Every pair of scalar types: on the wire the field arrives, in the JSON mapping the document is taken, and whole
    numbers up to the ends of their range.
    """
    old, new = (compiled(message(f"{NAMES.get(kind, kind)} a = 1;") + ENUMS) for kind in (old_type, new_type))
    for at, sample in enumerate(SAMPLES[old_type]):
        written = instance(old)
        json_format.ParseDict({"a": sample}, written)
        if at == 0 and wire(old, new).compatible:
            read = instance(new)
            read.ParseFromString(written.SerializeToString())
            assert read.ListFields()
        if as_json(old, new).compatible:
            json_format.ParseDict(json_format.MessageToDict(written), instance(new))


@pytest.mark.parametrize("new_type", SAMPLES)
@pytest.mark.parametrize("old_type", SAMPLES)
def test_what_is_called_incompatible_in_json_is_refused_or_another_kind(old_type: str, new_type: str) -> None:
    """Of whole numbers and enums, a sample shows it: nothing is refused that every reader takes."""
    whole = {kind for kind, samples in SAMPLES.items() if isinstance(samples[0], int)} - {"bool"}
    pair = {old_type, new_type}
    old, new = (compiled(message(f"{NAMES.get(kind, kind)} a = 1;") + ENUMS) for kind in (old_type, new_type))
    if as_json(old, new).compatible or not wire(old, new).compatible or not (pair <= whole or pair <= {"E", "F", "G"}):
        return
    enums = {"E": ["A", "B"], "F": ["A", "B", "C"], "G": ["Z", "C"]}
    taken = []
    for sample in [*SAMPLES[old_type], *enums.get(old_type, ())]:
        try:
            made = json_format.ParseDict({"a": sample}, instance(new))
            taken.append(made.a == json_format.ParseDict({"a": sample}, instance(old)).a)
        except json_format.ParseError:
            taken.append(False)
    assert not all(taken)


EDITION = 'edition = "2023"; message M { %s } message I {}'
REQUIRED = "[features.field_presence = LEGACY_REQUIRED]"
DELIMITED = "[features.message_encoding = DELIMITED]"


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("FIELD_MESSAGE_ENCODING_CHANGED", "I a = 1;", f"I a = 1 {DELIMITED};"),
        ("FIELD_MESSAGE_ENCODING_CHANGED", f"I a = 1 {DELIMITED};", "I a = 1;"),
        ("REQUIRED_FIELD_ADDED", "int32 a = 1;", f"int32 a = 1 {REQUIRED};"),
        ("REQUIRED_FIELD_ADDED", "", f"int32 a = 1 {REQUIRED};"),
        ("REQUIRED_FIELD_REMOVED", f"int32 a = 1 {REQUIRED};", ""),
    ],
)
def test_what_features_of_an_edition_make_of_a_field_counts(rule: str, old: str, new: str) -> None:
    """Also a message of a group's encoding, and a field that must be there: with neither word in the text."""
    pair = [compile_source("s.proto", EDITION % body, {}) for body in (old, new)]
    for judge in (wire, as_json):
        told = judge(*pair)
        assert not told.compatible
        assert rule in {each.rule for each in told.breaking}


def test_a_group_that_becomes_a_message_of_the_same_kind_breaks() -> None:
    """Groups are written between marks, messages behind their length."""
    old = compiled("message M { optional group A = 1 { optional int32 x = 1; } }", syntax="proto2")
    new = compiled("message M { optional A a = 1; message A { optional int32 x = 1; } }", syntax="proto2")
    assert {each.rule for each in wire(old, new).breaking} == {"FIELD_MESSAGE_ENCODING_CHANGED"}


def test_a_member_may_go_by_its_old_json_name_as_long_as_it_is_read() -> None:
    """The JSON mapping takes a field by either name."""
    old, new = message("int32 a_b = 1;"), message('int32 a_b = 1 [json_name = "other"];')
    assert not as_json(compiled(old), compiled(new)).compatible, "aB is not read any more"
    back = message('int32 a_b = 1 [json_name = "a_b"];')
    assert as_json(compiled(back), compiled(old)).compatible, "a_b is read by the name of the field"
    assert wire(compiled(old), compiled(new)).compatible
