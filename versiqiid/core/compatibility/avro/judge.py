"""One pair of Avro schemas: the faults in words, and what would help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from versiqiid.core.compatibility.avro.reading import read
from versiqiid.core.compatibility.avro.resolve import BREAKING, STEPS_MAX, Fault, Resolution
from versiqiid.core.compatibility.fixpoint import OverBudgetError
from versiqiid.core.compatibility.verdict import Basis, Difference, Judgement, Side, undecided

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

_WORDS: Final = {
    "TYPE_MISMATCH": ("the type is another, and what was written does not become it", "keep the type, or read a union"),
    "NAME_MISMATCH": ("the named type is another one", "keep the name, or list the old one under aliases"),
    "FIXED_SIZE_MISMATCH": ("the size is another", "keep the size"),
    "MISSING_ENUM_SYMBOLS": (
        "symbols that may have been written are unknown, and there is no default",
        "keep the symbols, or give the enum a default",
    ),
    "READER_FIELD_MISSING_DEFAULT_VALUE": (
        "the field is new and has no default, and what was written does not have it",
        "give the field a default",
    ),
    "MISSING_UNION_BRANCH": ("no branch of the union takes what may have been written", "keep the branch"),
    "TYPE_PROMOTED": ("the type is promoted", ""),
    "ENUM_DEFAULT_TAKES_SYMBOLS": ("symbols that are unknown now are read as the default", ""),
    "ENUM_SYMBOLS_ADDED": ("there are more symbols", ""),
    "FIELD_RENAMED_BY_ALIAS": ("the field is read under its new name", ""),
    "FIELD_WITH_DEFAULT_ADDED": ("the field is new, with a default", ""),
    "FIELD_REMOVED": ("the field is no longer read", ""),
}
_UNDECIDED: Final = undecided("make the schemas simpler: fewer unions of records that refer to each other")


@dataclass(frozen=True, slots=True)
class AvroJudge:
    """Judges pairs of Avro schemas, given as the JSON they are written in.

    :ivar old_references: further schemas whose names the writer's schema uses, in the order of their definitions.
    :ivar new_references: the same for the reader's schema.
    :ivar steps_max: pairs of types that may be looked at.
    """

    old_references: tuple[Json, ...] = ()
    new_references: tuple[Json, ...] = ()
    steps_max: int = STEPS_MAX

    def __call__(self, old: Json, new: Json) -> Judgement:
        """Whether a reader of ``new`` reads all that was written with ``old``.

        :raises UnusableSchema: one of them is no Avro schema.
        """
        writer, reader = read(old, self.old_references), read(new, self.new_references)
        try:
            faults = Resolution(reader, writer, self.steps_max).run()
        except OverBudgetError:
            return Judgement(compatible=False, basis=Basis.UNDECIDED, differences=(_UNDECIDED,))
        differences = tuple(map(_told, faults))
        return Judgement(not any(each.breaking for each in differences), Basis.RULES, differences)


def _told(fault: Fault) -> Difference:
    message, fix = _WORDS[fault.rule]
    side = Side.OLD if fault.in_writer else Side.NEW
    return Difference(fault.rule, fault.pointer, side, fault.rule in BREAKING, message + fault.detail, fix)
