"""What is different between two schema texts, for people: place, before and after. Whether it matters is not said here.

Any JSON will do. Lists are compared the way schemas mean them: ``required`` and ``enum`` are sets, and elements that
have a ``name`` (fields of an Avro record) are known by it, so that moving one is no change.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.canonical import canonical
from versiqiid.core.limits import pointer_token

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from versiqiid.core.canonical import Json

_SETS: Final = frozenset({"required", "enum", "symbols", "aliases"})


class What(StrEnum):
    """What happened at a place."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two texts.

    :ivar pointer: RFC 6901 pointer: into the old text for what is removed, into the new one for all else.
    :ivar before: None when added; ``after``: None when removed.
    """

    what: What
    pointer: str
    before: Json
    after: Json


def changes(old: Json, new: Json) -> tuple[Change, ...]:
    """Every difference, outermost first: what was added or removed as a whole is told once. Empty for equal values.

    :param old: within the document limits, as ``new``; numbers are equal by value, however they are written.
    """
    return tuple(_changes(old, new, ("", ""), ""))


def _changes(old: Json, new: Json, places: tuple[str, str], keyword: str) -> Iterator[Change]:
    """:param places: the pointers in the old and in the new text."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _members(old, new, places)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _elements(old, new, places, keyword)
    elif canonical(old) != canonical(new):
        yield Change(What.CHANGED, places[1], old, new)


def _members(old: dict[str, Json], new: dict[str, Json], places: tuple[str, str]) -> Iterator[Change]:
    for name, value in old.items():
        before, after = (place + pointer_token(name) for place in places)
        if name in new:
            yield from _changes(value, new[name], (before, after), name)
        else:
            yield Change(What.REMOVED, before, value, None)
    for name, value in new.items():
        if name not in old:
            yield Change(What.ADDED, places[1] + pointer_token(name), None, value)


def _elements(old: list[Json], new: list[Json], places: tuple[str, str], keyword: str) -> Iterator[Change]:
    before, after = _keys(old, keyword), _keys(new, keyword)
    if before is None or after is None:
        before, after = list(range(len(old))), list(range(len(new)))
    where = {key: index for index, key in enumerate(after)}
    for index, key in enumerate(before):
        place = places[0] + pointer_token(index)
        if key in where:
            other = where[key]
            yield from _changes(old[index], new[other], (place, places[1] + pointer_token(other)), "")
        else:
            yield Change(What.REMOVED, place, old[index], None)
    known = set(before)
    for index, key in enumerate(after):
        if key not in known:
            yield Change(What.ADDED, places[1] + pointer_token(index), None, new[index])


def _keys(values: Sequence[Json], keyword: str) -> list[Any] | None:
    """By what each element is known, or None where its position is all there is; so it is when two have one key."""
    if keyword in _SETS:
        keys: list[Any] = [canonical(value) for value in values]
    elif all(isinstance(value, dict) and isinstance(value.get("name"), str) for value in values):
        keys = [value["name"] for value in values]
    else:
        return None
    return keys if len(set(keys)) == len(keys) else None
