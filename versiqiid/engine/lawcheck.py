"""The laws of migrations, tried on thousands of documents, and each broken one shown by a minimal document.

What a law is and how an outcome is judged stands in ``core/laws``; where schemas and steps come from is the caller's
business. Bounded in documents and in time, and told from a seed: the same arguments try the same documents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import anyio
import anyio.to_thread

from versiqiid.core.canonical import Json
from versiqiid.core.generate import smaller
from versiqiid.core.laws import Breach, Carried, Finding, Tally, Trip, judge
from versiqiid.engine.inputs import Candidate, Inputs
from versiqiid.engine.trips import Course, Direction, Trips
from versiqiid.ports import MigrationRuntime, Validator

CHUNK = 64
"""Documents that are made and validated together. Arbitrary."""
FINDINGS_MAX = 10
"""Faults of one direction that are told, each with a minimal document. Arbitrary."""
IMAGES_MAX = 200
"""Results of one direction on which the other is tried. Arbitrary."""
CANDIDATES_PER_INPUT = 4
"""How many candidates are made for each input that is wanted: a schema may refuse what was made for it."""
HOPELESS = 50
"""After so many documents of which a faulty step carried none, it is not tried on more. Arbitrary."""
SHRINK_S = 2.0
"""Seconds in which one finding is made minimal; then it stays as it is."""
SHRINK_ALL_S = 5.0
"""The same for all findings of one direction."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to try.

    :ivar count: documents per direction; as many as there are stored configs, where these are more.
    :ivar seed: decides which.
    :ivar budget_s: seconds per direction, after which no further document is tried.
    :ivar twice_max: on how many documents a step runs a second time for the same bytes.
    :ivar extras: names of members that objects which are merely open get now and then.
    """

    count: int = 2_000
    seed: int = 1
    budget_s: float = 10.0
    twice_max: int = 200
    extras: tuple[str, ...] = ()


@dataclass(slots=True)
class Tried:
    """What came of one direction.

    :ivar complete: no document was left out for lack of time.
    """

    course: Course
    complete: bool = True
    tally: Tally = field(default_factory=Tally)
    found: dict[tuple[str, str], Finding] = field(default_factory=dict)
    images: list[Json] = field(default_factory=list)
    shrinking_s: float = SHRINK_ALL_S

    @property
    def done(self) -> bool:
        """Whether more documents would tell nothing new."""
        hopeless = self.tally.tried >= HOPELESS and not self.tally.carried
        return bool(self.found) and (hopeless or len(self.found) >= FINDINGS_MAX)

    def as_json(self) -> dict[str, Any]:
        step = self.course.way.step
        classification = self.tally.classification()
        return {
            "from": step.source,
            "to": step.destination,
            "direction": self.course.way.side.value,
            "runtime": step.manifest.runtime,
            "digest": step.digest,
            "classification": classification.kind,
            "lossy": list(classification.paths),
            "declared": list(step.manifest.lossy),
            "roundTrip": self.course.back is not None,
            "complete": self.complete,
            **self.tally.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """:ivar steps: one for each direction that was tried."""

    steps: tuple[Tried, ...]
    seed: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for step in self.steps for finding in step.found.values())

    @property
    def proven(self) -> bool:
        """Whether every step carried at least one document: otherwise nothing is known of it."""
        return all(step.tally.carried for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        return {
            "holds": not self.findings and self.proven,
            "seed": self.seed,
            "steps": [step.as_json() for step in self.steps],
            "findings": [finding.as_json() for finding in self.findings],
        }


class LawCheck:
    """Tries the laws on one pair of steps at a time."""

    def __init__(self, validator: Validator, runtime: MigrationRuntime) -> None:
        self._trips = Trips(validator, runtime)

    async def prepare(self, first: Direction, second: Direction | None) -> None:
        """Let the guests be compiled, which may take a while for a large one and says nothing about the laws."""
        await self._trips.warm(Course(first, second))

    async def run(self, first: Direction, second: Direction | None, effort: Effort) -> Report:
        """Try a step and, where there is one, the opposite step; results of the first are inputs of the second.

        :raises UnusableSchema: a schema cannot judge, or took more work than it may.
        :raises Unavailable: the validator is away; nothing is known.
        """
        one = await self._tried(Course(first, second), effort, ())
        if second is None:
            return Report((one,), effort.seed)
        return Report((one, await self._tried(Course(second, first), effort, one.images)), effort.seed)

    async def _tried(self, course: Course, effort: Effort, images: Sequence[Json]) -> Tried:
        tried = Tried(course)
        way = course.way
        effort = replace(effort, count=max(effort.count, len(way.live)))
        most = effort.count * CANDIDATES_PER_INPUT
        candidates = iter(Inputs(way.reads.schema, effort.seed, most, way.live, images, effort.extras))
        await self._trips.warm(course)
        deadline = anyio.current_time() + effort.budget_s
        while tried.complete and tried.tally.tried < effort.count and not tried.done:
            chunk = await anyio.to_thread.run_sync(_some, candidates)
            if not chunk:
                break
            await self._chunk(tried, chunk, effort, deadline)
        return tried

    async def _chunk(self, tried: Tried, chunk: Sequence[Candidate], effort: Effort, deadline: float) -> None:
        """Try those that fit their schema, and count them."""
        course, tally = tried.course, tried.tally
        fits = await self._trips.fitting(course, [candidate.document for candidate in chunk])
        fitting = [candidate for candidate, fits_ in zip(chunk, fits, strict=True) if fits_]
        chosen = {id(each.document): each for each in fitting[: effort.count - tally.tried]}
        documents = [candidate.document for candidate in chosen.values()]
        twice = max(0, effort.twice_max - tally.tried)
        trips = await self._trips.there(course, documents, twice=twice, deadline=deadline)
        trips = await self._trips.judged(course, trips)
        whole = await self._trips.back(course, trips, bare=not tally.needs_stash, deadline=deadline)
        for trip in whole:
            await self._count(tried, chosen[id(trip.document)], trip)
        if len(whole) < len(documents) or anyio.current_time() > deadline:
            tried.complete = False

    async def _count(self, tried: Tried, candidate: Candidate, trip: Trip) -> None:
        course = tried.course
        breaches = judge(trip, course.terms)
        tried.tally.add(trip, breaches, stored=candidate.stored, law_of_return=course.way.side.returns)
        if isinstance(trip.there, Carried) and not trip.violations and len(tried.images) < IMAGES_MAX:
            tried.images.append(trip.there.config)
        for breach in breaches:
            if not breach.covered and _name(breach) not in tried.found and len(tried.found) < FINDINGS_MAX:
                tried.found[_name(breach)] = await self._finding(tried, candidate, trip, breach)

    async def _finding(self, tried: Tried, candidate: Candidate, trip: Trip, breach: Breach) -> Finding:
        """The finding, with the smallest document found in time that shows the same fault."""
        course, began = tried.course, anyio.current_time()
        deadline = began + min(SHRINK_S, tried.shrinking_s)
        better: tuple[Trip, Breach] | None = (trip, breach)
        while better is not None:
            trip, breach = better
            better = await self._smaller(course, trip, breach, deadline)
        tried.shrinking_s -= anyio.current_time() - began
        step = course.way.step
        migrated = trip.there.config if isinstance(trip.there, Carried) else None
        return Finding(step.source, step.destination, breach, trip.document, migrated, candidate.origin)

    async def _smaller(self, course: Course, trip: Trip, breach: Breach, deadline: float) -> tuple[Trip, Breach] | None:
        """One step down: the first smaller document with the same fault; None when there is none, or no time."""
        documents = smaller(trip.document)
        while chunk := list(islice(documents, CHUNK)):
            fits = await self._trips.fitting(course, chunk)
            for document in (each for each, fitting in zip(chunk, fits, strict=True) if fitting):
                if anyio.current_time() > deadline:
                    return None
                tried = await self._trips.whole(course, document)
                same = next(
                    (b for b in judge(tried, course.terms) if not b.covered and _name(b) == _name(breach)), None
                )
                if same is not None:
                    return tried, same
        return None


def _some(candidates: Iterator[Candidate]) -> list[Candidate]:
    return list(islice(candidates, CHUNK))


def _name(breach: Breach) -> tuple[str, str]:
    """Breaches of one law in one place are one fault."""
    return (breach.law, breach.place)
