"""One document on its way through a step and back, and the laws that it shows broken."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.laws.differences import Difference, differences

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.violation import Violation

SAME = "same bytes twice"


class Side(StrEnum):
    """Which way a step leads."""

    UP = "up"
    DOWN = "down"

    @property
    def fits(self) -> str:
        """The law that the result fits its schema."""
        return "valid(new, up(x))" if self is Side.UP else "valid(old, down(y))"

    @property
    def returns(self) -> str:
        """The law that there and back again changes nothing."""
        return "down(up(x)) = x" if self is Side.UP else "up(down(y, stash)) = y"


@dataclass(frozen=True, slots=True)
class Carried:
    """The step gave a result.

    :ivar output: the bytes it gave it in.
    """

    config: Json
    output: bytes
    stash: Json = None


@dataclass(frozen=True, slots=True)
class Declined:
    """The step said no to this document, which is its right."""

    message: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The step trapped, ran over a limit, or gave something that is no answer."""

    message: str


Result: TypeAlias = Carried | Declined | Failed


@dataclass(frozen=True, slots=True)
class Trip:
    """What came of one document that fits the schema it is written for.

    :ivar there: of the step; ``again``: of running it once more, None when it was not.
    :ivar violations: of what it gave against the schema it leads to.
    :ivar back: of the opposite step on what it gave, with its stash; None when there is no opposite step.
    :ivar bare: the same without the stash; None when there was none, or it was not asked.
    :ivar forth: of the step on what came back; asked only when that differs from the input.
    """

    document: Json
    there: Result
    again: Result | None = None
    violations: tuple[Violation, ...] = ()
    back: Result | None = None
    bare: Result | None = None
    forth: Result | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a step claims.

    :ivar declared: pointers that it says to lose, of the documents it takes.
    :ivar back_declared: the same of the opposite step, of the documents that this one gives.
    """

    side: Side
    declared: tuple[str, ...] = ()
    back_declared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Breach:
    """One law that one trip does not keep.

    :ivar output: what stands on the left of the law, None where nothing came out.
    :ivar pointer: into the input where something is lost, into the output where it does not fit.
    :ivar place: the pointer up to its first array: breaches of one law in one place are the same fault.
    :ivar covered: the loss is declared, so the law is not broken by it.
    :ivar foreign: it is declared by the opposite step, which lost it.
    """

    law: str
    message: str
    output: Json = None
    pointer: str = ""
    place: str = ""
    lost: Json = None
    covered: bool = False
    foreign: bool = False


def judge(trip: Trip, terms: Terms) -> tuple[Breach, ...]:
    """Every law that this trip does not keep, declared losses included; empty when it keeps them all."""
    side = terms.side
    match trip.there:
        case Declined():
            return ()
        case Failed(message):
            return (Breach(side.fits, message),)
        case Carried() as there:
            found = _twice(there, trip.again)
            if trip.violations:
                return (*found, _misfit(there, trip.violations, side))
            return (*found, *_returned(trip, there, terms))


def _twice(there: Carried, again: Result | None) -> tuple[Breach, ...]:
    if again is None or (isinstance(again, Carried) and again.output == there.output):
        return ()
    output = again.config if isinstance(again, Carried) else None
    return (Breach(SAME, "the same document gave another answer the second time", output),)


def _misfit(there: Carried, violations: tuple[Violation, ...], side: Side) -> Breach:
    first = violations[0]
    message = f"the result does not fit its schema at {first.pointer or 'the root'}: {first.message}"
    return Breach(side.fits, message, there.config, first.pointer, first.pointer)


def _returned(trip: Trip, there: Carried, terms: Terms) -> tuple[Breach, ...]:
    law = terms.side.returns
    match trip.back:
        case None:
            return ()
        case Declined(message) | Failed(message):
            return (Breach(law, f"the way back refuses what the step gave: {message}", covered="" in terms.declared),)
        case Carried(config):
            lost = differences(trip.document, config)
            if lost and _back_lost(trip.forth, there, terms):
                return tuple(replace(_loss(each, config, law), covered=True, foreign=True) for each in lost)
            return tuple(replace(_loss(each, config, law), covered=each.within(terms.declared)) for each in lost)


def _back_lost(forth: Result | None, there: Carried, terms: Terms) -> bool:
    """Whether it was the way back that lost it, as declared: the step gives two different results for what went in and
    what came out, so it did not lose the difference itself.
    """
    if not isinstance(forth, Carried):
        return False
    lost = differences(there.config, forth.config)
    return bool(lost) and all(each.within(terms.back_declared) for each in lost)


def _loss(lost: Difference, output: Json, law: str) -> Breach:
    where = lost.pointer or "the root"
    told = {
        "gone": f"{where} does not come back",
        "changed": f"{where} comes back as something else",
        "added": f"{where} was not there and comes back",
    }[lost.kind]
    return Breach(law, told, output, lost.pointer, lost.place, lost.lost)
