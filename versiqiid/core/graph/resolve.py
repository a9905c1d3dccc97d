"""Versions for a whole environment under which no link breaks, by ``resolvelib``, or the demands that conflict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver

from versiqiid.core.graph.links import REQUIRES
from versiqiid.core.versions import parse
from versiqiid.errors import InvalidVersion, TooLarge

if TYPE_CHECKING:
    from versiqiid.core.graph.links import Judge, Link, State, VersionGraph

ROUNDS_MAX = 5_000
"""How many choices a search may make. Arbitrary: some hundred targets with dozens of versions stay far below."""


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """One of the demands that cannot be met together.

    :ivar target: whose version is demanded.
    :ivar demand: the range, or the one version that was asked for.
    :ivar by: the version that demands it, as ``auth 2.0.0``; empty for what was asked for.
    """

    target: str
    demand: str
    by: str = ""

    def __str__(self) -> str:
        if not self.by:
            return f"{self.target} {self.demand} was asked for"
        return f"{self.by} needs {self.target} {self.demand!r}"


class Conflict(Exception):
    """No choice of versions meets all demands.

    :param causes: the demands at which every choice ended.
    """

    def __init__(self, causes: tuple[Cause, ...]) -> None:
        super().__init__("; ".join(map(str, causes)))
        self.causes = causes


class _Candidate(NamedTuple):
    target: str
    version: str


class _Demand(NamedTuple):
    """:ivar link: None for a target that only has to keep some version, or has to get the asked one."""

    target: str
    link: Link | None = None
    asked: str | None = None


def resolve(graph: VersionGraph, judge: Judge, state: State, goals: State) -> dict[str, str]:
    """A version for every target of the state and the goals under which nothing breaks that did not break before.

    The goals get the version that was asked for. The others keep theirs where they can, else get the nearest newer
    known version, else the nearest older one. Targets that share no chain of links with a goal are left alone, and none
    is brought in that neither runs nor is asked for.

    :raises Conflict: there are no such versions; nothing else was tried than known ones.
    :raises TooLarge: no answer within ``ROUNDS_MAX`` choices.
    """
    concerned = _concerned(graph, {*state, *goals}, goals)
    provider = _Provider(graph, judge, state, goals)
    demands = [_Demand(target, asked=goals.get(target)) for target in sorted(concerned)]
    try:
        found = Resolver(provider, BaseReporter()).resolve(demands, max_rounds=ROUNDS_MAX)
    except ResolutionImpossible as impossible:
        raise Conflict(_causes(impossible.causes)) from None
    except ResolutionTooDeep:
        raise TooLarge(
            "the upgrade has too many possible versions to try them all",
            size=ROUNDS_MAX + 1,
            limit=ROUNDS_MAX,
            hint="ask for the versions of more targets, so that fewer are left to choose",
        ) from None
    return {**state, **{target: candidate.version for target, candidate in found.mapping.items()}}


def _concerned(graph: VersionGraph, present: set[str], goals: State) -> set[str]:
    """The targets that a chain of links, in either direction, joins to a goal."""
    joined: dict[str, set[str]] = {target: set() for target in present}
    for target in present:
        for other in graph.neighbours(target) & present:
            joined[target].add(other)
            joined[other].add(target)
    concerned: set[str] = set()
    waiting = list(goals)
    while waiting:
        target = waiting.pop()
        if target not in concerned:
            concerned.add(target)
            waiting.extend(joined[target] - concerned)
    return concerned


def _causes(informations: Iterable[Any]) -> tuple[Cause, ...]:
    causes: set[Cause] = set()
    for demand, parent in informations:
        if demand.link is not None:
            causes.add(Cause(demand.target, demand.link.range_text, f"{parent.target} {parent.version}"))
        elif demand.asked is not None:
            causes.add(Cause(demand.target, demand.asked))
    return tuple(sorted(causes))


class _Provider(AbstractProvider[_Demand, _Candidate, str]):
    """What resolvelib asks: which versions there are, in which order they are liked, and what each demands."""

    def __init__(self, graph: VersionGraph, judge: Judge, state: State, goals: State) -> None:
        self._graph = graph
        self._judge = judge
        self._state = state
        self._goals = goals
        self._present = state.keys() | goals.keys()
        self._standing = {breach.link.relation for breach in graph.check(state)}
        self._candidates: dict[str, tuple[_Candidate, ...]] = {}

    def identify(self, requirement_or_candidate: _Demand | _Candidate) -> str:
        return requirement_or_candidate.target

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, _Candidate],
        candidates: Mapping[str, Iterator[_Candidate]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, bool, str]:
        """Goals first, for they have one candidate; then what stood in the way last time; then by name."""
        _ = resolutions, candidates, information
        stood_in_the_way = any(
            identifier == cause.requirement.target or (cause.parent and identifier == cause.parent.target)
            for cause in backtrack_causes
        )
        return (identifier not in self._goals, not stood_in_the_way, identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[_Demand]],
        incompatibilities: Mapping[str, Iterator[_Candidate]],
    ) -> list[_Candidate]:
        demands = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        return [
            candidate
            for candidate in self._known(identifier)
            if candidate not in excluded and all(self.is_satisfied_by(demand, candidate) for demand in demands)
        ]

    def is_satisfied_by(self, requirement: _Demand, candidate: _Candidate) -> bool:
        if requirement.asked is not None:
            return candidate.version == requirement.asked
        return requirement.link is None or self._judge.breach(requirement.link, candidate.version) is None

    def get_dependencies(self, candidate: _Candidate) -> list[_Demand]:
        """Its links that count: nobody is brought in only to be accepted, and what is broken now may stay broken."""
        return [
            _Demand(link.other, link)
            for link in self._graph.links(*candidate)
            if link.relation not in self._standing and (link.kind == REQUIRES or link.other in self._present)
        ]

    def _known(self, target: str) -> tuple[_Candidate, ...]:
        """The versions to choose from, in the order in which they are liked."""
        if target not in self._candidates:
            self._candidates[target] = tuple(_Candidate(target, version) for version in self._liked(target))
        return self._candidates[target]

    def _liked(self, target: str) -> list[str]:
        if target in self._goals:
            return [self._goals[target]]
        now = self._state.get(target)
        if now is None:
            return []
        scheme = self._graph.scheme(target)
        places: dict[str, Any] = {}
        for text in {*self._graph.known.get(target, ()), *self._graph.described(target), now}:
            try:
                version = parse(scheme, text)
            except InvalidVersion:
                continue
            places[text] = (version.order_key if scheme.ordered else version.canonical, text)
        here = places.pop(now, None)
        newer = sorted((text for text in places if here is not None and places[text] > here), key=places.__getitem__)
        older = sorted(places.keys() - set(newer), key=places.__getitem__, reverse=True)
        return [now, *newer, *older]
