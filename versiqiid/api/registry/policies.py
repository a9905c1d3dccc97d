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
from versiqiid.core.registry.subjects import DEFAULT_CONTEXT, family_of, plain, split
from versiqiid.engine.facts import Attribution
from versiqiid.errors import Conflict
from versiqiid.ports import Entry, Operation, Set


class Policies:
    """What is promised and what is allowed, for one subject (``None`` = for all of them)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._keys: Keys = state.keys

    async def setting(self, here: Here | None) -> Setting:
        """What holds for the subject, everything inherited included."""
        wide = Setting((await self._all())[0].settings)
        if here is None:
            return wide
        around = await self._around(here)
        return here.setting.under(Setting(around.settings).under(wide))

    async def told(self, subject: str | None, *, inherited: bool) -> dict[str, Any]:
        """The setting as it is told.

        :raises RegistryFault: nothing was set for this subject, and what is inherited was not asked for.
        """
        default = Setting({"compatibilityLevel": LEVEL_DEFAULT.value})
        if subject is None:
            return dict((await self.setting(None)).under(default).fields)
        here = await self._state.load(subject)
        if not here.setting.fields and not inherited:
            raise faults.no_setting(subject)
        if inherited:
            return dict((await self.setting(here)).under(default).fields)
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
        if subject is not None and not (await self._state.load(subject)).setting.fields:
            raise faults.subject_not_found(subject)
        told = await self.told(subject, inherited=False)
        await self.set(subject, dict.fromkeys(FIELDS), by)
        return told

    async def mode_of(self, here: Here | None) -> str:
        """What is allowed with the subject, inherited or not; READONLY_OVERRIDE of all subjects overrides each."""
        wide = (await self._all())[0].mode or MODE_DEFAULT
        if wide == "READONLY_OVERRIDE" or here is None:
            return wide
        return here.record.mode or (await self._around(here)).mode or wide

    async def unset_mode(self, subject: str | None, by: Attribution) -> str:
        """Take a mode back, and tell what it was.

        :raises RegistryFault: none was set for this subject.
        """
        if subject is not None and (await self._state.load(subject)).record.mode is None:
            raise faults.subject_not_found(subject)
        told = await self.mode(subject, inherited=False)
        await self.set_mode(subject, None, by)
        return told

    async def mode(self, subject: str | None, *, inherited: bool) -> str:
        """
        :raises RegistryFault: none was set for this subject, and what is inherited was not asked for.
        """
        if subject is None:
            return await self.mode_of(None)
        here = await self._state.load(subject)
        if here.record.mode is None and not inherited:
            raise faults.no_mode(subject)
        return await self.mode_of(here)

    async def set_mode(self, subject: str | None, mode: str | None, by: Attribution, *, force: bool = False) -> None:
        """Set a mode, or take it back with None.

        :param force: import over what is there already.
        :raises RegistryFault: no such mode; IMPORT where there are schemas.
        """
        if mode is not None and mode not in MODES:
            raise faults.invalid_mode()
        for _ in range(ATTEMPTS):
            try:
                if subject is None:
                    record, entry = await self._all()
                    if mode == "IMPORT" != record.mode and not force and await self._anything():
                        raise faults.not_permitted("Cannot import since found existing subjects")
                    await self._write_all(replace(record, mode=mode), entry, by, _fact(None))
                else:
                    here = await self._state.load(subject)
                    if mode == "IMPORT" != here.record.mode and not force and here.live:
                        raise faults.not_permitted("Cannot import since found existing subjects")
                    document = replace(here.record, mode=mode)
                    operation = Set(r.subject_key(here.family), document.as_bytes(), here.revision)
                    await self._keys.commit([operation], {}, by, _fact(here.subject))
            except Conflict as conflict:
                lost = conflict
            else:
                return
        raise lost

    async def _around(self, here: Here) -> r.Subject:
        """What was said of all subjects of the context that this one is in."""
        context, name = split(here.subject)
        if context == DEFAULT_CONTEXT or not name:
            return r.Subject()
        entry = await self._keys.get(r.subject_key(family_of(f":{context}:")))
        return r.read_subject(entry.value if entry else None)

    async def _check_changeable(self, subject: str | None) -> None:
        here = None if subject is None else await self._state.load(subject)
        if (await self.mode_of(here)).startswith("READONLY"):
            raise faults.not_permitted(f"Subject {subject or 'of every name'} is in read-only mode")

    async def _anything(self) -> bool:
        return any(here.live for here in await self._state.everything())

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
