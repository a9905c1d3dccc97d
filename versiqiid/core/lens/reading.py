"""Lenses from JSON and back. Everything that can be known to be wrong without a document is refused here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from versiqiid.core.lens import operations as op
from versiqiid.core.lens.operations import EMPTY, SCALARS, TYPES, is_type, operation_name, same, scalar_text
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

DEPTH_MAX = 50
"""Lenses within lenses. Arbitrary: a document has 100 levels at most, and two of them hold one lens."""


def parse_lens(value: Json) -> op.Lens:
    """The lens that this JSON describes.

    :raises InvalidInput: it describes none; the message names the operation by its index (``2.0`` is the first one of
        the lens in the third) and the field.
    """
    return _lens(value, "")


def lens_to_json(lens: op.Lens) -> list[Json]:
    """The JSON that :func:`parse_lens` reads as this lens, every default spelt out."""
    return [{operation_name(operation): _fields(operation)} for operation in lens]


def _lens(value: Json, where: str) -> op.Lens:
    if not isinstance(value, list):
        raise InvalidInput(f"{_place(where)} must be an array of operations")
    if where.count(".") >= DEPTH_MAX:
        raise InvalidInput(f"lenses are nested more than {DEPTH_MAX} deep")
    return tuple(_operation(item, f"{where}{index}") for index, item in enumerate(value))


def _operation(value: Json, where: str) -> op.Operation:
    if not isinstance(value, dict) or len(value) != 1:
        raise InvalidInput(
            f"lens operation {where} must be an object with exactly one name, the operation",
            hint='as in {"rename": {"source": "a", "destination": "b"}}',
        )
    ((name, fields),) = value.items()
    if name not in _READERS:
        raise InvalidInput(
            f"lens operation {where}: {name[:80]!r} is none of {', '.join(_READERS)}", hint="correct the name"
        )
    required, optional, read = _READERS[name]
    if not isinstance(fields, dict):
        raise _wrong(where, name, f"must be an object with {', '.join(required)}")
    for field in fields:
        if field not in required and field not in optional:
            raise _wrong(where, name, f"unknown field {field[:80]!r}")
    for field in required:
        if field not in fields:
            raise _wrong(where, name, f"field {field!r} is missing")
        if field in ("name", "host", "source", "destination") and not isinstance(fields[field], str):
            raise _wrong(where, name, f"field {field!r} must be a string")
    return read(fields, where)


def _rename(fields: dict[str, Json], where: str) -> op.Rename:
    if fields["source"] == fields["destination"]:
        raise _wrong(where, "rename", "'source' and 'destination' must differ")
    return op.Rename(fields["source"], fields["destination"])


def _add(fields: dict[str, Json], where: str) -> op.Add:
    return op.Add(fields["name"], *_typed(fields, where, "add"))


def _remove(fields: dict[str, Json], where: str) -> op.Remove:
    return op.Remove(fields["name"], *_typed(fields, where, "remove"))


def _typed(fields: dict[str, Json], where: str, name: str) -> tuple[tuple[str, ...], Json]:
    written = fields["type"]
    types = tuple(written) if isinstance(written, list) else (written,)
    if not types or not all(item in TYPES for item in types) or len(set(types)) != len(types):
        raise _wrong(where, name, f"'type' must be one or several of {', '.join(TYPES)}")
    default = fields.get("default", None if "null" in types else EMPTY[types[0]])
    if not any(is_type(default, item) for item in types):
        raise _wrong(where, name, "'default' must be of the type")
    return types, default


def _hoist(fields: dict[str, Json], where: str) -> op.Hoist:
    return op.Hoist(*_hosted(fields, where, "hoist"))


def _plunge(fields: dict[str, Json], where: str) -> op.Plunge:
    return op.Plunge(*_hosted(fields, where, "plunge"))


def _hosted(fields: dict[str, Json], where: str, name: str) -> tuple[str, str]:
    if fields["host"] == fields["name"]:
        raise _wrong(where, name, "'host' and 'name' must differ")
    return fields["host"], fields["name"]


def _wrap(fields: dict[str, Json], _where: str) -> op.Wrap:
    return op.Wrap(fields["name"])


def _head(fields: dict[str, Json], _where: str) -> op.Head:
    return op.Head(fields["name"])


def _in(fields: dict[str, Json], where: str) -> op.In:
    return op.In(fields["name"], _lens(fields["lens"], where + "."))


def _map(fields: dict[str, Json], where: str) -> op.Map:
    return op.Map(_lens(fields["lens"], where + "."))


def _convert(fields: dict[str, Json], where: str) -> op.Convert:
    source_type, destination_type = fields["sourceType"], fields["destinationType"]
    for field in ("sourceType", "destinationType"):
        if fields[field] not in SCALARS:
            raise _wrong(where, "convert", f"{field!r} must be one of {', '.join(SCALARS)}")
    mapping = fields["mapping"]
    if not isinstance(mapping, list) or len(mapping) != 2 or not all(isinstance(way, dict) for way in mapping):  # noqa: PLR2004
        raise _wrong(where, "convert", "'mapping' must be an array of two objects, the way up and the way down")
    up = _way(mapping[0], source_type, destination_type, where, "up")
    down = _way(mapping[1], destination_type, source_type, where, "down")
    return op.Convert(fields["name"], up, down, source_type, destination_type)


def _way(way: dict[str, Json], frm: str, to: str, where: str, name: str) -> dict[str, Json]:
    """One direction of a mapping, its names in their one form, so that ``"1.0"`` and ``"1"`` cannot both stand."""
    read: dict[str, Json] = {}
    for at, (text, image) in enumerate(way.items()):
        value = _scalar(text, frm)
        if value is _NONE:
            raise _wrong(
                where, "convert", f"mapping {name}, entry {at}: its name must be the text of a value of type {frm}"
            )
        if not is_type(image, to):
            raise _wrong(where, "convert", f"mapping {name}, entry {at}: its value must be of type {to}")
        if scalar_text(value) in read and not same(read[scalar_text(value)], image):
            raise _wrong(where, "convert", f"mapping {name}, entry {at}: the same value stands there twice")
        read[scalar_text(value)] = image
    return read


_NONE = object()


def _scalar(text: str, type_name: str) -> Any:
    """The value that a mapping's name stands for, ``_NONE`` when it is none of the type."""
    if type_name == "string":
        return text
    try:
        value = json.loads(text, parse_constant=lambda _: _NONE)
    except (ValueError, RecursionError):
        return _NONE
    return value if value is not _NONE and is_type(value, type_name) else _NONE


