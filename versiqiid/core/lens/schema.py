"""A lens applied to a JSON Schema: what the documents go through, their schema goes through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from versiqiid.core.lens import operations as op
from versiqiid.core.lens.operations import operation_name
from versiqiid.core.lens.references import changed_reference, follow
from versiqiid.core.lens.scalars import converted
from versiqiid.core.limits import pointer_token
from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_WHOLE = (
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependentRequired", "const", "enum"),
    *("patternProperties", "propertyNames", "minProperties", "maxProperties", "prefixItems", "contains", "$dynamicRef"),
)
"""Keywords that speak about an object or array as a whole: a lens cannot tell what becomes of what they say."""


def apply_to_schema(lens: op.Lens, schema: Json) -> Json:
    """The schema of the documents that :func:`versiqiid.core.lens.apply` makes from documents of ``schema``.

    Members are followed through ``properties``, ``required`` and ``items``, and through ``$ref`` within the schema,
    which is written out where the lens passes. Titles and descriptions stay with their member. ``convert`` maps
    ``enum``, ``const``, ``default`` and ``examples``, and drops the keywords that spoke about the former type. The
    input is not changed; the result may share parts with it.

    :raises MigrationFailed: the schema does not say what the lens needs to know, or says it by a keyword that a lens
        cannot map; ``pointer`` is the place in the schema, and the message names the operation by its index.
    """
    mapped = _lens(lens, schema, _At(schema))
    changed = changed_reference(schema, mapped)
    if changed is not None:
        raise MigrationFailed(
            f"the reference {changed!r} would mean something else after the lens",
            pointer="",
            hint="move what it refers to under $defs, or write the schema by hand",
        )
    return mapped


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the schema and in the lens we are. ``root`` is where references start."""

    root: Json
    pointer: str = ""
    indices: str = ""
    operation: str = ""

    def below(self, *tokens: str) -> _At:
        return replace(self, pointer=self.pointer + "".join(map(pointer_token, tokens)))

    def fail(self, reason: str) -> MigrationFailed:
        return MigrationFailed(
            f"lens operation {self.indices} ({self.operation}): {reason} at {self.pointer or 'the root'} of the schema",
            pointer=self.pointer,
            hint="write the new schema by hand, or the lens for the schema as it is",
        )


@dataclass(slots=True)
class _Object:
    """An object schema taken apart while an operation works on it; ``rest`` is every other keyword."""

    rest: dict[str, Json]
    properties: dict[str, Json]
    required: list[str]
    at: _At

    def schema(self) -> Json:
        parts = {"properties": self.properties, "required": self.required}
        return {**self.rest, **{name: part for name, part in parts.items() if part}}

    def get(self, name: str) -> Json:
        if name not in self.properties:
            raise self.at.below("properties", name).fail("there is nothing")
        return self.properties[name]

    def take(self, name: str) -> tuple[Json, bool]:
        """The member's schema, and whether it was required; both are gone afterwards."""
        schema = self.get(name)
        required = name in self.required
        del self.properties[name]
        self.required = [other for other in self.required if other != name]
        return schema, required

    def put(self, name: str, schema: Json, *, required: bool) -> None:
        if name in self.properties:
            raise self.at.below("properties", name).fail("there is a member already")
        self.properties[name] = schema
        if required:
            self.required.append(name)


def _lens(lens: op.Lens, schema: Json, at: _At) -> Json:
    for index, operation in enumerate(lens):
        indices = f"{at.indices}.{index}" if at.indices else str(index)
        schema = _operation(operation, schema, replace(at, indices=indices, operation=operation_name(operation)))
    return schema


def _operation(operation: op.Operation, schema: Json, at: _At) -> Json:
    if isinstance(operation, op.Map):
        array = _followed(schema, at, "array")
        return {**array, "items": _lens(operation.lens, array.get("items", True), at.below("items"))}
    members = _object(schema, at)
    match operation:
        case op.Rename(source, destination):
            members.put(destination, members.get(source), required=source in members.required)
            members.take(source)
        case op.Add(name, types, default):
            written = list(types) if len(types) > 1 else types[0]
            members.put(name, {"type": written, "default": default}, required=True)
        case op.Remove(name):
            members.take(name)
        case op.Hoist(host, name):
            inner = _object(members.get(host), at.below("properties", host))
            taken, required = inner.take(name)
            members.properties[host] = inner.schema()
            members.put(name, taken, required=required)
        case op.Plunge(host, name):
            inner = _object(members.get(host), at.below("properties", host))
            taken, required = members.take(name)
            inner.put(name, taken, required=required)
            members.properties[host] = inner.schema()
        case op.Wrap(name) | op.Head(name) | op.In(name) | op.Convert(name):
            members.properties[name] = _replaced(operation, members.get(name), at.below("properties", name))
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(operation)
    return members.schema()


def _replaced(operation: op.Wrap | op.Head | op.In | op.Convert, schema: Json, at: _At) -> Json:
    match operation:
        case op.Wrap():
            return {"type": "array", "items": schema}
        case op.Head():
            return _followed(schema, at, "array").get("items", True)
        case op.In():
            return _lens(operation.lens, schema, at)
        case op.Convert():
            scalar = _followed(schema, at, operation.source_type, whole=("const", "enum"))
            mapped = converted(operation, scalar)
            if mapped is None:
                raise at.fail("the mapping names no value that the schema allows")
            return mapped


def _object(schema: Json, at: _At) -> _Object:
    followed = _followed(schema, at, "object")
    rest = {name: value for name, value in followed.items() if name not in ("properties", "required")}
    return _Object(rest, dict(followed.get("properties", {})), list(followed.get("required", ())), at)


def _followed(schema: Json, at: _At, type_name: str, *, whole: tuple[str, ...] = ()) -> dict[str, Json]:
    """The schema with its reference written out, when it is one of values of that type and of nothing more."""
    followed = {} if schema is True else follow(at.root, schema)
    if not isinstance(followed, dict):
        raise at.fail("expected a schema, or a reference to one within this document,")
    for keyword in _WHOLE:
        if keyword in followed and keyword not in whole:
            raise at.below(keyword).fail("a lens cannot map this keyword")
    if not _may_be(type_name, followed):
        raise at.fail(f"expected the type {type_name}")
    return followed


def _may_be(type_name: str, schema: dict[str, Json]) -> bool:
    written = schema.get("type", type_name)
    types = written if isinstance(written, list) else [written]
    related = ("integer", "number") if type_name in ("integer", "number") else (type_name,)
    return any(name in types for name in related)
