"""Migrations as use cases: plan a way, try it on a config, test laws, refuse what breaks them. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio

from versiqiid.api.gathering import Gathering
from versiqiid.api.service import Service, Write
from versiqiid.core import keys as k
from versiqiid.core.canonical import Json
from versiqiid.core.document import check_value, read
from versiqiid.core.laws import LawBroken
from versiqiid.core.mapper import Account
from versiqiid.core.migration import Path, best_path, edges_of
from versiqiid.core.migration.advice import advise
from versiqiid.core.objects import read_family
from versiqiid.core.snapshot import Snapshot
from versiqiid.core.stash import Stash
from versiqiid.engine.lawcheck import Effort, LawCheck, Report
from versiqiid.engine.mapping import Mapping
from versiqiid.engine.pairs import pair
from versiqiid.errors import InvalidInput, NotFound, Refused, Unavailable
from versiqiid.ports import MigrationRuntime, Validator

REGISTRATION = Effort(count=2_000, budget_s=1.0, twice_max=100)
"""How hard a pair is tried when it is registered: somebody waits. ``migrations test`` and the leader take longer."""


COMPILING_S = 30.0
"""How long a registration waits for a large module to be compiled, which goes on when nobody waits any more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """:ivar path: the way that the rule of the key layout chooses, None when there is none."""

    family: str
    source: str
    destination: str
    path: Path | None
    steps: tuple[dict[str, Any], ...]
    advice: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        path = [self.source, *self.path.steps] if self.path else None
        told = {"family": self.family, "from": self.source, "to": self.destination, "path": path}
        lossy = sum(bool(step["lossy"]) for step in self.steps)
        return {**told, "steps": list(self.steps), "lossySteps": lossy, **self.advice}


class Migrations:
    """What can be asked about the migrations of a root."""

    def __init__(self, service: Service, validator: Validator, runtime: MigrationRuntime) -> None:
        self._service = service
        self._laws = LawCheck(validator, runtime)
        self._mapping = Mapping(validator, runtime)
        self._turn = anyio.Semaphore(1)

    async def test(self, family: str, source: str, destination: str, effort: Effort) -> Report:
        """Try the laws on the step and its opposite, one test at a time.

        :raises NotFound: no such step, or its family, a schema or module is missing.
        :raises InvalidInput: it cannot be used. :raises Refused: no document could be made that it takes.
        """
        gathering = await self._pair(Gathering(self._service.store, self._service.root), family, source, destination)
        first, second = pair(gathering.snapshot(), family, source, destination)
        async with self._turn:
            report = await self._laws.run(first, second, effort)
        if not report.proven and not report.findings:
            raise Refused(
                f"migrations/{family}/{source}/{destination}: no document was found that it carries",
                hint="Store a config that it carries, or say more in the schemas.",
            )
        return report

    async def check(self, writes: Sequence[Write]) -> None:
        """Return when no pair of migrations that these writes complete or change is known to break a law.

        A pair is tried when both of its directions are there afterwards, with their family and schemas.

        :raises LawBroken: with the documents that show it. :raises Unavailable: a module is still being compiled.
        """
        overlay = {write.key: write.raw for write in writes if write.op != "check"}
        touched = [
            meaning for key, raw in overlay.items() if raw and isinstance(meaning := k.parse(key), k.MigrationKey)
        ]
        seen: set[frozenset[str]] = set()
        for key in touched:
            ends = frozenset((key.family, key.source, key.destination))
            if ends not in seen:
                seen.add(ends)
                await self._check(overlay, key)

    async def _check(self, overlay: dict[str, bytes | None], key: k.MigrationKey) -> None:
        family, source, destination = key.family, key.source, key.destination
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.get(f"migrations/{family}/{destination}/{source}")
        if (destination, source) not in gathering.snapshot().migrations[family]:
            return
        await self._pair(gathering, family, source, destination)
        try:
            first, second = pair(gathering.snapshot(), family, source, destination)
        except (NotFound, InvalidInput):  # nothing to try it on yet; the status tells when it is used
            return
        with anyio.move_on_after(COMPILING_S) as compiling:
            await self._laws.prepare(first, second)
        if compiling.cancelled_caught:
            raise _still_compiling(family, source, destination)
        async with self._turn:
            report = await self._laws.run(first, second, REGISTRATION)
        if report.findings:
            told = "; ".join(finding.sentence for finding in report.findings[:3])
            raise LawBroken(
                f"migrations/{family}: {told}",
                findings=report.findings,
                hint="The findings hold the documents that show it. Correct the migration, or declare what it loses.",
            )

    async def plan(self, family: str, source: str, destination: str) -> Plan:
        """The way that the rule would choose, and what would help.

        :raises NotFound: no such family.
        """
        gathering = Gathering(self._service.store, self._service.root)
        await gathering.family(family)
        snapshot = gathering.snapshot()
        values = _manifests(snapshot, family)
        path = path_between(snapshot, family, source, destination)
        steps = tuple(_step(ends, values[ends]) for ends in path.pairs) if path else ()
        scheme = read_family(_value(snapshot, f"families/{family}")).versioning
        advice = advise(
            scheme,
            existing=snapshot.schema_versions[family],
            keys=values.keys(),
            source=source,
            destination=destination,
        )
        return Plan(family, source, destination, path, steps, advice.as_json())

    async def run(self, family: str, source: str, destination: str, config: Json, stashes: Sequence[Stash]) -> Account:
        """A dry run: the config carried over the path that the rule chooses, and the account of it.

        :raises NotFound: no path, or something on it is missing. :raises InvalidInput: a step cannot be used.
        """
        check_value(config)
        gathering = Gathering(self._service.store, self._service.root)
        await gathering.family(family)
        path = path_between(gathering.snapshot(), family, source, destination)
        if path is None:
            raise NotFound(
                f"no migrations of family {family} lead from {source} to {destination}",
                hint=f"See `versiqii migrations plan {family} {source} {destination}`.",
            )
        return await self.carried(gathering, family, path, config, stashes)

    async def carried(
        self, gathering: Gathering, family: str, path: Path, config: Json, stashes: Sequence[Stash]
    ) -> Account:
        """The account of a config's way along a path of a family that was gathered."""
        await gathering.modules(family, [pair for ends in path.pairs for pair in (ends, ends[::-1])])
        return await self._mapping.carry(gathering.snapshot(), family, (path.source, *path.steps), config, stashes)

    async def _pair(self, gathering: Gathering, family: str, source: str, destination: str) -> Gathering:
        """Everything that the laws of one pair need."""
        ends = ((source, destination), (destination, source))
        await gathering.get(f"families/{family}", *(f"schemas/{family}/{version}" for version in (source, destination)))
        await gathering.get(*(f"migrations/{family}/{a}/{b}" for a, b in ends))
        await gathering.modules(family, ends)
        await gathering.configs(family)
        return gathering


