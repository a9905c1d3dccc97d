"""Schemas as use cases: is one compatible, and which live configs would break. Nothing is written here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from anyio import to_thread

from versiqiid.api.gathering import Gathering
from versiqiid.api.schema_report import NEW, Finding, Hit, Report
from versiqiid.api.service import Service
from versiqiid.core.canonical import Json, digest
from versiqiid.core.comparison import Pair, Text
from versiqiid.core.compatibility import Direction, Judgement, Live
from versiqiid.core.document import read
from versiqiid.core.linked import Linked, linked
from versiqiid.core.live import LiveConfig, live_configs, targets_of
from versiqiid.core.objects import Family, read_family
from versiqiid.core.promise import Passed, Terms, lifecycle_of, neighbours, overridden, terms_of
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.engine import questions
from versiqiid.engine.verdicts import verdicts
from versiqiid.errors import InvalidInput, NotFound, Unreadable, UnusableSchema
from versiqiid.ports import Validator
from versiqiid.ports.comparing import Comparer

WITNESSES_MAX = 500
"""Different live documents that a judgement looks at in search of a witness. Arbitrary."""


class Schemas:
    """What can be asked about the schemas of a root."""

    def __init__(self, service: Service, validator: Validator, comparer: Comparer) -> None:
        self._service = service
        self._validator = validator
        self._comparer = comparer

    async def check(
        self, family: str, raw: bytes | None, *, version: str | None = None, asked: Mapping[str, str | None]
    ) -> Report:
        """Whether a schema may follow those that are there, and what would break.

        :param raw: its text; None = the registered text of ``version``.
        :param version: None = one after all that are there.
        :param asked: level, policy, defaults, formats or group to judge by instead of the family's.
        :raises NotFound: no such family, or no text. :raises UnusableSchema: it is no schema of the family's language.
        """
        snapshot = await self.gathered(family, raw=raw)
        if raw is None:
            there = snapshot.get(f"schemas/{family}/{version}") if version else None
            if there is None:
                raise NotFound(f"schemas/{family}/{version} does not exist", hint="Send the schema as the body.")
            raw = there.raw
        described = _family(snapshot, family)
        return await self.report(snapshot, family, overridden(terms_of(described), **asked), (version, raw))

    async def gathered(
        self, family: str, overlay: Mapping[str, bytes | None] | None = None, raw: bytes | None = None
    ) -> Snapshot:
        """Everything that a verdict on schemas of the family may depend on, as it will be with the overlay.

        :param raw: a further schema, of no version yet.
        """
        gathering = Gathering(self._service.store, self._service.root, overlay)
        await gathering.family(family)
        await gathering.linked(*_schemas(gathering.snapshot(), family, raw))
        await gathering.under(f"lifecycle/{family}/", "targets/")
        if targets_of(gathering.snapshot(), family):
            await gathering.under("effective/", "status/")
        return gathering.snapshot()

    async def report(self, snapshot: Snapshot, family: str, terms: Terms, schema: tuple[str | None, bytes]) -> Report:
        """The whole report on one schema, from what was gathered.

        :param schema: its version, or None, and its text.
        """
        version, raw = schema
        described = _family(snapshot, family)
        context = _Context(snapshot, family, described, terms, version or NEW, raw)
        await self._comparer.check(described.language, await to_thread.run_sync(context.text, context.version))
        live = await to_thread.run_sync(lambda: tuple(live_configs(snapshot, family)))
        found = await to_thread.run_sync(neighbours, snapshot, family, described.versioning, terms, version, raw)
        context = replace(context, live=live)
        findings: list[Finding] = []
        passed = list(found.passed)
        for other in (*found.before, *found.after):
            after = other in found.after
            try:
                judged = [await self._finding(context, other, d, after=after) for d in terms.level.directions]
                apart = after and await self._was_apart(context, found.before[:1], judged)
            except UnusableSchema as error:
                # This one was checked above. What is no schema promises nothing, and must not block those that are.
                passed.append(Passed(other, f"it cannot be compared: {error.message}"))
                continue
            if apart:
                passed.append(Passed(other, f"it did not go with {found.before[0]} before"))
            else:
                findings += judged
        return Report(
            family,
            version,
            _state(snapshot, family, version),
            terms,
            tuple(findings),
            tuple(passed),
            len(live),
            await self._hits(context, described),
        )

    async def _finding(self, context: _Context, other: str, direction: Direction, *, after: bool = False) -> Finding:
        """``after``: the other version follows this one, so that it is the newer of the two."""
        writer, reader = (
            (other, context.version) if (direction is Direction.BACKWARD) != after else (context.version, other)
        )
        return Finding(writer, reader, direction, await self._judge(context, writer, reader))

    async def _judge(self, context: _Context, writer: str, reader: str) -> Judgement:
        return await self._comparer.judge(await to_thread.run_sync(context.pair, writer, reader))

    async def _was_apart(self, context: _Context, before: tuple[str, ...], following: list[Finding]) -> bool:
        """Whether what follows broke the promise without this schema, so that it is not to blame."""
        broken = [finding for finding in following if not finding.judgement.compatible]
        for name in before:
            for finding in broken:
                ends = (name if end == context.version else end for end in (finding.writer, finding.reader))
                if not (await self._judge(context, *ends)).compatible:
                    return True
        return False

    async def _hits(self, context: _Context, described: Family) -> tuple[Hit, ...]:
        """The live configs that this schema refuses; equal documents are judged once."""
        live = context.live
        distinct = {digest(each.raw): each.raw for each in live}
        if not distinct:
            return ()
        documents = await to_thread.run_sync(lambda: [read(document, by_rule=True) for document in distinct.values()])
        judged_by = replace(described, formats=context.terms.formats)
        schema = await to_thread.run_sync(context.linked, context.version)
        request = await to_thread.run_sync(questions.asked, schema, judged_by)
        told = dict(zip(distinct, await verdicts(self._validator, request, documents), strict=True))
        return tuple(Hit(each, found) for each in live if (found := told[digest(each.raw)]))


@dataclass(frozen=True, slots=True)
class _Context:
    """What all pairs of one report have in common; ``version`` and ``raw`` are the schema that is judged."""

    snapshot: Snapshot
    family: str
    described: Family
    terms: Terms
    version: str
    raw: bytes
    live: tuple[LiveConfig, ...] = ()

    def pair(self, writer: str, reader: str) -> Pair:
        return Pair(
            self.described.language,
            self.text(writer),
            self.text(reader),
            policy=self.terms.policy,
            defaults=self.terms.defaults,
            formats=self.terms.formats == "assert",
            live=self._witnesses(writer),
        )

    def text(self, version: str) -> Text:
        """:raises UnusableSchema: what it refers to is missing, or it is no text of its language."""
        return self.linked(version).text()

    def linked(self, version: str) -> Linked:
        """:raises UnusableSchema: as above."""
        raw = self.raw if version == self.version else None
        try:
            return linked(Reads(self.snapshot), self.described.language, (self.family, version), raw)
        except Unreadable as error:
            raise UnusableSchema(f"no document: {error.message}", hint=error.hint) from error

    def _witnesses(self, writer: str) -> tuple[Live, ...]:
        """The live documents of the writer's schema, each once."""
        found: dict[str, Live] = {}
        for each in self.live:
            if each.schema_version == writer and len(found) < WITNESSES_MAX:
                found.setdefault(digest(each.raw), Live(each.name, _value(each.raw)))
        return tuple(found.values())


