"""JSON Schema: what a judgement tells its reader: where, a document that shows it, and what would help."""

from __future__ import annotations

from typing import Any

from tests.unit.json_judges import NUMBER, TEXT, applied, lenient, names, obj, strict
from tests.unit.test_compatibility_json import CONTENT_MODELS
from versiqiid.core.compatibility import Basis, Live, Side
from versiqiid.core.compatibility.json_schema import JsonSchemaJudge, Policy
from versiqiid.core.compatibility.json_schema.generate import Generator
from versiqiid.core.compatibility.json_schema.hints import hints_of
from versiqiid.core.compatibility.json_schema.model import Reader
from versiqiid.core.schema import compile_schema


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


def test_an_array_without_a_limit_is_not_made_as_long_as_can_be() -> None:
    """Hundreds of elements say no more than a few, and every reader would have to look at each."""
    compiled = compile_schema({"type": "array", "items": obj({"a": TEXT})}, formats=False)
    made = Generator(hints_of(compiled.schema)).documents(Reader(compiled, Side.OLD).root())
    assert made
    assert max(len(document) for document in made if isinstance(document, list)) < 10


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
