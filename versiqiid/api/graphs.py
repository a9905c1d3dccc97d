"""The version graph as use cases: show it, judge what runs, plan a set of upgrades, add a link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from versiqiid.api.expectation import at
from versiqiid.api.gathering import Gathering
from versiqiid.api.service import Service, Written
from versiqiid.core import keys as k
from versiqiid.core.canonical import canonical
from versiqiid.core.document import read
from versiqiid.core.graph import Breach, Plan, VersionGraph, plan_upgrade
from versiqiid.core.graph.drawing import Edge
from versiqiid.core.graph.links import ACCEPTS, REQUIRES
from versiqiid.core.graph.reading import Landscape, landscape
from versiqiid.core.objects import parse_constraint, read_override, read_target
from versiqiid.core.plan import Stopped, choose, open_case, resolve
from versiqiid.core.snapshot import Snapshot, Value
from versiqiid.core.where import every_binding, exists
from versiqiid.engine.facts import Attribution
from versiqiid.errors import InvalidInput, InvalidKey, NotFound

GOALS_MAX = 100
"""How many targets one plan may be asked to move. Arbitrary."""
_RULE_ROOMS = ("families/", "schemas/", "migrations/", "configs/", "bindings/", "targets/", "envs/")


@dataclass(frozen=True, slots=True)
class Link:
    """An edge to be written.

    :ivar version: the one version that says it; None = the target, for all versions that do not say otherwise.
    :ivar range_text: None = take the edge away.
    """

    target: str
    version: str | None
    kind: str
    other: str
    range_text: str | None


class Graphs:
    """What can be asked about the version graph of a root."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def show(self, environment: str | None) -> dict[str, Any]:
        """The edges: of what runs in an environment and whether they hold there, or all that target documents say.

        :raises InvalidKey: no environment can have that name.
        """
        land = await self._landscape()
        if environment is None:
            return _shown({}, _documented(land.graph), land)
        state = land.state(_environment(environment))
        broken = {breach.link for breach in land.graph.check(state)}
        edges = [
            Edge(link.target, link.kind, link.other, link.range_text, link in broken)
            for target, version in state.items()
            for link in land.graph.links(target, version)
        ]
        return _shown(state, edges, land) | {"environment": environment}

    async def check(self, environment: str | None) -> dict[str, Any]:
        """Which links do not hold, in an environment and those below it, or everywhere; and circles of requirements.

        :raises InvalidKey: no environment can have that name.
        """
        land = await self._landscape()
        places = sorted(land.own) if environment is None else [_environment(environment), *land.below(environment)]
        told = []
        for place in places:
            state = land.state(place)
            breaches = [breach_json(breach) for breach in land.graph.check(state)]
            circle = list(land.graph.cycle(state))
            told.append({"environment": place, "running": state, "breaches": breaches, "circle": circle})
        holds = not any(place["breaches"] for place in told) and not land.unread
        return {"holds": holds, "environments": told, "unreadable": _unread(land)}

    async def plan(self, environment: str, goals: Mapping[str, str]) -> dict[str, Any]:
        """In which order the targets can go there, what else has to move, and what would break.

        :param goals: target → version.
        :raises NotFound: a target that nobody knows. :raises InvalidVersion: no version of the target's scheme.
        :raises InvalidInput: no goal, or too many. :raises TooLarge: the search was given up.
        """
        if not 1 <= len(goals) <= GOALS_MAX:
            raise InvalidInput(f"a plan has 1 to {GOALS_MAX} targets, not {len(goals)}")
        gathering = Gathering(self._service.store, self._service.root)
        await gathering.under(*_RULE_ROOMS)
        snapshot = gathering.snapshot()
        land, place = landscape(snapshot), _environment(environment)
        for target in goals:
            if target not in land.graph.targets and target not in land.graph.known:
                raise NotFound(f"targets/{target} does not exist", hint="List what there is: versiqii targets list")

        def planned() -> dict[str, Any]:
            """A search of thousands of choices takes its time: off the event loop, over keys that nobody else has."""
            plan = plan_upgrade(land.graph, land.state(place), goals)
            return _plan(plan, land.graph) | _beyond(snapshot, land, place, plan)

        asked = {"environment": place, "goals": dict(goals)}
        return asked | await to_thread.run_sync(planned) | {"unreadable": _unread(land)}

    async def link(self, link: Link, *, by: Attribution, validate_only: bool = False) -> dict[str, Any]:
        """Write an edge into its target's document, over exactly what was read; what else stands there stays.

        :raises NotFound: there is no such target. :raises Conflict: somebody else was faster; nothing was written.
        :raises InvalidVersion: no range of the other target's scheme. :raises Unreadable: the document cannot be read.
        """
        land = await self._landscape()
        key = f"targets/{link.target}" + (f"/{link.version}" if link.version is not None else "")
        _check_link(land, link, key)
        told, revision = await self._document(key, link)
        if link.range_text is None:
            if link.other not in told.get(link.kind, {}):
                raise NotFound(f"{key} says nothing about {link.kind} {link.other}")
            del told[link.kind][link.other]
        else:
            told[link.kind] = {**told.get(link.kind, {}), link.other: link.range_text}
        raw = canonical(told)
        (read_target if link.version is None else read_override)(raw)
        written = await self._service.put(key, raw, expect=at(revision), by=by, validate_only=validate_only)
        return _linked(key, written, await self._landscape({key: raw}))

    async def _document(self, key: str, link: Link) -> tuple[dict[str, Any], int]:
        """The document that is there and its revision; a version that has none yet begins with an empty one."""
        try:
            item = await self._service.get(key)
        except NotFound:
            if link.version is None or link.range_text is None:
                hint = f"Describe it first: versiqii targets create {link.target} --family …"
                raise NotFound(f"{key} does not exist", hint=hint) from None
            return {}, 0
        told = read(item.raw)
        if not isinstance(told, dict):
            raise InvalidInput(f"{key} is unreadable: expected an object")
        return told, item.revision

    async def _landscape(self, overlay: Mapping[str, bytes | None] | None = None) -> Landscape:
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.under("targets/", "envs/")
        return landscape(gathering.snapshot())


