"""Which schemas are usable, and what is said of a document that does not fit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from versiqiid.core.schema import compile_schema, violations
from versiqiid.core.violation import Violation
from versiqiid.errors import UnusableSchema

DRAFT7 = "http://json-schema.org/draft-07/schema#"
DRAFT4 = "http://json-schema.org/draft-04/schema#"
DRAFT2019 = "https://json-schema.org/draft/2019-09/schema"


def judge(schema: Any, document: Any, **settings: Any) -> list[tuple[str, str, str]]:
    found = violations(compile_schema(schema, formats=settings.pop("formats", False), **settings), document)
    return [(each.pointer, each.keyword, each.message) for each in found]


@pytest.mark.parametrize(
    ("schema", "pointer", "words"),
    [
        (None, "", "an object, true or false"),
        (1, "", "an object, true or false"),
        ("true", "", "an object, true or false"),
        ([], "", "an object, true or false"),
        ({"type": "strnig"}, "/type", '"string"'),
        ({"properties": {"a": {"minimum": "1"}}}, "/properties/a/minimum", "a number"),
        ({"$defs": {"a~/": {"required": True}}}, "/$defs/a~0~1/required", "an array"),
        ({"properties": []}, "/properties", "an object"),
        ({"items": [{}]}, "/items", "a boolean or an object"),
        ({"$id": 1}, "/$id", "URI"),
        ({"$ref": 1}, "/$ref", "a string"),
        ({"$ref": "https://example.com/a.json"}, "/$ref", "'https://example.com/a.json' leads nowhere"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "'file:///etc/passwd' leads nowhere"),
        ({"$ref": "other.json"}, "/$ref", "'other.json' leads nowhere"),
        ({"$ref": "#/$defs/a"}, "/$ref", "'#/$defs/a' leads nowhere"),
        ({"$ref": "#a"}, "/$ref", "'#a' leads nowhere"),
        ({"$defs": {"a": {"items": {"$ref": "urn:x"}}}}, "/$defs/a/items/$ref", "'urn:x' leads nowhere"),
        ({"enum": [1], "$ref": "#/enum"}, "/$ref", "leads to no schema"),
        ({"$ref": "#"}, "", "circle"),
        ({"$ref": ""}, "", "circle"),
        ({"not": {"$ref": "#"}}, "", "circle"),
        ({"if": {"$ref": "#"}}, "", "circle"),
        ({"dependentSchemas": {"a": {"$ref": "#"}}}, "", "circle"),
        ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}}, None, "circle"),
        ({"$dynamicAnchor": "n", "oneOf": [{"$dynamicRef": "#n"}]}, "", "circle"),
        ({"$schema": DRAFT2019, "$recursiveAnchor": True, "oneOf": [{"$recursiveRef": "#"}]}, "", "circle"),
        ({"$schema": DRAFT7, "dependencies": {"a": {"$ref": "#"}}}, "", "circle"),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "/$schema", "dialect"),
        ({"$schema": "https://example.com/mine"}, "/$schema", "dialect"),
        ({"$schema": 7}, "/$schema", "dialect"),
        ({"$defs": {"a": {"$id": "urn:a", "$schema": "urn:b"}}}, "/$defs/a/$schema", "dialect"),
        ({"pattern": "^(?=a)"}, "/pattern", "'^(?=a)' looks around"),
        ({"items": {"patternProperties": {r"(a)\1": {}}}}, r"/items/patternProperties/(a)\1", r"'(a)\1' refers back"),
        ({"pattern": "("}, "/pattern", "'(' opens a group"),
        ({"pattern": r"\p{Nonsense}"}, "/pattern", r"'\p{Nonsense}' names a property"),
        ({"pattern": "(?:[^a]{1000}){1000}"}, "/pattern", "too large"),
        ({"$defs": {"unused": {"pattern": "(?!a)"}}}, "/$defs/unused/pattern", "looks around"),
    ],
)
def test_an_unusable_schema_is_refused_with_its_place(schema: Any, pointer: str | None, words: str) -> None:
    """Before any document is judged, also in parts that no document would reach."""
    with pytest.raises(UnusableSchema) as caught:
        compile_schema(schema, formats=False)
    assert words in caught.value.message
    if pointer is not None:
        assert caught.value.pointer == pointer


@pytest.mark.parametrize(
    "schema",
    [
        True,
        False,
        {},
        {"properties": {"next": {"$ref": "#"}}},
        {"items": {"$ref": "#"}, "allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}},
        {"propertyNames": {"$ref": "#"}},
        {"$schema": DRAFT7, "$ref": "#/definitions/a", "allOf": [{"$ref": "#"}], "definitions": {"a": {}}},
        {"$ref": "https://json-schema.org/draft/2020-12/schema"},
        {"$schema": DRAFT7, "$ref": DRAFT7},
        {"$schema": "https://json-schema.org/draft-07/schema"},
        {"enum": [{"$ref": "https://example.com/no-reference"}, {"pattern": "(?=a)"}]},
        {"const": {"$schema": "urn:no-schema"}},
        {"x-unknown": {"pattern": "("}},
        {"properties": {"$ref": {"type": "string"}, "$schema": {"type": "string"}, "pattern": {"type": "string"}}},
        {"$schema": DRAFT4, "id": "http://example.com/a", "minimum": 1, "exclusiveMinimum": True},
        {"$defs": {f"a{i}": {"$ref": f"#/$defs/a{i + 1}"} for i in range(500)} | {"a500": {}}},
    ],
)
def test_a_usable_schema_is_taken(schema: Any) -> None:
    """Recursion that consumes input, and words that only look like keywords."""
    compile_schema(schema, formats=False)


def test_a_reference_leads_as_far_as_the_registry() -> None:
    """What the caller passes is found, by its URI or by its own $id; a part of an unknown dialect is not."""
    registry = {
        "https://example.com/a.json": {"$id": "https://example.com/a.json", "$ref": "b.json"},
        "https://example.com/b.json": {"type": "integer", "pattern": r"\b"},
        "https://example.com/c.json": {"$schema": "urn:unknown"},
    }
    assert judge({"$ref": "https://example.com/a.json"}, "x", registry=registry) == [
        ("", "type", "expected an integer")
    ]
    with pytest.raises(UnusableSchema, match="leads nowhere"):
        compile_schema({"$ref": "https://example.com/c.json"}, formats=False, registry=registry)


@pytest.mark.parametrize(
    ("schema", "document", "expected"),
    [
        (False, 1, [("", "false", "expected nothing here: the schema is false")]),
        ({"properties": {"a": False}}, {"a": 1}, [("/a", "false", "expected nothing here: the schema is false")]),
        ({"type": "integer"}, 1.5, [("", "type", "expected an integer")]),
        ({"type": ["null", "array", "object"]}, "x", [("", "type", "expected null, an array or an object")]),
        ({"enum": ["a", 1, None]}, "b", [("", "enum", 'expected "a", 1 or null')]),
        ({"enum": list(range(12))}, "b", [("", "enum", "expected 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 or one of 2 more")]),
        ({"const": {"a": 1}}, 2, [("", "const", 'expected {"a": 1}')]),
        (
            {"minimum": 1, "maximum": 0},
            0.5,
            [("", "maximum", "expected a number of at most 0"), ("", "minimum", "expected a number of at least 1")],
        ),
        ({"exclusiveMinimum": 1}, 1, [("", "exclusiveMinimum", "expected a number greater than 1")]),
        ({"multipleOf": 0.1}, 0.25, [("", "multipleOf", "expected a multiple of 0.1")]),
        ({"minLength": 3}, "ab", [("", "minLength", "expected at least 3 characters")]),
        ({"pattern": r"^\d+$"}, "x", [("", "pattern", r"expected text that matches ^\d+$")]),
        (
            {"required": ["a", "b"]},
            {},
            [("", "required", 'property "a" is required'), ("", "required", 'property "b" is required')],
        ),
        (
            {"dependentRequired": {"a": ["b"]}},
            {"a": 1},
            [("", "dependentRequired", 'property "b" is required beside "a"')],
        ),
        (
            {"additionalProperties": False, "properties": {"a": {}}},
            {"b": 1},
            [("", "additionalProperties", 'property "b" is not allowed; allowed: "a"')],
        ),
        ({"additionalProperties": {"type": "null"}}, {"b": 1}, [("/b", "type", "expected null")]),
        ({"patternProperties": {"^a": {"type": "null"}}}, {"a/": 1}, [("/a~1", "type", "expected null")]),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            [("", "propertyNames", 'the name of property "ab" is not allowed')],
        ),
        (
            {"unevaluatedProperties": False},
            {"b": 1, "a": 2},
            [("", "unevaluatedProperties", 'properties "a", "b" are not allowed')],
        ),
        ({"prefixItems": [{}], "items": False}, [1, 2], [("", "items", "expected no further elements")]),
        ({"items": {"type": "null"}}, [None, 1], [("/1", "type", "expected null")]),
        (
            {"contains": {"const": 1}, "minContains": 2},
            [1],
            [("", "minContains", "expected at least 2 elements that fit 'contains'")],
        ),
        ({"uniqueItems": True}, [1, 1.0], [("", "uniqueItems", "expected elements that all differ")]),
        ({"not": {}}, 1, [("", "not", "expected something that does not fit 'not'")]),
        ({"if": {"minimum": 0}, "then": {"type": "null"}}, 1, [("", "type", "expected null")]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"type": "null"}}}}, [1], [("/0", "type", "expected null")]),
        (
            {"$schema": DRAFT7, "dependencies": {"a": ["b"]}},
            {"a": 1},
            [("", "dependencies", 'property "b" is required beside "a"')],
        ),
        (
            {"$schema": DRAFT4, "type": "object", "properties": {"a": {"type": "null"}}},
            {"a": 1},
            [("/a", "type", "expected null")],
        ),
    ],
)
def test_a_violation_names_place_rule_and_expectation(schema: Any, document: Any, expected: list[Any]) -> None:
    """One each, in words that do not repeat the document."""
    assert judge(schema, document) == expected


def test_of_several_alternatives_the_nearest_is_explained() -> None:
    """The combination's own violation stays; then those of the alternative whose discriminator fits."""
    file = {"properties": {"kind": {"const": "file"}, "path": {"type": "string"}}, "required": ["kind", "path"]}
    url = {"properties": {"kind": {"const": "url"}, "url": {"type": "string"}}, "required": ["kind", "url"]}
    schema = {"properties": {"source": {"oneOf": [file, url]}}}
    assert judge(schema, {"source": {"kind": "url", "url": 1}}) == [
        ("/source", "oneOf", "expected exactly one of 2 alternatives to fit; the nearest is number 2"),
        ("/source/url", "type", "expected a string"),
    ]
    assert judge({"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}, False]}, {}) == [
        ("", "anyOf", "expected at least one of 3 alternatives to fit; the nearest is number 2"),
        ("", "required", 'property "a" is required'),
    ]
    assert judge({"oneOf": [{}, True]}, 1) == [
        ("", "oneOf", "expected exactly one of 2 alternatives to fit, and more than one does")
    ]


def test_alternatives_within_alternatives_are_followed() -> None:
    """To the innermost reason."""
    inner = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "null"}}, False]}
    assert judge({"anyOf": [{"type": "object"}, inner]}, [1]) == [
        ("", "anyOf", "expected at least one of 2 alternatives to fit; the nearest is number 2"),
        ("", "anyOf", "expected at least one of 3 alternatives to fit; the nearest is number 2"),
        ("/0", "type", "expected null"),
    ]


