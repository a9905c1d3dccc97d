"""The registry's rules without HTTP and stores: names, forms, sources, settings, rule sets."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import fastavro
import fastavro.utils as fastavro_utils
import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from versiqiid.adapters.validation.protoc import compile_source
from versiqiid.core.descriptors import file_from_base64
from versiqiid.core.keys import is_segment
from versiqiid.core.registry import records as r
from versiqiid.core.registry.avro_form import form_of as avro_form
from versiqiid.core.registry.content import Reference, SchemaType
from versiqiid.core.registry.json_form import DIALECT, bundled
from versiqiid.core.registry.protobuf_form import file_of, serialized
from versiqiid.core.registry.protobuf_form import form_of as protobuf_form
from versiqiid.core.registry.protobuf_text import source_of
from versiqiid.core.registry.rules import fault_of
from versiqiid.core.registry.settings import Setting
from versiqiid.core.registry.subjects import family_of, is_listed, is_subject, plain, split, within
from versiqiid.core.schema import compile_schema, violations
from versiqiid.errors import UnusableSchema

# ------------------------------------------------------------------------------------------------------------ subjects


@given(st.text(max_size=300))
def test_every_subject_has_a_family(subject: str) -> None:
    """A key segment, its own name where that is one, and the default context makes no difference."""
    family = family_of(subject)
    assert is_segment(family)
    assert family == subject or not is_segment(subject)
    if not subject.startswith(":."):
        assert family_of(f":.:{subject}") == family
        assert plain(f":.:{subject}") == subject


def test_contexts() -> None:
    """Qualified names, names within a context, and lists of one or of all."""
    assert split(":.a:x:y") == (".a", "x:y")
    assert split("x:y") == (".", "x:y")
    assert within(".a", "x") == ":.a:x"
    assert within(".a", ":.b:x") == ":.b:x"
    assert within(".", "x") == "x"
    assert is_listed(":.a:x", ":*:")
    assert is_listed(":.a:x", ":.a:")
    assert not is_listed("x", ":.a:")
    assert not is_listed(":.a:x", "")
    assert is_listed("orders-value", "orders")


@pytest.mark.parametrize("subject", ["", " ", "a\nb", "__GLOBAL", ":.a:", ":.__GLOBAL:x", "x" * 1001])
def test_what_can_be_no_subject(subject: str) -> None:
    assert not is_subject(subject)


# --------------------------------------------------------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("string", {"type": "string"}),
        ({"type": {"type": "string"}}, "string"),
        (
            {"type": "record", "name": "a.R", "fields": []},
            {"name": "R", "namespace": "a", "type": "record", "fields": []},
        ),
        (
            {"type": "record", "name": "a.R", "fields": [{"name": "x", "type": ["null", "a.R"]}]},
            {
                "fields": [{"type": ["null", "R"], "name": "x", "order": "ascending"}],
                "name": "R",
                "namespace": "a",
                "type": "record",
            },
        ),
    ],
)
def test_avro_says_the_same_in_many_ways(one: Any, other: Any) -> None:
    assert avro_form(one, normal=False) == avro_form(other, normal=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("string", "bytes"),
        (["null", "string"], ["string", "null"]),
        ({"type": "string", "doc": "a"}, {"type": "string", "doc": "b"}),
        (
            {"type": "enum", "name": "E", "symbols": ["A"]},
            {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"},
        ),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4}, {"type": "bytes"}),
    ],
)
def test_avro_keeps_apart_what_differs(one: Any, other: Any) -> None:
    for normal in (False, True):
        assert avro_form(one, normal=normal) != avro_form(other, normal=normal)


SCALARS = ("int", "long", "string", "double", {"type": "string"})
schemas = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"type": st.just("map"), "values": inner, "doc": st.just("d")}),
    ),
    max_leaves=5,
)


@given(schemas, st.integers(0, 2**32))
def test_a_form_reads_what_its_schema_writes(schema: Any, seed: int) -> None:
    """The form is a schema of the same data, and its own form."""
    form = avro_form(schema, normal=True)
    assert avro_form(form, normal=True) == form
    random.seed(seed)
    written = io.BytesIO()
    parsed, reread = fastavro.parse_schema(schema), fastavro.parse_schema(form)
    datum = fastavro_utils.generate_one(parsed)
    fastavro.schemaless_writer(written, parsed, datum)
    written.seek(0)
    assert fastavro.schemaless_reader(written, reread) == datum


def test_a_bundle_needs_nobody() -> None:
    """What is behind the references judges; the dialect is draft-07 where none is declared."""
    inner = {
        "$id": "http://elsewhere/x.json",
        "type": "object",
        "required": ["zip"],
        "properties": {"n": {"$ref": "n"}},
    }
    schema = {"type": "object", "properties": {"home": {"$ref": "address.json"}}}
    whole = bundled(schema, [("n", {"type": "integer"}), ("address.json", inner)])
    assert whole["$schema"] == DIALECT
    compiled = compile_schema(whole, formats=False)
    assert not violations(compiled, {"home": {"zip": 1}})
    assert [each.pointer for each in violations(compiled, {"home": {}})] == ["/home"]


# ------------------------------------------------------------------------------------------------------------ protobuf

WORDS = st.sampled_from(("depth", "max_depth", "Path", "x1", "on_off"))
KINDS = st.sampled_from(("int32", "string", "bytes", "double", "bool", "sint64", "Other", "Mode", "map<string, Other>"))


@st.composite
def sources(draw: st.DrawFn) -> str:
    """A file with what the language has."""
    syntax = draw(st.sampled_from(("proto2", "proto3")))
    label = st.sampled_from(
        ("optional ", "repeated ", "required ") if syntax == "proto2" else ("", "optional ", "repeated ")
    )
    lines = []
    for number, name in enumerate(draw(st.lists(WORDS, unique=True, max_size=5)), start=1):
        kind = draw(KINDS)
        options = draw(st.sampled_from(("", " [deprecated = true]", f' [json_name = "j{number}"]')))
        lines.append(f"{'' if kind.startswith('map') else draw(label)}{kind} {name} = {number}{options};")
    if draw(st.booleans()):
        lines.append("oneof how { string by = 20; Other other = 21; }")
    if draw(st.booleans()):
        lines.append('reserved 30, 40 to 42, 50 to max; reserved "gone";')
    head = draw(
        st.sampled_from(("", "package a.b; ", 'option java_package = "x.y"; ', 'import "google/protobuf/any.proto"; '))
    )
    tail = draw(st.sampled_from(("", "service S { rpc Go (stream M) returns (Other); }")))
    body = "\n".join(lines)
    types = "message Other { enum In { Z = 0; } In in = 1; } enum Mode { OFF = 0; ON = 1; }"
    types = types if syntax == "proto3" else types.replace(" In in", " optional In in")
    return f'syntax = "{syntax}"; {head}{types} message M {{ {body} }} {tail}'


@settings(max_examples=60)
@given(sources())
def test_a_source_that_is_written_compiles_to_the_same(source: str) -> None:
    """From text to the compiled file, back to text, and to the same file again, also through base64."""
    try:
        file = file_of(compile_source("a.proto", source, {}))
    except UnusableSchema:
        reject()  # two of the names make the same name in the JSON mapping
    again = file_of(compile_source("a.proto", source_of(file), {}))
    for normal in (False, True):
        assert protobuf_form(again, normal=normal) == protobuf_form(file, normal=normal)
    sent = file_from_base64(serialized(file))
    assert protobuf_form(sent, normal=False) == protobuf_form(file, normal=False)
    assert source_of(sent) == source_of(file)


def test_the_order_of_fields_counts_unless_it_is_normal() -> None:
    one, other = (
        file_of(compile_source("a.proto", f'syntax = "proto3"; message M {{ {body} }}', {}))
        for body in ("int32 a = 1; int32 b = 2;", "int32 b = 2; int32 a = 1;")
    )
    assert protobuf_form(one, normal=True) == protobuf_form(other, normal=True)
    assert protobuf_form(one, normal=False) != protobuf_form(other, normal=False)


@pytest.mark.parametrize("text", ['syntax = "proto3";', "message A {}", "%%%", "AAAA"])
def test_what_is_no_descriptor_is_text(text: str) -> None:
    assert file_from_base64(text) is None


def test_a_source_says_where_it_is_wrong() -> None:
    """The place, and no path of this machine."""
    with pytest.raises(UnusableSchema) as refused:
        compile_source("a.proto", 'syntax = "proto3";\nmessage M { Nobody n = 1; }', {})
    assert "line 2" in refused.value.message
    assert "/dev/" not in refused.value.message


def test_a_large_source_compiles() -> None:
    """Its file is more than a pipe usually holds."""
    source = 'syntax = "proto3";' + "".join(f"message Message{n} {{ string field = 1; }}" for n in range(6000))
    assert len(file_of(compile_source("a.proto", source, {})).message_type) == 6000
    assert len(descriptor_pb2.FileDescriptorSet.FromString(compile_source("a.proto", source, {})).file) == 1


# ------------------------------------------------------------------------------------------------ settings and records


def test_a_setting_is_inherited_field_by_field() -> None:
    narrow, wide = Setting({"compatibilityLevel": "FULL"}), Setting({"compatibilityLevel": "NONE", "normalize": True})
    both = narrow.under(wide)
    assert (both.level.value, both.normalize, both.policy, both.group) == ("FULL", True, "STRICT", None)
    assert Setting({}).level.value == "BACKWARD"


def test_metadata_between_default_and_override() -> None:
    """Lists are put together, the override wins, and what nobody says is not there."""
    setting = Setting(
        {
            "defaultMetadata": {"tags": {"a": ["X"]}, "properties": {"p": "1", "q": "1"}},
            "overrideMetadata": {"properties": {"q": "3"}},
        }
    )
    own = {"tags": {"a": ["Y"]}, "properties": {"p": "2"}}
    assert setting.metadata(own) == {"tags": {"a": ["X", "Y"]}, "properties": {"p": "2", "q": "3"}}
    assert Setting({}).metadata(None) is None
    rules = Setting({"defaultRuleSet": {"domainRules": [{"name": "a", "kind": "CONDITION"}]}})
    assert rules.rule_set({"domainRules": [{"name": "a", "kind": "TRANSFORM"}]}) == {
        "domainRules": [{"name": "a", "kind": "TRANSFORM"}]
    }


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ({"name": "a", "kind": "CONDITION", "mode": "WRITE", "onSuccess": "NONE,ERROR"}, ""),
        ({"kind": "CONDITION"}, "name"),
        ({"name": "a", "kind": "FILTER"}, "kind"),
        ({"name": "a", "mode": "UPGRADE"}, "mode"),
        ({"name": "a", "onFailure": "EXPLODE"}, "onFailure"),
        ("a", "object"),
    ],
)
def test_rule_sets_are_checked(rule: Any, wrong: str) -> None:
    fault = fault_of({"domainRules": [rule]})
    assert (wrong in fault) if wrong else not fault


@given(
    st.lists(st.tuples(st.integers(1, 9), st.text(max_size=3), st.integers(1, 2**31), st.booleans()), max_size=4),
    st.sampled_from((None, "READONLY")),
)
def test_records_are_read_as_they_were_written(rows: list[tuple[int, str, int, bool]], mode: str | None) -> None:
    record = r.Subject(tuple(r.Numbered(*row) for row in rows), mode, {"normalize": True})
    assert r.read_subject(record.as_bytes()) == record
    one = r.Id(SchemaType.JSON, "x", (Reference("n", "s", 1),), {"properties": {"a": "b"}}, None, (("f", "1"),))
    assert r.read_id(one.as_bytes()) == one
    assert json.loads(one.as_bytes())["type"] == "JSON"
