"""The comparison of two schemas by rules: which rule is asked where, each pair once, recursion to its fix-point.

A pair that is met again while it is being compared is taken for compatible, for that is what a recursive schema means:
if every step fits, every document fits. What was reached on such an assumption may be wrong when the assumption turns
out wrong, so the whole is repeated with the pairs that were found breaking, until no more are found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from versiqiid.core.compatibility.fixpoint import FixPoint
from versiqiid.core.compatibility.json_schema.arrays import compare_arrays
from versiqiid.core.compatibility.json_schema.combined import compare_combined
from versiqiid.core.compatibility.json_schema.conditions import compare_conditions, compare_nots
from versiqiid.core.compatibility.json_schema.found import Differences, Found, found
from versiqiid.core.compatibility.json_schema.model import Kind, Node
from versiqiid.core.compatibility.json_schema.objects import compare_objects
from versiqiid.core.compatibility.json_schema.rules import Rule
from versiqiid.core.compatibility.json_schema.scalars import compare_enums, compare_numbers, compare_strings

if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS_MAX: Final = 50_000
"""Pairs of subschemas that one comparison looks at, met again or not: about a second of work."""

_Pair = tuple[Node, Node]

_FAMILIES: Final = frozenset({Kind.STRING, Kind.NUMBER, Kind.OBJECT, Kind.ARRAY})
_JSON_TYPES: Final[dict[Kind, tuple[type, ...]]] = {
    Kind.STRING: (str,),
    Kind.NUMBER: (int, float),
    Kind.OBJECT: (dict,),
    Kind.ARRAY: (list,),
    Kind.BOOLEAN: (bool,),
    Kind.NULL: (type(None),),
}


@dataclass(slots=True)
class Comparison:
    """Compares two schemas under one reading of the rules.

    :ivar allowed: whether a rule is compatible.
    :ivar steps_max: how many pairs may be looked at.
    """

    allowed: Callable[[Rule], bool]
    steps_max: int = STEPS_MAX
    _pairs: FixPoint[_Pair, Found] = field(init=False)

    def __post_init__(self) -> None:
        self._pairs = FixPoint(lambda found: not self.compatible(found), self.steps_max)

    def run(self, old: Node, new: Node) -> Differences:
        """Every difference, none twice.

        :raises OverBudgetError: more pairs than ``steps_max``, or nested too deeply to be followed.
        """
        return self._pairs.run(lambda: self.differences(old, new))

    def differences(self, old: Node, new: Node) -> Differences:
        """See ``found.Compare``."""
        return self._pairs.of((old, new), lambda: self._compare(old, new))

    def fits(self, old: Node, new: Node) -> bool:
        return self.compatible(self.differences(old, new))

    def compatible(self, differences: Differences) -> bool:
        return all(self.allowed(each.rule) for each in differences)

    def _compare(self, old: Node, new: Node) -> Iterator[Found]:
        if old.kind is Kind.NEVER or (new.kind is Kind.ANY and old.kind is not Kind.ANY):
            return
        if Kind.DYNAMIC in (old.kind, new.kind):
            yield found("DYNAMIC_REFERENCE", new)
            return
        yield from _compare_annotations(old, new)
        if old.kind.combined or new.kind.combined:
            yield from compare_combined(old, new, self)
        elif old.kind is new.kind:
            yield from self._compare_same(old, new)
        elif old.kind is Kind.ANY and new.kind in _FAMILIES:
            yield from self._compare_same(Node(new.kind, old.reader, {}, old.pointer, old.resolver), new)
        else:
            yield from _compare_kinds(old, new)

    def _compare_same(self, old: Node, new: Node) -> Iterator[Found]:
        if new.typed and not old.typed:
            yield found("TYPE_NARROWED", new)
        elif old.typed and not new.typed:
            yield found("TYPE_EXTENDED", new)
        match new.kind:
            case Kind.STRING:
                yield from compare_strings(old, new)
            case Kind.NUMBER:
                yield from compare_numbers(old, new)
            case Kind.OBJECT:
                yield from compare_objects(old, new, self)
            case Kind.ARRAY:
                yield from compare_arrays(old, new, self)
            case Kind.ENUM:
                yield from compare_enums(old, new)
            case Kind.NOT:
                yield from compare_nots(old, new, self)
            case Kind.CONDITION:
                yield from compare_conditions(old, new, self)
            case _:
                pass


def _compare_kinds(old: Node, new: Node) -> Iterator[Found]:
    """Two schemas that speak of different things."""
    if new.kind in _FAMILIES and not new.typed and old.typed:
        yield found("TYPE_EXTENDED", new)  # what it demands is demanded of values that the old one never took
    elif old.kind is Kind.ENUM and _takes_all(new, old.values):
        yield found("TYPE_EXTENDED", new)
    else:
        yield found("TYPE_NARROWED" if old.kind is Kind.ANY else "TYPE_CHANGED", new)


def _takes_all(node: Node, values: list[object]) -> bool:
    """Whether a schema that says nothing but a type takes these values."""
    types = _JSON_TYPES.get(node.kind)
    if types is None or not node.typed or not node.bare or node.integer:
        return False
    return all(isinstance(value, types) and isinstance(value, bool) is (bool in types) for value in values)


def _compare_annotations(old: Node, new: Node) -> Iterator[Found]:
    """What people read and validators do not."""
    if not (old.whole and new.whole):
        return
    for rule, keyword in (
        ("ID_CHANGED", "$id"),
        ("TITLE_CHANGED", "title"),
        ("DESCRIPTION_CHANGED", "description"),
        ("DEFAULT_CHANGED", "default"),
    ):
        if old.schema.get(keyword) != new.schema.get(keyword):
            yield found(rule, new if keyword in new.schema else old, keyword)