def test_violations_are_sorted_by_place_as_people_count() -> None:
    """Element 10 comes after element 9, and nothing is told twice."""
    schema = {"allOf": [{"items": {"type": "null"}}, {"items": {"type": "null"}}]}
    pointers = [pointer for pointer, _, _ in judge(schema, [1] * 12)]
    assert pointers == [f"/{index}" for index in range(12)]


def test_no_value_of_the_document_is_told() -> None:
    """Whatever keyword refuses it."""
    secret = "hunter2"
    schemas: list[Any] = [
        {"type": "null"}, {"const": 1}, {"enum": [1]}, {"minLength": 99}, {"maxLength": 1}, {"pattern": "^x"},
        {"format": "date"}, {"not": {}}, {"anyOf": [False, {"type": "null"}]}, {"oneOf": [True, True]}, False,
    ]  # fmt: skip
    for schema in schemas:
        for wrapped, document in (
            (schema, secret),
            ({"items": schema}, [secret]),
            ({"properties": {"a": schema}}, {"a": secret}),
            ({"contains": schema}, [secret]),
            ({"unevaluatedProperties": schema}, {"a": secret}),
        ):
            found = judge(wrapped, document, formats=True)
            assert found or schema == {"oneOf": [True, True]} or "contains" in wrapped
            assert secret not in json.dumps(found)
    assert secret not in json.dumps(judge({"uniqueItems": True}, [secret, secret]))


