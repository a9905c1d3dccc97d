"""JSON Schema: each rule by a pair of schemas, and what a judgement tells its reader."""

from __future__ import annotations

from typing import Any

import pytest

from versiqiid.core.compatibility import Basis, Judgement, Live, Side
from versiqiid.core.compatibility.json_schema import RULES, Defaults, JsonSchemaJudge, Policy
from versiqiid.core.compatibility.json_schema.generate import Generator
from versiqiid.core.compatibility.json_schema.hints import hints_of
from versiqiid.core.compatibility.json_schema.model import Reader
from versiqiid.core.schema import compile_schema
from versiqiid.errors import UnusableSchema

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
DRAFT7 = "http://json-schema.org/draft-07/schema#"

strict = JsonSchemaJudge()
lenient = JsonSchemaJudge(policy=Policy.LENIENT)
applied = JsonSchemaJudge(defaults=Defaults.APPLIED)


def obj(properties: dict[str, Any] | None = None, *required: str, **keywords: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or {}, **keywords}
    return schema | {"required": list(required)} if required else schema


def names(judgement: Judgement) -> set[str]:
    return {difference.rule for difference in judgement.differences}


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


def test_an_optional_property_in_an_open_model_is_explained() -> None:
    """The rule, where, a document that would break, and the ways out."""
    judgement = strict(obj({"a": TEXT}), obj({"a": TEXT, "b": NUMBER}))
    (difference,) = judgement.breaking
    assert difference.rule == "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"
    assert (difference.pointer, difference.side) == ("/properties/b", Side.NEW)
    assert "additionalProperties: false" in difference.fix
    assert "LENIENT" in difference.fix
    assert judgement.witness is not None
    assert list(judgement.witness.document) == ["b"]
    assert not isinstance(judgement.witness.document["b"], int | float)
    assert judgement.witness.violations[0].pointer == "/b"
    assert judgement.fixes == (difference.fix,)


def test_a_pointer_leads_to_where_the_definition_stands() -> None:
    """Through references, escapes and anchors; what is gone is pointed at in the old schema."""
    old = obj({"x": {"$ref": "#/$defs/a~1b"}}) | {
        "$defs": {"a/b": obj({"n": {**TEXT, "maxLength": 5, "pattern": "a"}})}
    }
    new = obj({"x": {"$ref": "#named"}}) | {
        "$defs": {"other": obj({"n": {**TEXT, "maxLength": 4}}) | {"$anchor": "named"}}
    }
    found = {(each.rule, each.side, each.pointer) for each in strict(old, new).differences}
    assert found == {
        ("MAX_LENGTH_DECREASED", Side.NEW, "/$defs/other/properties/n/maxLength"),
        ("PATTERN_REMOVED", Side.OLD, "/$defs/a~1b/properties/n/pattern"),
    }


def test_a_witness_is_as_small_as_can_be() -> None:
    """A reader should see the reason and nothing else."""
    old = obj({"a": obj({"b": {"type": "array", "items": {**TEXT, "maxLength": 9}}}), "c": NUMBER, "d": TEXT})
    new = obj({"a": obj({"b": {"type": "array", "items": {**TEXT, "maxLength": 3}}}), "c": NUMBER, "d": TEXT})
    witness = strict(old, new).witness
    assert witness is not None
    assert witness.document == {"a": {"b": ["xxxx"]}}


def test_null_can_be_a_witness() -> None:
    """The document null is a document."""
    judgement = strict({"type": ["null", "string"]}, TEXT)
    assert judgement.witness is not None
    assert judgement.witness.document is None


def test_a_oneof_branch_that_overlaps_is_refused_by_its_witness() -> None:
    """By its rule an added branch is compatible; a document that now fits twice shows that this one is not."""
    judgement = strict({"oneOf": [TEXT]}, {"oneOf": [TEXT, {"maxLength": 5}]})
    assert judgement.basis is Basis.WITNESS
    assert not judgement.compatible
    shown = lenient({"oneOf": [TEXT]}, {"oneOf": [TEXT, {"maxLength": 5}]})
    assert shown.compatible
    assert shown.witness is not None


