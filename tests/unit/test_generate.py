"""Documents made from schemas: the same for the same seed, fitting, at every edge, bounded; and made smaller."""

from __future__ import annotations

import copy
import json
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.test_json_schema_suite import ARCHIVE, suite
from versiqiid.core.canonical import canonical
from versiqiid.core.generate import Dice, documents, mutate, smaller
from versiqiid.core.generate.expressions import matching
from versiqiid.core.schema import compile_schema
from versiqiid.errors import UnusableSchema

EXAMPLE = Path(__file__).parents[2] / "examples/scan-engine/keys/schemas/scan-engine"


def take(schema: Any, count: int = 300, **how: Any) -> list[Any]:
    return list(islice(documents(schema, **{"seed": 1, **how}), count))


def fitting(schema: Any, made: list[Any]) -> list[Any]:
    """The verdict of somebody else's validator."""
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    return [document for document in made if validator.is_valid(document)]


# ------------------------------------------------------------------------------------------------------------ dice


def test_the_dice_give_the_published_sequence() -> None:
    """SplitMix64 from seed 1234567: the reference numbers of the Java and C implementations."""
    dice = Dice(1234567)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [dice.below(2**64) for _ in expected] == expected


@given(st.integers(), st.integers(1, 100))
def test_the_dice_stay_within_bounds(seed: int, bound: int) -> None:
    dice = Dice(seed)
    assert all(0 <= dice.below(bound) < bound for _ in range(50))


# ---------------------------------------------------------------------------------------------------- whole documents


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0", "3.0.0"])
def test_documents_of_the_example_all_fit(version: str) -> None:
    schema = json.loads((EXAMPLE / version).read_text(encoding="utf-8"))
    made = take(schema, 1500)
    assert len(made) == 1500
    assert fitting(schema, made) == made


def scalar_schemas() -> st.SearchStrategy[dict[str, Any]]:
    def bounded(pair: tuple[int, int]) -> dict[str, int]:
        return {"minimum": min(pair), "maximum": max(pair)}

    def long(pair: tuple[int, int]) -> dict[str, int]:
        return {"minLength": min(pair), "maxLength": max(pair)}

    bounds = st.tuples(st.integers(-50, 50), st.integers(-50, 50))
    return st.one_of(
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.builds(lambda b, t: {"type": t, **bounded(b)}, bounds, st.sampled_from(["integer", "number"])),
        st.builds(lambda b: {"type": "string", **long(b)}, st.tuples(st.integers(0, 9), st.integers(0, 9))),
        st.lists(st.one_of(st.integers(-3, 3), st.text(max_size=2), st.none()), min_size=1, max_size=4).map(
            lambda values: {"enum": values}
        ),
    )


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    def made(members: dict[str, Any], closed: bool, required: list[bool]) -> dict[str, Any]:
        needed = [name for name, wanted in zip(members, required, strict=False) if wanted]
        return {"type": "object", "properties": members, "required": needed, "additionalProperties": not closed}

    names = st.sampled_from(["a", "b", "c/d", "é~"])
    return st.one_of(
        st.builds(made, st.dictionaries(names, inner, max_size=3), st.booleans(), st.lists(st.booleans(), max_size=3)),
        st.builds(
            lambda s, n: {"type": "array", "items": s, "minItems": n, "maxItems": n + 2}, inner, st.integers(0, 2)
        ),
        st.builds(lambda s: {"type": "object", "additionalProperties": s}, inner),
        st.builds(lambda a, b: {"anyOf": [a, b]}, inner, inner),
        st.builds(lambda s: {"$defs": {"x": s}, "type": "array", "items": s, "maxItems": 3}, inner),
    )


schemas = st.recursive(scalar_schemas(), nested, max_leaves=8)


@settings(max_examples=150)
@given(schemas, st.integers(0, 2**32))
def test_documents_fit_any_schema_of_the_usual_kind(schema: dict[str, Any], seed: int) -> None:
    """Objects, arrays, maps, alternatives and bounds that can be satisfied are: by all documents made, and some are."""
    made = take(schema, 60, seed=seed)
    assert made
    assert fitting(schema, made) == made


