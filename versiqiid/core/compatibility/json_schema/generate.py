"""Documents for a schema, made up from what it says and from what both schemas of a pair mention. Bounded: of every
subschema a handful of values, chosen to lie at its limits. None of them is known to fit: the schemas decide that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, Final

from versiqiid.core.canonical import canonical
from versiqiid.core.compatibility.json_schema.model import SUMS, Kind, Node
from versiqiid.core.compatibility.json_schema.objects import required
from versiqiid.core.compatibility.json_schema.texts import of_format, of_pattern
from versiqiid.core.limits import DOCUMENT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.compatibility.json_schema.hints import Hints

_VALUES_MAX: Final = 24  # of one subschema
_WIDE_MAX: Final = 120  # of the root, where all of them are tried
_BYTES_MAX: Final = 2_000  # of a value inside a document: recursive schemas would double it at every level
_DEPTH_MAX: Final = 5  # levels at which a subschema still gets more than the simplest values
_NAMES_MAX: Final = 12  # properties that a schema does not name and a document gets all the same
_LENGTH_MAX: Final = 300
_FEW_ELEMENTS: Final = 8
_FEW: Final[dict[Kind, tuple[Json, ...]]] = {
    Kind.STRING: ("",),
    Kind.NUMBER: (0,),
    Kind.BOOLEAN: (True, False),
    Kind.NULL: (None,),
    Kind.OBJECT: ({},),
    Kind.ARRAY: ([],),
    Kind.NEVER: (),
}
_OTHER_TYPE: Final = {
    Kind.STRING: (0, None),
    Kind.NUMBER: ("", None),
    Kind.OBJECT: ("", 0),
    Kind.ARRAY: ("", 0),
}


@dataclass(slots=True)
class Generator:
    """Makes values for nodes, each node's once per level."""

    hints: Hints
    _made: dict[tuple[Node, int], tuple[Json, ...]] = field(default_factory=dict)

    def documents(self, root: Node) -> tuple[Json, ...]:
        """Documents for the whole schema, simple ones first."""
        return tuple(islice(_distinct(self._values(root, 0)), _WIDE_MAX))

    def _of(self, node: Node | None, depth: int) -> tuple[Json, ...]:
        if node is None:
            return self.hints.values
        if depth > _DEPTH_MAX:
            return _simplest(node)
        key = (node, depth)
        if key not in self._made:
            self._made[key] = _simplest(node)  # a reference that leads back here without going deeper
            self._made[key] = tuple(islice(_distinct(self._values(node, depth), _BYTES_MAX), _VALUES_MAX))
        return self._made[key]

    def _values(self, node: Node, depth: int) -> Iterator[Json]:
        match node.kind:
            case Kind.STRING:
                yield from self._texts(node)
            case Kind.NUMBER:
                yield from self._numbers(node)
            case Kind.OBJECT:
                yield from self._objects(node, depth)
            case Kind.ARRAY:
                yield from self._arrays(node, depth)
            case Kind.ENUM:
                yield from node.values
            case Kind.BOOLEAN | Kind.NULL | Kind.NEVER:
                yield from _FEW[node.kind]
            case Kind.ANY | Kind.NOT | Kind.DYNAMIC:
                yield from self.hints.values
            case _:
                yield from self._combined(node, depth)
        if not node.typed:
            yield from _OTHER_TYPE.get(node.kind, ())

    def _combined(self, node: Node, depth: int) -> Iterator[Json]:
        if node.kind in SUMS:
            sets = [self._of(part, depth) for part in node.parts]
            yield from _in_turn((*sets, self._merged(sets)))
            return
        parts = node.parts
        if node.kind is Kind.CONDITION:
            parts = tuple(part for name in ("if", "then", "else") if (part := node.child(name)) is not None)
        yield from self._merged([self._of(part, depth) for part in parts])

    def _texts(self, node: Node) -> Iterator[Json]:
        pattern, name = node.get("pattern"), node.get("format")
        least, most = _count(node, "minLength", 0), _count(node, "maxLength", _LENGTH_MAX)
        lengths = _lengths(least, most, self.hints.counts)
        if isinstance(pattern, str):
            yield from of_pattern(pattern)
            yield from (text for length in lengths for text in of_pattern(pattern, length))
        if isinstance(name, str):
            yield from of_format(name)
        yield from ("x" * length for length in lengths)
        yield from (value for value in self.hints.values if isinstance(value, str))

    def _numbers(self, node: Node) -> Iterator[Json]:
        limits = [node.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")]
        numbers = [limit for limit in limits if isinstance(limit, int | float) and not isinstance(limit, bool)]
        multiple = node.get("multipleOf")
        step = multiple if isinstance(multiple, int | float) and not isinstance(multiple, bool) else 1
        for base in (*numbers, 0):
            for value in (base, base + step, base - step, base + step / 2):
                yield value
                yield (value // step) * step
        for times in (2, 3, 7):
            yield step * times
        yield from (value for value in self.hints.values if isinstance(value, int | float))
        if not node.integer:
            yield 0.5

    def _objects(self, node: Node, depth: int) -> Iterator[Json]:
        named = node.named("properties")
        others = self._others(node, depth)
        wanted = required(node)
        choices = {name: self._of(child, depth + 1) for name, child in named.items()}
        choices |= {name: others.get(name) or self.hints.values for name in wanted if name not in choices}
        least = {name: choices[name][0] for name in wanted if choices[name]}
        full = least | {name: values[0] for name, values in choices.items() if values}
        padding = max(0, _count(node, "minProperties", 0) - len(least))
        names = [
            name for name in (*choices, *others, *(f"p{number}" for number in range(padding))) if name not in least
        ]
        yield least | {name: next(iter(choices.get(name) or others.get(name) or (0,))) for name in names[:padding]}
        yield full
        variations = (_varied(base, values) for values in (choices, others) for base in (full, least))
        fewer = ({key: value for key, value in full.items() if key != name} for name in full)
        yield from _in_turn((*variations, fewer))

    def _others(self, node: Node, depth: int) -> dict[str, tuple[Json, ...]]:
        """Names that are not its properties, and what may stand there."""
        found: dict[str, tuple[Json, ...]] = {}
        for pattern, child in node.named("patternProperties").items():
            found |= {name: self._of(child, depth + 1) for name in of_pattern(pattern)[:2]}
        rest = node.child("additionalProperties") or node.child("unevaluatedProperties")
        values = self.hints.values if rest is None else self._of(rest, depth + 1)
        keys = node.child("propertyNames")
        names = [key for key in self._of(keys, depth + 1) if isinstance(key, str)][:4] if keys is not None else []
        known = node.named("properties")
        free = [name for name in (*self.hints.names, *names, "other") if name not in known and name not in found]
        return found | dict.fromkeys(free[:_NAMES_MAX], values)

    def _arrays(self, node: Node, depth: int) -> Iterator[Json]:
        tuples = node.get("prefixItems") or node.get("items")
        keyword = "prefixItems" if node.reader.knows("prefixItems") else "items"
        length = len(tuples) if isinstance(tuples, list) else 0
        prefix = [self._of(node.child(keyword, index), depth + 1) for index in range(length)]
        after = "items" if keyword == "prefixItems" or not length else "additionalItems"
        rest_node = node.child(after) or node.child("unevaluatedItems")
        rest = self._of(rest_node, depth + 1)
        counted = self._of(node.child("contains"), depth + 1) if node.child("contains") is not None else ()
        least, most = _count(node, "minItems", 0), _count(node, "maxItems", _LENGTH_MAX)
        start = [next(iter(values), None) for values in prefix]
        for size in _lengths(least, most, (length, length + 1, *self.hints.counts)):
            yield (start + _repeat(rest, size - length))[:size]
            yield (start + list(rest[:1]) * max(0, size - length))[:size]
        for index, values in enumerate(prefix):
            yield from ([*start[:index], value, *start[index + 1 :]] for value in values)
        for value in (*counted, *rest):
            padding = max(1, least - length)
            yield [*start, *([value] * padding)]
            yield [*start, value, *_repeat(rest, padding - 1)]
            yield [*start, value, value]
            yield [value]

    def _merged(self, sets: list[tuple[Json, ...]]) -> Iterator[Json]:
        """Values that have a chance of fitting several schemas at once: objects joined, the rest as they are."""
        objects = [[value for value in values if isinstance(value, dict)] for values in sets]
        filled = [values for values in objects if values]
        for index in range(max(map(len, filled), default=0)):
            joined: dict[str, Json] = {}
            for values in filled:
                joined |= values[index % len(values)]
            yield joined
        for position, values in enumerate(filled):
            base: dict[str, Json] = {}
            for other in filled[:position] + filled[position + 1 :]:
                base |= other[0]
            yield from (base | value for value in values)
        yield from _in_turn(sets)


def _varied(base: dict[str, Json], values: dict[str, tuple[Json, ...]]) -> Iterator[Json]:
    """The object with one member changed or added, each in turn."""
    for name, value in _in_turn([(name, value) for value in each] for name, each in values.items()):
        yield base | {name: value}


def _simplest(node: Node) -> tuple[Json, ...]:
    if node.kind is Kind.ENUM:
        return tuple(node.values[:1])
    return _FEW.get(node.kind, (None, {}, [], "", 0))


def _count(node: Node, keyword: str, otherwise: int) -> int:
    value = node.get(keyword)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise


def _lengths(least: int, most: int, hints: Iterable[int]) -> list[int]:
    """Lengths at and just inside the limits, and those that the schemas mention, none too long to be written out."""
    upper = (most, most - 1) if most < _LENGTH_MAX else (least + 2,)
    near = (least, least + 1, *upper, *hints)
    return list(dict.fromkeys(length for length in near if 0 <= least <= length <= min(most, _LENGTH_MAX)))


def _repeat(values: tuple[Json, ...], size: int) -> list[Json]:
    """That many elements, different ones as long as there are any; of many, small ones."""
    if size > _FEW_ELEMENTS:
        values = tuple(value for value in values if not isinstance(value, dict | list) or not value)
    numbers = list(range(100, 100 + max(0, size - len(values)))) if not values or 0 in values else []
    return list(islice(chain(values, numbers, *([values] * size if values else [])), max(0, size)))


def _in_turn(sets: Iterable[Iterable[Json]]) -> Iterator[Json]:
    """The first of each, then the second of each, and so on."""
    for row in zip_longest(*sets, fillvalue=_GAP):
        yield from (value for value in row if value is not _GAP)


_GAP: Final = object()


def _distinct(values: Iterable[Json], bytes_max: int = DOCUMENT_LIMITS.bytes_max) -> Iterator[Json]:
    """Each value once, those that are too large not at all."""
    seen: set[bytes] = set()
    for value in values:
        try:
            key = canonical(value)
        except ValueError:  # a number beyond what JSON's readers hold exactly
            continue
        if key not in seen and len(key) <= bytes_max:
            seen.add(key)
            yield value
