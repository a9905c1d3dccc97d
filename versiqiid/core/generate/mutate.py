"""Documents changed a little: what happens to real ones. It knows no schema, so some results fit none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from versiqiid.core.canonical import Json
    from versiqiid.core.generate.dice import Dice

    Path = tuple[str | int, ...]

PLACES_MAX = 5_000
"""Places of a document that a change may hit. Arbitrary."""

_NUMBERS = (0, 1, -1, 2, 10, 0.5, 1000)
_TEXTS = ("", "a", "text", "é", "0", "a/b~c")


def mutate(document: Json, dice: Dice, others: Sequence[Json] = ()) -> Json:
    """The document with one to three small changes; the input is never changed.

    A member or element goes, elements swap or double, a number moves by one, a text or boolean becomes another, or a
    part comes from the same place of another document.

    :param others: documents to take parts from.
    """
    for _ in range(1 + dice.below(3)):
        places = list(_places(document))
        path = dice.pick(places)
        if others and dice.one_in(2):
            document = _spliced(document, path, dice.pick(others))
        else:
            document = _put(document, path, _changed(_at(document, path), dice))
    return document


def _places(document: Json) -> Iterator[Path]:
    waiting: list[tuple[Path, Json]] = [((), document)]
    count = 0
    while waiting and count < PLACES_MAX:
        path, value = waiting.pop()
        count += 1
        yield path
        if isinstance(value, dict):
            waiting.extend(((*path, name), member) for name, member in value.items())
        elif isinstance(value, list):
            waiting.extend(((*path, index), item) for index, item in enumerate(value))


def _changed(value: Json, dice: Dice) -> Json:
    match value:
        case bool():
            return not value
        case int() | float():
            return dice.pick(_NUMBERS) if dice.one_in(3) else value + dice.pick((1, -1))
        case str():
            return dice.pick((*_TEXTS, value + "x", value[:-1]))
        case list() if value:
            return _array(value, dice)
        case dict() if value:
            gone = dice.pick(list(value))
            return {name: member for name, member in value.items() if name != gone}
        case _:
            return value


def _array(value: list[Json], dice: Dice) -> list[Json]:
    at = dice.below(len(value))
    match dice.below(3):
        case 0:
            return [*value[:at], *value[at + 1 :]]
        case 1:
            return [*value, value[at]]
        case _:
            return [*value[at:], *value[:at]]


def _spliced(document: Json, path: Path, other: Json) -> Json:
    """With what stands at that place of the other document, or without it where there is nothing."""
    try:
        return _put(document, path, _at(other, path))
    except (KeyError, IndexError, TypeError):
        return document


def _at(document: Json, path: Path) -> Json:
    for step in path:
        document = document[step]
    return document


def _put(document: Json, path: Path, value: Json) -> Json:
    """A copy of the containers on the way, with the value at its end."""
    if not path:
        return value
    step, *rest = path
    if isinstance(document, dict):
        return {**document, step: _put(document[step], tuple(rest), value)}
    return [_put(item, tuple(rest), value) if index == step else item for index, item in enumerate(document)]