def test_format_is_an_annotation_unless_it_is_asserted() -> None:
    """An unknown format is never asserted."""
    assert judge({"format": "date"}, "nonsense") == []
    assert judge({"format": "date"}, "nonsense", formats=True) == [("", "format", 'expected text in the format "date"')]
    assert judge({"format": "made-up"}, "nonsense", formats=True) == []
    assert judge({"$schema": DRAFT7, "format": "date"}, "nonsense") == []


def test_defaults_are_never_applied() -> None:
    """A default satisfies nothing, and the document stays as it is."""
    document: dict[str, Any] = {}
    assert judge({"required": ["a"], "properties": {"a": {"default": 1}}}, document) != []
    assert document == {}


def test_older_dialects_keep_their_meaning() -> None:
    """What a dialect does not know is not applied, and nothing beside $ref counts up to draft-07."""
    assert judge({"$schema": DRAFT7, "dependentRequired": {"a": ["b"]}}, {"a": 1}) == []
    assert judge({"$schema": DRAFT7, "$ref": "#/definitions/a", "type": "null", "definitions": {"a": {}}}, 1) == []
    assert judge({"$ref": "#/definitions/a", "type": "null", "definitions": {"a": {}}}, 1) != []
    assert judge({"$schema": DRAFT4, "const": 1}, 2) == []
    assert judge({"$schema": DRAFT7, "items": [{"type": "null"}], "additionalItems": False}, [1, 2]) == [
        ("", "additionalItems", "expected no further elements"),
        ("/0", "type", "expected null"),
    ]


