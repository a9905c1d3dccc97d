"""The one form of an Avro schema: names in full, attributes in order, no needless objects. What is valid, others judge.

After Avro's "Parsing Canonical Form"
(https://avro.apache.org/docs/1.12.0/specification/#parsing-canonical-form-for-schemas), but with every
attribute that a registry has to keep apart: defaults, aliases, documentation, logical types.
"""

from __future__ import annotations

from typing import Any, Final

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAMED: Final = frozenset({"record", "error", "enum", "fixed"})
_FIRST: Final = ("type", "name", "namespace", "doc", "fields", "items", "values", "symbols", "size", "default")


def form_of(schema: Any, *, normal: bool) -> Any:
    """The schema in its one form.

    :param schema: JSON that is known to be an Avro schema.
    :param normal: whether attributes that Avro does not know are sorted, too.
    """
    return _form(schema, "", normal=normal)


def _form(schema: Any, space: str, *, normal: bool) -> Any:
    if isinstance(schema, list):
        return [_form(branch, space, normal=normal) for branch in schema]
    if isinstance(schema, dict):
        return _object(schema, space, normal=normal)
    return _full(schema, space) if isinstance(schema, str) else schema


def _object(schema: dict[str, Any], space: str, *, normal: bool) -> Any:
    kind = schema.get("type")
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
    return known | {name: told[name] for name in (sorted(rest) if normal else rest)}
