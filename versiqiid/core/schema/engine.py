"""The door to jsonschema-rs, and its settings: linear-time patterns, nothing fetched. Nothing is decided here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs

from versiqiid.core.limits import pointer_token
from versiqiid.core.schema.wording import expectation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.canonical import Json
    from versiqiid.core.schema.dialects import Dialect

_CLASSES: Final = {
    jsonschema_rs.Draft4: jsonschema_rs.Draft4Validator,
    jsonschema_rs.Draft6: jsonschema_rs.Draft6Validator,
    jsonschema_rs.Draft7: jsonschema_rs.Draft7Validator,
    jsonschema_rs.Draft201909: jsonschema_rs.Draft201909Validator,
    jsonschema_rs.Draft202012: jsonschema_rs.Draft202012Validator,
}

# The default, 10 MiB a pattern, is too small for the likes of ^\p{L}{1,255}$; at this size one compiles in 0.1 s.
_PATTERNS: Final = jsonschema_rs.RegexOptions(size_limit=32 << 20)

_VALUE_TOLD: Final = frozenset(
    [
        "type",
        "enum",
        "const",
        "format",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]
)

ValidationError = jsonschema_rs.ValidationError
Validator = jsonschema_rs.Validator


def build(schema: Json, dialect: Dialect, registry: Mapping[str, Json], *, formats: bool) -> Validator:
    """A validator that never fetches and never backtracks.

    :param formats: whether ``format`` is asserted; a custom dialect may assert it by its vocabularies anyway.
    :raises jsonschema_rs.ValidationError: the schema does not fit its metaschema, or refers to nowhere.
    :raises ValueError: the schema cannot be compiled.
    """
    settings: dict[str, Any] = {
        "offline": True,
        "pattern_options": _PATTERNS,
        "validate_formats": True if formats else None if dialect.custom else False,
    }
    if registry:
        settings["registry"] = jsonschema_rs.Registry(registry.items())
    if dialect.custom or (isinstance(schema, dict) and "$schema" in schema):
        return jsonschema_rs.validator_for(schema, **settings)
    return _CLASSES[dialect.draft](schema, **settings)


@lru_cache(maxsize=64)
def matcher(pattern: str) -> Validator:
    """Whether a string matches, asked of the same engine. ``pattern`` is in its syntax (``patterns.translate``)."""
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, offline=True, pattern_options=_PATTERNS)


@lru_cache(maxsize=256)
def format_checker(draft: int, name: str) -> Validator:
    """Whether a string has a format, as that draft knows it; a format that it does not know fits everything."""
    return _CLASSES[draft]({"format": name}, offline=True, validate_formats=True, pattern_options=_PATTERNS)


@lru_cache(maxsize=256)
def divisor(number: float) -> Validator:
    """Whether a number is a multiple, by the same arithmetic. ``number`` is greater than 0."""
    return jsonschema_rs.Draft202012Validator({"multipleOf": number}, offline=True)


def innermost(error: jsonschema_rs.ValidationError) -> tuple[str, str]:
    """Where and why, in words: of the first alternative that says more than that none fits."""
    place = pointer(error.instance_path)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AnyOf | jsonschema_rs.ValidationErrorKind.OneOfNotValid):
        inner = next((errors[0] for errors in kind.context if errors), None)
        if inner is not None:
            return innermost(inner)
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Referencing):
        return place, "a reference leads nowhere, and nothing is ever fetched"
    return place, expectation(*keyword_and_value(kind))


def keyword_and_value(kind: jsonschema_rs.ValidationErrorKind) -> tuple[str, Json]:
    """The keyword as the schema spells it, and its value where the error tells it."""
    keyword = "false" if isinstance(kind, jsonschema_rs.ValidationErrorKind.FalseSchema) else kind.name
    return keyword, kind.value if keyword in _VALUE_TOLD else None


def pointer(path: list[str | int]) -> str:
    """The RFC 6901 pointer of an error's path."""
    return "".join(map(pointer_token, path))
