"""The validator that decides and the validator that explains say the same of any schema and any document."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from versiqiid.core.schema import compile_schema, violations
from versiqiid.core.schema.explain import reference_errors
from versiqiid.errors import UnusableSchema

NAMES = st.sampled_from(["a", "b", "ab", "é", "0", ""])
PATTERNS = st.sampled_from(
    [
        r"^a",
        r"b$",
        r"\d",
        r"\w",
        r"\W",
        r"^\s*$",
        r"\bé",
        r"a\B",
        r"^.$",
        r"^[^a]+$",
        r"\p{L}",
        r"^[\w-]+$",
        r"[^]",
        r"[]",
    ]
)
NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, 1.5, 2.5, 1e20, 1e300, 1e-7, 2**53 - 1, -(2**53) + 1]),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    st.sampled_from(["", "a", "b", "ab", "aé", "é", "1", "\n", "😀", "a\n", "2020-01-01"]),
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
SMALL = st.integers(0, 3)
REFERENCES = st.sampled_from(["#/$defs/a", "#/$defs/b", "#b"])


def keywords(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Every keyword that judges, with values that meet the documents above often."""
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(NAMES, inner, max_size=3)
    names = st.lists(NAMES, max_size=2, unique=True)
    types = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
    return {
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(DOCUMENTS, min_size=1, max_size=3),
        "const": DOCUMENTS,
        "multipleOf": st.sampled_from([0.1, 0.5, 1, 2, 3, 1.5, 1e-7]),
        "minimum": NUMBERS,
        "maximum": NUMBERS,
        "exclusiveMinimum": NUMBERS,
        "exclusiveMaximum": NUMBERS,
        "minLength": SMALL,
        "maxLength": SMALL,
        "pattern": PATTERNS,
        "format": st.sampled_from(["date", "ipv4", "uuid", "nonsense"]),
        "minItems": SMALL,
        "maxItems": SMALL,
        "uniqueItems": st.booleans(),
        "contains": inner,
        "minContains": SMALL,
        "maxContains": SMALL,
        "prefixItems": several,
        "items": inner,
        "unevaluatedItems": inner,
        "minProperties": SMALL,
        "maxProperties": SMALL,
        "required": names,
        "dependentRequired": st.dictionaries(NAMES, names, max_size=2),
        "dependentSchemas": named,
        "properties": named,
        "patternProperties": st.dictionaries(PATTERNS, inner, max_size=2),
        "additionalProperties": inner,
        "unevaluatedProperties": inner,
        "propertyNames": inner,
        "allOf": several,
        "anyOf": several,
        "oneOf": several,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "$ref": REFERENCES,
    }


def schema_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    table = keywords(inner)
    return st.lists(st.sampled_from(sorted(table)), min_size=1, max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({name: table[name] for name in chosen})
    )


SCHEMAS = st.recursive(st.booleans(), schema_of, max_leaves=6)
ROOTS = st.builds(
    lambda root, a, b: {**root, "$defs": {"a": a, "b": {**b, "$anchor": "b"}}},
    schema_of(SCHEMAS),
    SCHEMAS,
    schema_of(SCHEMAS),
)


def agree(schema: Any, document: Any, *, formats: bool) -> None:
    try:
        compiled = compile_schema(schema, formats=formats)
    except UnusableSchema as error:
        assume("circle" not in error.message)  # the strategy makes them; everything else it makes is usable
        raise
    fits = compiled.fits(document)
    assert fits == (next(reference_errors(compiled, document), None) is None)
    found = violations(compiled, document)
    assert fits == (found == ())
    assert list(found) == list(dict.fromkeys(found))


LAW = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))


@LAW
@given(schema=ROOTS, document=DOCUMENTS, formats=st.booleans())
def test_they_agree(schema: Any, document: Any, formats: bool) -> None:
    """Generated from all keywords at once."""
    agree(schema, document, formats=formats)