def _check_link(land: Landscape, link: Link, key: str) -> None:
    if link.kind not in (REQUIRES, ACCEPTS):
        raise InvalidInput(f"kind must be {REQUIRES} or {ACCEPTS}")
    for name in (link.target, link.other, link.version or "0"):
        if not k.is_segment(name):
            raise InvalidKey(f"{name[:80]!r} is no segment of a key")
    if link.target == link.other:
        raise InvalidInput(f"{key}: a target has no link to itself")
    if link.version is not None and link.target not in land.graph.targets:
        hint = f"Describe it first: versiqii targets create {link.target} --family …"
        raise NotFound(f"targets/{link.target} does not exist", hint=hint)
    if link.range_text is not None:
        parse_constraint(land.graph.scheme(link.other), link.range_text)


def _linked(key: str, written: Written, land: Landscape) -> dict[str, Any]:
    """What was written, and what it means where things run."""
    broken = [
        {"environment": place, **breach_json(breach)}
        for place in sorted(land.own)
        for breach in land.graph.check(land.state(place))
        if breach.link.target == key.split("/")[1]
    ]
    circles = {circle: None for place in sorted(land.own) if (circle := land.graph.cycle(land.state(place)))}
    told = {"key": key, "revision": written.revision, "correlationId": written.correlation_id}
    return told | {"breaches": broken, "circles": [list(circle) for circle in circles]}


def _environment(text: str) -> str:
    if not text or not all(k.is_segment(segment) for segment in text.split("/")):
        raise InvalidKey(f"{text[:200]!r} is no environment", hint="Environments look like prod/eu-fr.")
    return text


def breach_json(breach: Breach) -> dict[str, Any]:
    link = breach.link
    told = {"target": link.target, "version": link.version, "kind": link.kind, "other": link.other}
    return told | {"range": link.range_text, "found": breach.found, "reason": str(breach)}


