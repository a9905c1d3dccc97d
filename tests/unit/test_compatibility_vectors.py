"""The referee: verdicts that others wrote, read in place (``../shared/vectors/README.md``)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from versiqiid.core.compatibility import Judgement
from versiqiid.core.compatibility.json_schema import Defaults, JsonSchemaJudge

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "json-schema-compatibility.json"
PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"
COUNTED = 282

pytestmark = pytest.mark.skipif(
    not VECTORS.exists(), reason="../shared/vectors/json-schema-compatibility.json is absent"
)

DEVIATIONS = {
    # every verdict that differs, and why; docs/compatibility.md says the same in words
    ("Const", "backward"): "proof",
    ("Const", "forward"): "proof",
    ("Complex: anyOf 1", "forward"): "proof",
    ("Complex: oneOf 1", "backward"): "witness",
    ("Complex: oneOf 1", "forward"): "proof",
    ("Complex: oneOf 3", "backward"): "witness",
    ("Conditional: if", "backward"): "proof",
    ("Conditional: if", "forward"): "proof",
}


@lru_cache(maxsize=1)
def judged() -> list[tuple[str, str, bool, Judgement]]:
    """Name, direction, what the referee says, what we say."""
    judge = JsonSchemaJudge(dialect="http://json-schema.org/draft-07/schema#")
    rows: list[tuple[str, str, bool, Judgement]] = []
    for test in json.loads(VECTORS.read_text())["tests"]:
        if "draft-04" in json.dumps(test):
            continue
        old, new, says = test["original"], test["updated"], test["compatibility"]
        rows.append((test["id"], "backward", says in ("backward", "both"), judge(old, new)))
        rows.append((test["id"], "forward", says == "both", judge(new, old)))
    return rows


def deviating() -> list[tuple[str, str, bool, Judgement]]:
    return [row for row in judged() if row[2] is not row[3].compatible]


def test_at_least_97_percent_agree() -> None:
    """Of the verdicts that count."""
    assert len(judged()) == COUNTED
    assert len(deviating()) <= COUNTED * 0.03


def test_every_deviation_is_known_and_rests_on_a_proof_or_a_document() -> None:
    """Nothing is refused or accepted against the referee by a rule alone."""
    assert {(name, way): judgement.basis.value for name, way, _, judgement in deviating()} == DEVIATIONS
    for _, _, expected, judgement in deviating():
        assert expected is (judgement.witness is not None)


@pytest.mark.parametrize("name", sorted({name for name, _ in DEVIATIONS}))
def test_every_deviation_is_in_the_documentation(name: str) -> None:
    """With its witness, where there is one."""
    text = PAGE.read_text()
    assert f"`{name}`" in text
    for found, _, _, judgement in deviating():
        if found == name and judgement.witness is not None:
            shown: Any = judgement.witness.document
            assert f"`{json.dumps(shown)}`" in text


CONFLUENT = {
    # examples of Confluent's rules that differ, and what decides; docs/compatibility.md has them in words
    "dependencies": ({"dependencies": {"a": {"type": "string"}}}, {"dependencies": {"a": {"type": "number"}}}, "proof"),
    "additionalItems": ({"additionalItems": True}, {"additionalItems": False}, "proof"),
    "required": (
        {"properties": {"foo": {"type": "string"}}, "required": ["foo"]},
        {"properties": {"foo": {"type": "string"}}, "required": ["bar"]},
        '{"foo": ""}',
    ),
    "oneOf": (
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"oneOf": [{"type": "string"}, {"type": "integer"}, {"type": "number"}]},
        "0",
    ),
}


@pytest.mark.parametrize("name", CONFLUENT)
def test_where_confluents_examples_differ(name: str) -> None:
    """Accepted by a proof alone, refused with the witness that the page shows."""
    old, new, why = CONFLUENT[name]
    found = JsonSchemaJudge(dialect="http://json-schema.org/draft-07/schema#", defaults=Defaults.APPLIED)(old, new)
    if why == "proof":
        assert (found.compatible, found.basis.value) == (True, "proof")
        return
    assert not found.compatible
    assert found.witness is not None
    assert json.dumps(found.witness.document) == why
    assert f"`{why}`" in PAGE.read_text()