@given(schemas, st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_same_seed_makes_the_same_documents(schema: dict[str, Any], seed: int) -> None:
    before = copy.deepcopy(schema)
    assert take(schema, 40, seed=seed) == take(schema, 40, seed=seed)
    assert schema == before


def test_no_document_comes_twice() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}}
    made = take(schema, 500)
    assert len({canonical(document) for document in made}) == len(made)


def test_a_schema_with_few_documents_ends() -> None:
    assert sorted(map(json.dumps, take({"enum": [1, "a", None]}))) == ['"a"', "1", "null"]
    assert take({"const": {"a": 1}}) == [{"a": 1}]
    assert take({"allOf": [False]}) == []


def test_boundaries_come_whatever_the_seed() -> None:
    """Each bound, each optional member with and without, each alternative: before any random document."""
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 3, "maximum": 900},
            "s": {"type": "string", "maxLength": 7},
            "o": {"oneOf": [{"const": "x"}, {"type": "object", "properties": {"deep": {"type": "boolean"}}}]},
            "l": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        },
        "required": ["n"],
        "additionalProperties": False,
    }
    made = take(schema, 120, seed=99)
    assert made[0] == {"n": 3}
    assert {3, 4, 899, 900} <= {document["n"] for document in made}
    assert {"", "zzzzzzz"} <= {document["s"] for document in made if "s" in document}
    assert [] in [document.get("l") for document in made]
    alternatives = [document["o"] for document in made if "o" in document]
    assert "x" in alternatives
    assert {"deep": True} in alternatives
    for name in ("s", "o", "l"):
        assert any(name not in document for document in made)
        assert any(name in document for document in made)


