"""JSON Schema: each rule by a pair of schemas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.json_judges import NUMBER, TEXT, applied, lenient, names, obj, strict
from versiqiid.core.compatibility.json_schema import RULES, Policy

CONTENT_MODELS = [
    # the page's table: change, old, new, STRICT, LENIENT, STRICT with defaults applied
    ("remove, new open", obj({"a": TEXT}), obj(), True, True, True),
    ("remove, new covers", obj({"a": TEXT}), obj(additionalProperties=TEXT), False, True, False),
    (
        "remove, covered, old closed",
        obj({"a": TEXT}, additionalProperties=False),
        obj(additionalProperties=TEXT),
        *[True] * 3,
    ),
    (
        "remove, not covered",
        obj({"a": TEXT}, additionalProperties=False),
        obj(additionalProperties=NUMBER),
        *[False] * 3,
    ),
    (
        "remove, new closed",
        obj({"a": TEXT}, additionalProperties=False),
        obj(additionalProperties=False),
        False,
        True,
        False,
    ),
    (
        "remove false, new closed",
        obj({"a": False}, additionalProperties=False),
        obj(additionalProperties=False),
        *[True] * 3,
    ),
    ("add {}, old open", obj(), obj({"a": {}}), True, True, True),
    ("add optional, old open", obj(), obj({"a": TEXT}), False, True, False),
    ("add required with default, old open", obj(), obj({"a": {**TEXT, "default": ""}}, "a"), False, True, False),
    ("add required, old open", obj(), obj({"a": TEXT}, "a"), False, False, False),
    (
        "add required, old closed",
        obj(additionalProperties=False),
        obj({"a": TEXT}, "a", additionalProperties=False),
        *[False] * 3,
    ),
    (
        "add optional, old closed",
        obj(additionalProperties=False),
        obj({"a": TEXT}, additionalProperties=False),
        *[True] * 3,
    ),
    (
        "add optional, old covers",
        obj(additionalProperties=TEXT),
        obj({"a": TEXT}, additionalProperties=TEXT),
        *[True] * 3,
    ),
    (
        "add required with default, old closed",
        obj(additionalProperties=False),
        obj({"a": {**TEXT, "default": ""}}, "a", additionalProperties=False),
        *(False, True, True),
    ),
    ("require with default", obj({"a": TEXT}), obj({"a": {**TEXT, "default": ""}}, "a"), False, True, True),
    ("require without default", obj({"a": TEXT}), obj({"a": TEXT}, "a"), False, False, False),
    ("open the model", obj(additionalProperties=False), obj(additionalProperties=True), True, True, True),
    ("close the model", obj(additionalProperties=True), obj(additionalProperties=False), False, True, False),
    ("additional schema to absent", obj(additionalProperties=TEXT), obj(), True, True, True),
    ("additional schema from absent", obj(), obj(additionalProperties=TEXT), False, True, False),
    ("require what nobody describes", obj({"a": TEXT}, "a"), obj({"a": TEXT}, "a", "b"), False, False, False),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [pytest.param(old, new, expected, id=name) for name, old, new, *expected in CONTENT_MODELS],
)
def test_the_content_model_decides_about_properties(old: Any, new: Any, expected: list[bool]) -> None:
    """STRICT, LENIENT, and STRICT with readers that fill in defaults."""
    assert [judge(old, new).compatible for judge in (strict, lenient, applied)] == expected


LOOSER = [
    # the rule one way, the rule the other way, old, new
    ("MAX_LENGTH_INCREASED", "MAX_LENGTH_DECREASED", {**TEXT, "maxLength": 2}, {**TEXT, "maxLength": 3}),
    ("MAX_LENGTH_REMOVED", "MAX_LENGTH_ADDED", {**TEXT, "maxLength": 2}, TEXT),
    ("MIN_LENGTH_DECREASED", "MIN_LENGTH_INCREASED", {**TEXT, "minLength": 3}, {**TEXT, "minLength": 2}),
    ("MIN_LENGTH_REMOVED", "MIN_LENGTH_ADDED", {**TEXT, "minLength": 3}, TEXT),
    ("PATTERN_REMOVED", "PATTERN_ADDED", {**TEXT, "pattern": "^a+$"}, TEXT),
    ("MAXIMUM_INCREASED", "MAXIMUM_DECREASED", {**NUMBER, "maximum": 1}, {**NUMBER, "maximum": 1.5}),
    ("MAXIMUM_REMOVED", "MAXIMUM_ADDED", {**NUMBER, "maximum": 1}, NUMBER),
    ("MINIMUM_DECREASED", "MINIMUM_INCREASED", {**NUMBER, "minimum": 1}, {**NUMBER, "minimum": 0}),
    ("MINIMUM_REMOVED", "MINIMUM_ADDED", {**NUMBER, "minimum": 1}, NUMBER),
    (
        "EXCLUSIVE_MAXIMUM_INCREASED",
        "EXCLUSIVE_MAXIMUM_DECREASED",
        {**NUMBER, "exclusiveMaximum": 1},
        {**NUMBER, "exclusiveMaximum": 2},
    ),
    ("EXCLUSIVE_MINIMUM_REMOVED", "EXCLUSIVE_MINIMUM_ADDED", {**NUMBER, "exclusiveMinimum": 1}, NUMBER),
    ("MULTIPLE_OF_REMOVED", "MULTIPLE_OF_ADDED", {**NUMBER, "multipleOf": 2}, NUMBER),
    ("MULTIPLE_OF_REDUCED", "MULTIPLE_OF_EXPANDED", {**NUMBER, "multipleOf": 10}, {**NUMBER, "multipleOf": 5}),
    ("TYPE_EXTENDED", "TYPE_NARROWED", {"type": "integer"}, NUMBER),
    ("SUM_TYPE_EXTENDED", "SUM_TYPE_NARROWED", {"anyOf": [TEXT]}, {"anyOf": [NUMBER, TEXT]}),
    ("ENUM_ARRAY_EXTENDED", "ENUM_ARRAY_NARROWED", {"enum": ["a"]}, {"enum": ["b", "a"]}),
    ("REQUIRED_ATTRIBUTE_REMOVED", "REQUIRED_ATTRIBUTE_ADDED", obj({"a": TEXT}, "a"), obj({"a": TEXT})),
    ("MAX_PROPERTIES_INCREASED", "MAX_PROPERTIES_DECREASED", obj(maxProperties=1), obj(maxProperties=2)),
    ("MIN_PROPERTIES_REMOVED", "MIN_PROPERTIES_ADDED", obj(minProperties=1), obj()),
    (
        "DEPENDENCY_ARRAY_NARROWED",
        "DEPENDENCY_ARRAY_EXTENDED",
        obj(dependentRequired={"a": ["b", "c"]}),
        obj(dependentRequired={"a": ["b"]}),
    ),
    ("DEPENDENCY_ARRAY_REMOVED", "DEPENDENCY_ARRAY_ADDED", obj(dependentRequired={"a": ["b"]}), obj()),
    (
        "DEPENDENCY_SCHEMA_REMOVED",
        "DEPENDENCY_SCHEMA_ADDED",
        obj(dependentSchemas={"a": {"required": ["b"]}}),
        obj(),
    ),
    ("UNEVALUATED_PROPERTIES_ADDED", "UNEVALUATED_PROPERTIES_REMOVED", obj(unevaluatedProperties=False), obj()),
    (
        "UNEVALUATED_PROPERTIES_EXTENDED",
        "UNEVALUATED_PROPERTIES_NARROWED",
        obj(unevaluatedProperties=TEXT),
        obj(unevaluatedProperties=True),
    ),
    ("PROPERTY_NAMES_REMOVED", "PROPERTY_NAMES_ADDED", obj(propertyNames={"maxLength": 2}), obj()),
    (
        "PATTERN_PROPERTY_REMOVED_IS_COVERED",
        "PATTERN_PROPERTY_ADDED",
        obj(patternProperties={"^S_": TEXT}),
        obj(),
    ),
    ("SCHEMA_REMOVED", "SCHEMA_ADDED", {"type": "array", "items": TEXT}, {"type": "array"}),
    (
        "ITEM_REMOVED_FROM_OPEN_CONTENT_MODEL",
        "ITEM_ADDED_TO_OPEN_CONTENT_MODEL",
        {"type": "array", "prefixItems": [TEXT]},
        {"type": "array"},
    ),
    (
        "ITEM_ADDED_TO_CLOSED_CONTENT_MODEL",
        "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL",
        {"type": "array", "prefixItems": [TEXT], "items": False},
        {"type": "array", "prefixItems": [TEXT, NUMBER], "items": False},
    ),
    (
        "ADDITIONAL_ITEMS_ADDED",
        "ADDITIONAL_ITEMS_REMOVED",
        {"type": "array", "prefixItems": [TEXT], "items": False},
        {"type": "array", "prefixItems": [TEXT]},
    ),
    (
        "UNEVALUATED_ITEMS_ADDED",
        "UNEVALUATED_ITEMS_REMOVED",
        {"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False},
        {"type": "array", "prefixItems": [TEXT]},
    ),
    ("MAX_ITEMS_REMOVED", "MAX_ITEMS_ADDED", {"type": "array", "maxItems": 1}, {"type": "array"}),
    ("MIN_ITEMS_DECREASED", "MIN_ITEMS_INCREASED", {"type": "array", "minItems": 2}, {"type": "array", "minItems": 1}),
    ("UNIQUE_ITEMS_REMOVED", "UNIQUE_ITEMS_ADDED", {"type": "array", "uniqueItems": True}, {"type": "array"}),
    ("CONTAINS_REMOVED", "CONTAINS_ADDED", {"type": "array", "contains": TEXT}, {"type": "array"}),
    (
        "MIN_CONTAINS_DECREASED",
        "MIN_CONTAINS_INCREASED",
        {"type": "array", "contains": TEXT, "minContains": 2},
        {"type": "array", "contains": TEXT},
    ),
    (
        "MAX_CONTAINS_INCREASED",
        "MAX_CONTAINS_DECREASED",
        {"type": "array", "contains": TEXT, "maxContains": 1},
        {"type": "array", "contains": TEXT, "maxContains": 2},
    ),
    ("PRODUCT_TYPE_NARROWED", "PRODUCT_TYPE_EXTENDED", {"allOf": [TEXT, {"enum": ["a", "b"]}]}, {"allOf": [TEXT]}),
    ("NOT_TYPE_NARROWED", "NOT_TYPE_EXTENDED", {"not": NUMBER}, {"not": {"type": "integer"}}),
    (
        "CONDITION_REMOVED",
        "CONDITION_ADDED",
        {"if": TEXT, "then": {"maxLength": 2}, "else": True},
        {"if": TEXT, "else": True},
    ),
]


@pytest.mark.parametrize(("looser", "tighter", "old", "new"), LOOSER, ids=[row[0] for row in LOOSER])
def test_what_is_looser_is_compatible_and_the_way_back_is_not(looser: str, tighter: str, old: Any, new: Any) -> None:
    """Each pair of rules, by name; the way back is shown by a document."""
    forth, back = strict(old, new), strict(new, old)
    assert forth.compatible
    assert looser in names(forth)
    assert not back.compatible
    assert tighter in {difference.rule for difference in back.breaking}
    assert back.witness is not None


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("TYPE_CHANGED", TEXT, NUMBER),
        ("PATTERN_CHANGED", {**TEXT, "pattern": "^a"}, {**TEXT, "pattern": "^b"}),
        ("MULTIPLE_OF_CHANGED", {**NUMBER, "multipleOf": 10}, {**NUMBER, "multipleOf": 11}),
        ("ENUM_ARRAY_CHANGED", {"enum": ["a", "b"]}, {"enum": ["b", "c"]}),
        ("ENUM_ARRAY_CHANGED", {"const": "a"}, {"const": "b"}),
        ("COMBINED_TYPE_CHANGED", {"anyOf": [TEXT, NUMBER]}, {"allOf": [TEXT, NUMBER]}),
        ("COMBINED_TYPE_SUBSCHEMAS_CHANGED", {"oneOf": [TEXT]}, {"oneOf": [NUMBER]}),
        ("CONTAINS_CHANGED", *({"contains": {"maxLength": n}, "type": "array", "maxContains": 1} for n in (1, 2))),
        ("CONDITION_CHANGED", *({"if": {"const": n}, "then": False} for n in (1, 2))),
        ("DEPENDENCY_ARRAY_CHANGED", obj(dependentRequired={"a": ["b"]}), obj(dependentRequired={"a": ["c"]})),
    ],
)
def test_what_is_other_is_incompatible(rule: str, old: Any, new: Any) -> None:
    """In both policies: LENIENT speaks of properties only."""
    for judge in (strict, lenient):
        judgement = judge(old, new)
        assert not judgement.compatible
        assert rule in {difference.rule for difference in judgement.breaking}


def test_every_rule_that_breaks_says_what_would_help() -> None:
    """A refusal without a way out is the loudest complaint in this field."""
    for rule in RULES.values():
        assert rule.fix or rule.compatible(Policy.STRICT)
        assert rule.compatible(Policy.LENIENT) or not rule.compatible(Policy.STRICT)
