"""What an upgrade would break, what else has to move, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core.graph.links import Judge
from versiqiid.core.graph.order import Move, in_order, predecessors
from versiqiid.core.graph.resolve import Conflict, resolve
from versiqiid.core.versions import parse

if TYPE_CHECKING:
    from versiqiid.core.graph.links import Breach, State, VersionGraph
    from versiqiid.core.graph.resolve import Cause


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer to "may this set of targets move there, and how".

    :ivar steps: what to move, in order. A step of several moves must be made at once (one transaction of version
        keys); after each step nothing is broken that was not broken before the first one. Empty when there is a
        conflict, and when there is nothing to do.
    :ivar would_break: what moving the asked targets alone would break.
    :ivar added: the targets that move although nobody asked for it, because of ``would_break``.
    :ivar circles: the targets that wait for each other, for each step of several moves; the first again at the end.
    :ivar conflict: the demands that cannot be met together; empty when there is a plan.
    """

    steps: tuple[tuple[Move, ...], ...] = ()
    would_break: tuple[Breach, ...] = ()
    added: tuple[str, ...] = ()
    circles: tuple[tuple[str, ...], ...] = ()
    conflict: tuple[Cause, ...] = ()

    @property
    def possible(self) -> bool:
        return not self.conflict


def plan_upgrade(graph: VersionGraph, state: State, goals: State) -> Plan:
    """A way from the state to one in which every goal holds, such that no step breaks anything, if there is one.

    Where the goals alone break links, other running targets are moved too, to versions that the graph knows, as few
    as the search finds. What is broken from the start does not stand in the way.

    :param goals: target to the version it is to have; a target that does not run yet is brought in.
    :raises InvalidVersion: a goal is no version of its target's scheme.
    :raises TooLarge: the search was given up; nothing is known then.
    """
    for target, version in goals.items():
        parse(graph.scheme(target), version)
    judge = Judge(graph)
    standing = {breach.link.relation for breach in graph.check(state)}
    wanted = {**state, **goals}
    would_break = tuple(breach for breach in graph.check(wanted) if breach.link.relation not in standing)
    if would_break:
        try:
            wanted = resolve(graph, judge, state, goals)
        except Conflict as conflict:
            return Plan(would_break=would_break, conflict=conflict.causes)
    moves = {
        target: Move(target, state.get(target), version)
        for target, version in sorted(wanted.items())
        if state.get(target) != version
    }
    groups, circles = in_order(predecessors(graph, judge, moves.values()))
    return Plan(
        steps=tuple(tuple(moves[target] for target in group) for group in groups),
        would_break=would_break,
        added=tuple(target for target in moves if target not in goals),
        circles=circles,
    )