def test_an_alternative_that_grows_into_another_is_refused() -> None:
    """Both alternatives take ``{"a": {}}``, so no document that fits is near; one step beside it is the witness."""

    def schema(**inner: Any) -> dict[str, Any]:
        loose = {"properties": {"a": obj(patternProperties={"x": {**TEXT, "pattern": "^a"}}, **inner), "c": {}}}
        closed = obj({"a": True, "b": {"$ref": "#/$defs/y"}}, additionalProperties=False)
        outer = {"b": {"type": "object", "oneOf": [closed, loose]}, "s": TEXT}
        return obj(outer, patternProperties={"^S_": TEXT}) | {"$defs": {"y": {"not": {"const": 1}}}}

    judgement = strict(schema(additionalProperties=False), schema())
    assert not judgement.compatible
    assert judgement.witness is not None


def test_proof_outweighs_the_rules() -> None:
    """Nothing fits the old schema, so every new one takes all of it."""
    judgement = strict({**TEXT, "const": 1}, {**TEXT, "const": 2})
    assert judgement.compatible
    assert judgement.basis is Basis.PROOF
    assert "ENUM_ARRAY_CHANGED" in names(judgement)
    assert not judgement.breaking


def test_live_documents_come_first_and_are_all_named() -> None:
    """Those that break, by name; what the old schema refuses anyway does not count."""
    live = (
        Live("dev/a", {"a": "x"}),
        Live("dev/odd", {"a": 1}),
        Live("prod/b", {"a": "xxxxxx"}),
        Live("prod/c", {"a": "xxxxxxxxx"}),
    )
    judge = JsonSchemaJudge(live=live)
    judgement = judge(obj({"a": TEXT}), obj({"a": {**TEXT, "maxLength": 5}}))
    assert [broken.name for broken in judgement.broken] == ["prod/b", "prod/c"]
    assert judgement.witness is not None
    assert (judgement.witness.name, judgement.witness.document) == ("prod/b", {"a": "xxxxxx"})
    assert judgement.broken[0].violations[0].keyword == "maxLength"


def test_a_live_document_decides_where_none_would_be_made_up() -> None:
    """With no made-up documents at all, only what is stored can be a witness."""
    old, new = {"oneOf": [TEXT]}, {"oneOf": [TEXT, {"maxLength": 5}]}
    assert JsonSchemaJudge(documents_max=0)(old, new).compatible
    assert not JsonSchemaJudge(documents_max=0, live=(Live("prod/x", "abc"),))(old, new).compatible


def test_a_format_is_part_of_the_contract_though_an_annotation() -> None:
    """STRICT: it may go, but neither come nor change. LENIENT minds only when formats are asserted."""
    date, moment = {**TEXT, "format": "date"}, {**TEXT, "format": "date-time"}
    assert strict(date, TEXT).compatible
    assert not strict(TEXT, date).compatible
    assert not strict(date, moment).compatible
    assert lenient(TEXT, date).compatible
    asserting = JsonSchemaJudge(policy=Policy.LENIENT, formats=True)
    assert not asserting(TEXT, date).compatible
    assert asserting(date, TEXT).compatible


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


def test_an_array_without_a_limit_is_not_made_as_long_as_can_be() -> None:
    """Hundreds of elements say no more than a few, and every reader would have to look at each."""
    compiled = compile_schema({"type": "array", "items": obj({"a": TEXT})}, formats=False)
    made = Generator(hints_of(compiled.schema)).documents(Reader(compiled, Side.OLD).root())
    assert made
    assert max(len(document) for document in made if isinstance(document, list)) < 10


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


def test_defaults_that_are_applied_reach_into_objects_and_arrays() -> None:
    """A reader fills in what is required at every level before it validates."""
    inner = {"type": "array", "items": obj({"a": TEXT})}
    filled = {"type": "array", "items": obj({"a": {**TEXT, "default": "x"}}, "a")}
    assert applied(obj({"list": inner}), obj({"list": filled})).compatible
    assert not strict(obj({"list": inner}), obj({"list": filled})).compatible


def test_a_default_that_does_not_fit_helps_nobody() -> None:
    """Filled in, the document is refused all the same: that is a witness."""
    judgement = applied(obj({"a": TEXT}), obj({"a": {**TEXT, "default": 5}}, "a"))
    assert not judgement.compatible
    assert judgement.basis is Basis.WITNESS


def test_a_witness_holds_what_its_name_says() -> None:
    """Taken by the old schema, refused by the new one, asked of the validators themselves."""
    for _, old, new, *_ in CONTENT_MODELS:
        witness = strict(old, new).witness
        if witness is not None:
            assert compile_schema(old, formats=False).fits(witness.document)
            assert not compile_schema(new, formats=False).fits(witness.document)
            assert witness.violations
