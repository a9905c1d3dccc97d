"""Documents a little smaller than one: the steps on which a counterexample becomes minimal. It knows no schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.canonical import INTEGER_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json

ITEMS_MAX = 200
"""Elements of one array that are tried one by one. Arbitrary."""


def smaller(document: Json) -> Iterator[Json]:
    """Documents that are simpler in exactly one place, the boldest steps first. Following any of them again and again
    ends: each has fewer values, or a value that comes earlier in a fixed order. The input is never changed.
    """
    match document:
        case dict():
            yield from _members(document)
        case list():
            yield from _elements(document)
        case str() if document:
            yield from _texts(document)
        case bool():
            if document:
                yield False
        case int() | float() if document:
            yield from _numbers(document)
        case _:
            return


def _members(document: dict[str, Json]) -> Iterator[Json]:
    for name in document:
        yield {other: value for other, value in document.items() if other != name}
    for name, value in document.items():
        yield from ({**document, name: less} for less in smaller(value))


def _elements(document: list[Json]) -> Iterator[Json]:
    half = len(document) // 2
    if half > 1:
        yield document[:half]
        yield document[half:]
    for at in range(min(len(document), ITEMS_MAX)):
        yield [*document[:at], *document[at + 1 :]]
    for at in range(min(len(document), ITEMS_MAX)):
        yield from ([*document[:at], less, *document[at + 1 :]] for less in smaller(document[at]))


def _texts(text: str) -> Iterator[str]:
    yield ""
    if len(text) > 1:
        yield text[: len(text) // 2]
        yield text[:-1]
    if text != "a" * len(text):
        yield "a" * len(text)


def _numbers(number: float) -> Iterator[float]:
    yield 0
    if number < 0:
        yield -number
    if abs(number) > INTEGER_MAX:
        yield number / 2
        return
    if isinstance(number, float) and not number.is_integer():
        yield int(number)
    if abs(number) > 1:
        yield 1 if number > 0 else -1
        yield int(number / 2)
        yield int(number) - 1 if number > 0 else int(number) + 1
