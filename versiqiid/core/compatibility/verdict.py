"""What a judgement of two schemas says: values only. How it is reached is the business of the languages' rooms.

The pair is always named by who reads whom: *old* data, *new* reader. A forward check is the same question with the
arguments swapped, so ``old`` and ``new`` mean writer and reader everywhere below ``levels.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.violation import Violation


class Basis(StrEnum):
    """What a judgement rests on."""

    PROOF = "proof"  # the new schema provably takes every document of the old one
    RULES = "rules"  # the differences decided
    WITNESS = "witness"  # the rules let it pass, a document shows otherwise
    UNDECIDED = "undecided"  # the work budget ran out; treated as incompatible


class Side(StrEnum):
    """Which of the two schemas a pointer points into."""

    OLD = "old"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between two schemas.

    :ivar rule: its stable name, such as ``MAX_LENGTH_DECREASED``.
    :ivar pointer: RFC 6901 pointer into the schema of ``side``, ``""`` for its root; for Protobuf a dotted name.
    :ivar breaking: whether it makes the pair incompatible under the policy that was asked for.
    :ivar message: one sentence. It may name what the schemas say, never what a document holds.
    :ivar fix: what would make it compatible, one sentence; empty where it is.
    """

    rule: str
    pointer: str
    side: Side
    breaking: bool
    message: str
    fix: str = ""


def undecided(fix: str) -> Difference:
    """What is told of a pair that took more work than it may: it counts as incompatible."""
    message = "undecided within the work budget, treated as incompatible"
    return Difference("UNDECIDED", "", Side.NEW, breaking=True, message=message, fix=fix)


@dataclass(frozen=True, slots=True)
class Witness:
    """A document that the old schema takes and the new one refuses: a proof that the pair is incompatible.

    :ivar document: the document itself. Whoever shows it decides whether its reader may see it.
    :ivar violations: why the new schema refuses it, at least one.
    :ivar name: which live document it is; empty when it was made up.
    """

    document: Json
    violations: tuple[Violation, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """A live document that would no longer be read. Its content is not repeated here."""

    name: str
    violations: tuple[Violation, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """A document that is really stored and bound, by any name that tells its reader where.

    :ivar name: such as ``prod/eu-fr/av-engine/default``.
    """

    name: str
    document: Json


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a reader of ``new`` reads every document of ``old``, and why.

    :ivar witness: also shown where it did not decide (LENIENT, defaults that are applied).
    :ivar broken: the live documents that the new schema refuses; documents that the old schema refuses do not count.
    """

    compatible: bool
    basis: Basis
    differences: tuple[Difference, ...] = ()
    witness: Witness | None = None
    broken: tuple[Broken, ...] = ()

    @property
    def breaking(self) -> tuple[Difference, ...]:
        """The differences that make it incompatible."""
        return tuple(difference for difference in self.differences if difference.breaking)

    @property
    def fixes(self) -> tuple[str, ...]:
        """What would help, each once, in the order of the differences."""
        return tuple(dict.fromkeys(difference.fix for difference in self.breaking if difference.fix))


SchemaT_contra = TypeVar("SchemaT_contra", contravariant=True)


class Judge(Protocol[SchemaT_contra]):
    """Judges one pair of schemas of one language."""

    def __call__(self, old: SchemaT_contra, new: SchemaT_contra) -> Judgement:
        """Whether a reader of ``new`` reads every document of ``old``.

        :raises UnusableSchema: one of them is no schema of the language.
        """
        ...
