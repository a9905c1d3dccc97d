"""Which JSON Schema dialect a schema speaks, and where in a schema its subschemas are. Nothing is validated here.

Where subschemas stand is the same in every dialect that has the keyword, so one table serves them all; a keyword that a
dialect does not know is looked into for references and patterns and never applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import jsonschema_rs
import referencing.jsonschema

from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from versiqiid.core.canonical import Json


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect, or a custom one built on it.

    :ivar uri: of its metaschema.
    :ivar draft: jsonschema-rs's number of the dialect it is, or is built on.
    :ivar vocabularies: last path segments of the vocabularies it uses; None = all that the dialect has.
    """

    uri: str
    draft: int
    specification: referencing.Specification[Any]
    vocabularies: frozenset[str] | None = None

    @property
    def custom(self) -> bool:
        """Whether a metaschema of somebody's own names what is understood."""
        return self.vocabularies is not None

    @property
    def reference_hides_siblings(self) -> bool:
        """Up to draft-07, nothing beside ``$ref`` counts."""
        return self.draft in (jsonschema_rs.Draft4, jsonschema_rs.Draft6, jsonschema_rs.Draft7)

    @property
    def references(self) -> tuple[str, ...]:
        """The keywords that lead to another schema."""
        if self.draft == jsonschema_rs.Draft202012:
            return ("$ref", "$dynamicRef")
        return ("$ref", "$recursiveRef") if self.draft == jsonschema_rs.Draft201909 else ("$ref",)


DRAFT202012: Final = Dialect(
    "https://json-schema.org/draft/2020-12/schema", jsonschema_rs.Draft202012, referencing.jsonschema.DRAFT202012
)
_DIALECTS: Final = {
    dialect.uri.partition("://")[2]: dialect
    for dialect in (
        DRAFT202012,
        Dialect(
            "https://json-schema.org/draft/2019-09/schema",
            jsonschema_rs.Draft201909,
            referencing.jsonschema.DRAFT201909,
        ),
        Dialect("http://json-schema.org/draft-07/schema", jsonschema_rs.Draft7, referencing.jsonschema.DRAFT7),
        Dialect("http://json-schema.org/draft-06/schema", jsonschema_rs.Draft6, referencing.jsonschema.DRAFT6),
        Dialect("http://json-schema.org/draft-04/schema", jsonschema_rs.Draft4, referencing.jsonschema.DRAFT4),
    )
}
_CUSTOM_CHAIN_MAX: Final = 10  # metaschemas written for metaschemas; arbitrary, and more than anybody has


def dialect_of(schema: Json, registry: Mapping[str, Json], default: Dialect = DRAFT202012) -> Dialect:
    """The dialect that ``$schema`` declares, or the default.

    :param registry: where a metaschema of somebody's own may be.
    :raises UnusableSchema: it declares one that is not known here.
    """
    vocabularies: frozenset[str] | None = None
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if declared is None:
        return default
    for _ in range(_CUSTOM_CHAIN_MAX):
        if not isinstance(declared, str):
            break
        known = _DIALECTS.get(declared.removesuffix("#").partition("://")[2])
        if known is not None:
            return (
                known
                if vocabularies is None
                else Dialect(schema["$schema"], known.draft, known.specification, vocabularies)
            )
        metaschema = registry.get(declared.removesuffix("#"))
        if not isinstance(metaschema, dict):
            break
        used = metaschema.get("$vocabulary")
        if vocabularies is None and isinstance(used, dict):
            vocabularies = frozenset(str(uri).rpartition("/")[2] for uri in used)
        declared = metaschema.get("$schema", DRAFT202012.uri)
    raise UnusableSchema(
        "$schema declares a dialect that is not known here",
        pointer="/$schema",
        hint=f"declare {DRAFT202012.uri}, draft 2019-09 or draft-07, or leave $schema out",
    )


_IN_PLACE_ONE: Final = ("not", "if", "then", "else")
_IN_PLACE_LIST: Final = ("allOf", "anyOf", "oneOf")
_IN_PLACE_MAP: Final = ("dependentSchemas", "dependencies")
_BELOW_ONE: Final = (
    *("items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties"),
    *("propertyNames", "contentSchema"),
)
_BELOW_LIST: Final = ("items", "prefixItems")
_BELOW_MAP: Final = ("properties", "patternProperties")
_SHELF_MAP: Final = ("$defs", "definitions")


@dataclass(frozen=True, slots=True)
class Child:
    """A subschema: where it stands in its parent, and how it is applied.

    :ivar in_place: to the same value as its parent, so that going there consumes no input.
    :ivar applied: False for a shelf such as ``$defs``, which only references reach.
    """

    path: tuple[str | int, ...]
    schema: Json
    in_place: bool
    applied: bool = True


def children(schema: Mapping[str, Json]) -> Iterator[Child]:
    """The direct subschemas, in no order that means anything."""
    for keyword, value in schema.items():
        if isinstance(value, dict | bool) and keyword in _IN_PLACE_ONE + _BELOW_ONE:
            yield Child((keyword,), value, in_place=keyword in _IN_PLACE_ONE)
        elif isinstance(value, list) and keyword in _IN_PLACE_LIST + _BELOW_LIST:
            for index, member in enumerate(value):
                yield Child((keyword, index), member, in_place=keyword in _IN_PLACE_LIST)
        elif isinstance(value, dict) and keyword in _IN_PLACE_MAP + _BELOW_MAP + _SHELF_MAP:
            for name, member in value.items():
                yield Child(
                    (keyword, name), member, in_place=keyword in _IN_PLACE_MAP, applied=keyword not in _SHELF_MAP
                )
