"""Documents sent through a step and back, as the laws want them: what is run, and what is validated, in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio

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

    async def warm(self, course: Course) -> None:
        """Let the guests be compiled, which may take a while and says nothing about the laws."""
        for direction in (course.way, course.back):
            if direction is not None:
                await self._transit.run(direction.step, None)

    async def there(self, course: Course, documents: Sequence[Json], *, twice: int, deadline: float) -> list[Trip]:
        """The step run on documents that fit, the first ``twice`` of them once more; nothing is validated yet.

        :param deadline: after which no further document is begun: fewer trips come back, but at least one.
        """
        there = await self._run(course.way, [(each, None) for each in documents], deadline)
        trips = [Trip(document, result) for document, result in zip(documents, there, strict=False)]
        carried = [at for at, trip in enumerate(trips[:twice]) if isinstance(trip.there, Carried)]
        again = await self._run(course.way, [(trips[at].document, None) for at in carried], deadline)
        for at, result in zip(carried, again, strict=False):
            trips[at] = replace(trips[at], again=result)
        return trips

    async def judged(self, course: Course, trips: Sequence[Trip]) -> list[Trip]:
        """The trips with what the schema they lead to says of their results.

        :raises UnusableSchema: as ``fitting``. :raises Unavailable: likewise.
        """
        results = [trip.there.config for trip in trips if isinstance(trip.there, Carried)]
        found = iter(await verdicts(self._validator, course.way.writes, results))
        return [replace(trip, violations=next(found)) if isinstance(trip.there, Carried) else trip for trip in trips]

    async def back(self, course: Course, trips: Sequence[Trip], *, bare: bool, deadline: float) -> list[Trip]:
        """The trips with their way back, where there is one and something to bring back.

        :param bare: whether to ask also for the way back without the stash.
        :param deadline: after which no further way is begun: trips whose way was not tried are left out.
        """
        if course.back is None:
            return list(trips)
        ways = {
            at: trip.there for at, trip in enumerate(trips) if isinstance(trip.there, Carried) and not trip.violations
        }
        given = [(there.config, there.stash) for there in ways.values()]
        back = dict(zip(ways, await self._run(course.back, given, deadline), strict=False))
        stashed = [at for at in back if bare and ways[at].stash is not None]
        alone = await self._run(course.back, [(ways[at].config, None) for at in stashed], deadline)
        bares = dict(zip(stashed, alone, strict=False))
        whole = {at: replace(trips[at], back=back[at], bare=bares.get(at)) for at in back}
        doubtful = {at: came for at, trip in whole.items() if (came := _doubtful(trip, course.terms)) is not None}
        forth = await self._run(course.way, [(came.config, None) for came in doubtful.values()], deadline)
        whole |= {at: replace(whole[at], forth=result) for at, result in zip(doubtful, forth, strict=False)}
        untried = (ways.keys() - back.keys()) | set(list(doubtful)[len(forth) :])
        return [whole.get(at, trip) for at, trip in enumerate(trips) if at not in untried]

    async def whole(self, course: Course, document: Json) -> Trip:
        """All of it for one document that fits."""
        trips = await self.judged(course, await self.there(course, [document], twice=1, deadline=math.inf))
        return (await self.back(course, trips, bare=False, deadline=math.inf))[0]

    async def _run(self, direction: Direction, inputs: Sequence[tuple[Json, Json]], deadline: float) -> list[Result]:
        if not inputs:
            return []
        budget_s = max(0.0, deadline - anyio.current_time())
        return await self._transit.run_many(direction.step, inputs, budget_s=budget_s)


def _doubtful(trip: Trip, terms: Terms) -> Carried | None:
    """What came back, where it differs in a way that the step itself must be asked about."""
    back = trip.back
    return back if isinstance(back, Carried) and any(not breach.covered for breach in judge(trip, terms)) else None
