"""Whether the defaults of an Avro schema are values of their fields' types; the avro library does not look at them.

Rules: https://avro.apache.org/docs/1.12.0/specification/#schema-record (the table of field defaults), and as the
library for Java has it, a union's default may be a value of any of its branches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

_INT: Final = 1 << 31
_LONG: Final = 1 << 63


def _whole(value: Any, limit: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_PLAIN: Final[Mapping[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "int": lambda value: _whole(value, _INT),
    "long": lambda value: _whole(value, _LONG),
    "float": _is_number,
    "double": _is_number,
    "bytes": _is_text,
    "string": _is_text,
    "enum": _is_text,
    "fixed": _is_text,
}


def wrong_default(form: Any, known: Mapping[str, Any], pointer: str = "") -> str | None:
    """The RFC 6901 pointer of the first default that is no value of its type, None where all are.

    :param form: a schema in its one form. :param known: what every name stands for, in the same form.
    """
    if isinstance(form, list):
        parts = [(each, f"{pointer}/{at}") for at, each in enumerate(form)]
    elif isinstance(form, dict):
        parts = [(form[inside], f"{pointer}/{inside}") for inside in ("type", "items", "values") if inside in form]
        for at, field in enumerate(form.get("fields") or ()):
            place = f"{pointer}/fields/{at}"
            if "default" in field and not _fits(field["default"], field.get("type"), known):
                return f"{place}/default"
            parts.append((field.get("type"), f"{place}/type"))
    else:
        return None
    found = (wrong_default(part, known, place) for part, place in parts if isinstance(part, dict | list))
    return next((each for each in found if each is not None), None)


def _fits(value: Any, kind: Any, known: Mapping[str, Any]) -> bool:
    if isinstance(kind, list):
        return any(_fits(value, branch, known) for branch in kind)
    if isinstance(kind, str):
        return _PLAIN[kind](value) if kind in _PLAIN else kind not in known or _fits(value, known[kind], known)
    return not isinstance(kind, dict) or _fits_in(value, kind, known)


def _fits_in(value: Any, kind: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    match kind.get("type"):
        case "array":
            return isinstance(value, list) and all(_fits(each, kind.get("items"), known) for each in value)
        case "map":
            return isinstance(value, dict) and all(_fits(each, kind.get("values"), known) for each in value.values())
        case "record" | "error":
            return isinstance(value, dict) and all(_has(value, field, known) for field in kind.get("fields") or ())
        case other:
            return _fits(value, other, known)


def _has(value: dict[str, Any], field: Any, known: Mapping[str, Any]) -> bool:
    if field.get("name") in value:
        return _fits(value[field["name"]], field.get("type"), known)
    return "default" in field
