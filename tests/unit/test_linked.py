"""What a schema refers to is found under the same root, and every key that was looked at is a guard."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.linked import REFERENCES_MAX, linked
from versiqiid.core.registry.content import Reference, SchemaType
from versiqiid.core.registry.records import Id, Numbered, Subject
from versiqiid.core.schema.naming import uses_avro, uses_json, uses_protobuf
from versiqiid.core.snapshot import Observation, Reads, Snapshot, Value
from versiqiid.errors import UnusableSchema


def reads(keys: dict[str, Any]) -> Reads:
    found = Snapshot()
    raws = {key: value if isinstance(value, bytes) else json.dumps(value).encode() for key, value in keys.items()}
    found.apply(Observation({key: Value(raw, at) for at, (key, raw) in enumerate(raws.items(), 1)}, index=100))
    return Reads(found)


def record(*references: tuple[str, str, int]) -> bytes:
    told = tuple(Reference(name, subject, version) for name, subject, version in references)
    return Id(SchemaType.PROTOBUF, "x", told).as_bytes()


def proto(*imports: str) -> bytes:
    return ('syntax = "proto3";\n' + "".join(f'import "{name}";\n' for name in imports)).encode()


def test_a_schema_that_needs_nothing_looks_at_nothing_else() -> None:
    """So that most bindings are guarded by no key more than before."""
    there = reads({"schemas/f/1": proto("google/protobuf/any.proto")})
    assert linked(there, "protobuf", ("f", "1")).parts == ()
    assert set(there.guards) == {"schemas/f/1"}


def test_the_record_of_the_registry_leads_to_the_key_and_all_of_it_guards() -> None:
    there = reads(
        {
            "schemas/f/2": proto("a.proto"),
            "_system/registry/subjects/f": Subject((Numbered(1, "2", 7),)).as_bytes(),
            "_system/registry/ids/7": record(("a.proto", "g", 3)),
            "_system/registry/subjects/g": Subject((Numbered(3, "named", 8),)).as_bytes(),
            "schemas/g/named": proto(),
        }
    )
    found = linked(there, "protobuf", ("f", "2"))
    assert [(part.name, part.key) for part in found.parts] == [("a.proto", "schemas/g/named")]
    assert set(there.guards) == {key for key, _ in there.snapshot.items()}
    assert 0 not in there.guards.values()


def test_a_missing_one_is_named_by_its_key_and_guarded_by_its_absence() -> None:
    there = reads({"schemas/f/1": proto("schemas/g/1.0.0")})
    with pytest.raises(UnusableSchema, match=r"schemas/g/1\.0\.0 is missing: schemas/f/1 refers to it"):
        linked(there, "protobuf", ("f", "1"))
    assert there.guards["schemas/g/1.0.0"] == 0
    keys = {"schemas/f/1": proto("a.proto"), "_system/registry/ids/7": record(("a.proto", "gone", 3))}
    there = reads(keys | {"_system/registry/subjects/f": Subject((Numbered(1, "1", 7),)).as_bytes()})
    with pytest.raises(UnusableSchema, match="schemas/gone/3 is missing"):
        linked(there, "protobuf", ("f", "1"))


@pytest.mark.parametrize(
    "spoilt", [b"", b"[]", b"7", b"\xff", b'{"versions": [{}]}', b'{"versions": 5}', b"[" * 99_999]
)
def test_a_spoilt_record_says_nothing(spoilt: bytes) -> None:
    """``_system`` is no interface, but a reader of it must not end the engine."""
    there = reads({"schemas/f/1": proto("schemas/g/1"), "_system/registry/subjects/f": spoilt, "schemas/g/1": proto()})
    assert len(linked(there, "protobuf", ("f", "1")).parts) == 1
    subject = Subject((Numbered(1, "1", 7),)).as_bytes()
    keys = {"schemas/f/1": proto("schemas/g/1"), "schemas/g/1": proto(), "_system/registry/subjects/f": subject}
    assert len(linked(reads(keys | {"_system/registry/ids/7": spoilt}), "protobuf", ("f", "1")).parts) == 1


def test_a_circle_is_told_where_the_language_knows_none() -> None:
    keys = {"schemas/a/1": proto("schemas/b/1"), "schemas/b/1": proto("schemas/a/1")}
    with pytest.raises(UnusableSchema, match="circle: schemas/a/1 → schemas/b/1 → schemas/a/1"):
        linked(reads(keys), "protobuf", ("a", "1"))
    json_keys = {
        f"schemas/{one}/1": {"properties": {"x": {"$ref": f"/schemas/{other}/1"}}} for one, other in ("ab", "ba")
    }
    assert {part.key for part in linked(reads(json_keys), "json-schema", ("a", "1")).parts} == set(json_keys)


def test_parts_stand_before_what_needs_them() -> None:
    keys = {f"schemas/f/{at}": proto(*(f"schemas/f/{more}" for more in range(at + 1, 6))) for at in range(6)}
    found = [part.key for part in linked(reads(keys), "protobuf", ("f", "0")).parts]
    assert found == [f"schemas/f/{at}" for at in (5, 4, 3, 2, 1)]


def test_more_than_fit_among_the_guards_are_refused() -> None:
    keys = {f"schemas/f/{at}": proto() for at in range(1, 99)}
    for many, fits in ((REFERENCES_MAX, True), (REFERENCES_MAX + 1, False)):
        whole = reads(keys | {"schemas/f/0": proto(*(f"schemas/f/{at}" for at in range(1, many + 1)))})
        if fits:
            assert len(linked(whole, "protobuf", ("f", "0")).parts) == many
        else:
            with pytest.raises(UnusableSchema, match="more than 16"):
                linked(whole, "protobuf", ("f", "0"))


def test_a_chain_without_end_is_refused_before_it_is_followed() -> None:
    """Also one that is longer than a stack is deep, and one whose parts have many names."""
    chain = {f"schemas/f/{at}": proto(f"schemas/f/{at + 1}") for at in range(5_000)}
    with pytest.raises(UnusableSchema, match="more than 16"):
        linked(reads(chain), "protobuf", ("f", "0"))
    subject = Subject(tuple(Numbered(at, str(at), at) for at in range(1, 60))).as_bytes()
    names = {at: [(f"{at}-{many}", "f", at + 1) for many in range(3)] for at in range(1, 60)}
    keys = {f"_system/registry/ids/{at}": record(*names[at]) for at in names}
    keys |= {f"schemas/f/{at}": proto(*(name for name, _, _ in names[at])) for at in names}
    with pytest.raises(UnusableSchema, match="more than 16"):
        linked(reads(keys | {"_system/registry/subjects/f": subject}), "protobuf", ("f", "1"))


def test_the_digest_tells_what_a_schema_refers_to_apart() -> None:
    """What is remembered by it must not outlive a change of a part."""
    told = set()
    for common in (proto(), proto() + b"message A {}", proto() + b"message B {}"):
        there = reads({"schemas/f/1": proto("schemas/g/1"), "schemas/g/1": common})
        told.add(linked(there, "protobuf", ("f", "1")).digest)
    assert len(told) == 3


@pytest.mark.parametrize(
    ("schema", "needs", "keyed"),
    [
        ({"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]}, [], []),
        ({"type": "record", "name": "A", "fields": [{"name": "x", "type": ["null", "A"]}]}, [], []),
        ({"type": "record", "name": "n.A", "fields": [{"name": "x", "type": "A"}]}, [], []),
        ({"type": "record", "name": "A", "namespace": "n", "fields": [{"name": "x", "type": "n.A"}]}, [], []),
        ({"type": "record", "name": "n.A", "fields": [{"name": "x", "type": "B"}]}, ["n.B"], []),
        ({"type": "map", "values": {"type": "array", "items": "m.B"}}, ["m.B"], []),
        (["null", {"type": "enum", "name": "E", "symbols": ["E", "F"]}, "F"], ["F"], []),
        ({"type": "B", "references": ["schemas/b/1", "nothing", 5]}, ["B"], ["schemas/b/1"]),
    ],
)
def test_the_names_that_an_avro_schema_does_not_define(schema: Any, needs: list[str], keyed: list[str]) -> None:
    found = uses_avro(json.dumps(schema).encode())
    assert list(found.needs) == needs
    assert [key for _, key in found.keyed] == keyed


def test_the_documents_that_a_json_schema_refers_to() -> None:
    schema = {
        "$id": "http://a/b",
        "$ref": "http://a/b#/x",
        "x": [{"$ref": "#/y"}, {"$ref": "/schemas/g/1#/$defs/z"}, {"$ref": "other.json"}],
        "y": {"$ref": "http://json-schema.org/draft-07/schema#"},
        "z": {"$ref": "/schemas/no/key/at/all"},
    }
    found = uses_json(json.dumps(schema).encode())
    assert set(found.needs) == {"/schemas/g/1", "other.json", "/schemas/no/key/at/all"}
    assert found.keyed == (("/schemas/g/1", "schemas/g/1"),)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('import "a";', ["a"]),
        ("import public 'a'; import weak \"b\";", ["a", "b"]),
        ('// import "no";\n/* import "no"; */ import/**/"a"/**/;', ["a"]),
        ('option x = "; import \\"no\\";"; import "a";', ["a"]),
        ('message M { string import = 1; } import "a";', ["a"]),
        (
            'import "google/protobuf/any.proto"; import "google/type/date.proto"; import "google/rpc/x.proto";',
            ["google/rpc/x.proto"],
        ),
        ("import", []),
        ('import "a', []),
    ],
)
def test_the_files_that_a_protobuf_schema_imports(source: str, names: list[str]) -> None:
    assert list(uses_protobuf(source.encode()).needs) == names


@given(st.lists(st.sampled_from(['"', "'", "\\", "/", "*", "\n", "import", " ", ";", "a"]), max_size=60).map("".join))
def test_any_text_is_gone_through_once_and_nothing_in_it_is_lost(source: str) -> None:
    """The words put together are the text without its blanks: no place is passed over and none is seen twice."""
    from versiqiid.core.schema import naming  # noqa: PLC0415 - its inside is looked at

    words = naming._WORD.findall(source)
    blank = re.compile(r"\s")
    assert blank.sub("", "".join(words)) == blank.sub("", source)
