"""Laws of every verdict on JSON Schemas, over pairs of schemas that are neighbours of each other.

The documents that try to refute a verdict come from here and not from the generator under test.
"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility import Basis, Level, Version, check
from versiqiid.core.compatibility.json_schema import JsonSchemaJudge, Policy
from versiqiid.core.schema import CompiledSchema, compile_schema
from versiqiid.errors import UnusableSchema

NAMES = ("a", "b", "S_x")
SCALARS = ("", "a", "ab", "aaaa", "c", 0, 1, 2, -1, 0.5, 3, 4, True, False, None)

small = st.integers(0, 4)
name = st.sampled_from(NAMES)
scalar = st.sampled_from(SCALARS)


def some(**keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keywords)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    rest = st.one_of(st.booleans(), inner)
    objects = some(
        type=st.just("object"),
        properties=st.dictionaries(name, inner, max_size=3),
        required=st.lists(name, unique=True, max_size=2),
        additionalProperties=rest,
        patternProperties=st.dictionaries(st.sampled_from(("^S_", "^[ab]$")), inner, max_size=1),
        unevaluatedProperties=rest,
        maxProperties=small,
        propertyNames=st.fixed_dictionaries({"maxLength": small}),
        dependentRequired=st.dictionaries(name, st.lists(name, unique=True, max_size=1), max_size=1),
    )
    arrays = some(
        type=st.just("array"),
        items=rest,
        prefixItems=st.lists(inner, min_size=1, max_size=2),
        contains=inner,
        maxContains=small,
        minItems=small,
        maxItems=small,
        uniqueItems=st.booleans(),
    )
    parts = st.lists(inner, min_size=1, max_size=3)
    combined = st.one_of(*(st.fixed_dictionaries({word: parts}) for word in ("allOf", "anyOf", "oneOf")))
    others = st.one_of(
        st.fixed_dictionaries({"not": inner}), st.fixed_dictionaries({"if": inner, "then": inner, "else": inner})
    )
    return st.one_of(objects, objects, arrays, combined, others)


leaves = st.one_of(
    some(type=st.just("string"), minLength=small, maxLength=small, pattern=st.sampled_from(("^a", "b$", "^[ab]+$"))),
    some(type=st.sampled_from(("number", "integer")), minimum=small, maximum=small, multipleOf=st.integers(1, 3)),
    st.fixed_dictionaries({"enum": st.lists(scalar, min_size=1, max_size=3, unique_by=repr)}),
    st.fixed_dictionaries({"type": st.sampled_from((["string", "null"], "boolean", "null"))}),
    st.just({}),
)
schemas = st.recursive(leaves, larger, max_leaves=6)
documents = st.recursive(
    scalar,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from((*NAMES, "x")), inner, max_size=3), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """A schema and one that differs from it in a place or two, either way round."""
    old = draw(schemas)
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(1, 2))):
        new = _changed(draw, new)
    return (old, new) if draw(st.booleans()) else (new, old)


def _changed(draw: st.DrawFn, schema: Any) -> Any:
    """The schema without one keyword, with another value for it, or another schema altogether."""
    if not isinstance(schema, dict) or not schema or draw(st.integers(0, 4)) == 0:
        return draw(schemas)
    keyword = draw(st.sampled_from(sorted(schema)))
    if draw(st.integers(0, 3)) == 0:
        return {key: other for key, other in schema.items() if key != keyword}
    return schema | _other(draw, keyword, schema[keyword])


def _other(draw: st.DrawFn, keyword: str, value: Any) -> dict[str, Any]:
    if keyword in ("properties", "patternProperties") and value:
        key = draw(st.sampled_from(sorted(value)))
        return {keyword: value | {key: _changed(draw, value[key])}}
    if isinstance(value, dict) and keyword not in ("properties", "patternProperties", "dependentRequired"):
        return {keyword: _changed(draw, value)}
    if keyword in ("allOf", "anyOf", "oneOf", "prefixItems"):
        return {keyword: [*value[:-1], _changed(draw, value[-1])] if draw(st.booleans()) else [*value, {}]}
    if isinstance(value, int) and not isinstance(value, bool):
        return {keyword: value + 1}
    return {"title": "changed"}


def usable(*written: Any) -> list[CompiledSchema]:
    try:
        return [compile_schema(schema, formats=False) for schema in written]
    except UnusableSchema:
        assume(condition=False)
        raise


judged_quickly = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@judged_quickly
@given(pairs(), st.lists(documents, max_size=40))
def test_a_compatible_pair_has_no_witness(pair: tuple[Any, Any], tried: list[Any]) -> None:
    """Under STRICT: what the old schema takes, the new one takes, as far as anybody has looked."""
    old, new = usable(*pair)
    if JsonSchemaJudge()(*pair).compatible:
        assert not [document for document in tried if old.fits(document) and not new.fits(document)]


@judged_quickly
@given(pairs())
def test_a_witness_is_one(pair: tuple[Any, Any]) -> None:
    """Whatever the verdict: taken by the old schema, refused by the new one, for a reason."""
    old, new = usable(*pair)
    judgement = JsonSchemaJudge()(*pair)
    if judgement.witness is not None:
        assert old.fits(judgement.witness.document)
        assert not new.fits(judgement.witness.document)
        assert judgement.witness.violations
        assert not judgement.compatible


@judged_quickly
@given(schemas)
def test_every_schema_reads_itself(schema: Any) -> None:
    """Also in other words: its members in another order, its numbers written otherwise."""
    usable(schema)
    again = dict(reversed(schema.items()))
    for policy in Policy:
        assert JsonSchemaJudge(policy=policy)(schema, again).compatible


@judged_quickly
@given(pairs())
def test_lenient_takes_what_strict_takes(pair: tuple[Any, Any]) -> None:
    """Never the other way round."""
    usable(*pair)
    if JsonSchemaJudge()(*pair).compatible:
        assert JsonSchemaJudge(policy=Policy.LENIENT)(*pair).compatible


@judged_quickly
@given(pairs())
def test_full_is_backward_and_forward(pair: tuple[Any, Any]) -> None:
    """For real judgements, not only for made-up ones."""
    usable(*pair)
    versions = (Version("1", pair[0]),)
    found = {
        level: check(level, pair[1], versions, JsonSchemaJudge()).compatible
        for level in (Level.BACKWARD, Level.FORWARD, Level.FULL)
    }
    assert found[Level.FULL] is (found[Level.BACKWARD] and found[Level.FORWARD])


@judged_quickly
@given(pairs())
def test_a_judgement_adds_up(pair: tuple[Any, Any]) -> None:
    """It is compatible exactly when nothing breaks, each refusal has a way out, and asking again changes nothing."""
    usable(*pair)
    judgement = JsonSchemaJudge()(*pair)
    assert judgement.compatible is not bool(judgement.breaking)
    assert judgement.compatible is not bool(judgement.fixes)
    assert JsonSchemaJudge()(*pair) == judgement
    if canonical(pair[0]) == canonical(pair[1]):
        assert judgement.basis is Basis.PROOF