LOOKS = st.recursive(
    st.one_of(
        st.booleans(),
        st.builds(
            lambda name, types: {"properties": {name: types}}, NAMES, st.sampled_from([True, {"type": "integer"}])
        ),
        st.builds(lambda count: {"prefixItems": [True] * count}, st.integers(1, 3)),
        st.sampled_from(
            [{"contains": {"const": 1}}, {"items": {"type": "integer"}}, {"patternProperties": {"^a": True}}]
        ),
        st.sampled_from([{"additionalProperties": {"type": "integer"}}, {"required": ["a"]}, {"minItems": 2}]),
        st.sampled_from([{"$ref": "#/$defs/a"}, {"unevaluatedProperties": True}, {"unevaluatedItems": {"const": 1}}]),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda word, members: {word: members},
            st.sampled_from(["allOf", "anyOf", "oneOf"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.builds(lambda a, b, c: {"if": a, "then": b, "else": c}, inner, inner, inner),
        st.builds(lambda a, b: {"if": a, "else": b}, inner, inner),
        st.builds(lambda a: {"not": a}, inner),
        st.builds(lambda name, a: {"dependentSchemas": {name: a}}, NAMES, inner),
        st.builds(lambda a, b: {**a, **b} if isinstance(a, dict) and isinstance(b, dict) else a, inner, inner),
    ),
    max_leaves=6,
)


@LAW
@given(
    looks=LOOKS.filter(lambda schema: isinstance(schema, dict)),
    referred=st.sampled_from([{"properties": {"b": True}}, {"prefixItems": [True]}, {"items": {"const": 1}}]),
    left=st.sampled_from([False, {"type": "string"}]),
    document=st.lists(st.integers(0, 2) | st.just("s"), max_size=4)
    | st.dictionaries(NAMES, st.integers(0, 2) | st.just("s"), max_size=4),
)
def test_they_agree_about_what_nobody_looked_at(looks: Any, referred: Any, left: Any, document: Any) -> None:
    """``unevaluatedProperties`` and ``unevaluatedItems`` beside every way to look at a value in place."""
    rest = {"unevaluatedProperties": left, "unevaluatedItems": left, "$defs": {"a": referred}}
    agree({**rest, "allOf": [looks]}, document, formats=False)
    agree({**looks, **rest}, document, formats=False)


@LAW
@given(pattern=PATTERNS, text=st.text(alphabet="ab1é_ \n\r\u2028\ufeff😀-", max_size=6))
def test_they_agree_about_patterns(pattern: str, text: str) -> None:
    """Patterns decide about strings, about keys, and about what is left over, in the same way."""
    agree({"pattern": pattern}, text, formats=False)
    agree({"patternProperties": {pattern: False}}, {text: 1}, formats=False)
    agree({"patternProperties": {pattern: True}, "additionalProperties": False}, {text: 1}, formats=False)
    agree({"patternProperties": {pattern: True}, "unevaluatedProperties": False}, {text: 1}, formats=False)


@LAW
@given(
    draft=st.sampled_from(["draft-04", "draft-06", "draft-07", "draft/2019-09"]),
    keyword=st.sampled_from(
        ["items", "additionalItems", "dependencies", "exclusiveMinimum", "contains", "$ref", "type"]
    ),
    document=DOCUMENTS,
    data=st.data(),
)
def test_they_agree_about_older_drafts(draft: str, keyword: str, document: Any, data: st.DataObject) -> None:
    """What the older drafts have and what they mean differently."""
    host = "https" if "2019" in draft else "http"
    simple = st.sampled_from([{"type": "integer"}, {"type": "string"}, {"minimum": 2}, {"not": {"type": "array"}}])
    schema: dict[str, Any] = {
        "$schema": f"{host}://json-schema.org/{draft}/schema#",
        "definitions": {"a": {"minimum": 5}},
    }
    schema |= {
        "items": {"items": data.draw(st.lists(simple, min_size=1, max_size=2)), "additionalItems": data.draw(simple)},
        "additionalItems": {"additionalItems": data.draw(simple), "items": data.draw(simple)},
        "dependencies": {"dependencies": {"a": data.draw(simple), "b": ["a"]}},
        "exclusiveMinimum": {"minimum": 2, "exclusiveMinimum": True if draft == "draft-04" else 3},
        "contains": {"contains": data.draw(simple), "minContains": 2},
        "$ref": {"$ref": "#/definitions/a", "type": "string"},
        "type": {"type": ["integer", "object"], "properties": {"a": {"type": "integer"}}},
    }[keyword]
    agree(schema, document, formats=False)


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ({"uniqueItems": True}, [{"a": 1}, {"a": 1.0}]),
        ({"uniqueItems": True}, [1, True]),
        ({"uniqueItems": True}, [[1], [True], ["1"]]),
        ({"uniqueItems": True}, [0.0, -0.0]),
        ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
        ({"enum": [[False]]}, [0]),
        ({"const": 1}, 1.0),
        ({"multipleOf": 0.01}, 4.35),
        ({"multipleOf": 0.1}, 1e300),
        ({"maximum": 2**53 - 1}, 2.0**53),
        ({"properties": {"a": False}}, {"a": 1}),
        ({"anyOf": [False, False]}, 1),
    ],
)
def test_they_agree_where_implementations_often_do_not(schema: Any, document: Any) -> None:
    """Equality, arithmetic and the schema false."""
    agree(schema, document, formats=False)
