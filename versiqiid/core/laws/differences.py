"""Where two documents differ, as places of the first. Equal means equal as JSON: ``1.0`` is ``1``, ``true`` is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core.canonical import canonical
from versiqiid.core.limits import pointer_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from versiqiid.core.canonical import Json


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that is not the same.

    :ivar pointer: RFC 6901, of the first document; of the second where ``kind`` is ``added``.
    :ivar place: the pointer up to the first array on the way: how a declared loss names it.
    :ivar kind: ``gone`` | ``changed`` | ``added``.
    :ivar lost: what stood there in the first document; None where nothing did.
    """

    pointer: str
    place: str
    kind: str
    lost: Json = None

    def within(self, pointers: Iterable[str]) -> bool:
        """Whether the place is one of these, or below one."""
        return any(
            mine == pointer or mine.startswith(pointer + "/")
            for pointer in pointers
            for mine in (self.pointer, self.place)
        )


def differences(first: Json, second: Json) -> tuple[Difference, ...]:
    """Every difference at its deepest place, in the order of the first document; empty when the two are equal.

    Objects are compared member by member, arrays of one length element by element; arrays of different lengths are one
    difference. Both documents are within the document limits.
    """
    return () if same(first, second) else tuple(_between(first, second, "", None))


def _between(first: Json, second: Json, pointer: str, place: str | None) -> Iterator[Difference]:
    if isinstance(first, dict) and isinstance(second, dict):
        yield from _members(first, second, pointer, place)
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        here = pointer if place is None else place
        for index, (one, other) in enumerate(zip(first, second, strict=True)):
            yield from _between(one, other, pointer + pointer_token(index), here)
    elif not same(first, second):
        yield Difference(pointer, pointer if place is None else place, "changed", first)


def _members(first: dict[str, Json], second: dict[str, Json], pointer: str, place: str | None) -> Iterator[Difference]:
    for name, value in first.items():
        at = pointer + pointer_token(name)
        if name in second:
            yield from _between(value, second[name], at, place)
        else:
            yield Difference(at, at if place is None else place, "gone", value)
    for name in second:
        if name not in first:
            at = pointer + pointer_token(name)
            yield Difference(at, at if place is None else place, "added")


def same(first: Json, second: Json) -> bool:
    """Whether the two are one JSON value."""
    return canonical(first) == canonical(second)
