"""From one binding to what its status and effective config should be: the whole rule, with its slow parts awaited.

Nothing is written here. The same inputs give the same outcome on every machine.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from versiqiid.core import keys as k
from versiqiid.core.canonical import Json, canonical, digest
from versiqiid.core.document import check_value, read
from versiqiid.core.linked import linked
from versiqiid.core.objects import Family
from versiqiid.core.plan import Case, State, Stopped, case_schema_key, choose, held, open_case, rejected, resolve
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.status import Finding, StepTaken
from versiqiid.core.violation import Violation
from versiqiid.engine.questions import question
from versiqiid.engine.steps import Step, StepRunner, prepare
from versiqiid.errors import InvalidInput, MigrationFailed, UnusableSchema
from versiqiid.ports import MigrationRuntime, ValidationRequest, Validator

CACHE_BYTES_MAX = 64 * 1024 * 1024
"""Arbitrary: enough for some ten thousand documents of usual size."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What should be: the finding for the status, and the effective config, None when it must not be touched."""

    binding: k.BindingId
    finding: Finding
    effective: bytes | None
    reads: Reads


@dataclass(frozen=True, slots=True)
class _Carried:
    """A document carried to the schema that needs it."""

    document: bytes
    steps: tuple[StepTaken, ...]


@dataclass(frozen=True, slots=True)
class _Schema:
    """A schema that can judge, with the key that reasons name."""

    key: str
    request: ValidationRequest


class Computer:
    """Applies the rule. Results of whole paths are remembered by the digests of all that went in."""

    def __init__(self, validator: Validator, runtime: MigrationRuntime) -> None:
        self._validator = validator
        self._steps = StepRunner(runtime)
        self._carried: OrderedDict[tuple[str, ...], _Carried] = OrderedDict()
        self._carried_bytes = 0
        self._usable: set[tuple[str, ...]] = set()

    async def outcome(self, snapshot: Snapshot, binding: k.BindingId) -> Outcome:
        """Apply steps 1 to 6 to a binding that exists.

        :raises Moved: an input changed meanwhile; start again.
        """
        case = open_case(snapshot, binding)
        taken: list[StepTaken] = []
        try:
            resolve(case)
            await self._usable_schema(case, case.schema_version or "")
            choose(case)
            carried = await self._carry(case, taken)
        except Stopped as stop:
            return Outcome(binding, _stopped(case, stop, tuple(taken)), None, case.reads)
        migrated = bool(case.path and case.path.steps)
        finding = replace(
            _finding(case, State.MIGRATED if migrated else State.IN_SYNC),
            steps=carried.steps,
            effective_digest=digest(carried.document),
        )
        return Outcome(binding, finding, carried.document, case.reads)

    async def _carry(self, case: Case, taken: list[StepTaken]) -> _Carried:
        """Step 6, from the cache where every input is the same to the byte."""
        path = case.path
        if path is None or case.source_key is None:
            msg = "_carry() comes after choose()"
            raise ValueError(msg)
        source_schema = await self._usable_schema(case, path.source)
        source = _raw(case, case.source_key)
        key = (
            digest(source),
            source_schema.request.schema_digest,
            *_terms(source_schema.request),
            *_identity(case, path.pairs),
        )
        known = self._carried.get(key)
        if known is not None:
            self._carried.move_to_end(key)
            return known
        document = await self._source(case, source, source_schema)
        for pair in path.pairs:
            document = await self._step(case, prepare(case, pair), document, taken)
        carried = _Carried(_canonical(case, document), tuple(taken))
        self._remember(key, carried)
        return carried

    async def _source(self, case: Case, raw: bytes, schema: _Schema) -> Json:
        try:
            document = read(raw)
        except InvalidInput as error:
            raise rejected(f"{case.source_key} is unreadable: {error.message}") from error
        await self._validate(schema, document, f"{case.source_key} does not fit schema {_version(case)}")
        return document

    async def _step(self, case: Case, step: Step, document: Json, taken: list[StepTaken]) -> Json:
        try:
            result, fuel = await self._steps.run(step, document)
            check_value(result)
        except (MigrationFailed, InvalidInput) as error:
            pointer = error.pointer if isinstance(error, MigrationFailed) else None
            violations = () if pointer is None else (Violation(pointer, "migration", error.message[:300]),)
            raise rejected(f"{step.label}{error.message}", violations) from error
        taken.append(step.taken(fuel))
        schema = await self._schema_if_there(case, step.destination)
        if schema is not None:
            what = f"{step.label}its result does not fit schema {step.destination}"
            await self._validate(schema, result, what)
        return result

    async def _validate(self, schema: _Schema, document: Json, what: str) -> None:
        try:
            found = await self._validator.validate(replace(schema.request, document=document))
        except UnusableSchema as error:
            raise held(f"{schema.key}: {error.message}") from error
        if found:
            first = found[0]
            place = first.pointer or "the whole document"
            raise rejected(f"{what}: at {place}: {first.message}", found)

    async def _usable_schema(self, case: Case, version: str) -> _Schema:
        schema = await self._schema_if_there(case, version)
        if schema is None:
            raise held(f"{case_schema_key(case, version)} is missing")
        return schema

    async def _schema_if_there(self, case: Case, version: str) -> _Schema | None:
        key = case_schema_key(case, version)
        if case.reads.get(key) is None:
            return None
        try:
            request = question(case.reads, case.family or Family(), (_family(case), version))
            if (known := (request.schema_digest, *_terms(request))) not in self._usable:
                await self._validator.check_schema(request)
                self._usable.add(known)
        except InvalidInput as error:
            place = f" at {error.pointer}" if isinstance(error, UnusableSchema) and error.pointer else ""
            raise held(f"{key} is not a usable schema{place}: {error.message}") from error
        return _Schema(key, request)

    def _remember(self, key: tuple[str, ...], carried: _Carried) -> None:
        self._carried[key] = carried
        self._carried_bytes += len(carried.document)
        while self._carried_bytes > CACHE_BYTES_MAX:
            _, oldest = self._carried.popitem(last=False)
            self._carried_bytes -= len(oldest.document)


