"""Schemas: usable or not, and where a document does not fit. The reference validator of ``jsonschema``, nothing faster.

A schema that the worlds write is either plain, or is one of the unusable kinds that are looked for here by name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema
import referencing
from jsonschema.validators import validator_for

from tests.oracle import reading
from tests.oracle.reading import Unreadable


class Unusable(Exception):
    """No schema that can judge a document."""


@lru_cache(maxsize=64)  # the meta-schema takes milliseconds, and large fleets share their schemas
def usable(raw: bytes) -> Any:
    """The schema's document.

    :raises Unusable: unreadable, no schema, look-around, a reference that leads nowhere or round in a circle.
    """
    try:
        schema = reading.read(raw)
    except Unreadable as error:
        raise Unusable(str(error)) from error
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise Unusable("neither an object nor a boolean")
    kind = validator_for(schema, default=jsonschema.Draft202012Validator)
    if schema.get("$schema", kind.META_SCHEMA["$id"]) != kind.META_SCHEMA["$id"]:
        raise Unusable("dialect")
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise Unusable(error.message) from error
    text = raw.decode()
    if any(mark in text for mark in ("(?=", "(?!", "(?<", "\\\\1")):
        raise Unusable("look-around or back-reference")
    for name in references(schema):
        lands(schema, name, frozenset())
    return schema


def references(value: Any) -> list[str]:
    """Every ``$ref``. The worlds have no property of that name."""
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [name for item in value.values() for name in references(item)]
    return []


def lands(schema: Any, name: str, seen: frozenset[str]) -> None:
    if name in seen or not name.startswith("#"):
        raise Unusable("a circle, or outside")
    place = schema
    for part in name.removeprefix("#").split("/")[1:]:
        if not isinstance(place, dict) or part not in place:
            raise Unusable("leads nowhere")
        place = place[part]
    if isinstance(place, dict) and "$ref" in place:
        lands(schema, place["$ref"], seen | {name})


def violations(schema: Any, document: Any, *, formats: bool = False) -> set[str]:
    """The pointers at which the document does not fit; empty when it does."""
    kind = validator_for(schema, default=jsonschema.Draft202012Validator)
    checker = kind.FORMAT_CHECKER if formats else None
    judge = kind(schema, registry=referencing.Registry(), format_checker=checker)
    return {pointer(error.absolute_path) for error in judge.iter_errors(document)}


def pointer(path: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)
