"""Schemas registered and deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import anyio

from versiqiid.api.registry import faults
from versiqiid.api.registry.commits import OPERATIONS_MAX, Keys
from versiqiid.api.registry.finding import Asked, Finding
from versiqiid.api.registry.ids import Ids
from versiqiid.api.registry.judging import Judging, considered
from versiqiid.api.registry.policies import Policies, family_document
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import ATTEMPTS, NUMBER_MAX, Here, State
from versiqiid.core.published import ROOM as PUBLISHED
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import LANGUAGES, Content
from versiqiid.core.registry.settings import FAMILY_FIELDS
from versiqiid.core.registry.subjects import is_subject
from versiqiid.core.versions import Scheme
from versiqiid.engine.facts import Attribution
from versiqiid.errors import Conflict
from versiqiid.ports import Delete, Entry, Operation, Set

T = TypeVar("T")
_IMPORT = "IMPORT"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody registers.

    :ivar version: the number that it must get, None or -1 = the next one. :ivar id: that it must get (imports).
    """

    content: Content
    version: int | None = None
    id: int | None = None
    normalize: bool = False


class Writing:
    """Changes subjects. Whatever is decided is decided again when somebody else was faster."""

    def __init__(self, state: State, policies: Policies, finding: Finding) -> None:
        self._state = state
        self._keys: Keys = state.keys
        self._policies = policies
        self._finding = finding
        self._judging = Judging(state)
        self._turn = anyio.Lock()  # within this process nobody needs to lose a race

    async def register(self, subject: str, wanted: Wanted, by: Attribution) -> tuple[int, r.Numbered]:
        """The content's id and version; the one that it has already where the subject holds it.

        :raises RegistryFault: it is no schema, may not follow the earlier ones, or nothing may be registered here.
        """
        if not is_subject(subject):
            raise faults.invalid_subject(subject)
        return await self._again(lambda: self._register(subject, wanted, by))

    async def delete_subject(self, subject: str, by: Attribution, *, permanent: bool) -> list[int]:
        """The numbers of the versions that were deleted: softly, or for ever what was softly deleted before.

        :raises RegistryFault: there is nothing to delete in this way, or something refers to it.
        """
        return await self._again(lambda: self._delete_subject(subject, by, permanent=permanent))

    async def delete_version(self, subject: str, version: str, by: Attribution, *, permanent: bool) -> int:
        """The number of the version that was deleted.

        :raises RegistryFault: as ``delete_subject``.
        """
        return await self._again(lambda: self._delete_version(subject, version, by, permanent=permanent))

    async def _again(self, attempt: Callable[[], Awaitable[T]]) -> T:
        async with self._turn:
            for _ in range(ATTEMPTS):
                try:
                    return await attempt()
                except Conflict as conflict:
                    lost = conflict
            raise lost

    async def _register(self, subject: str, wanted: Wanted, by: Attribution) -> tuple[int, r.Numbered]:
        here = await self._state.load(subject)
        setting, mode = await self._policies.setting(here), await self._policies.mode_of(here)
        self._check_mode(here, mode, wanted)
        newest = await Resolver(self._state).stored(here, here.live[-1]) if here.live else None
        content = wanted.content
        if newest is not None and content.metadata is None and content.rule_set is None:
            content = replace(content, metadata=newest.metadata, rule_set=newest.rule_set)
        content = replace(
            content, metadata=setting.metadata(content.metadata), rule_set=setting.rule_set(content.rule_set)
        )
        asked = await self._finding.asked(content, normalize=wanted.normalize or setting.normalize)
        there = await self._finding.exact(here, asked)
        if there is not None and wanted.id in (None, there.id):
            return there.id, there
        if wanted.version is not None and wanted.version not in (-1, here.next_number) and mode != _IMPORT:
            raise faults.RegistryFault(42201, f"Version is not one more than previous version: {wanted.version}")
        if setting.validates_fields:
            _check_reserved(asked, newest)
        if mode != _IMPORT:
            outcome = await self._judging.against(here, considered(here, setting), asked.content, setting)
            if not outcome.compatible:
                raise faults.incompatible(f"[{', '.join(outcome.messages)}]")
        return await self._add(here, asked.content, asked.identity, wanted, by)

    def _check_mode(self, here: Here, mode: str, wanted: Wanted) -> None:
        if mode.startswith("READONLY"):
            raise faults.not_permitted(f"Subject {here.subject} is in read-only mode")
        if wanted.id is not None and mode != _IMPORT:
            raise faults.not_permitted(f"Subject {here.subject} is not in import mode")
        if wanted.id is None and mode == _IMPORT:
            raise faults.not_permitted(f"Subject {here.subject} is in import mode")
        if here.texts and here.described.versioning is not Scheme.SEQUENCE:
            scheme = here.described.versioning.value
            raise faults.not_permitted(
                f"family {here.family} has {scheme} versions: register with `versiqii schemas add {here.family}`"
            )

    async def _add(
        self, here: Here, content: Content, identity: str, wanted: Wanted, by: Attribution
    ) -> tuple[int, r.Numbered]:
        number = wanted.version if wanted.version not in (None, -1) else here.next_number
        if number is None or not 0 < number <= NUMBER_MAX:
            raise faults.invalid_version(str(number))
        if any(each.number == number for each in here.record.versions):
            raise faults.not_permitted(f"Version {number} of subject {here.subject} exists already")
        name = str(number)
        ids = Ids(self._keys)
        given = await ids.give(content, identity, (here.family, name), wanted.id)
        made = r.Numbered(number, name, given)
        versions = tuple(sorted((*here.record.versions, made), key=lambda each: each.number))
        language: dict[str, str | None] = {}
        if not here.texts:
            language = {"language": LANGUAGES[content.type], "versioning": Scheme.SEQUENCE.value}
        family, schema = f"families/{here.family}", f"schemas/{here.family}/{name}"
        operations: list[Operation] = [
            Set(schema, content.text.encode(), 0),
            Set(r.subject_key(here.family), replace(here.record, versions=versions).as_bytes(), here.revision),
        ]
        document = family_document(here, language)
        if document is not None:
            operations.append(Set(family, document, here.family_entry.revision if here.family_entry else 0))
        operations += here.moved()
        await self._keys.commit([*operations, *ids.operations()], {family: here.family_entry}, by)
        return given, made

    async def _delete_subject(self, subject: str, by: Attribution, *, permanent: bool) -> list[int]:
        here = await self._state.load(subject)
        await self._check_deletable(here)
        there = here.versions(deleted=True)
        if not there:
            raise faults.subject_not_found(subject)
        if permanent:
            if here.live:
                raise faults.subject_not_soft_deleted(subject)
            await self._check_unused(here, there)
            await self._remove(here, there, by)
            return [each.number for each in there]
        if not here.live:
            raise faults.subject_soft_deleted(subject)
        await self._check_unreferenced(here, here.live)
        deleted = tuple(replace(each, deleted=True) for each in here.record.versions)
        record = replace(here.record, versions=deleted)
        await self._delete_softly(here, record, [each.number for each in here.live], by)
        return [each.number for each in here.live]

    async def _delete_version(self, subject: str, version: str, by: Attribution, *, permanent: bool) -> int:
        here = await self._state.load(subject)
        await self._check_deletable(here)
        found = self._finding.version(here, version, deleted=permanent or version.isdigit())
        if found.deleted and not permanent:
            raise faults.version_soft_deleted(subject, found.number)
        if permanent:
            if not found.deleted:
                raise faults.version_not_soft_deleted(subject, found.number)
            await self._check_unused(here, (found,))
            await self._remove(here, (found,), by)
            return found.number
        await self._check_unreferenced(here, (found,))
        versions = tuple(replace(each, deleted=True) if each == found else each for each in here.record.versions)
        record = replace(here.record, versions=versions)
        await self._delete_softly(here, record, [found.number], by)
        return found.number

    async def _delete_softly(self, here: Here, record: r.Subject, numbers: list[int], by: Attribution) -> None:
        operation = Set(r.subject_key(here.family), record.as_bytes(), here.revision)
        fact = {"subject": here.subject, "what": "deleted", "versions": numbers}
        await self._keys.commit([operation], {}, by, fact)

    async def _check_deletable(self, here: Here) -> None:
        mode = await self._policies.mode_of(here)
        if mode.startswith("READONLY"):
            raise faults.not_permitted(f"Subject {here.subject} is in read-only mode")

    async def _check_unreferenced(self, here: Here, versions: tuple[r.Numbered, ...]) -> None:
        referring = await self._finding.referring()
        for version in versions:
            if await self._finding.referenced_by(here, version, referring):
                raise faults.still_referenced(here.subject, version.number)

    async def _check_unused(self, here: Here, versions: tuple[r.Numbered, ...]) -> None:
        """Nothing may refer to what goes for ever: no schema, and no target, config or migration either."""
        await self._check_unreferenced(here, versions)
        for version in versions:
            if await self._finding.used_by(here, version):
                raise faults.still_referenced(here.subject, version.number)

    async def _remove(self, here: Here, versions: tuple[r.Numbered, ...], by: Attribution) -> None:
        """Take versions away for ever; so many at once as a transaction takes, the newest first."""
        chunk = OPERATIONS_MAX // 5
        gone, rest = versions[::-1][:chunk], versions[::-1][chunk:]
        ids, before = Ids(self._keys), dict[str, Entry | None]()
        operations: list[Operation] = []
        for version in gone:
            schema = f"schemas/{here.family}/{version.name}"
            operations += [
                Delete(schema, here.texts[version.name].revision),
                Delete(f"lifecycle/{here.family}/{version.name}"),
                Delete(PUBLISHED + schema),
            ]
            before[schema] = here.texts[version.name]
            await ids.take(version.id, (here.family, version.name))
        left = tuple(each for each in here.record.versions if each not in gone)
        record = replace(here.record, versions=left)
        if len(here.versions(deleted=True)) == len(gone):
            record = r.Subject(left)  # nothing is left of the subject, nor of what was set for it
            family = f"families/{here.family}"
            document = family_document(here, dict.fromkeys(FAMILY_FIELDS.values()))
            before[family] = here.family_entry
            if document is not None and here.family_entry is not None:
                operations.append(Set(family, document, here.family_entry.revision))
        operations += [_written(r.subject_key(here.family), record, here.revision), *here.moved()]
        await self._keys.commit([*operations, *ids.operations()], before, by)
        if rest:
            await self._remove(await self._state.load(here.subject), rest[::-1], by)


def _check_reserved(asked: Asked, newest: Content | None) -> None:
    """A name that is reserved is no field's, and stays reserved."""
    for name in asked.content.reserved:
        if name in asked.form.fields:
            raise faults.incompatible(f"the new schema has a field that conflicts with the reserved field {name}")
    for name in newest.reserved if newest else ():
        if name not in asked.content.reserved:
            raise faults.incompatible(f"the new schema has the reserved field {name} removed from its metadata")


def _written(key: str, record: r.Subject, revision: int) -> Operation:
    """The document of a subject; none where it would say nothing."""
    if record == r.Subject() and revision:
        return Delete(key, revision)
    return Set(key, record.as_bytes(), revision)