def _documented(graph: VersionGraph) -> list[Edge]:
    """What documents say, whatever runs: targets first, then the versions that say otherwise."""
    edges = []
    for target, document in sorted(graph.targets.items()):
        for kind in (REQUIRES, ACCEPTS):
            edges += [Edge(target, kind, c.target, c.range_text) for c in getattr(document, kind)]
    for (target, version), override in sorted(graph.overrides.items()):
        for kind in (REQUIRES, ACCEPTS):
            constraints = getattr(override, kind) or ()
            edges += [Edge(f"{target}@{version}", kind, c.target, c.range_text) for c in constraints]
    return edges


def _shown(running: Mapping[str, str], edges: list[Edge], land: Landscape) -> dict[str, Any]:
    return {
        "environment": None,
        "running": dict(running),
        "edges": [
            {"target": e.target, "kind": e.kind, "other": e.other, "range": e.range_text, "broken": e.broken}
            for e in edges
        ],
        "unreadable": _unread(land),
    }


def _unread(land: Landscape) -> list[dict[str, str]]:
    return [{"key": each.key, "reason": each.reason} for each in land.unread]


def _plan(plan: Plan, graph: VersionGraph) -> dict[str, Any]:
    return {
        "possible": plan.possible,
        "steps": [[{"target": move.target, "from": move.frm, "to": move.to} for move in step] for step in plan.steps],
        "wouldBreak": [breach_json(breach) for breach in plan.would_break],
        "added": list(plan.added),
        "circles": [list(circle) for circle in plan.circles],
        "conflict": [
            {
                "target": cause.target,
                "demand": cause.demand,
                "by": cause.by,
                "known": sorted({*graph.known.get(cause.target, ()), *graph.described(cause.target)}),
                "reason": str(cause),
            }
            for cause in plan.conflict
        ],
    }


def _beyond(snapshot: Snapshot, land: Landscape, environment: str, plan: Plan) -> dict[str, Any]:
    """What the steps mean beyond the graph of this one environment: those below it, and the configs that follow."""
    before = {place: _relations(land, place) for place in land.below(environment)}
    broken: list[dict[str, Any]] = []
    now = land
    moved: dict[str, str] = {}
    for number, step in enumerate(plan.steps, 1):
        moved |= {move.target: move.to for move in step}
        now = land.after(environment, moved)
        for place, standing in before.items():
            for breach in now.graph.check(now.state(place)):
                if breach.link.relation not in standing:
                    standing.add(breach.link.relation)
                    broken.append({"environment": place, "step": number, **breach_json(breach)})
    return {"below": broken, "configs": _configs(snapshot, environment, moved)}


def _relations(land: Landscape, environment: str) -> set[tuple[str, str, str]]:
    return {breach.link.relation for breach in land.graph.check(land.state(environment))}


def _configs(snapshot: Snapshot, environment: str, moved: Mapping[str, str]) -> list[dict[str, Any]]:
    """The bindings that could not follow when all has moved, as far as the rule tells before a migration is run."""
    wanted = [b for b in every_binding(snapshot) if b.target in moved and k.is_below(b.environment, environment)]
    stood = {str(binding) for binding in wanted if exists(snapshot, binding) and _stops(snapshot, binding)}
    for target, version in moved.items():
        key = k.version_key(environment, target)
        there = snapshot.get(key)
        snapshot.wrote(key, version.encode(), (there or Value(b"", 0)).revision + 1)
    told = []
    for binding in sorted(b for b in every_binding(snapshot) if b.target in moved):
        if not k.is_below(binding.environment, environment) or not exists(snapshot, binding):
            continue
        stopped = _stops(snapshot, binding)
        if stopped is not None and str(binding) not in stood:
            told.append({"binding": str(binding), "state": stopped.state.value, "reason": stopped.reason})
    return told


def _stops(snapshot: Snapshot, binding: k.BindingId) -> Stopped | None:
    case = open_case(snapshot, binding)
    try:
        resolve(case)
        choose(case)
    except Stopped as stopped:
        return stopped
    return None