def test_long_names_and_values_are_cut() -> None:
    """A message stays a sentence, whatever the schema or a key holds."""
    (found,) = judge({"additionalProperties": False}, {"k" * 10_000: 1})
    assert len(found[2]) < 300
    (found,) = judge({"enum": ["x" * 10_000]}, 1)
    assert len(found[2]) < 300


def test_a_large_refused_document_is_explained_more_shortly_but_always() -> None:
    """Where the reference validator would take long, the deciding one's own words are used; both are bounded."""
    schema = {"items": {"allOf": [{"type": "integer"}, {"minimum": 0}, {"multipleOf": 1}], "maximum": 10**9}}
    late = judge(schema, [1] * 40_000 + ["x"])
    assert late == [("/40000", "type", "expected an integer")]
    assert len(judge({"items": {"type": "null"}}, list(range(5000)))) == 1000


def test_a_deep_document_is_explained() -> None:
    """A hundred levels, each through a reference and two combinations, end in an explanation and not in recursion."""
    document: Any = 1
    for _ in range(99):
        document = {"a": document}
    schema = {"allOf": [{"anyOf": [{"properties": {"a": {"$ref": "#"}}, "type": "object"}]}]}
    found = violations(compile_schema(schema, formats=False), document)
    assert found
    assert all(isinstance(each, Violation) for each in found)
