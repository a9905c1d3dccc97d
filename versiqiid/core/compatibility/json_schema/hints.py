"""What two schemas mention: the values at which documents are likely to fall on one side or the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from versiqiid.core.canonical import INTEGER_MAX, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from versiqiid.core.canonical import Json

_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS: Final = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_NAMES: Final = ("properties", "dependencies", "dependentRequired", "dependentSchemas")
_EACH_MAX: Final = 40  # of a kind; arbitrary: more hints only make the search longer
_LENGTH_MAX: Final = 300  # characters or elements that are really written out
_ONE_OF_EACH: Final[tuple[Json, ...]] = ("", 0, 1.5, True, None, [], {})


@dataclass(frozen=True, slots=True)
class Hints:
    """Values worth trying, each once, in the order in which the schemas mention them.

    :ivar names: of properties.
    :ivar values: scalars and small values of every type.
    :ivar counts: lengths at and just beside the limits.
    """

    names: tuple[str, ...]
    values: tuple[Json, ...]
    counts: tuple[int, ...]


def hints_of(*schemas: Json) -> Hints:
    """What these schemas mention."""
    names: list[str] = []
    values: list[Json] = []
    counts: list[int] = []
    for schema in schemas:
        for part in _objects(schema):
            names.extend(_names(part))
            values.extend(_values(part))
            counts.extend(near for key in _COUNTS for near in _near(part.get(key)) if isinstance(near, int))
    return Hints(
        tuple(dict.fromkeys(names))[:_EACH_MAX],
        _distinct((*_ONE_OF_EACH, *values))[:_EACH_MAX],
        tuple(dict.fromkeys(count for count in counts if 0 <= count <= _LENGTH_MAX))[:_EACH_MAX],
    )


def _objects(schema: Json) -> Iterator[dict[str, Json]]:
    stack = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack.extend(reversed(value.values()))
        elif isinstance(value, list):
            stack.extend(reversed(value))


def _names(part: dict[str, Json]) -> Iterator[str]:
    for keyword in _NAMES:
        value = part.get(keyword)
        if isinstance(value, dict):
            yield from value
    required = part.get("required")
    if isinstance(required, list):
        yield from (name for name in required if isinstance(name, str))


def _values(part: dict[str, Json]) -> Iterator[Json]:
    if isinstance(part.get("enum"), list):
        yield from part["enum"]
    for keyword in ("const", "default"):
        if keyword in part:
            yield part[keyword]
    for keyword in _NUMBERS:
        yield from _near(part.get(keyword))
    for keyword in ("minLength", "maxLength"):
        yield from ("x" * int(near) for near in _near(part.get(keyword)) if 0 <= near <= _LENGTH_MAX)


def _near(limit: Json) -> Iterator[float]:
    """The limit, just inside and just outside, whole and not."""
    if not isinstance(limit, int | float) or isinstance(limit, bool) or abs(limit) >= INTEGER_MAX - 1:
        return
    yield limit
    yield from (limit - 1, limit + 1)
    if isinstance(limit, float):
        yield from (limit / 2, limit * 2)


def _distinct(values: Iterable[Json]) -> tuple[Json, ...]:
    kept: dict[bytes, Json] = {}
    for value in values:
        kept.setdefault(canonical(value), value)
    return tuple(kept.values())
