"""Small changes to a document: to find one beside it that the schemas judge otherwise, or a smaller one that they judge
alike. Documents are never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.compatibility.json_schema.hints import Hints

_SIMPLE: Final[tuple[Json, ...]] = (None, False, 0, "", [], {})
_SHRINK_MAX: Final = 400  # documents tried while one is made smaller; arbitrary
_PLACES_MAX: Final = 200  # places of one document that are changed

_Path = tuple[str | int, ...]


def neighbours(document: Json, hints: Hints) -> Iterator[Json]:
    """Documents that differ in one place: another value, a member or an element more or less."""
    for path, value in _places(document):
        if path:
            yield _without(document, path)
        if isinstance(value, dict):
            yield from (
                _with(document, (*path, name), other) for name in hints.names if name not in value for other in _SIMPLE
            )
            yield _with(document, (*path, "other"), 0)
        elif isinstance(value, list):
            yield _with(document, path, [*value, *value[-1:]])
            yield from (_with(document, path, [*value, other]) for other in _SIMPLE)
        elif isinstance(value, str):
            yield _with(document, path, value + "x")
            yield _with(document, path, value[:-1])
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield from (_with(document, path, value + step) for step in (1, -1, 0.5))
        yield from (_with(document, path, other) for other in hints.values)


def shrink(document: Json, still: Callable[[Json], bool]) -> Json:
    """A document as small as taking things away one by one makes it, of which ``still`` holds as it did."""
    tries = _SHRINK_MAX
    smaller = True
    while smaller:
        smaller = False
        for candidate in _smaller(document):
            tries -= 1
            if tries < 0:
                return document
            if still(candidate):
                document, smaller = candidate, True
                break
    return document


def _smaller(document: Json) -> Iterator[Json]:
    for path, value in _places(document):
        if path:
            yield _without(document, path)
        if isinstance(value, str) and value:
            yield _with(document, path, value[: len(value) // 2])
            yield _with(document, path, value[:-1])
        if isinstance(value, dict | list) and value:
            yield _with(document, path, type(value)())


def _places(document: Json) -> Iterator[tuple[_Path, Json]]:
    """Every value and the way to it, level by level."""
    level: list[tuple[_Path, Json]] = [((), document)]
    left = _PLACES_MAX
    while level:
        below: list[tuple[_Path, Json]] = []
        for path, value in level:
            left -= 1
            if left < 0:
                return
            yield path, value
            if isinstance(value, dict):
                below.extend(((*path, name), member) for name, member in value.items())
            elif isinstance(value, list):
                below.extend(((*path, index), member) for index, member in enumerate(value))
        level = below


def _with(document: Json, path: _Path, value: Json) -> Json:
    if not path:
        return value
    copy = document.copy()
    if len(path) == 1:
        copy[path[0]] = value
    else:
        copy[path[0]] = _with(document[path[0]], path[1:], value)
    return copy


def _without(document: Json, path: _Path) -> Json:
    copy = document.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = _without(document[path[0]], path[1:])
    return copy
