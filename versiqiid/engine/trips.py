"""Documents sent through a step and back, as the laws want them: what is run, and what is validated, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from versiqiid.core.canonical import Json
from versiqiid.core.laws import Carried, Result, Side, Terms, Trip, judge
from versiqiid.engine.inputs import Candidate
from versiqiid.engine.steps import Step
from versiqiid.engine.transit import Transit
from versiqiid.engine.verdicts import verdicts
from versiqiid.ports import MigrationRuntime, ValidationRequest, Validator


@dataclass(frozen=True, slots=True)
class Direction:
    """One step, ready to run, between two schemas that can judge.

    :ivar reads: the schema of the documents it takes; ``writes``: of those it gives. Their documents are ignored.
    :ivar live: stored configs that are written for the schema it reads.
    """

    step: Step
    side: Side
    reads: ValidationRequest
    writes: ValidationRequest
    live: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """There by one step, back by the other.

    :ivar back: None where there is no opposite step.
    """

    way: Direction
    back: Direction | None = None

    @property
    def terms(self) -> Terms:
        declared = self.back.step.manifest.lossy if self.back else ()
        return Terms(self.way.side, self.way.step.manifest.lossy, declared)


class Trips:
    """Makes trips; what a step does wrong is in the trip, never an exception."""

    def __init__(self, validator: Validator, runtime: MigrationRuntime) -> None:
        self._validator = validator
        self._transit = Transit(runtime)

    async def fitting(self, course: Course, documents: Sequence[Json]) -> list[bool]:
        """For each document, whether the step has to take it.

        :raises UnusableSchema: the schema cannot judge. :raises Unavailable: the validator is away.
        """
        found = await verdicts(self._validator, course.way.reads, documents)
        return [not violations for violations in found]

    async def there(self, course: Course, document: Json, *, twice: bool) -> Trip:
        """The step run on one document that fits, and once more where ``twice``; nothing is validated yet."""
        step = course.way.step
        there, _ = await self._transit.run(step, document)
        again: Result | None = None
        if twice and isinstance(there, Carried):
            again, _ = await self._transit.run(step, document)
        return Trip(document, there, again)

    async def judged(self, course: Course, trips: Sequence[Trip]) -> list[Trip]:
        """The trips with what the schema they lead to says of their results.

        :raises UnusableSchema: as ``fitting``. :raises Unavailable: likewise.
        """
        results = [trip.there.config for trip in trips if isinstance(trip.there, Carried)]
        found = iter(await verdicts(self._validator, course.way.writes, results))
        return [replace(trip, violations=next(found)) if isinstance(trip.there, Carried) else trip for trip in trips]

    async def back(self, course: Course, trip: Trip, *, bare: bool) -> Trip:
        """The trip with its way back, where there is one and something to bring back.

        :param bare: whether to ask also for the way back without the stash.
        """
        there = trip.there
        if course.back is None or not isinstance(there, Carried) or trip.violations:
            return trip
        step = course.back.step
        back, _ = await self._transit.run(step, there.config, there.stash)
        alone: Result | None = None
        if bare and there.stash is not None:
            alone, _ = await self._transit.run(step, there.config)
        trip = replace(trip, back=back, bare=alone)
        if isinstance(back, Carried) and any(not breach.covered for breach in judge(trip, course.terms)):
            forth, _ = await self._transit.run(course.way.step, back.config)
            trip = replace(trip, forth=forth)
        return trip

    async def whole(self, course: Course, document: Json) -> Trip:
        """All of it for one document that fits."""
        trips = await self.judged(course, [await self.there(course, document, twice=True)])
        return await self.back(course, trips[0], bare=False)