def path_between(snapshot: Snapshot, family: str, source: str, destination: str) -> Path | None:
    """The way that the rule of the key layout chooses from one version to the other, None when there is none.

    :raises NotFound: no such family.
    """
    scheme = read_family(_value(snapshot, f"families/{family}")).versioning
    edges = {ends: edge for ends, edge in edges_of(_manifests(snapshot, family)).items() if not edge.inverse}
    order = sorted(snapshot.schema_versions[family])
    return best_path(scheme, order=order, edges=edges, sources=[source], wanted=destination)


def _still_compiling(family: str, source: str, destination: str) -> Unavailable:
    error = Unavailable(
        f"migrations/{family}/{source}/{destination}: its module is being compiled; nothing was written",
        hint="A large module takes a minute, once. Try again then.",
    )
    error.maybe_written = False
    return error


def _manifests(snapshot: Snapshot, family: str) -> dict[tuple[str, str], Json]:
    """Every migration key of the family as a document, None where it is none."""
    found: dict[tuple[str, str], Json] = {}
    for source, destination in sorted(snapshot.migrations[family]):
        try:
            found[source, destination] = read(_value(snapshot, f"migrations/{family}/{source}/{destination}"))
        except InvalidInput:
            found[source, destination] = None
    return found


def _value(snapshot: Snapshot, key: str) -> bytes:
    value = snapshot.get(key)
    if value is None:
        raise NotFound(f"{key} does not exist")
    return value.raw


def _step(ends: tuple[str, str], manifest: Json) -> dict[str, Any]:
    told = manifest if isinstance(manifest, dict) else {}
    lossy = told.get("lossy")
    step = {
        "from": ends[0],
        "to": ends[1],
        "runtime": told.get("runtime"),
        "lossy": lossy if isinstance(lossy, list) else [],
    }
    return step | ({"digest": told["module"]} if isinstance(told.get("module"), str) else {})
