"""Settings and modes: read with what they inherit, set, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from versiqiid.api.registry import faults
from versiqiid.api.registry.commits import Keys
from versiqiid.api.registry.state import ATTEMPTS, Here, State
from versiqiid.core.canonical import canonical
from versiqiid.core.registry import records as r
from versiqiid.core.registry.rules import fault_of
from versiqiid.core.registry.settings import FAMILY_FIELDS, FIELDS, LEVEL_DEFAULT, MODE_DEFAULT, MODES, Setting
from versiqiid.core.registry.subjects import DEFAULT_CONTEXT, GLOBAL, family_of, is_context, plain, split
from versiqiid.engine.facts import Attribution
from versiqiid.errors import Conflict
from versiqiid.ports import Entry, Operation, Set

IMPORT = "IMPORT"
OVERRIDE = "READONLY_OVERRIDE"


class Policies:
    """What is promised and what is allowed, for one subject, for all of a context, or for all of every context.

    ``None`` stands for the default context. What nobody said of a subject is taken from its context, then from
    ``:.__GLOBAL:``, then from the protocol's defaults.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._keys: Keys = state.keys

    async def setting(self, here: Here | None) -> Setting:
        """What holds for the subject, everything inherited included."""
        setting = Setting({}) if here is None else here.setting
        for record in await self._around(here):
            setting = setting.under(Setting(record.settings))
        return setting

    async def told(self, subject: str | None, *, inherited: bool) -> dict[str, Any]:
        """The setting as it is told.

        :raises RegistryFault: nothing was set for this subject, and what is inherited was not asked for.
        """
        default = Setting({"compatibilityLevel": LEVEL_DEFAULT.value})
        here = None if subject is None else await self._state.load(subject)
        if inherited:
            return dict((await self.setting(here)).under(default).fields)
        if here is None or subject == GLOBAL:
            own = here.setting if here else Setting((await self._all())[0].settings)
            return dict(own.under(default).fields)
        if not here.setting.fields:
            raise faults.no_setting(here.subject)
        return dict(here.setting.fields)

    async def set(self, subject: str | None, given: Mapping[str, Any], by: Attribution) -> None:
        """Set what is given; None takes a field back, what is not named stays.

        :raises RegistryFault: a value that no such field takes.
        """
        fields = _checked(given)
        await self._check_changeable(subject)
        for _ in range(ATTEMPTS):
            try:
                if subject is None:
                    record, entry = await self._all()
                    settings = _with(record.settings, fields)
                    await self._write_all(replace(record, settings=settings), entry, by, _fact(None, fields))
                else:
                    await self._set_here(await self._state.load(subject), fields, by)
            except Conflict as conflict:
                lost = conflict
            else:
                return
        raise lost

    async def unset(self, subject: str | None, by: Attribution) -> dict[str, Any]:
        """Take back all that was set, and tell what it was.

        :raises RegistryFault: nothing was set for this subject.
        """
        if subject not in (None, GLOBAL) and not (await self._state.load(str(subject))).setting.fields:
            raise faults.subject_not_found(str(subject))
        told = await self.told(subject, inherited=False)
        await self.set(subject, dict.fromkeys(FIELDS), by)
        return told

    async def mode_of(self, here: Here | None) -> str:
        """What is allowed with the subject, inherited or not.

        READONLY_OVERRIDE around it overrides its own, and that of the default context the modes of all contexts.
        """
        around = [record.mode for record in await self._around(here) if record.mode]
        if OVERRIDE in (*around, (await self._all())[0].mode):
            return OVERRIDE
        return (here.record.mode if here else None) or next(iter(around), MODE_DEFAULT)

    async def unset_mode(self, subject: str | None, by: Attribution, *, recursive: bool = False) -> str | None:
        """Take a mode back, and tell what it was.

        :param recursive: also the modes of all subjects of the context that is named; then nothing need be set for it.
        :raises RegistryFault: none was set for this subject.
        """
        own = (await self._own(subject)).mode
        if own is None and subject in (None, GLOBAL):
            own = MODE_DEFAULT
        if own is None and not recursive:
            raise faults.subject_not_found(str(subject))
        await self.set_mode(subject, None, by)
        if recursive and is_context(subject or ""):
            for family, entry in (await self._keys.under(r.SUBJECTS)).items():
                record = r.read_subject(entry.value)
                named = record.subject or family
                if record.mode and (subject == GLOBAL or split(named)[0] == split(subject or "")[0]):
                    await self.set_mode(named, None, by)
        return own

    async def mode(self, subject: str | None, *, inherited: bool) -> str:
        """
        :raises RegistryFault: none was set for this subject, and what is inherited was not asked for.
        """
        if inherited:
            return await self.mode_of(None if subject is None else await self._state.load(subject))
        mode = (await self._own(subject)).mode
        if mode is None and subject not in (None, GLOBAL):
            raise faults.no_mode(str(subject))
        return mode or MODE_DEFAULT

    async def _own(self, subject: str | None) -> r.Subject:
        """What was said of just this."""
        return (await self._all())[0] if subject is None else (await self._state.load(subject)).record

    async def set_mode(self, subject: str | None, mode: str | None, by: Attribution, *, force: bool = False) -> None:
        """Set a mode, or take it back with None.

        :param force: import over what is there already.
        :raises RegistryFault: no such mode; IMPORT where there are schemas.
        """
        if mode is not None and mode not in MODES:
            raise faults.invalid_mode()
        if mode == "FORWARD" and subject not in (None, GLOBAL):
            raise faults.forwards_everything_or_nothing()
        for _ in range(ATTEMPTS):
            try:
                if subject is None:
                    record, entry = await self._all()
                    await self._check_importable(None, mode, force=force)
                    await self._write_all(replace(record, mode=mode), entry, by, _fact(None))
                else:
                    here = await self._state.load(subject)
                    await self._check_importable(here, mode, force=force)
                    named = here.subject if mode and here.family != here.subject else None
                    document = replace(here.record, mode=mode, subject=named)
                    operation = Set(r.subject_key(here.family), document.as_bytes(), here.revision)
                    await self._keys.commit([operation], {}, by, _fact(here.subject))
            except Conflict as conflict:
                lost = conflict
            else:
                return
        raise lost

    async def _around(self, here: Here | None) -> list[r.Subject]:
        """What was said of the subject's context, and of every context; None is the default context itself."""
        context, name = (DEFAULT_CONTEXT, "") if here is None else split(here.subject)
        records = []
        if context == DEFAULT_CONTEXT:
            records.append((await self._all())[0])
        elif name:
            records.append(await self._of_context(f":{context}:"))
        if here is None or here.subject != GLOBAL:
            records.append(await self._of_context(GLOBAL))
        return records

    async def _of_context(self, context: str) -> r.Subject:
        entry = await self._keys.get(r.subject_key(family_of(context)))
        return r.read_subject(entry.value if entry else None)

    async def _check_changeable(self, subject: str | None) -> None:
        here = None if subject is None else await self._state.load(subject)
        if (await self.mode_of(here)).startswith("READONLY"):
            raise faults.read_only(subject or "")

    async def _check_importable(self, here: Here | None, mode: str | None, *, force: bool) -> None:
        """
        :raises RegistryFault: IMPORT, and there are schemas in what it is said of already.
        """
        if mode != IMPORT or force or await self.mode_of(here) == IMPORT:
            return
        if here is None or is_context(here.subject):
            everywhere = here is None or here.subject == GLOBAL
            found = any(
                each.live and (everywhere or here is None or split(each.subject)[0] == split(here.subject)[0])
                for each in await self._state.everything()
            )
        else:
            found = bool(here.live)
        if found:
            raise faults.not_permitted("Cannot import since found existing subjects")

    async def _all(self) -> tuple[r.Subject, Entry | None]:
        entry = await self._keys.get(r.ALL)
        return r.read_subject(entry.value if entry else None), entry

    async def _write_all(
        self, record: r.Subject, entry: Entry | None, by: Attribution, fact: Mapping[str, Any]
    ) -> None:
        await self._keys.commit([Set(r.ALL, record.as_bytes(), entry.revision if entry else 0)], {}, by, fact)

    async def _set_here(self, here: Here, fields: Mapping[str, Any], by: Attribution) -> None:
        of_family = FAMILY_FIELDS if split(here.subject)[1] else {}  # a context is no family
        own = {name: value for name, value in fields.items() if name not in of_family}
        settings = _with(here.record.settings, own)
        record = replace(here.record, settings=settings)
        operations: list[Operation] = [Set(r.subject_key(here.family), record.as_bytes(), here.revision)]
        key = f"families/{here.family}"
        document = family_document(here, {of_family[name]: fields[name] for name in fields if name in of_family})
        if of_family and document is not None:
            operations.append(Set(key, document, here.family_entry.revision if here.family_entry else 0))
            operations += here.moved()
        await self._keys.commit(operations, {key: here.family_entry}, by, _fact(here.subject, fields))


