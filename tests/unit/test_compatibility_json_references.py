"""JSON Schema: dialects, references, recursion, and how much work a judgement may be."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.json_judges import DRAFT7, NUMBER, TEXT, names, obj, strict
from tests.unit.test_compatibility_json import CONTENT_MODELS
from versiqiid.core.compatibility import Basis
from versiqiid.core.compatibility.json_schema import JsonSchemaJudge
from versiqiid.errors import UnusableSchema


@pytest.mark.parametrize("dialect", [DRAFT7, "https://json-schema.org/draft/2019-09/schema"])
def test_tuples_of_older_dialects_are_read_like_those_of_today(dialect: str) -> None:
    """``items`` and ``additionalItems`` say what ``prefixItems`` and ``items`` say in draft 2020-12."""
    judge = JsonSchemaJudge(dialect=dialect)
    old = {"type": "array", "items": [TEXT, NUMBER], "additionalItems": False}
    new = {"type": "array", "items": [TEXT], "additionalItems": NUMBER}
    judgement = judge(old, new)
    assert judgement.compatible
    assert "ITEM_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL" in names(judgement)
    assert not judge(new, old).compatible


def test_dialects_may_differ_between_versions() -> None:
    """No proof across dialects; the rules and the documents decide."""
    old = {"$schema": DRAFT7, "type": "array", "items": [TEXT]}
    same = {"type": "array", "prefixItems": [TEXT]}
    assert strict(old, same).compatible
    assert strict(old, same).basis is Basis.RULES
    assert not strict(old, {"type": "array", "prefixItems": [NUMBER]}).compatible


def test_a_keyword_that_a_dialect_does_not_know_says_nothing() -> None:
    """``dependentRequired`` means nothing in draft-07."""
    judgement = JsonSchemaJudge(dialect=DRAFT7)(obj(), obj(dependentRequired={"a": ["b"]}))
    assert judgement.compatible
    assert not judgement.differences


def person(**changes: Any) -> dict[str, Any]:
    node = obj({"name": TEXT, "children": {"type": "array", "items": {"$ref": "#/$defs/person"}}, **changes})
    return {"$ref": "#/$defs/person", "$defs": {"person": node}}


def test_recursion_is_followed_to_its_fix_point() -> None:
    """The same tree is compatible; a leaf that changes is found behind the cycle."""
    assert strict(person(), person(x={})).compatible
    judgement = strict(person(), person(name=NUMBER))
    assert not judgement.compatible
    assert [difference.pointer for difference in judgement.breaking] == ["/$defs/person/properties/name"]


def masked(first: str, second: str) -> dict[str, Any]:
    def node(id_type: str, target: str) -> dict[str, Any]:
        return obj({"id": {"type": id_type}, "ref": {"oneOf": [{"$ref": f"#/$defs/{target}"}]}})

    definitions = {"t0": node(first, "t2"), "t1": node(second, "t2"), "t2": node("integer", "t0")}
    root = obj({"root": {"oneOf": [{"$ref": "#/$defs/t0"}, {"$ref": "#/$defs/t1"}]}})
    return root | {"$defs": definitions}


def test_an_assumption_that_turns_out_wrong_is_taken_back() -> None:
    """One memoised pass would keep "t0 reads t0", assumed inside its own cycle, for the alternatives of the root."""
    judge = JsonSchemaJudge(documents_max=0)
    judgement = judge(masked("integer", "boolean"), masked("boolean", "number"))
    assert not judgement.compatible
    assert judgement.basis is Basis.RULES


def union_of_all(count: int, leaf: Any) -> dict[str, Any]:
    """Every definition refers to every other by alternatives: a product of all pairs at every level."""
    names_ = [f"t{number}" for number in range(count)]
    alternatives = {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in names_]}
    definitions = {
        name: obj({"id": leaf if name == "t0" else TEXT, "left": alternatives, "right": alternatives, name: TEXT})
        for name in names_
    }
    return obj({"product": alternatives}) | {"$defs": definitions}


def test_alternatives_that_refer_to_each_other_are_compared_once_a_pair() -> None:
    """Twelve by twelve definitions, each reached by thousands of ways."""
    judgement = JsonSchemaJudge(documents_max=0)(union_of_all(12, TEXT), union_of_all(12, NUMBER))
    assert not judgement.compatible
    assert judgement.basis is Basis.RULES


def test_over_the_work_budget_nothing_is_promised() -> None:
    """Counted in steps, not seconds, so that every machine stops at the same place."""
    judge = JsonSchemaJudge(steps_max=50, documents_max=0)
    judgement = judge(union_of_all(12, TEXT), union_of_all(12, NUMBER))
    assert not judgement.compatible
    assert judgement.basis is Basis.UNDECIDED
    assert "undecided" in judgement.breaking[0].message


def test_nesting_is_followed_as_deep_as_documents_go() -> None:
    """Documents have at most a hundred levels; references may make a schema deeper than that."""
    old, new = TEXT, NUMBER
    for _ in range(45):
        old, new = obj({"a": old}), obj({"a": new})
    assert JsonSchemaJudge()(old, new).breaking[0].pointer == "/properties/a" * 45
    chain = {"$ref": "#/$defs/d0", "$defs": {f"d{n}": obj({"a": {"$ref": f"#/$defs/d{n + 1}"}}) for n in range(400)}}
    chain["$defs"] |= {"d400": TEXT}
    other = {**chain, "$defs": chain["$defs"] | {"d400": NUMBER}}
    assert not JsonSchemaJudge(documents_max=0)(chain, other).compatible


def test_the_same_question_has_the_same_answer() -> None:
    """Down to the witness; the seed only chooses among documents."""
    pair = obj({"a": TEXT, "b": NUMBER}), obj({"a": {**TEXT, "maxLength": 3}, "b": {**NUMBER, "maximum": 7}})
    assert strict(*pair) == strict(*pair)
    assert JsonSchemaJudge(seed=7)(*pair) == JsonSchemaJudge(seed=7)(*pair)


def test_what_was_judged_before_does_not_matter() -> None:
    """Nodes of earlier schemas are gone, and their addresses may be those of new ones."""
    old = obj({"a": obj({"b": {"type": "array", "items": {**TEXT, "maxLength": 9}}}), "c": NUMBER})
    new = obj({"a": obj({"b": {"type": "array", "items": {**TEXT, "maxLength": 3}}}), "c": NUMBER})
    first = strict(old, new)
    for _, before, after, *_ in CONTENT_MODELS:
        strict(before, after)
        assert strict(old, new) == first


@pytest.mark.parametrize("schema", [5, {"type": "no such type"}, {"$ref": "#/nowhere"}, {"pattern": "(?=a)"}])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    """Before anything is compared, on either side."""
    with pytest.raises(UnusableSchema):
        strict(schema, {})
    with pytest.raises(UnusableSchema):
        strict({}, schema)


def test_references_lead_into_other_documents_that_are_given() -> None:
    """And nowhere else."""
    judge = JsonSchemaJudge(remotes={"urn:x:address": obj({"street": TEXT})})
    old = obj({"home": {"$ref": "urn:x:address"}})
    assert judge(old, obj({"home": obj({"street": TEXT})})).compatible
    judgement = judge(old, obj({"home": obj({"street": NUMBER})}))
    assert [each.rule for each in judgement.breaking] == ["TYPE_CHANGED"]
    with pytest.raises(UnusableSchema):
        strict(old, {})


def test_true_and_false_are_schemas() -> None:
    """Everything may become true, false may become anything."""
    everything, nothing = True, False
    assert strict(TEXT, everything).compatible
    assert strict(nothing, TEXT).compatible
    assert not strict(everything, TEXT).compatible
    assert not strict(TEXT, nothing).compatible


def test_a_dynamic_reference_is_not_judged_by_rules() -> None:
    """Where it leads depends on the way there; the same schema is still the same schema."""
    tree = {"$dynamicAnchor": "node", "properties": {"next": {"$dynamicRef": "#node"}}}
    assert strict(tree, dict(tree)).compatible
    judgement = JsonSchemaJudge(documents_max=0)(
        tree, tree | {"title": "x", "properties": tree["properties"] | {"x": {}}}
    )
    assert "DYNAMIC_REFERENCE" in names(judgement) or judgement.basis is Basis.PROOF
