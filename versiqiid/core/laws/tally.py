"""What many trips together say about a step: how it is classified, and how much was tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versiqiid.core.laws.differences import same
from versiqiid.core.laws.trip import Breach, Carried, Declined, Trip

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json


@dataclass(frozen=True, slots=True)
class Classification:
    """How much of a document a step keeps.

    :ivar kind: ``lossless`` | ``lossless-with-stash`` | ``lossy``; ``unproven`` where no document made the way back.
    :ivar paths: lossy: where, in the style of a declaration, none inside another.
    """

    kind: str
    paths: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """Counts the trips of one step.

    :ivar tried: documents that fit the source schema; ``carried``: those the step gave a fitting result for;
        ``returned``: those whose way back was tried.
    :ivar configs: how many of those tried are configs that are really stored.
    """

    tried: int = 0
    carried: int = 0
    returned: int = 0
    configs: int = 0
    declined: int = 0
    first_declined: tuple[Json, Declined] | None = None
    needs_stash: bool = False
    losses: set[str] = field(default_factory=set)

    def add(self, trip: Trip, breaches: tuple[Breach, ...], *, law_of_return: str, stored: bool = False) -> None:
        """Count one trip and what ``judge`` said of it.

        :param stored: the document is a config that is really stored.
        """
        self.tried += 1
        self.configs += stored
        if isinstance(trip.there, Declined):
            self.declined += 1
            if self.first_declined is None:
                self.first_declined = (trip.document, trip.there)
        if not isinstance(trip.there, Carried) or trip.violations:
            return
        self.carried += 1
        if trip.back is None:
            return
        self.returned += 1
        lost = {breach.place for breach in breaches if breach.law == law_of_return and not breach.foreign}
        self.losses |= lost
        if trip.bare is not None and not lost:
            self.needs_stash |= not (isinstance(trip.bare, Carried) and same(trip.bare.config, trip.document))

    def classification(self) -> Classification:
        if not self.returned:
            return Classification("unproven")
        if self.losses:
            return Classification("lossy", outermost(self.losses))
        return Classification("lossless-with-stash" if self.needs_stash else "lossless")

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "tried": self.tried,
            "carried": self.carried,
            "returned": self.returned,
            "configs": self.configs,
            "declined": {"count": self.declined},
        }
        if self.first_declined is not None:
            document, why = self.first_declined
            told["declined"] |= {"input": document, "pointer": why.pointer, "message": why.message}
        return told


def outermost(pointers: set[str]) -> tuple[str, ...]:
    """The pointers that are not inside another of them, sorted."""
    kept: list[str] = []
    for pointer in sorted(pointers, key=lambda each: each.split("/")):
        if not any(pointer == outer or pointer.startswith(outer + "/") for outer in kept):
            kept.append(pointer)
    return tuple(kept)