def family_document(here: Here, changes: Mapping[str, Any]) -> bytes | None:
    """The family's document with these fields, or without those that are None; None where nothing would change."""
    from versiqiid.api.registry.state import family_fields  # noqa: PLC0415 - beside its only other use

    before = family_fields(here.family_entry.value) if here.family_entry else {}
    fresh: dict[str, Any] = {} if here.family_entry else {"versioning": "sequence"}
    if here.family_entry is None and here.family != here.subject:
        fresh["subject"] = plain(here.subject)
    after = _with({**fresh, **before}, changes)
    return None if after == before else canonical(after)


def _fact(subject: str | None, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is recorded: the names of what was set, never the values."""
    what = "mode" if fields is None else "setting"
    return {"subject": subject, "what": what} | ({"fields": sorted(fields)} if fields else {})


def _with(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = {("compatibilityLevel" if name == "compatibility" else name): value for name, value in given.items()}
    for name, value in list(fields.items()):
        if name in ("compatibilityLevel", "compatibilityPolicy") and isinstance(value, str):
            fields[name] = value.upper()
    fields = {name: value for name, value in fields.items() if name in FIELDS}
    for name, value in fields.items():
        if name in ("defaultRuleSet", "overrideRuleSet") and isinstance(value, dict) and (why := fault_of(value)):
            raise faults.invalid_schema(why)
        if value is not None and not FIELDS[name](value):
            if name == "compatibilityLevel":
                raise faults.invalid_level()
            raise faults.RegistryFault(42203, f"Invalid value of '{name}'")
    return fields
