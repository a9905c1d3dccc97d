"""Avro: the rules of schema resolution by a table, against the library's own checker, and against a codec."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import fastavro
import fastavro.utils as fastavro_utils
import pytest
from avro import compatibility as avro_compatibility
from avro import schema as avro_schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from versiqiid.core.compatibility import Basis, Level, Version, check
from versiqiid.core.compatibility.avro import AvroJudge
from versiqiid.errors import UnusableSchema

judge = AvroJudge()


def record(*fields: Any, name: str = "R", **others: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **others}


def one(kind: Any, name: str = "f", **others: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **others}


def enum(*symbols: str, name: str = "E", **others: Any) -> dict[str, Any]:
    return {"type": "enum", "name": name, "symbols": list(symbols), **others}


def fixed(size: int, name: str = "F", **others: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size, **others}


PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


@pytest.mark.parametrize("writer", PRIMITIVES)
@pytest.mark.parametrize("reader", PRIMITIVES)
def test_primitive_types_are_promoted_as_the_specification_says(writer: str, reader: str) -> None:
    """All 64 pairs; nothing but these promotions."""
    promoted = reader in PROMOTIONS.get(writer, set())
    judgement = judge(writer, reader)
    assert judgement.compatible is (writer == reader or promoted)
    if promoted:
        assert [each.rule for each in judgement.differences] == ["TYPE_PROMOTED"]


CASES = [
    # writer, reader, what breaks: (rule, pointer)
    ("field with default added", record(one("int")), record(one("int"), one("int", "g", default=1)), None),
    (
        "field without default added",
        record(one("int")),
        record(one("int"), one("int", "g")),
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1"),
    ),
    (
        "an enum's own default is no field default",
        record(one("int")),
        record(one("int"), one(enum("A", default="A"), "g")),
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1"),
    ),
    ("default null", record(one("int")), record(one("int"), one(["null", "int"], "g", default=None)), None),
    ("field removed", record(one("int"), one("int", "g")), record(one("int")), None),
    ("fields in another order", record(one("int"), one("int", "g")), record(one("int", "g"), one("int")), None),
    ("field renamed by alias", record(one("int")), record(one("int", "g", aliases=["f"])), None),
    (
        "field changed",
        record(one("string")),
        record(one("int")),
        ("TYPE_MISMATCH", "/fields/0/type"),
    ),
    ("record renamed", record(name="A"), record(name="B"), ("NAME_MISMATCH", "/name")),
    ("record renamed by alias", record(name="A"), record(name="B", aliases=["A"]), None),
    ("namespaces do not count", record(name="x.R"), record(name="y.R"), None),
    ("a full name written as one", record(name="R", namespace="x"), record(name="x.R"), None),
    (
        "an alias without a dot is in the schema's namespace",
        record(name="A", namespace="x"),
        record(name="B", namespace="x", aliases=["A"]),
        None,
    ),
    ("an alias in another namespace", record(name="old.A"), record(name="x.B", aliases=["old.A"]), None),
    (
        "an alias of another namespace is another name",
        record(name="old.A"),
        record(name="x.B", aliases=["A"]),
        ("NAME_MISMATCH", "/name"),
    ),
    ("symbols added", enum("A"), enum("A", "B"), None),
    ("symbols removed", enum("A", "B"), enum("A"), ("MISSING_ENUM_SYMBOLS", "/symbols")),
    ("symbols removed, default", enum("A", "B"), enum("A", default="A"), None),
    ("enum renamed", enum("A", name="E"), enum("A", name="G"), ("NAME_MISMATCH", "/name")),
    ("size changed", fixed(4), fixed(8), ("FIXED_SIZE_MISMATCH", "/size")),
    ("fixed kept", fixed(4, name="a.F"), fixed(4, name="b.F"), None),
    ("fixed to bytes", fixed(4), "bytes", ("TYPE_MISMATCH", "")),
    ("bytes to fixed", "bytes", fixed(4), ("TYPE_MISMATCH", "")),
    ("enum to string", enum("A"), "string", ("TYPE_MISMATCH", "")),
    ("array of promoted", {"type": "array", "items": "int"}, {"type": "array", "items": "long"}, None),
    (
        "array of demoted",
        {"type": "array", "items": "long"},
        {"type": "array", "items": "int"},
        ("TYPE_MISMATCH", "/items"),
    ),
    ("map of promoted", {"type": "map", "values": "string"}, {"type": "map", "values": "bytes"}, None),
    (
        "map of another",
        {"type": "map", "values": "string"},
        {"type": "map", "values": "int"},
        ("TYPE_MISMATCH", "/values"),
    ),
    ("array to map", {"type": "array", "items": "int"}, {"type": "map", "values": "int"}, ("TYPE_MISMATCH", "")),
    ("into a union", "int", ["null", "int"], None),
    ("into a union by promotion", "int", ["null", "double"], None),
    ("into a union without it", "string", ["null", "int"], ("MISSING_UNION_BRANCH", "")),
    ("out of a union of one", ["int"], "long", None),
    ("out of a union", ["null", "int"], "int", ("TYPE_MISMATCH", "")),
    ("branch added", ["null"], ["null", "int"], None),
    ("branch removed", ["null", "int"], ["null"], ("MISSING_UNION_BRANCH", "")),
    ("branches in another order", ["null", "int"], ["int", "null"], None),
    ("branch promoted", ["int", "string"], ["double", "bytes"], None),
    ("union of nothing", [], ["int"], None),
    (
        "a record inside a union changed",
        ["null", record(one("int"))],
        ["null", record(one("int"), one("int", "g"))],
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/1/fields/1"),
    ),
    ("a logical type is what it annotates", "int", {"type": "int", "logicalType": "date"}, None),
    ("documentation", record(one("int", doc="a")), record(one("int", doc="b"), doc="c"), None),
]


@pytest.mark.parametrize(("writer", "reader", "breaks"), [pytest.param(*case, id=name) for name, *case in CASES])
def test_resolution_follows_the_specification(writer: Any, reader: Any, breaks: tuple[str, str] | None) -> None:
    """The rule and the place of what breaks, and a way out."""
    judgement = judge(writer, reader)
    assert judgement.compatible is (breaks is None)
    if breaks is not None:
        assert breaks in {(each.rule, each.pointer) for each in judgement.breaking}
        assert judgement.fixes


def tree(leaf: Any) -> dict[str, Any]:
    return record(one(leaf, "value"), one({"type": "array", "items": "Node"}, "children"), name="Node")


def test_recursion_ends_and_finds_what_is_behind_it() -> None:
    """The same tree reads itself; another leaf is found once."""
    assert judge(tree("int"), tree("long")).compatible
    judgement = judge(tree("string"), tree("int"))
    assert [(each.rule, each.pointer) for each in judgement.breaking] == [("TYPE_MISMATCH", "/fields/0/type")]


def nested(leaf: str) -> dict[str, Any]:
    """A record A that holds a B that holds an A."""
    return record(one(["null", record(one("A", "a"), name="B")], "p"), one(leaf, "z"), name="A")


def test_an_assumption_that_turns_out_wrong_is_taken_back() -> None:
    """B reads B only if A reads A. While A is looked at that is assumed, A turns out not to, and another branch of the
    union hides it: the library keeps its answer about B."""
    writer = record(one(nested("string"), "first"), one(["null", "B"], "second"), name="Root")
    branches = [nested("int"), record(one("string", "z"), name="other.A")]
    reader = record(one(branches, "first"), one(["null", "B"], "second"), name="Root")
    judgement = judge(writer, reader)
    assert not judgement.compatible
    assert ("MISSING_UNION_BRANCH", "/fields/1/type") in {(each.rule, each.pointer) for each in judgement.breaking}
    assert theirs(writer, reader), "the library has learned it: ask it about whole schemas again"


def test_over_the_work_budget_nothing_is_promised() -> None:
    """Counted in steps."""
    fields = [one("int", f"f{number}") for number in range(50)]
    judgement = AvroJudge(steps_max=20)(record(*fields), record(*fields))
    assert judgement.basis is Basis.UNDECIDED
    assert not judgement.compatible


def test_names_may_come_from_other_schemas() -> None:
    """As registered references do; the pointer is empty for what is not in this document."""
    with_references = AvroJudge(old_references=(enum("A", "B"),), new_references=(enum("A"),))
    judgement = with_references(record(one("E")), record(one("E")))
    assert [each.rule for each in judgement.breaking] == ["MISSING_ENUM_SYMBOLS"]
    with pytest.raises(UnusableSchema):
        judge(record(one("E")), record(one("E")))


@pytest.mark.parametrize(
    "schema", [5, None, True, {"type": "nope"}, {"type": "record", "name": "R"}, ["int", "int"], record(one("Nope"))]
)
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    """On either side, with a reason."""
    with pytest.raises(UnusableSchema, match="no Avro schema"):
        judge(schema, "int")
    with pytest.raises(UnusableSchema, match="no Avro schema"):
        judge("int", schema)


def test_levels_work_with_any_judge() -> None:
    """FULL wants a default for what comes and for what goes."""
    versions = (Version("1", record(one("int"))),)
    assert check(Level.FULL, record(one("int"), one("int", "g", default=1)), versions, judge).compatible
    assert not check(Level.FULL, record(one("int"), one("int", "g")), versions, judge).compatible
    assert check(Level.FORWARD, record(one("int"), one("int", "g")), versions, judge).compatible


# ------------------------------------------------------------------------------------ against other people's code

kinds = st.recursive(
    st.sampled_from(("null", "boolean", "int", "long", "float", "double", "string")),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.fixed_dictionaries({"type": st.just("map"), "values": inner}),
        st.lists(st.sampled_from(("null", "int", "long", "string", "double")), unique=True, min_size=1, max_size=3),
    ),
    max_leaves=3,
)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
    fields = []
    for name in names:
        kind = draw(st.one_of(kinds, st.just(None)))
        if kind is None:
            symbols = draw(st.lists(st.sampled_from("XYZ"), unique=True, min_size=1))
            kind = enum(*symbols, name=f"E{name}")
            if draw(st.booleans()):
                kind["default"] = symbols[0]
        field = one(kind, name)
        if kind == "int" and draw(st.booleans()):
            field["default"] = 7
        fields.append(field)
    return record(*fields)


def theirs(writer: Any, reader: Any) -> bool:
    parsed = [avro_schema.parse(json.dumps(schema)) for schema in (reader, writer)]
    result = avro_compatibility.ReaderWriterCompatibilityChecker().get_compatibility(*parsed)
    return result.compatibility is avro_compatibility.SchemaCompatibilityType.compatible


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records())
def test_the_library_says_the_same(writer: Any, reader: Any) -> None:
    """Of schemas without recursion and namespaces, where its gaps do not show."""
    assert judge(writer, reader).compatible is theirs(writer, reader)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records(), st.integers(0, 2**32))
def test_what_is_compatible_can_be_read(writer: Any, reader: Any, seed: int) -> None:
    """A real codec writes by the one and reads by the other."""
    if not judge(writer, reader).compatible:
        return
    random.seed(seed)
    parsed_writer, parsed_reader = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    written = io.BytesIO()
    fastavro.schemaless_writer(written, parsed_writer, fastavro_utils.generate_one(parsed_writer))
    written.seek(0)
    fastavro.schemaless_reader(written, parsed_writer, parsed_reader)


SAMPLES = {"null": None, "boolean": True, "int": 1, "long": 2, "float": 0.5, "double": 0.25, "string": "s"}


def cover(schema: Any) -> list[Any]:
    """Data of a schema that together take every branch and every symbol."""
    if isinstance(schema, list):
        return [datum for branch in schema for datum in cover(branch)]
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "enum":
            return list(schema["symbols"])
        case "array":
            return [[datum] for datum in cover(schema["items"])]
        case "map":
            return [{"k": datum} for datum in cover(schema["values"])]
        case "record":
            fields = {field["name"]: cover(field["type"]) for field in schema["fields"]}
            first = {name: data[0] for name, data in fields.items()}
            return [first, *({**first, name: datum} for name, data in fields.items() for datum in data[1:])]
        case _:
            return [SAMPLES[kind]] if isinstance(kind, str) else cover(kind)


def reads(writer: Any, reader: Any, datum: Any) -> bool:
    """Whether the codec reads by the one what it wrote by the other."""
    parsed_writer, parsed_reader = fastavro.parse_schema(writer), fastavro.parse_schema(reader)
    written = io.BytesIO()
    fastavro.schemaless_writer(written, parsed_writer, datum)
    written.seek(0)
    try:
        fastavro.schemaless_reader(written, parsed_writer, parsed_reader)
    except (fastavro.read.SchemaResolutionError, ValueError):
        return False
    return True


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records(), records())
def test_what_is_refused_cannot_all_be_read(writer: Any, reader: Any) -> None:
    """The other half: of data that take every branch and symbol, the codec refuses one exactly when we refuse."""
    every = all(reads(writer, reader, datum) for datum in cover(writer))
    assert judge(writer, reader).compatible is every
