"""Random values that should fit a schema. Chance comes from the dice alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.core.generate.flatten import identity
from versiqiid.core.generate.scalars import number, string
from versiqiid.core.generate.shapes import (
    ANYTHING,
    ITEMS_MAX,
    additional_of,
    contained_of,
    elements_of,
    map_of,
    members_of,
    required_of,
    types_of,
)

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.generate.dice import Dice
    from versiqiid.core.generate.flatten import Schemas

DEPTH_MAX = 12
"""Levels of values; from half of it on, nothing optional is made."""
VALUES_MAX = 1_000
"""Values of one document, after which nothing optional is made. Arbitrary."""
_ITEMS_USUAL = 4
_TRIES = 8


class Samples:
    """Makes random values of schemas of one document.

    :param extras: names of members that an object which is merely open may get in addition.
    """

    def __init__(self, schemas: Schemas, dice: Dice, extras: tuple[str, ...] = ()) -> None:
        self._schemas = schemas
        self._dice = dice
        self._extras = extras
        self._left = 0

    def of(self, schema: Json) -> Json:
        """One value. Where the schema allows none, null."""
        self._left = VALUES_MAX
        return self._value(schema, DEPTH_MAX)

    def _value(self, schema: Json, depth: int) -> Json:
        self._left -= 1
        dice = self._dice
        plain = self._schemas.plain(schema, dice.below) if depth and self._left > -ITEMS_MAX else None
        if plain is None:
            return None
        if "const" in plain:
            return plain["const"]
        for keyword, often in (("enum", 1), ("examples", 8)):
            if isinstance(plain.get(keyword), list) and plain[keyword] and dice.one_in(often):
                return dice.pick(plain[keyword])
        if "default" in plain and dice.one_in(4):
            return plain["default"]
        types = types_of(plain)
        return self._typed(dice.pick(types), plain, depth) if types else dice.pick(ANYTHING)

    def _typed(self, type_name: str, plain: dict[str, Any], depth: int) -> Json:
        match type_name:
            case "object":
                return self._object(plain, depth)
            case "array":
                return self._array(plain, depth)
            case "string":
                return string(plain, self._dice)
            case "integer" | "number":
                return number(plain, self._dice, whole=type_name == "integer")
            case "boolean":
                return self._dice.one_in(2)
            case _:
                return None

    def _sparing(self, depth: int) -> bool:
        return self._left <= 0 or depth * 2 <= DEPTH_MAX

    def _object(self, plain: dict[str, Any], depth: int) -> Json:
        dice = self._dice
        members = members_of(plain)
        required = required_of(plain)
        sparing = self._sparing(depth)
        made: dict[str, Json] = {}
        for name, schema in members.items():
            if name in required or (not sparing and dice.one_in(2)):
                made[name] = self._value(schema, depth - 1)
        for name in required_of(plain, made):
            if name not in made:
                made[name] = self._value(members.get(name, True), depth - 1)
        self._add_entries(plain, made, depth, sparing=sparing)
        if self._extras and additional_of(plain) is True and dice.one_in(3):
            made.setdefault(dice.pick(self._extras), dice.pick(ANYTHING))
        return made

    def _add_entries(self, plain: dict[str, Any], made: dict[str, Json], depth: int, *, sparing: bool) -> None:
        entries = map_of(plain)
        least = min(int(plain.get("minProperties", 0)), ITEMS_MAX)
        for at in range(len(entries)):
            name, schema = entries[at] if sparing else self._dice.pick(entries)
            if name not in made and (len(made) < least or (not sparing and self._dice.one_in(2))):
                made[name] = self._value(schema, depth - 1)

    def _element(self, schema: Json, depth: int, others: list[Json], plain: dict[str, Any]) -> Json:
        """One element, another one than those before where they must differ and enough of them are found."""
        value = self._value(schema, depth - 1)
        if plain.get("uniqueItems"):
            known = {identity(other) for other in others}
            for _ in range(_TRIES):
                if identity(value) not in known:
                    break
                value = self._value(schema, depth - 1)
        return value

    def _array(self, plain: dict[str, Any], depth: int) -> Json:
        first, rest = elements_of(plain)
        least, most = int(plain.get("minItems", 0)), int(plain.get("maxItems", ITEMS_MAX))
        usual = 0 if self._sparing(depth) else _ITEMS_USUAL
        length = self._dice.between(min(least, ITEMS_MAX), max(min(least, ITEMS_MAX), min(most, least + usual)))
        if rest is False:
            length = min(length, len(first))
        made: list[Json] = []
        for at in range(length):
            made.append(self._element(first[at] if at < len(first) else rest, depth, made, plain))
        wanted, count = contained_of(plain)
        for at in range(count):
            made[at : at + 1] = [self._value(wanted, depth - 1)]
        return made
