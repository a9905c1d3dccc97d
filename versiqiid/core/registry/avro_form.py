"""The one form of an Avro schema: names in full, attributes in order, no needless objects. What is valid, others judge.

After Avro's "Parsing Canonical Form"
(https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas), but with every
attribute that a registry has to keep apart: defaults, aliases, documentation, logical types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
_OF_OTHERS: Final = frozenset({"name", "namespace", "aliases", "fields", "items", "values", "symbols", "size"})
"""What a primitive type does not have; the library for Java drops it there."""

_FIRST: Final = ("type", "name", "namespace", "doc", "fields", "items", "values", "symbols", "size", "default")


def form_of(schema: Any, *, normal: bool) -> Any:
    """The schema in its one form.

    :param schema: JSON that is known to be an Avro schema.
    :param normal: whether attributes that Avro does not know are sorted, too.
    """
    return _form(schema, "", normal=normal)


def unwrapped(schema: Any) -> Any:
    """The schema with every ``{"type": "some.Name"}`` that says nothing else as that name.

    The library for Java takes them, and the one for Python takes them of primitive types only.
    """
    if isinstance(schema, list):
        return [unwrapped(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if set(schema) == {"type"} and isinstance(schema["type"], str):
        return schema["type"]
    told = {name: unwrapped(value) if name in ("type", "items", "values") else value for name, value in schema.items()}
    if isinstance(told.get("fields"), list):
        told["fields"] = [
            unwrapped(each) if isinstance(each, dict) and "name" in each else each for each in told["fields"]
        ]
    return told


def resolved(schema: Any, references: Sequence[Any]) -> Any:
    """The schema in its one form with what it refers to written out where it is named first.

    :param references: what it refers to, none of them using a later one.
    """
    known: dict[str, Any] = {}
    for each in (*references, schema):
        known |= named_in(form := form_of(each, normal=False))
    return _written_out(form, known, set())


def named_in(form: Any) -> dict[str, Any]:
    """Everything in the form that has a name of its own, by that name."""
    if isinstance(form, list):
        return {name: found for each in form for name, found in named_in(each).items()}
    if not isinstance(form, dict):
        return {}
    own = {form["name"]: form} if _is_named(form) else {}
    return own | {name: found for each in _parts(form) for name, found in named_in(each).items()}


def _written_out(form: Any, known: Mapping[str, Any], seen: set[str]) -> Any:
    """:param seen: what has been written out already; changed."""
    if isinstance(form, str):
        return _written_out(known[form], known, seen) if form in known and form not in seen else form
    if isinstance(form, list):
        return [_written_out(each, known, seen) for each in form]
    if not isinstance(form, dict):
        return form
    if _is_named(form):
        seen.add(form["name"])
    told = dict(form)
    for inside in ("items", "values") if _is_named(form) else ("type", "items", "values"):
        if inside in told:
            told[inside] = _written_out(told[inside], known, seen)
    if isinstance(told.get("fields"), list):
        told["fields"] = [
            {**each, "type": _written_out(each.get("type"), known, seen)} if isinstance(each, dict) else each
            for each in told["fields"]
        ]
    return told


def _is_named(form: dict[str, Any]) -> bool:
    kind = form.get("type")
    return isinstance(kind, str) and kind in _NAMED


def _parts(form: dict[str, Any]) -> list[Any]:
    """What may hold names: types, and the types of fields."""
    fields = form.get("fields")
    types = [each.get("type") for each in fields if isinstance(each, dict)] if isinstance(fields, list) else []
    return [form.get("type"), form.get("items"), form.get("values"), *types]


def _form(schema: Any, space: str, *, normal: bool) -> Any:
    if isinstance(schema, list):
        return [_form(branch, space, normal=normal) for branch in schema]
    if isinstance(schema, dict):
        return _object(schema, space, normal=normal)
    return _full(schema, space) if isinstance(schema, str) else schema


def _object(schema: dict[str, Any], space: str, *, normal: bool) -> Any:
    kind = schema.get("type")
    if isinstance(kind, str) and kind in PRIMITIVES:
        schema = {name: value for name, value in schema.items() if name not in _OF_OTHERS}
    if set(schema) == {"type"}:
        return _form(kind, space, normal=normal)
    told = dict(schema)
    if isinstance(kind, dict | list):
        told["type"] = _form(kind, space, normal=normal)
    elif kind in _NAMED:
        told["name"], space = _named(told, space)
        told.pop("namespace", None)
        if isinstance(told.get("aliases"), list):
            told["aliases"] = [_full(alias, space) for alias in told["aliases"] if isinstance(alias, str)]
    for inside in ("items", "values"):
        if inside in told:
            told[inside] = _form(told[inside], space, normal=normal)
    if isinstance(told.get("fields"), list):
        told["fields"] = [_field(each, space, normal=normal) for each in told["fields"]]
    return _sorted(told, normal=normal)


def _field(field: Any, space: str, *, normal: bool) -> Any:
    if not isinstance(field, dict):
        return field
    told = {**field, "type": _form(field.get("type"), space, normal=normal)}
    if told.get("order") == "ascending":
        del told["order"]
    return _sorted(told, normal=normal)


def _named(schema: dict[str, Any], space: str) -> tuple[str, str]:
    """The full name and the namespace of what stands inside."""
    name, own = str(schema.get("name", "")), schema.get("namespace")
    if "." in name:
        return name, name.rpartition(".")[0]
    space = own if isinstance(own, str) else space
    return _full(name, space), space


def _full(name: str, space: str) -> str:
    return name if name in PRIMITIVES or "." in name or not space else f"{space}.{name}"


def _sorted(told: dict[str, Any], *, normal: bool) -> dict[str, Any]:
    """What Avro knows comes first, in one order; the rest as it stood, or by name."""
    known = {name: told[name] for name in _FIRST if name in told}
    rest = [name for name in told if name not in known]
    return known | {name: _ordered(told[name]) if normal else told[name] for name in (sorted(rest) if normal else rest)}


def _ordered(value: Any) -> Any:
    """The value with the members of every object by name."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    return [_ordered(each) for each in value] if isinstance(value, list) else value