def _fields(operation: op.Operation) -> dict[str, Json]:  # noqa: PLR0911 - one return for each shape
    match operation:
        case op.Rename(source, destination):
            return {"source": source, "destination": destination}
        case op.Add(name, types, default) | op.Remove(name, types, default):
            return {"name": name, "type": list(types) if len(types) > 1 else types[0], "default": default}
        case op.Hoist(host, name) | op.Plunge(host, name):
            return {"host": host, "name": name}
        case op.Wrap(name) | op.Head(name):
            return {"name": name}
        case op.In(name, lens):
            return {"name": name, "lens": lens_to_json(lens)}
        case op.Map(lens):
            return {"lens": lens_to_json(lens)}
        case op.Convert(name, up, down, source_type, destination_type):
            return {
                "name": name,
                "mapping": [dict(up), dict(down)],
                "sourceType": source_type,
                "destinationType": destination_type,
            }


def _wrong(where: str, name: str, expected: str) -> InvalidInput:
    return InvalidInput(f"lens operation {where} ({name}): {expected}", hint="see the table of lens operations")


def _place(where: str) -> str:
    return f"'lens' of lens operation {where.removesuffix('.')}" if where else "a lens"


_Reader = Callable[[dict[str, Any], str], op.Operation]

_READERS: dict[str, tuple[tuple[str, ...], tuple[str, ...], _Reader]] = {
    "rename": (("source", "destination"), (), _rename),
    "add": (("name", "type"), ("default",), _add),
    "remove": (("name", "type"), ("default",), _remove),
    "hoist": (("host", "name"), (), _hoist),
    "plunge": (("host", "name"), (), _plunge),
    "wrap": (("name",), (), _wrap),
    "head": (("name",), (), _head),
    "in": (("name", "lens"), (), _in),
    "map": (("lens",), (), _map),
    "convert": (("name", "mapping", "sourceType", "destinationType"), (), _convert),
}