def _identity(case: Case, steps: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Digests of all that the steps depend on; reading them makes them guards, cached or not.

    A step that cannot be prepared ends the identity with a mark that no finished path has: what comes first in the
    rule must be told first, so that step is met again in its turn.
    """
    for pair in steps:
        try:
            step = prepare(case, pair)
            schema = _schema_digest(case, pair[1])
        except (Stopped, InvalidInput):
            yield "unprepared"
            return
        yield from (step.key, step.digest, step.manifest_digest, schema)


def _family(case: Case) -> str:
    return case.target.family if case.target else ""


def _schema_digest(case: Case, version: str) -> str:
    """Of the schema with all that it refers to, empty where there is none."""
    if case.reads.get(case_schema_key(case, version)) is None:
        return ""
    return linked(case.reads, (case.family or Family()).language, (_family(case), version)).digest


def _terms(request: ValidationRequest) -> tuple[str, ...]:
    """What a family says about how its schemas judge."""
    return str(request.formats), request.language, request.message or ""


def _version(case: Case) -> str:
    return case.path.source if case.path else ""


def _raw(case: Case, key: str) -> bytes:
    value = case.reads.get(key)
    if value is None:
        raise held(f"{key} is missing")
    return value.raw


def _canonical(case: Case, document: Json) -> bytes:
    """The result as it is written, within the limits of documents (as read and again in canonical form)."""
    try:
        check_value(document)
    except InvalidInput as error:
        raise rejected(f"the result of {case.source_key} cannot be written: {error.message}") from error
    return canonical(document)


def _finding(case: Case, state: State) -> Finding:
    source = case.reads.snapshot.get(case.source_key) if case.source_key else None
    return Finding(
        state=state,
        target_version=case.target_version,
        schema_version=case.schema_version,
        source_key=case.source_key if source else None,
        source_revision=source.revision if source else 0,
        source_digest=digest(source.raw) if source else None,
    )


def _stopped(case: Case, stop: Stopped, steps: tuple[StepTaken, ...]) -> Finding:
    violations = tuple(v for v in stop.violations if isinstance(v, Violation))
    return replace(_finding(case, stop.state), reason=stop.reason, violations=violations, steps=steps)
