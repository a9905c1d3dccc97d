"""Whatever JSON claims to be a schema is either usable or refused as a schema; no other error ever comes out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from versiqiid.core.schema import compile_schema, violations
from versiqiid.errors import UnusableSchema

WORDS = [
    *("$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$ref", "$dynamicRef", "$recursiveRef"),
    *(
        "$defs",
        "definitions",
        "$vocabulary",
        "type",
        "enum",
        "const",
        "format",
        "pattern",
        "patternProperties",
        "a",
        "b",
    ),
    *(
        "properties",
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "items",
        "prefixItems",
        "default",
    ),
    *("additionalItems", "unevaluatedItems", "contains", "minContains", "required", "dependentRequired", "multipleOf"),
    *(
        "dependentSchemas",
        "dependencies",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "minimum",
        "minLength",
    ),
    *("exclusiveMinimum", "maxItems", "uniqueItems", "contentSchema"),
]
TEXTS = st.sampled_from(
    [
        *("", "#", "#/", "#/$defs/a", "#/~2", "#/%zz", "#a", "a", "a b", "urn:a", "urn:a#b", "//[", "http://[::1", "("),
        *("http://a/b#c", "string", "object", "^a", "\x00", "é", "https://json-schema.org/draft/2020-12/schema"),
        *("https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema#"),
        *("http://json-schema.org/draft-06/schema", "http://json-schema.org/draft-04/schema"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.just(0.5) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(schema=ANYTHING, remote=ANYTHING, document=ANYTHING)
def test_anything_is_a_schema_or_is_refused_as_one(schema: Any, remote: Any, document: Any) -> None:
    """And what is usable judges without an error of its own."""
    with suppress(UnusableSchema):
        compiled = compile_schema(schema, formats=True, registry={"urn:a": remote})
        assert bool(violations(compiled, document)) is not compiled.fits(document)