def _schemas(snapshot: Snapshot, family: str, raw: bytes | None) -> tuple[Any, ...]:
    """What ``Gathering.linked`` is told: the language, the family's schemas, and the further one."""
    there = snapshot.get(f"families/{family}")
    try:
        language = snapshot.parsed(f"families/{family}", read_family).language if there else Family().language
    except InvalidInput:
        language = Family().language
    schemas: list[tuple[str, str | None, bytes | None]] = [
        (family, version, None) for version in sorted(snapshot.schema_versions[family])
    ]
    return (language, *schemas, *([] if raw is None else [(family, None, raw)]))


def _state(snapshot: Snapshot, family: str, version: str | None) -> str:
    """Where in its life the version is; what cannot be read says nothing."""
    try:
        return lifecycle_of(snapshot, family, version).state if version else "published"
    except InvalidInput:
        return "published"


def _value(raw: bytes) -> Json:
    value: Any = read(raw, by_rule=True)  # an effective config is canonical JSON, so this is quick
    return value


def _family(snapshot: Snapshot, family: str) -> Family:
    """:raises NotFound: no such family. :raises InvalidInput: it cannot be read."""
    if snapshot.get(f"families/{family}") is None:
        hint = f"Describe it: versiqii families create {family}"
        raise NotFound(f"families/{family} does not exist", hint=hint)
    try:
        return snapshot.parsed(f"families/{family}", read_family)
    except InvalidInput as error:
        raise InvalidInput(f"families/{family} is unreadable: {error.message}", hint=error.hint) from error
