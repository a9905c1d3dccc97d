"""A config carried over a path of steps for its own sake: every step run, judged, accounted for. Nothing is written.

Unlike the engine's own computing, stashes go in and come out here, and each step is asked what it cannot bring back:
by running the opposite step on what it gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from versiqiid.core.canonical import Json
from versiqiid.core.laws import Carried, Declined, Difference, Failed, differences, same
from versiqiid.core.mapper import Account, Leg, Refusal
from versiqiid.core.patch import apply_patch, make_patch, resolve_pointer
from versiqiid.core.snapshot import Snapshot
from versiqiid.core.stash import Stash, keep, merge
from versiqiid.core.violation import Violation
from versiqiid.engine.pairs import family_of, schema_of, step_of
from versiqiid.engine.steps import Step, Taken
from versiqiid.engine.transit import Transit
from versiqiid.errors import InvalidInput, MigrationFailed, NotFound
from versiqiid.ports import MigrationRuntime, Validator


class _Stop(Exception):
    """The way ends here."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class _Given:
    """What a step gave, with how an earlier record was used."""

    config: Json
    taken: Taken
    stash: str = ""
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Aside:
    """What a step could not express, as ``Leg`` tells it."""

    stash: Stash | None = None
    stashed: tuple[Difference, ...] = ()
    lost: tuple[Difference, ...] = ()
    decided: bool = True


class Mapping:
    """Carries configs along paths of one family, as its keys are in a snapshot."""

    def __init__(self, validator: Validator, runtime: MigrationRuntime) -> None:
        self._validator = validator
        self._transit = Transit(runtime)

    async def carry(
        self, snapshot: Snapshot, family: str, path: Sequence[str], config: Json, stashes: Sequence[Stash] = ()
    ) -> Account:
        """The account of the config's way along the path; a refusal stands in it.

        :param path: versions, the one that the config is written for first.
        :param stashes: records of an earlier way in the other direction.
        :raises NotFound: a schema or module is missing. :raises InvalidInput: a migration cannot be used.
        """
        account = Account(config, tuple(path))
        records = {(stash.source, stash.destination): stash for stash in stashes}
        way = _Way(snapshot, family, self._validator, self._transit)
        try:
            await way.judge(path[0], config, f"the config does not fit schema {path[0]}")
            document = config
            for ends in pairwise(path):
                record = records.pop((ends[1], ends[0]), None)
                document = await way.leg(account, ends, document, record)
            account.result = document
        except _Stop as stop:
            account.refusal = stop.refusal
        account.stashes += records.values()
        return account


