"""The edges of the version graph, and which of them are broken in a state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, TypeAlias

from versiqiid.core.objects import Target, parse_constraint
from versiqiid.core.versions import Scheme, parse
from versiqiid.core.versions.version import shown
from versiqiid.errors import InvalidVersion

if TYPE_CHECKING:
    from versiqiid.core.objects import Override

State: TypeAlias = Mapping[str, str]
"""What runs in one environment: target name to version text. A target without a version is not in it."""

REQUIRES = "requires"
ACCEPTS = "accepts"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """One edge, as one version of a target declares it.

    :ivar kind: ``requires`` or ``accepts``.
    :ivar range_text: which versions of ``other`` are meant, in the scheme of ``other``.
    """

    target: str
    version: str
    kind: str
    other: str
    range_text: str

    @property
    def relation(self) -> tuple[str, str, str]:
        """What is linked how, whatever the versions: a breach that stays while versions move keeps its relation."""
        return (self.target, self.kind, self.other)

    def __str__(self) -> str:
        return f"{self.target} {self.version} {self.kind} {self.other} {shown(self.range_text)}"


@dataclass(frozen=True, slots=True, order=True)
class Breach:
    """A link that does not hold in a state.

    :ivar found: the version of ``link.other`` that runs there, None when there is none.
    :ivar problem: why nothing can be said, when the range or the version is none of the scheme; else empty.
    """

    link: Link
    found: str | None
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.link}: {self.problem}"
        found = f"{self.link.other} {self.found} runs" if self.found is not None else "no version of it is set"
        return f"{self.link}, but {found}"


@dataclass(frozen=True, slots=True)
class VersionGraph:
    """Everything that target documents say about each other.

    :ivar targets: target name to its document. A target that has none links to nothing; its versions are semver.
    :ivar overrides: (target name, version text) to the document of that version; what it says replaces the target's.
    :ivar known: target name to further versions that exist, for plans to choose from beside those that run, are asked
        for, or have a document of their own.
    """

    targets: Mapping[str, Target]
    overrides: Mapping[tuple[str, str], Override] = field(default_factory=dict)
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _described: Mapping[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        described: dict[str, tuple[str, ...]] = {}
        for target, version in sorted(self.overrides):
            described[target] = (*described.get(target, ()), version)
        object.__setattr__(self, "_described", described)

    def scheme(self, target: str) -> Scheme:
        """How versions of the target are written; semver where nothing says otherwise."""
        described = self.targets.get(target)
        return described.versioning if described else Scheme.SEMVER

    def links(self, target: str, version: str) -> tuple[Link, ...]:
        """The edges that this version declares. An override is looked up by its text, as keys are."""
        described = self.targets.get(target)
        override = self.overrides.get((target, version))
        found: list[Link] = []
        for kind in (REQUIRES, ACCEPTS):
            constraints = getattr(override, kind) if override else None
            if constraints is None:
                constraints = getattr(described, kind) if described else ()
            found += [Link(target, version, kind, item.target, item.range_text) for item in constraints]
        return tuple(found)

    def described(self, target: str) -> tuple[str, ...]:
        """The versions of the target that have a document of their own."""
        return self._described.get(target, ())

    def neighbours(self, target: str) -> frozenset[str]:
        """Every other target that some version of this one names."""
        documents = [self.targets.get(target), *(self.overrides[target, text] for text in self.described(target))]
        named: set[str] = set()
        for document in documents:
            for kind in (REQUIRES, ACCEPTS):
                named.update(item.target for item in getattr(document, kind, None) or ())
        return frozenset(named)

    def check(self, state: State) -> tuple[Breach, ...]:
        """The links that do not hold in this state, sorted; empty when all is well.

        A required target that does not run there is a breach, an accepted caller that does not run there is none.
        """
        judge = Judge(self)
        links = (link for target, version in state.items() for link in self.links(target, version))
        breaches = (judge.breach(link, state.get(link.other)) for link in links)
        return tuple(sorted(breach for breach in breaches if breach is not None))

    def cycle(self, state: State) -> tuple[str, ...]:
        """Targets that require each other in a circle in this state, the first one again at the end; empty without one.

        A circle is no breach: it says that these targets may have to move at once.
        """
        needs = {
            target: sorted(link.other for link in self.links(target, version) if link.kind == REQUIRES)
            for target, version in sorted(state.items())
        }
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            return tuple(reversed(circle))  # graphlib names what is needed first
        return ()


class Judge:
    """Whether links hold; each range and version is read once."""

    __slots__ = ("_graph", "_problems")

    def __init__(self, graph: VersionGraph) -> None:
        self._graph = graph
        self._problems: dict[tuple[str, str, str], str | None] = {}

    def breach(self, link: Link, found: str | None) -> Breach | None:
        """The breach when this version of ``link.other`` runs, or none does; None when the link holds."""
        if found is None:
            return Breach(link, None) if link.kind == REQUIRES else None
        key = (link.other, link.range_text, found)
        if key not in self._problems:
            self._problems[key] = self._problem(*key)
        problem = self._problems[key]
        return None if problem is None else Breach(link, found, problem)

    def _problem(self, other: str, range_text: str, found: str) -> str | None:
        """None when the version is in the range, empty when it is not, and a sentence when nobody can say."""
        scheme = self._graph.scheme(other)
        try:
            inside = parse_constraint(scheme, range_text).contains(parse(scheme, found))
        except InvalidVersion as error:
            return error.message
        return None if inside else ""
