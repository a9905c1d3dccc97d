"""The documents at the edges of what a schema allows: each bound, member and alternative at least once.

Not their product but their sum: one place varies at a time, in the least document for what is optional, in the fullest
for the values. The number of documents is linear in the size of the schema, and bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.core.generate.flatten import identity
from versiqiid.core.generate.scalars import number_boundaries, string_boundaries
from versiqiid.core.generate.shapes import (
    ANYTHING,
    ITEMS_MAX,
    contained_of,
    elements_of,
    map_of,
    members_of,
    required_of,
    types_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.generate.flatten import Schemas

DEPTH_MAX = 12
"""Levels of values; below, nothing optional is made."""
WORK_MAX = 20_000
"""Values made for one schema, after which each place has only its first. Arbitrary: about a second."""
WHOLE_MAX = 3_000
PLACE_MAX = 24
"""Documents in all, and values of one place inside others. Arbitrary."""
ALTERNATIVES_MAX = 16
_FULL_ITEMS_MAX = 20


class Boundaries:
    """Makes the boundary values of schemas of one document."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._work = WORK_MAX

    def of(self, schema: Json) -> list[Json]:
        """Values at the edges of the schema, the least first; empty when none can be made."""
        return self._values(schema, DEPTH_MAX, WHOLE_MAX)

    def _values(self, schema: Json, depth: int, most: int) -> list[Json]:
        found: list[Json] = []
        seen: set[bytes] = set()
        if depth == 0:
            return found
        for plain in self._schemas.plains(schema, ALTERNATIVES_MAX):
            for value in self._of_plain(plain, depth):
                self._work -= 1
                key = identity(value)
                if key is not None and key not in seen:
                    seen.add(key)
                    found.append(value)
                if len(found) >= most or (self._work < 0 and found):
                    return found
        return found

    def _of_plain(self, plain: dict[str, Any], depth: int) -> Iterator[Json]:
        if "const" in plain:
            yield plain["const"]
            return
        if isinstance(plain.get("enum"), list):
            yield from plain["enum"]
            return
        told = [plain[name] for name in ("default",) if name in plain]
        examples = plain.get("examples")
        yield from told if "object" not in types_of(plain) else ()
        for type_name in types_of(plain):
            yield from self._of_type(type_name, plain, depth)
        if not types_of(plain):
            yield from ANYTHING
        yield from told
        yield from examples if isinstance(examples, list) else ()

    def _of_type(self, type_name: str, plain: dict[str, Any], depth: int) -> Iterable[Json]:
        match type_name:
            case "object":
                return self._objects(plain, depth)
            case "array":
                return self._arrays(plain, depth)
            case "string":
                return string_boundaries(plain)
            case "integer" | "number":
                return number_boundaries(plain, whole=type_name == "integer")
            case "boolean":
                return (False, True)
            case _:
                return (None,)

    def _objects(self, plain: dict[str, Any], depth: int) -> Iterator[Json]:
        members = {name: self._values(schema, depth - 1, PLACE_MAX) for name, schema in members_of(plain).items()}
        required = required_of(plain)
        if any(not members.get(name) for name in required):
            return
        least = {name: members[name][0] for name in required}
        filler = [(name, v[0]) for name, schema in map_of(plain) if (v := self._values(schema, depth - 1, PLACE_MAX))]
        for name, value in filler:
            if len(least) >= min(int(plain.get("minProperties", 0)), ITEMS_MAX):
                break
            least[name] = value
        full = least | {name: values[0] for name, values in members.items() if values}
        yield least
        yield self._completed(plain, full, members)
        for name, values in members.items():
            if name not in required and values:
                yield self._completed(plain, {**least, name: values[0]}, members)
                yield {other: value for other, value in full.items() if other != name}
        for name, values in members.items():
            for value in values:
                yield {**full, name: value}
                yield self._completed(plain, {**least, name: value}, members)
        yield from self._maps(plain, least, depth)

    @staticmethod
    def _completed(plain: dict[str, Any], document: dict[str, Json], members: dict[str, list[Json]]) -> dict[str, Json]:
        """With what ``dependentRequired`` demands now that a member is there."""
        needed = [name for name in required_of(plain, document) if name not in document and members.get(name)]
        return document | {name: members[name][0] for name in needed}

    def _maps(self, plain: dict[str, Any], least: dict[str, Json], depth: int) -> Iterator[Json]:
        entries = map_of(plain)
        values = {name: self._values(schema, depth - 1, PLACE_MAX) for name, schema in entries}
        firsts = {name: each[0] for name, each in values.items() if each}
        if firsts:
            yield {**firsts, **least}
        for name, each in values.items():
            for value in each:
                yield {**least, name: value}

    def _arrays(self, plain: dict[str, Any], depth: int) -> Iterator[Json]:
        """Arrays; where elements must differ, those in which they do."""
        distinct = bool(plain.get("uniqueItems"))
        for made in self._any_arrays(plain, depth, distinct=distinct):
            if not distinct or len({identity(item) for item in made}) == len(made):
                yield made

    def _any_arrays(self, plain: dict[str, Any], depth: int, *, distinct: bool) -> Iterator[list[Json]]:
        first, rest = elements_of(plain)
        leading = [self._values(schema, depth - 1, PLACE_MAX) for schema in first]
        further = self._values(rest, depth - 1, PLACE_MAX) if rest is not False else []
        least, most = int(plain.get("minItems", 0)), int(plain.get("maxItems", ITEMS_MAX))
        head = [values[0] for values in leading if values][:most]
        wanted, count = contained_of(plain)
        head += (self._values(wanted, depth - 1, PLACE_MAX)[:1] if count else []) * count
        needed = max(0, min(least, ITEMS_MAX) - len(head))
        if needed and not further:
            yield head
            return
        base = [*head, *(further[at % len(further) if distinct else 0] for at in range(needed))]
        if least == 0 and not count:
            yield []
        yield base
        for at, values in enumerate(leading[: len(head)]):
            yield from ([*base[:at], value, *base[at + 1 :]] for value in values)
        if len(base) < most:
            yield from ([*base, value] for value in further)
        elif len(base) > len(head):
            yield from ([*base[:-1], value] for value in further)
        if further and len(base) + 1 < most:
            room = min(most - len(base), len(further), _FULL_ITEMS_MAX)
            yield [*base, *further[:room]]
            yield [*base, *reversed(further[:room])]
        if further and most <= _FULL_ITEMS_MAX and not distinct:
            yield [*base, *(further[at % len(further)] for at in range(most - len(base)))]