@dataclass(frozen=True, slots=True)
class _Way:
    """One family on the way of one config."""

    snapshot: Snapshot
    family: str
    validator: Validator
    transit: Transit

    async def leg(self, account: Account, ends: tuple[str, str], document: Json, record: Stash | None) -> Json:
        """One step, added to the account; what it gave."""
        step = self._step(ends)
        given = await self._given(step, document, record)
        await self.judge(ends[1], given.config, f"{step.label}its result does not fit schema {ends[1]}")
        aside = await self._aside(step, document, given)
        account.legs.append(
            Leg(
                *ends,
                step.manifest.runtime,
                step.digest,
                given.taken.fuel,
                step.manifest.lossy,
                aside.stashed,
                aside.lost,
                aside.decided,
                given.stash,
                given.conflicts,
                given.taken.answer.notes,
            )
        )
        if aside.stash is not None:
            account.stashes.append(aside.stash)
        return given.config

    async def judge(self, version: str, document: Json, what: str) -> None:
        """Return when the document fits the schema of that version.

        :raises _Stop: it does not. :raises NotFound: there is no such schema.
        """
        found = await self._violations(version, document)
        if found:
            place = found[0].pointer or "the whole document"
            raise _Stop(Refusal(f"{what}: at {place}: {found[0].message}", found))

    async def _violations(self, version: str, document: Json) -> tuple[Violation, ...]:
        schema = schema_of(self.snapshot, self.family, version, family_of(self.snapshot, self.family))
        return await self.validator.validate(replace(schema, document=document))

    def _step(self, ends: tuple[str, str]) -> Step:
        return step_of(self.snapshot, self.family, family_of(self.snapshot, self.family), ends)

    async def _given(self, step: Step, document: Json, record: Stash | None) -> _Given:
        """What the step makes of the document, with what an earlier record brings back."""
        if record is None:
            return _Given(*await self._run(step, document))
        if record.of(document):
            return _Given(*await self._restored(step, document, record), stash="applied")
        edited, taken = await self._run(step, document)
        if not record.known:
            return _Given(edited, taken, "dropped", ("",))
        base, _ = await self._run(step, record.converted)
        kept, _ = await self._restored(step, record.converted, record)
        merged = merge(base, kept, edited)
        if await self._violations(step.destination, merged.document):
            changed = tuple(each.pointer for each in differences(base, kept))
            return _Given(edited, taken, "dropped", changed)
        return _Given(merged.document, taken, "merged", merged.conflicts)

    async def _restored(self, step: Step, document: Json, record: Stash) -> tuple[Json, Taken]:
        """The way back with the record, on the document that the record was made for."""
        config, taken = await self._run(step, document, record.lost)
        if record.patch is None:
            return config, taken
        try:
            return apply_patch(config, record.patch), taken
        except MigrationFailed as failure:
            raise _Stop(Refusal(f"{step.label}its stash does not apply: {failure.message}")) from failure

    async def _run(self, step: Step, document: Json, stash: Json = None) -> tuple[Json, Taken]:
        result, taken = await self.transit.run(step, document, stash)
        if isinstance(result, Carried) and taken is not None:
            return result.config, taken
        if isinstance(result, Declined) and result.pointer is not None:
            violations = (Violation(result.pointer, "migration", result.message[:300]),)
            raise _Stop(Refusal(f"{step.label}{result.message}", violations))
        message = result.message if isinstance(result, Declined | Failed) else ""
        raise _Stop(Refusal(f"{step.label}{message}"))

    async def _aside(self, step: Step, document: Json, given: _Given) -> _Aside:
        """The record for the way back, and what it holds: the opposite step is asked what it would bring back."""
        ends, lost = (step.source, step.destination), given.taken.answer.stash
        back = self._opposite(ends)
        whole = await self._back(back, given.config, lost) if back else None
        if back is None or whole is None:
            stash = keep(*ends, given.config, lost=lost) if lost is not None else None
            return _Aside(stash, lost=tuple(_declared(step, document)), decided=False)
        alone = whole if lost is None else await self._back(back, given.config, None)
        patch = _restoring(whole.config, document)
        if lost is None and patch is None:
            return _Aside()
        stashed = differences(document, alone.config) if alone else ()
        return _Aside(keep(*ends, given.config, lost=lost, patch=patch), stashed)

    async def _back(self, back: Step, config: Json, stash: Json) -> Carried | None:
        result, _ = await self.transit.run(back, config, stash)
        return result if isinstance(result, Carried) else None

    def _opposite(self, ends: tuple[str, str]) -> Step | None:
        if (ends[1], ends[0]) not in self.snapshot.migrations[self.family]:
            return None
        try:
            return self._step((ends[1], ends[0]))
        except (InvalidInput, NotFound):
            return None


def _restoring(given: Json, wanted: Json) -> Json:
    """A patch that surely leads from one to the other, None where they are the same."""
    if same(given, wanted):
        return None
    patch = make_patch(given, wanted)
    whole = [{"op": "replace", "path": "", "value": wanted}]
    return patch if same(apply_patch(given, patch), wanted) else whole


def _declared(step: Step, document: Json) -> Iterator[Difference]:
    """What the step declares to lose and the document has."""
    for pointer in step.manifest.lossy:
        try:
            yield Difference(pointer, pointer, "gone", resolve_pointer(document, pointer))
        except NotFound:
            continue
