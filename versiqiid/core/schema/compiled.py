"""From a schema to something that judges: every reason not to use it comes out here, before any document does."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import referencing.exceptions
from jsonschema_specifications import REGISTRY as METASCHEMAS  # type: ignore[import-untyped]  # it ships no types

from versiqiid.core.patterns import translate
from versiqiid.core.schema import engine
from versiqiid.core.schema.dialects import Dialect, dialect_of
from versiqiid.core.schema.explain import explain
from versiqiid.core.schema.survey import Survey, survey
from versiqiid.errors import UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.core.canonical import Json
    from versiqiid.core.violation import Violation

_NOTHING: Final[Mapping[str, Json]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False)
class CompiledSchema:
    """A schema that can judge. Immutable, and as good in any thread.

    :ivar schema: as it was given.
    :ivar formats: whether ``format`` is asserted.
    :ivar survey: what is known of its subschemas; None for ``true`` and ``false``.
    """

    schema: Json
    formats: bool
    dialect: Dialect
    validator: engine.Validator
    resolver: Any
    survey: Survey | None

    def fits(self, document: Json) -> bool:
        """Whether the document fits; nothing is explained."""
        return self.validator.is_valid(document)


def compile_schema(schema: Json, *, formats: bool, registry: Mapping[str, Json] | None = None) -> CompiledSchema:
    """The schema, ready to judge documents.

    :param schema: within the document limits (``document.read`` or ``check_value`` saw it).
    :param formats: whether ``format`` is asserted instead of being an annotation.
    :param registry: further documents that references may lead to, by absolute URI without fragment.
    :raises UnusableSchema: it is no schema, of an unknown dialect, has a pattern that cannot be run in linear time, a
        reference that leads nowhere, or a circle of references that consumes no input. The pointer says where.
    """
    documents = _NOTHING if registry is None else _known(registry)
    if not isinstance(schema, dict | bool):
        raise UnusableSchema("a schema is an object, true or false")
    dialect = dialect_of(schema, documents)
    try:
        resolver = _registry_of(documents).resolver_with_root(dialect.specification.create_resource(schema))
    except (referencing.exceptions.Unresolvable, ValueError, TypeError, AttributeError):
        raise UnusableSchema("$id is no usable URI", pointer="/$id") from None
    found = survey(schema, dialect, resolver, documents) if isinstance(schema, dict) else None
    for_engine, documents_for_engine = schema, documents
    if found is not None and found.patterns:
        for_engine = _with_engine_patterns(schema, found)
        documents_for_engine = {uri: _with_engine_patterns(value, found) for uri, value in documents.items()}
    try:
        validator = engine.build(for_engine, dialect, documents_for_engine, formats=formats)
    except engine.ValidationError as error:
        place, reason = engine.innermost(error)
        raise UnusableSchema(f"the schema itself is wrong at {place or 'its root'}: {reason}", pointer=place) from None
    except ValueError as error:
        raise UnusableSchema(f"cannot be compiled: {error}") from None
    return CompiledSchema(schema, formats, dialect, validator, resolver, found)


def violations(compiled: CompiledSchema, document: Json) -> tuple[Violation, ...]:
    """Every reason why the document does not fit, by place, keyword and wording; empty when it fits.

    Where ``anyOf`` or ``oneOf`` refuse, their own violation is followed by those of the nearest alternative.

    :param document: within the document limits.
    """
    if compiled.validator.is_valid(document):
        return ()
    return explain(compiled, document)


def in_engine_syntax(compiled: CompiledSchema, value: Json) -> Json:
    """A copy of the schema, or of a document that it refers to, with its patterns as the deciding engine reads them."""
    found = compiled.survey
    return _with_engine_patterns(value, found) if found is not None and found.patterns else value


def _known(registry: Mapping[str, Json]) -> dict[str, Json]:
    """Those documents whose dialect is known; a reference to any other leads nowhere."""
    known = {}
    for uri, contents in registry.items():
        with suppress(UnusableSchema):
            dialect_of(contents, registry)
            known[uri] = contents
    return known


def _registry_of(documents: Mapping[str, Json]) -> Any:
    """The metaschemas and these documents; whatever else is asked for is not there, and nobody goes and looks."""
    resources = [
        (uri, dialect_of(contents, documents).specification.create_resource(contents))
        for uri, contents in documents.items()
    ]
    return METASCHEMAS.with_resources(resources) if resources else METASCHEMAS


def _with_engine_patterns(value: Json, found: Survey) -> Json:
    """A copy in which every pattern that is applied is in the engine's syntax. Depth is bounded by the limits."""
    if isinstance(value, list):
        return [_with_engine_patterns(member, found) for member in value]
    if not isinstance(value, dict):
        return value
    copy = {key: _with_engine_patterns(member, found) for key, member in value.items()}
    if id(value) in found.patterns:
        if isinstance(value.get("pattern"), str):
            copy["pattern"] = translate(value["pattern"])
        if isinstance(value.get("patternProperties"), dict):
            copy["patternProperties"] = _translated_keys(copy["patternProperties"])
    return copy


def _translated_keys(named: dict[str, Json]) -> dict[str, Json]:
    translated: dict[str, Json] = {}
    for key, member in named.items():
        pattern = translate(key)
        while pattern in translated:  # two ways to write the same pattern, each with a schema of its own
            pattern = f"(?:{pattern})"
        translated[pattern] = member
    return translated