def test_members_that_nobody_named_are_made_on_demand_only() -> None:
    """An open object says that anything may be there; its author had the named members in mind."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert all(document.keys() <= {"a"} for document in take(schema))
    assert any("b" in document for document in take(schema, extras=("b",)))
    closed = {**schema, "additionalProperties": False}
    assert all(document.keys() <= {"a"} for document in take(closed, extras=("b",)))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}], "items": False},
        {"type": "array", "contains": {"const": 7}, "minContains": 2, "items": {"type": "integer"}},
        {"type": "array", "items": {"enum": [1, 2, 3, 4]}, "uniqueItems": True, "minItems": 3, "maxItems": 4},
        {"type": "object", "patternProperties": {"^x-[a-z]{2,4}$": {"type": "integer"}}, "additionalProperties": False},
        {"type": "object", "propertyNames": {"pattern": "^k[0-9]$"}, "minProperties": 2},
        {"type": "object", "properties": {"a": {}, "b": {"const": 2}}, "dependentRequired": {"a": ["b"]}},
        {"if": {"properties": {"k": {"const": 1}}, "required": ["k"]}, "then": {"required": ["v"]}, "type": "object"},
        {"allOf": [{"type": "integer", "minimum": 5}, {"maximum": 6}]},
        {
            "$ref": "#/$defs/node",
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        },
        {"$ref": "#here", "$defs": {"x": {"$anchor": "here", "type": "string", "maxLength": 3}}},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.25},
        {"type": "integer", "multipleOf": 7, "minimum": 50, "maximum": 90},
        {"type": ["string", "null"], "pattern": "^v[0-9]+(\\.[0-9]+){2}$"},
    ],
)
def test_every_keyword_that_shapes_a_value_is_followed(schema: dict[str, Any]) -> None:
    """At least two different documents, and at most a fifth of what is made does not fit."""
    made = take(schema, 100)
    fit = fitting(schema, made)
    assert len(fit) >= min(2, len(made)) >= 1
    assert len(fit) * 5 >= len(made) * 4


@pytest.mark.skipif(not ARCHIVE.exists(), reason="../shared/vectors is not here")
def test_schemas_of_the_public_suite_find_a_document() -> None:
    """Of the schemas that some document of the suite fits, at least 95 in 100 get one here too (395 of 405)."""
    remotes, parts = suite()
    tried = found = 0
    for group in (group for part in ("required", "optional") for groups in parts[part].values() for group in groups):
        if not any(case["valid"] for case in group["tests"]):
            continue
        try:
            compiled = compile_schema(group["schema"], formats=False, registry=remotes)
        except UnusableSchema:
            continue
        tried += 1
        found += any(map(compiled.fits, take(group["schema"], 100, remotes=remotes)))
    assert tried > 350
    assert found / tried >= 0.95


def test_hostile_schemas_are_bounded() -> None:
    """Combinations of combinations, recursion, huge demands: something comes out, or nothing, but it ends."""
    bomb: dict[str, Any] = {"type": "integer"}
    for _ in range(30):
        bomb = {"allOf": [bomb, bomb]}
    wide = {"type": "object", "properties": {f"p{at}": {"type": ["object", "array", "string"]} for at in range(300)}}
    branches: dict[str, Any] = {"type": "string"}
    for _ in range(12):
        branches = {"type": "object", "properties": {"a": branches, "b": branches}, "required": ["a", "b"]}
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    tree = {"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}, "required": ["l", "r"]}
    many = {"type": "array", "minItems": 10**9, "items": {"type": "string", "minLength": 10**6}}
    pattern = {"type": "string", "pattern": "(((((a{1,64}){1,64}){1,64}){1,64}){1,64}){1,64}"}
    for schema in (bomb, wide, branches, loop, tree, many, pattern):
        assert len(take(schema, 5)) <= 5


@pytest.mark.parametrize(
    "pattern",
    [
        "^[a-f0-9]{64}$",
        "^(on|off)$",
        r"^\d{1,3}(\.\d{1,3}){3}$",
        "^[^/]+$",
        r"^sha256:[0-9a-f]{8,}$",
        r"^(?:a|b(?<name>c)?)+$",
        r"^[A-Za-z_][\w.-]*$",
        r"^\u0041\x42$",
        r"\.tar\.gz$",
    ],
)
def test_strings_match_their_pattern(pattern: str) -> None:
    made = list(matching(pattern, Dice(3), count=20))
    assert made
    assert fitting({"pattern": pattern}, made) == made


@given(st.text(alphabet="ab[](){}|*+?\\^$.-,01dwsp=!<>:", max_size=20))
def test_any_pattern_is_read_or_left(pattern: str) -> None:
    """What is not understood gives nothing; it never fails."""
    assert all(isinstance(text, str) for text in matching(pattern, count=3))


# --------------------------------------------------------------------------------------------------- changed documents

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e30, 1e30) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(json_values, st.integers(0, 2**32), st.lists(json_values, max_size=2))
def test_mutations_leave_the_document_and_the_others_alone(value: Any, seed: int, others: list[Any]) -> None:
    before = copy.deepcopy((value, others))
    changed = mutate(value, Dice(seed), others)
    assert (value, others) == before
    json.dumps(changed, allow_nan=False)


def test_mutations_differ_from_the_document() -> None:
    document = {"a": [1, 2], "b": {"c": "text", "d": True}}
    dice = Dice(5)
    changed = [mutate(document, dice, [{"a": [9, 9, 9]}]) for _ in range(200)]
    assert len({canonical(each) for each in changed}) > 40
    assert {"a": [9, 9, 9], "b": {"c": "text", "d": True}} in changed


@given(json_values)
def test_smaller_documents_are_other_documents(value: Any) -> None:
    for less in islice(smaller(value), 200):
        assert canonical(less) != canonical(value)


@settings(max_examples=60)
@given(json_values, st.integers(0, 2**32))
def test_making_smaller_ends(value: Any, seed: int) -> None:
    """Whichever of the smaller documents is taken each time, there is an end to it."""
    dice = Dice(seed)
    for _ in range(3000):
        steps = list(islice(smaller(value), 50))
        if not steps:
            return
        value = dice.pick(steps)
    pytest.fail("no end after 3000 steps")


def test_a_counterexample_becomes_minimal() -> None:
    """What makes the predicate true stays, everything else goes."""

    def shows(document: Any) -> bool:
        return isinstance(document, dict) and len(document.get("list") or []) >= 2 and document.get("n", 0) > 40

    document = {"list": [{"x": 1}, "longer text", [3]], "n": 912.5, "other": {"deep": [1, 2, 3]}, "s": "abc"}
    while (better := next(filter(shows, smaller(document)), None)) is not None:
        document = better
    assert document["n"] == 41
    assert len(document["list"]) == 2
    assert document.keys() == {"list", "n"}
