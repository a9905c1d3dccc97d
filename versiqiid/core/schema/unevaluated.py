"""``unevaluatedProperties`` and ``unevaluatedItems`` for the explaining validator, by the rule of JSON Schema 2020-12
core, section 11 (https://json-schema.org/draft/2020-12/json-schema-core#section-11): what no subschema applied to the
same value has looked at. The library's own asks Python's ``re`` about patterns, which may never answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema_rs
from jsonschema.exceptions import ValidationError
from referencing.jsonschema import lookup_recursive_ref

from versiqiid.core.schema.keywords import additional
from versiqiid.core.schema.wording import not_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json


def unevaluated_properties(validator: Any, subschema: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    seen = _properties_here(instance, schema)
    for other in _applied(validator, instance, schema):
        seen |= _properties(other, instance)
    left = [key for key in instance if key not in seen]
    if subschema is False:
        if left:
            yield ValidationError(not_allowed(left))
        return
    for key in left:
        yield from validator.descend(instance[key], subschema, path=key)


def unevaluated_items(validator: Any, subschema: Json, instance: Json, schema: Json) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "array"):
        return
    seen = _items_here(validator, instance, schema)
    for other in _applied(validator, instance, schema):
        seen |= _items(other, instance)
    left = [index for index in range(len(instance)) if index not in seen]
    if subschema is False:
        if left:
            yield ValidationError(
                f"expected no elements but those that the schema speaks of; the first other is number {left[0] + 1}"
            )
        return
    for index in left:
        yield from validator.descend(instance[index], subschema, path=index)


def _properties(validator: Any, instance: dict[str, Json]) -> set[str]:
    """What this schema, which the instance fits, and those below it have looked at."""
    schema = validator.schema
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        return set(instance)
    seen = _properties_here(instance, schema)
    for other in _applied(validator, instance, schema):
        seen |= _properties(other, instance)
    return seen


def _properties_here(instance: dict[str, Json], schema: dict[str, Json]) -> set[str]:
    if "additionalProperties" in schema:
        return set(instance)
    return set(instance).difference(additional(instance, schema))


def _items(validator: Any, instance: list[Json]) -> set[int]:
    if "unevaluatedItems" in validator.schema:
        return set(range(len(instance)))
    seen = _items_here(validator, instance, validator.schema)
    for other in _applied(validator, instance, validator.schema):
        seen |= _items(other, instance)
    return seen


def _items_here(validator: Any, instance: list[Json], schema: dict[str, Json]) -> set[int]:
    every = range(len(instance))
    if validator.DIALECT.draft == jsonschema_rs.Draft201909:
        items = schema.get("items")
        if isinstance(items, list):
            return set(every if "additionalItems" in schema else every[: len(items)])
        return set(every) if items is not None else set()
    if "items" in schema:
        return set(every)
    seen = set(every[: len(schema.get("prefixItems", ()))])
    if "contains" in schema:
        fits = _at(validator, schema["contains"])
        seen.update(index for index in every if fits.is_valid(instance[index]))
    return seen


def _applied(validator: Any, instance: Json, schema: dict[str, Json]) -> Iterator[Any]:
    """Validators of the subschemas that were applied to the same value and that it fits."""
    for keyword in validator.DIALECT.references:
        if keyword in schema:
            resolved = _resolve(validator, keyword, schema[keyword])
            yield from _fitting(validator.evolve(schema=resolved.contents, _resolver=resolved.resolver), instance)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for subschema in schema.get(keyword, ()):
            yield from _fitting(_at(validator, subschema), instance)
    for keyword in ("dependentSchemas", "dependencies"):
        for name, subschema in schema.get(keyword, {}).items():
            if isinstance(subschema, dict) and isinstance(instance, dict) and name in instance:
                yield from _fitting(_at(validator, subschema), instance)
    if "if" in schema:
        condition = _at(validator, schema["if"])
        fits = condition.is_valid(instance)
        branch = schema.get("then" if fits else "else", True)
        yield from _fitting(condition, instance) if fits else ()
        yield from _fitting(_at(validator, branch), instance)


def _fitting(validator: Any, instance: Json) -> Iterator[Any]:
    if isinstance(validator.schema, dict) and validator.is_valid(instance):
        yield validator


def _at(validator: Any, subschema: Json) -> Any:
    specification = validator.DIALECT.specification
    resolver = validator._resolver.in_subresource(specification.create_resource(subschema))  # noqa: SLF001  # no other door
    return validator.evolve(schema=subschema, _resolver=resolver)


def _resolve(validator: Any, keyword: str, reference: str) -> Any:
    if keyword == "$recursiveRef":
        return lookup_recursive_ref(validator._resolver)  # noqa: SLF001  # no other door
    return validator._resolver.lookup(reference)  # noqa: SLF001  # no other door
