"""What a keyword expects, in words. Never what the document holds instead: its values stay where they are.

Schema values and the names of properties are told; a schema is no secret, and a pointer names properties anyway.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from versiqiid.core.canonical import Json

_SHOWN_MAX: Final = 120  # characters of one schema value or property name; arbitrary
_LISTED_MAX: Final = 10  # names or alternatives in one sentence; arbitrary

_TYPES: Final = {
    "null": "null",
    "boolean": "a boolean",
    "integer": "an integer",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
}

# {} is the keyword's value.
_SENTENCES: Final = {
    "minimum": "expected a number of at least {}",
    "maximum": "expected a number of at most {}",
    "exclusiveMinimum": "expected a number greater than {}",
    "exclusiveMaximum": "expected a number less than {}",
    "multipleOf": "expected a multiple of {}",
    "minLength": "expected at least {} characters",
    "maxLength": "expected at most {} characters",
    "minItems": "expected at least {} elements",
    "maxItems": "expected at most {} elements",
    "minProperties": "expected at least {} properties",
    "maxProperties": "expected at most {} properties",
    "minContains": "expected at least {} elements that fit 'contains'",
    "maxContains": "expected at most {} elements that fit 'contains'",
    "const": "expected {}",
    "pattern": "expected text that matches {}",
    "format": "expected text in the format {}",
}

_FIXED: Final = {
    "pattern": "expected text that matches the pattern",
    "minContains": "expected more elements that fit 'contains'",
    "maxContains": "expected fewer elements that fit 'contains'",
    "contains": "expected an element that fits 'contains'",
    "uniqueItems": "expected elements that all differ",
    "not": "expected something that does not fit 'not'",
    "false": "expected nothing here: the schema is false",
    "items": "expected no further elements",
    "additionalItems": "expected no further elements",
    "anyOf": "expected at least one of the alternatives to fit",
    "oneOf": "expected exactly one of the alternatives to fit",
    "required": "a required property is missing",
    "dependentRequired": "a property that another one requires is missing",
    "dependencies": "a property that another one requires is missing",
    "additionalProperties": "a property that is not allowed",
    "unevaluatedProperties": "a property that is not allowed",
    "unevaluatedItems": "an element that is not allowed",
    "propertyNames": "a property whose name is not allowed",
}


def expectation(keyword: str, value: Json) -> str:
    """One sentence: what the keyword, with this value in the schema, expects.

    :param value: the keyword's value; None where only the keyword is known.
    """
    if keyword == "type":
        types = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return "expected " + (alternatives(_TYPES.get(str(name), str(name)) for name in types) or "another type")
    if keyword == "enum" and isinstance(value, list):
        return "expected " + (alternatives(map(shown, value)) or "nothing")
    if keyword in _SENTENCES and (value is not None or keyword == "const"):
        return _SENTENCES[keyword].format(value if isinstance(value, str) and keyword == "pattern" else shown(value))
    return _FIXED.get(keyword, f"does not fit '{keyword}'")


def shown(value: Json) -> str:
    """A schema value or a property's name as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"


def alternatives(words: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b or c``; a long list is cut and says how much is missing."""
    every = list(words)
    if len(every) > _LISTED_MAX:
        return ", ".join(every[:_LISTED_MAX]) + f" or one of {len(every) - _LISTED_MAX} more"
    return " or ".join(filter(None, (", ".join(every[:-1]), *every[-1:])))


def not_allowed(names: Iterable[str], allowed: Mapping[str, Json] | None = None) -> str:
    """Which properties stand where none, or only others, may."""
    every = sorted(names)
    listed = ", ".join(map(shown, every[:_LISTED_MAX])) + (
        f" and {len(every) - _LISTED_MAX} more" if len(every) > _LISTED_MAX else ""
    )
    sentence = f"property {listed} is not allowed" if len(every) == 1 else f"properties {listed} are not allowed"
    return f"{sentence}; allowed: {alternatives(map(shown, allowed))}" if allowed else sentence
