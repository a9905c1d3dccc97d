"""Where in the schema a refusal comes from, and which of many reasons to look at first."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from tests.unit.test_json_schema_suite import ARCHIVE, suite
from versiqiid.core.schema import compile_schema, violations
from versiqiid.core.violation import Violation, verdict

SCAN = {
    "type": "object",
    "required": ["depth", "mode"],
    "properties": {
        "depth": {"$ref": "#/$defs/depth"},
        "mode": {"oneOf": [{"const": "fast"}, {"type": "object", "required": ["level"]}]},
        "a/b": {"items": {"maxLength": 2}},
    },
    "additionalProperties": False,
    "$defs": {"depth": {"type": "integer", "maximum": 9}},
}


def found(schema: Any, document: Any) -> tuple[Violation, ...]:
    return violations(compile_schema(schema, formats=False), document)


def places(schema: Any, document: Any) -> list[tuple[str, str]]:
    return [(violation.pointer, violation.schema) for violation in found(schema, document)]


def test_each_violation_says_where_its_keyword_stands() -> None:
    """Through references and alternatives, with what a pointer escapes."""
    assert places(SCAN, {"depth": 12, "mode": {}, "a/b": ["abc"], "x": 1}) == [
        ("", "/additionalProperties"),
        ("/a~1b/0", "/properties/a~1b/items/maxLength"),
        ("/depth", "/properties/depth/$ref/maximum"),
        ("/mode", "/properties/mode/oneOf"),
        ("/mode", "/properties/mode/oneOf/1/required"),
    ]
    assert places({"properties": {"a": False}}, {"a": 1}) == [("/a", "/properties/a")]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"depth": "deep", "mode": "fast"},
        {"depth": 12, "mode": 5},
        {"depth": 1, "mode": {}},
        [],
        {"x": 1, "depth": 99},
    ],
)
def test_the_best_match_is_that_of_jsonschema(document: Any) -> None:
    """Asked of the library itself, with its own keywords. Where it blames an untold alternative: what holds that."""
    (best,) = [violation for violation in found(SCAN, document) if violation.best]
    expected: Any = best_match(Draft202012Validator(SCAN).iter_errors(document))
    blamed = []
    while expected is not None:
        blamed.append([str(step) for step in expected.absolute_schema_path])
        expected = expected.parent
    assert [step for step in best.schema.split("/")[1:] if step != "$ref"] in blamed  # the library leaves $ref out


def test_a_verdict_tells_place_keyword_expectation_and_what_to_look_at_first() -> None:
    told = verdict(found(SCAN, {"depth": 12, "mode": "fast"}))
    only = {
        "pointer": "/depth",
        "keyword": "maximum",
        "message": "expected a number of at most 9",
        "schemaPointer": "/properties/depth/$ref/maximum",
    }
    assert told == {"valid": False, "violations": [only], "bestMatch": only}
    assert verdict(()) == {"valid": True, "violations": []}


@pytest.mark.skipif(not ARCHIVE.exists(), reason="../shared/vectors is not here")
def test_every_location_of_the_suite_ends_with_its_keyword() -> None:
    """And of every refusal exactly one reason is the one to look at first."""
    remotes, parts = suite()
    seen = 0
    for groups in parts["required"].values():
        for group in groups:
            compiled = compile_schema(group["schema"], formats=False, registry=remotes)
            for case in group["tests"]:
                told = violations(compiled, case["data"])
                assert sum(violation.best for violation in told) == (not case["valid"]), group["description"]
                for violation in told:
                    ends = violation.schema.rpartition("/")[2]
                    assert violation.keyword in {"false", ends}, (group["description"], violation)
                    seen += 1
    assert seen > 500
