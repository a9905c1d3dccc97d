"""Versions and subjects deleted: softly first, then for ever. Every promise of what is still needed is kept here."""

from __future__ import annotations

from dataclasses import replace

from versiqiid.api.registry import faults
from versiqiid.api.registry.commits import OPERATIONS_MAX, Keys
from versiqiid.api.registry.finding import Finding
from versiqiid.api.registry.ids import Ids
from versiqiid.api.registry.policies import Policies, family_document
from versiqiid.api.registry.state import Here, State
from versiqiid.core.published import ROOM as PUBLISHED
from versiqiid.core.registry import records as r
from versiqiid.core.registry.settings import FAMILY_FIELDS
from versiqiid.engine.facts import Attribution
from versiqiid.ports import Delete, Entry, Operation, Set


class Deleting:
    """One attempt to delete. Whoever calls tries again where somebody else was faster."""

    def __init__(self, state: State, policies: Policies, finding: Finding) -> None:
        self._state = state
        self._keys: Keys = state.keys
        self._policies = policies
        self._finding = finding

    async def subject(self, subject: str, by: Attribution, *, permanent: bool) -> list[int]:
        """The numbers of the versions that were deleted: softly, or for ever what was softly deleted before.

        :raises RegistryFault: there is nothing to delete in this way, or something refers to it.
        """
        here = await self._state.load(subject)
        await self._check_deletable(here)
        there = here.versions(deleted=True)
        if not there:
            raise faults.subject_not_found(subject)
        if permanent:
            if here.live:
                raise faults.subject_not_soft_deleted(subject)
            await self._check_unused(here, there, whole=True)
            await self._remove(here, there, by)
            return [each.number for each in there]
        if not here.live:
            raise faults.subject_soft_deleted(subject)
        await self._check_unreferenced(here, here.live, whole=True)
        deleted = tuple(replace(each, deleted=True) for each in here.record.versions)
        record = replace(here.record, versions=deleted)
        await self._delete_softly(here, record, [each.number for each in here.live], by)
        return [each.number for each in here.live]

    async def version(self, subject: str, version: str, by: Attribution, *, permanent: bool) -> int:
        """The number of the version that was deleted.

        :raises RegistryFault: as ``subject``.
        """
        here = await self._state.load(subject)
        await self._check_deletable(here)
        found = self._finding.version(here, version, deleted=permanent or version.isdigit())
        if found.deleted and not permanent:
            raise faults.version_soft_deleted(subject, found.number)
        if permanent:
            await self._check_unreferenced(here, (found,), deleted=True)
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

    async def make_room(self, here: Here, version: r.Numbered, by: Attribution) -> None:
        """Take a softly deleted version away for ever, so that another can be imported under its number.

        :raises RegistryFault: something refers to it.
        """
        await self._check_unused(here, (version,))
        await self._remove(here, (version,), by, settings=True)

    async def _delete_softly(self, here: Here, record: r.Subject, numbers: list[int], by: Attribution) -> None:
        operation = Set(r.subject_key(here.family), record.as_bytes(), here.revision)
        fact = {"subject": here.subject, "what": "deleted", "versions": numbers}
        await self._keys.commit([operation], {}, by, fact)

    async def _check_deletable(self, here: Here) -> None:
        mode = await self._policies.mode_of(here)
        if mode.startswith("READONLY"):
            raise faults.read_only(here.subject)

    async def _check_unreferenced(
        self, here: Here, versions: tuple[r.Numbered, ...], *, whole: bool = False, deleted: bool = False
    ) -> None:
        """
        :param whole: whether all of the subject goes, so that its own references do not count.
        :param deleted: whether softly deleted schemas count.
        :raises RegistryFault: a schema refers to one of them.
        """
        referring = await self._finding.referring()
        for version in versions:
            users = await self._finding.referenced_by(here, version, referring, deleted=deleted)
            if set().union(*users.values()) - ({here.subject} if whole else set()):
                raise faults.still_referenced(here.subject, version.number)

    async def _check_unused(self, here: Here, versions: tuple[r.Numbered, ...], *, whole: bool = False) -> None:
        """Nothing may refer to what goes for ever: no schema, not even a softly deleted one, and no target, config or
        migration either.
        """
        await self._check_unreferenced(here, versions, whole=whole, deleted=True)
        for version in versions:
            own = f"schemas/{here.family}/" if whole else None
            if any(own is None or not key.startswith(own) for key in await self._finding.used_by(here, version)):
                raise faults.still_referenced(here.subject, version.number)

    async def _remove(
        self, here: Here, versions: tuple[r.Numbered, ...], by: Attribution, *, settings: bool = False
    ) -> None:
        """Take versions away for ever; so many at once as a transaction takes, the newest first.

        :param settings: keep what was set for the subject, also where nothing else is left of it.
        """
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
        if len(here.versions(deleted=True)) == len(gone) and not settings:
            record = r.Subject(left)  # nothing is left of the subject, nor of what was set for it
            family = f"families/{here.family}"
            document = family_document(here, dict.fromkeys(FAMILY_FIELDS.values()))
            before[family] = here.family_entry
            if document is not None and here.family_entry is not None:
                operations.append(Set(family, document, here.family_entry.revision))
        operations += [_written(r.subject_key(here.family), record, here.revision), *here.moved()]
        await self._keys.commit([*operations, *ids.operations()], before, by)
        if rest:
            await self._remove(await self._state.load(here.subject), rest[::-1], by, settings=settings)


def _written(key: str, record: r.Subject, revision: int) -> Operation:
    """The document of a subject; none where it would say nothing."""
    if record == r.Subject() and revision:
        return Delete(key, revision)
    return Set(key, record.as_bytes(), revision)
