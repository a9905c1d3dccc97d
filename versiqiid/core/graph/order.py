"""The order of a set of moves in which no step breaks anything, or the moves that must be made at once."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from versiqiid.core.graph.links import Judge, VersionGraph

    Groups = dict[str, tuple[str, ...]]  # the name of a group (its first member) to its members


@dataclass(frozen=True, slots=True)
class Move:
    """One target from one version to another.

    :ivar frm: None when it does not run yet.
    """

    target: str
    frm: str | None
    to: str

    def __str__(self) -> str:
        return f"{self.target} {self.frm or '(none)'} → {self.to}"


def predecessors(graph: VersionGraph, judge: Judge, moves: Iterable[Move]) -> dict[str, set[str]]:
    """Target to the targets that must have moved before it may.

    Every link is between two targets, so a step breaks something exactly when it leaves some pair of moves half made
    that must not stand half made. Looking at pairs therefore misses nothing and forbids nothing that is allowed.
    """
    by_target = {move.target: move for move in moves}
    before: dict[str, set[str]] = {target: set() for target in by_target}
    linked = {
        tuple(sorted((target, other))) for target in by_target for other in graph.neighbours(target) & by_target.keys()
    }
    for one, other in sorted(pair for pair in linked if pair[0] != pair[1]):
        a, b = by_target[one], by_target[other]
        standing = _broken(graph, judge, (a.target, a.frm), (b.target, b.frm))
        if _broken(graph, judge, (a.target, a.to), (b.target, b.frm)) - standing:
            before[one].add(other)
        if _broken(graph, judge, (a.target, a.frm), (b.target, b.to)) - standing:
            before[other].add(one)
    return before


def in_order(before: Mapping[str, set[str]]) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[str, ...], ...]]:
    """Groups of targets in the order in which they may move, and the circles that made groups of more than one.

    Targets that wait for each other are put into one group, as few as that takes. Otherwise a group is one target, and
    whatever may go next goes by name, so that the same question always has the same answer.
    """
    groups: Groups = {target: (target,) for target in before}
    circles: list[tuple[str, ...]] = []
    while True:
        owner = {member: name for name, members in groups.items() for member in members}
        waiting = {
            name: {owner[earlier] for member in members for earlier in before[member]} - {name}
            for name, members in sorted(groups.items())
        }
        try:
            return tuple(groups[name] for name in _sorted(waiting)), tuple(circles)
        except CycleError as error:
            circle: list[str] = error.args[1]
            circles.append(tuple("+".join(groups[name]) for name in reversed(circle)))
            members = tuple(sorted({member for name in circle for member in groups.pop(name, ())}))
            groups[members[0]] = members


def _sorted(waiting: Mapping[str, set[str]]) -> list[str]:
    sorter = TopologicalSorter(waiting)
    sorter.prepare()
    ordered: list[str] = []
    ready: set[str] = set()
    while sorter.is_active():
        ready.update(sorter.get_ready())
        first = min(ready)
        ready.remove(first)
        ordered.append(first)
        sorter.done(first)
    return ordered


def _broken(
    graph: VersionGraph, judge: Judge, one: tuple[str, str | None], other: tuple[str, str | None]
) -> set[tuple[str, str, str]]:
    """The relations between these two target versions that do not hold; None as a version is a target that is away."""
    found: set[tuple[str, str, str]] = set()
    for (target, version), (neighbour, its_version) in ((one, other), (other, one)):
        if version is None:
            continue
        for link in graph.links(target, version):
            breach = judge.breach(link, its_version) if link.other == neighbour else None
            if breach is not None:
                found.add(breach.link.relation)
    return found
