"""The operations of a lens as values. What they do is told in the door and done by the modules beside this one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from versiqiid.core.canonical import Json

SCALARS = ("string", "number", "integer", "boolean", "null")
TYPES = (*SCALARS, "array", "object")
"""The type names of JSON Schema (2020-12, validation, section 6.1.1)."""

EMPTY: dict[str, Json] = {
    "string": "",
    "number": 0,
    "integer": 0,
    "boolean": False,
    "null": None,
    "array": [],
    "object": {},
}


@dataclass(frozen=True, slots=True)
class Rename:
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Add:
    """:ivar types: JSON Schema type names, one or several."""

    name: str
    types: tuple[str, ...]
    default: Json


@dataclass(frozen=True, slots=True)
class Remove:
    """:ivar types: and ``default``: what the inverse adds."""

    name: str
    types: tuple[str, ...]
    default: Json


@dataclass(frozen=True, slots=True)
class Hoist:
    host: str
    name: str


@dataclass(frozen=True, slots=True)
class Plunge:
    host: str
    name: str


@dataclass(frozen=True, slots=True)
class Wrap:
    name: str


@dataclass(frozen=True, slots=True)
class Head:
    name: str


@dataclass(frozen=True, slots=True)
class In:
    name: str
    lens: Lens


@dataclass(frozen=True, slots=True)
class Map:
    lens: Lens


@dataclass(frozen=True, slots=True)
class Convert:
    """:ivar up: value as text (see :func:`scalar_text`) to new value; ``down``: the way back, likewise.

    :ivar source_type: and ``destination_type``: one scalar type each.
    """

    name: str
    up: Mapping[str, Json] = field(hash=False)
    down: Mapping[str, Json] = field(hash=False)
    source_type: str
    destination_type: str


Operation: TypeAlias = Rename | Add | Remove | Hoist | Plunge | Wrap | Head | In | Map | Convert
Lens: TypeAlias = tuple[Operation, ...]
"""Operations, applied in order."""


def operation_name(operation: Operation) -> str:
    """The word that the operation has in JSON."""
    return type(operation).__name__.lower()


def is_type(value: Json, type_name: str) -> bool:
    """Whether the value is of that JSON Schema type; ``1.0`` is an integer there (2020-12, core, section 4.2.3)."""
    return _PREDICATES[type_name](value)


def scalar_text(value: Json) -> str:
    """The one text by which a mapping names a scalar: a string as it is, anything else as JSON, ``1.0`` as ``1``."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


def same(a: Json, b: Json) -> bool:
    """Equal as JSON scalars: ``true`` is not ``1``, ``1`` is ``1.0``."""
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def is_lossy(convert: Convert) -> bool:
    """Whether some value that goes up does not come down as itself: two share an image, or the way back differs."""
    return any(
        scalar_text(image) not in convert.down or scalar_text(convert.down[scalar_text(image)]) != text
        for text, image in convert.up.items()
    )


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Json) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


_PREDICATES: dict[str, Callable[[Json], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": _is_number,
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
