"""A schema registered: found where the subject holds it, else judged and added as its next version."""

from __future__ import annotations

from dataclasses import dataclass, replace

from versiqiid.api.registry import faults
from versiqiid.api.registry.commits import Keys
from versiqiid.api.registry.deleting import Deleting
from versiqiid.api.registry.finding import Asked, Finding
from versiqiid.api.registry.ids import Ids
from versiqiid.api.registry.judging import Judging, considered
from versiqiid.api.registry.policies import IMPORT, Policies, family_document
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import NUMBER_MAX, Here, State
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import LANGUAGES, Content
from versiqiid.core.registry.settings import Setting
from versiqiid.core.versions import Scheme
from versiqiid.engine.facts import Attribution
from versiqiid.ports import Operation, Set

NEXT = -1
"""The version that somebody names who wants the newest number, told in the metadata."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody registers.

    :ivar content: its text may be empty: then that of the version before stays, with other metadata or rules.
    :ivar version: the number that it must get, None = the next one, -1 = the next one, told in the metadata.
    :ivar id: that it must get (imports).
    """

    content: Content
    version: int | None = None
    id: int | None = None
    normalize: bool = False


class Registering:
    """One attempt to register. Whoever calls tries again where somebody else was faster."""

    def __init__(
        self, state: State, policies: Policies, finding: Finding, judging: Judging, deleting: Deleting
    ) -> None:
        self._state = state
        self._deleting = deleting
        self._keys: Keys = state.keys
        self._policies = policies
        self._finding = finding
        self._judging = judging

    async def register(self, here: Here, wanted: Wanted, by: Attribution) -> r.Numbered:
        """The version that holds the content from now on; the one that did already where there is one.

        :raises RegistryFault: it is no schema, may not follow the earlier ones, or nothing may be registered here.
        """
        setting, mode = await self._policies.setting(here), await self._policies.mode_of(here)
        importing = mode == IMPORT
        newest = await Resolver(self._state).stored(here, here.live[-1]) if here.live else None
        content = wanted.content
        if not content.text.strip():
            _check_mode(here, mode, wanted)
            if newest is None or importing:
                raise faults.empty_schema()
            content = replace(newest, metadata=content.metadata, rule_set=content.rule_set)
        asked = await self._finding.asked(content, normalize=not importing and (wanted.normalize or setting.normalize))
        there = None if setting.merges and not importing else await self._there(here, asked, wanted)
        if there is not None:
            return there
        _check_mode(here, mode, wanted)
        if importing:
            taken = next((each for each in here.versions(deleted=True) if each.number == wanted.version), None)
            if taken is not None and taken.deleted:
                await self._deleting.make_room(here, taken, by)
                here = await self._state.load(here.subject)
            return await self._add(here, asked, wanted, by)
        populated = _populated(asked.content, newest, setting, here, wanted)
        looked_up = not setting.merges and populated.beside() == asked.content.beside()
        asked = asked.beside(populated)
        if wanted.version in (None, 0) and not looked_up:
            there = await self._finding.exact(here, asked)
            if there is not None:
                return there
        outcome = await self._judging.against(here, considered(here, setting), asked, setting)
        if not outcome.compatible:
            raise faults.incompatible(here.subject, f"[{', '.join(outcome.messages)}]")
        if wanted.version not in (None, 0, NEXT, here.next_number):
            raise faults.RegistryFault(42201, f"Version is not one more than previous version: {wanted.version}")
        return await self._add(here, asked, wanted, by)

    async def _there(self, here: Here, asked: Asked, wanted: Wanted) -> r.Numbered | None:
        """The version that is what somebody wants, by number and id where these are wanted, too."""
        found = await self._finding.exact(here, asked, newest=wanted.version == NEXT)
        if found is None or wanted.id not in (None, found.id):
            return None
        if wanted.version in (None, 0, NEXT, found.number):
            return found if wanted.id is not None or wanted.version != found.number else None
        same = (each for each in here.live if (each.number, each.id) == (wanted.version, wanted.id))
        return next(same, None)

    async def _add(self, here: Here, asked: Asked, wanted: Wanted, by: Attribution) -> r.Numbered:
        number = wanted.version if wanted.version not in (None, 0, NEXT) else here.next_number
        if number is None or not 0 < number <= NUMBER_MAX:
            raise faults.invalid_version(str(number))
        if any(each.number == number for each in here.record.versions):
            raise faults.not_permitted(f"Version {number} of subject {here.subject} exists already")
        name = str(number)
        ids = Ids(self._keys)
        given = await ids.give(asked.content, asked.identity, (here.family, name), wanted.id)
        made = r.Numbered(number, name, given)
        versions = tuple(sorted((*here.record.versions, made), key=lambda each: each.number))
        language: dict[str, str | None] = {}
        if not here.texts:
            language = {"language": LANGUAGES[asked.content.type], "versioning": Scheme.SEQUENCE.value}
        family, schema = f"families/{here.family}", f"schemas/{here.family}/{name}"
        operations: list[Operation] = [
            Set(schema, asked.content.text.encode(), 0),
            Set(r.subject_key(here.family), replace(here.record, versions=versions).as_bytes(), here.revision),
        ]
        document = family_document(here, language)
        if document is not None:
            operations.append(Set(family, document, here.family_entry.revision if here.family_entry else 0))
        operations += here.moved()
        await self._keys.commit([*operations, *ids.operations()], {family: here.family_entry}, by)
        return made


def _check_mode(here: Here, mode: str, wanted: Wanted) -> None:
    """
    :raises RegistryFault: nothing may be registered in this mode, or nothing in this way.
    """
    if mode.startswith("READONLY"):
        raise faults.read_only(here.subject)
    if wanted.id is not None and mode != IMPORT:
        raise faults.not_permitted(f"Subject {here.subject} is not in import mode")
    if wanted.id is None and mode == IMPORT:
        raise faults.not_permitted(f"Subject {here.subject} is in import mode")
    if here.texts and here.described.versioning is not Scheme.SEQUENCE:
        scheme = here.described.versioning.value
        raise faults.not_permitted(
            f"family {here.family} has {scheme} versions: register with `versiqii schemas add {here.family}`"
        )


def _populated(content: Content, newest: Content | None, setting: Setting, here: Here, wanted: Wanted) -> Content:
    """The content with the metadata and rules that it gets: its own or else the newest version's, and the setting's."""
    metadata = content.metadata if content.metadata is not None or newest is None else newest.metadata
    rules = content.rule_set if content.rule_set is not None or newest is None else newest.rule_set
    content = replace(content, metadata=setting.metadata(metadata), rule_set=setting.rule_set(rules))
    numbered = wanted.version not in (None, 0) or content.told_version is not None
    return content.numbered(here.next_number) if numbered else content
