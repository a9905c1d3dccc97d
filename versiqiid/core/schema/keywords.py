"""Keywords of the explaining validator that differ from the library's: asked of the same engine as the deciding one
(patterns, formats, multiples), in linear time (unique elements), or with an error that names the property. What a
keyword means is JSON Schema's business, https://json-schema.org/draft/2020-12/json-schema-validation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jsonschema.exceptions import ValidationError

from versiqiid.core.canonical import INTEGER_MAX, canonical
from versiqiid.core.patterns import translate
from versiqiid.core.schema import engine
from versiqiid.core.schema.wording import not_allowed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from versiqiid.core.canonical import Json

    Errors = Iterator[ValidationError]
    Keyword = Callable[[Any, Any, Any, Any], Errors]


def matches(pattern: str, text: str) -> bool:
    """Whether the text holds a match, decided by the linear-time engine."""
    return engine.matcher(translate(pattern)).is_valid(text)


def _pattern(validator: Any, pattern: str, instance: Json, _: Json) -> Errors:
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield ValidationError("")


def _pattern_properties(validator: Any, named: dict[str, Json], instance: Json, _: Json) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in named.items():
        for key, value in instance.items():
            if matches(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def additional(instance: Mapping[str, Json], schema: Mapping[str, Json]) -> list[str]:
    """The properties that neither ``properties`` nor ``patternProperties`` speak of."""
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    return [key for key in instance if key not in named and not any(matches(pattern, key) for pattern in patterns)]


def _additional_properties(validator: Any, subschema: Json, instance: Json, schema: Json) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    extras = additional(instance, schema)
    if subschema is False:
        if extras:
            yield ValidationError(not_allowed(extras, schema.get("properties")))
        return
    for key in extras:
        yield from validator.descend(instance[key], subschema, path=key)


def _property_names(validator: Any, subschema: Json, instance: Json, _: Json) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for name in instance:
        errors = list(validator.descend(name, subschema))
        if errors:
            yield ValidationError(f"the name of property {shown(name)} is not allowed", context=errors)


def _required(validator: Any, names: list[str], instance: Json, _: Json) -> Errors:
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError(f"property {shown(name)} is required")


def _dependent_required(validator: Any, dependencies: dict[str, list[str]], instance: Json, _: Json) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for name, needed in dependencies.items():
        for each in needed if name in instance else ():
            if each not in instance:
                yield ValidationError(f"property {shown(each)} is required beside {shown(name)}")


def _dependencies(validator: Any, dependencies: dict[str, Json], instance: Json, schema: Json) -> Errors:
    if not validator.is_type(instance, "object"):
        return
    for name, needed in dependencies.items():
        if isinstance(needed, list):
            yield from _dependent_required(validator, {name: needed}, instance, schema)
        elif name in instance:
            yield from validator.descend(instance, needed, schema_path=name)


def _multiple_of(validator: Any, divisor: float, instance: Json, _: Json) -> Errors:
    if validator.is_type(instance, "number") and not engine.divisor(divisor).is_valid(instance):
        yield ValidationError("")


def _unique_items(validator: Any, unique: bool, instance: Json, _: Json) -> Errors:
    if (
        unique is True
        and validator.is_type(instance, "array")
        and len({_identity(e) for e in instance}) < len(instance)
    ):
        yield ValidationError("")


def _identity(value: Json) -> bytes:
    """Equal for what JSON Schema calls equal (``1`` and ``1.0``), different for everything else."""
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return b"%d" % value
    return canonical(value)


def format_keyword(draft: int) -> Keyword:
    """``format`` as an assertion, by the checks that the deciding validator has for that draft."""

    def check(_: Any, name: str, instance: Json, __: Json) -> Errors:
        if isinstance(instance, str) and not engine.format_checker(draft, name).is_valid(instance):
            yield ValidationError("")

    return check


def format_annotation(_: Any, __: str, ___: Json, ____: Json) -> Errors:
    """``format`` as an annotation: never an error."""
    return iter(())


KEYWORDS: Final[dict[str, Keyword]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "propertyNames": _property_names,
    "required": _required,
    "dependentRequired": _dependent_required,
    "dependencies": _dependencies,
    "multipleOf": _multiple_of,
    "uniqueItems": _unique_items,
}
"""By name; a dialect takes those that it has, and ``dependencies`` always (every implementation still knows it)."""

WORDED: Final = frozenset(
    [
        "additionalProperties",
        "propertyNames",
        "required",
        "dependentRequired",
        "dependencies",
        "unevaluatedProperties",
        "unevaluatedItems",
    ]
)
"""Keywords whose errors here bring their own sentence."""
