"""Schemas looked up: by subject and version, by id, by content, and by what refers to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from versiqiid.api.gathering import Gathering
from versiqiid.api.registry import faults
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import NUMBER_MAX, Here, State
from versiqiid.core.limits import DOCUMENT_LIMITS
from versiqiid.core.live import targets_of
from versiqiid.core.references import prefixes, references_to
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content, Form, Reference, Text
from versiqiid.core.registry.subjects import family_of, plain
from versiqiid.errors import UnusableSchema
from versiqiid.ports import KeyValueStore


@dataclass(frozen=True, slots=True)
class Asked:
    """A content that somebody sent, understood. ``identity`` is what contents that are the same have in common."""

    content: Content
    form: Form
    identity: str
    normalize: bool


class Finding:
    """Reads only; schemas that were written as keys get their ids by the way."""

    def __init__(self, state: State, store: KeyValueStore, root: str) -> None:
        self._state = state
        self._store = store
        self._root = root

    async def asked(self, content: Content, *, normalize: bool) -> Asked:
        """The content as it would be kept.

        :raises RegistryFault: it is no schema, or refers to what is not there.
        """
        if len(content.text.encode()) > DOCUMENT_LIMITS.bytes_max:
            raise faults.invalid_schema(f"it is larger than {DOCUMENT_LIMITS.bytes_max} bytes")
        resolver = Resolver(self._state)
        resolved = []
        for reference in content.references:
            _, version = await resolver.reference(reference)
            resolved.append(replace(reference, version=version.number))
        content = replace(content, references=tuple(resolved))
        try:
            text = await resolver.text(content)
            form = await self._state.reader.read(text)
            if normalize:
                form = await self._state.reader.read(replace(text, text=form.normal_text))
        except UnusableSchema as error:
            raise faults.invalid_schema(f"of type {content.type}, details: {error.message}") from error
        content = replace(content, text=form.text)
        return Asked(content, form, content.identity(form.plain), normalize)

    async def exact(self, here: Here, asked: Asked, *, deleted: bool = False) -> r.Numbered | None:
        """The newest version that holds this content, metadata and rules included."""
        entry = await self._state.keys.get(r.content_key(asked.identity))
        known = int(entry.value) if entry else None
        for version in reversed(here.versions(deleted=deleted)):
            if version.id == known:
                return version
            stored = await Resolver(self._state).stored(here, version)
            if stored.type is asked.content.type and stored.beside() == asked.content.beside():
                form = await self._form(stored)
                if form is not None and _alike(form, asked):
                    return version
        return None

    async def lookup(self, here: Here, content: Content, *, normalize: bool, deleted: bool) -> r.Numbered:
        """The newest version that holds this text; what the caller does not name beside the text does not count.

        :raises RegistryFault: there is nothing of the kind.
        """
        asked = await self.asked(content, normalize=normalize)
        found = await self.exact(here, asked, deleted=deleted)
        for version in reversed(here.versions(deleted=deleted)) if found is None else ():
            stored = await Resolver(self._state).stored(here, version)
            pairs = zip(asked.content.beside(), stored.beside(), strict=True)
            if stored.type is not content.type or not all(mine in (None, [], theirs) for mine, theirs in pairs):
                continue
            form = await self._form(stored)
            if form is not None and _alike(form, asked):
                found = version
                break
        if found is None:
            raise faults.schema_not_found()
        return found

    def version(self, here: Here, text: str, *, deleted: bool = False) -> r.Numbered:
        """The version of that number; ``latest`` or -1 is the newest.

        :param deleted: whether softly deleted versions count.
        :raises RegistryFault: no number of a version, or there is none such.
        """
        _number(text)
        if not here.versions(deleted=deleted):
            raise faults.subject_not_found(here.subject)
        return self.one_of(here, text, deleted=deleted)

    def one_of(self, here: Here, text: str, *, deleted: bool = False) -> r.Numbered:
        """As ``version``, where a subject that is not there has no such version either."""
        number = _number(text)
        versions = here.versions(deleted=deleted)
        for version in versions[-1:] if number is None else versions:
            if number in (None, version.number):
                return version
        raise faults.version_not_found(text)

    async def by_id(self, number: int) -> tuple[r.Id, Here, r.Numbered]:
        """What an id stands for, and one version that holds it, a softly deleted one if need be.

        :raises RegistryFault: nothing holds this id.
        """
        for attempt in range(2):
            uses = await self.uses(number, deleted=True)
            if uses:
                here, version = next(((h, v) for h, v in uses if not v.deleted), uses[0])
                entry = await self._state.keys.get(r.id_key(number))
                if entry is not None:
                    return r.read_id(entry.value), here, version
            if attempt == 0:
                await self._state.everything()  # what was written as a key has its id from now on
        raise faults.schema_not_found(number)

    async def uses(self, number: int, *, deleted: bool = False) -> list[tuple[Here, r.Numbered]]:
        """The versions that hold this id, in the order in which they came to it."""
        entry = await self._state.keys.get(r.id_key(number))
        found: list[tuple[Here, r.Numbered]] = []
        for family, name in r.read_id(entry.value).uses if entry else ():
            here = await self._here(family)
            found += [
                (here, version)
                for version in here.versions(deleted=deleted)
                if version.name == name and version.id == number
            ]
        return found

    async def referring(self) -> dict[int, r.Id]:
        """Every id that refers to others, with what it stands for."""
        found = {int(key): r.read_id(entry.value) for key, entry in (await self._state.keys.under(r.IDS)).items()}
        return {number: record for number, record in found.items() if record.uses and record.references}

    async def referenced_by(
        self, here: Here, version: r.Numbered, referring: Mapping[int, r.Id], *, deleted: bool = False
    ) -> list[int]:
        """The ids of the schemas that refer to this version.

        :param referring: all that refer to anything, see ``referring``.
        """
        naming = [
            n for n, record in referring.items() if any(_names(each, here, version) for each in record.references)
        ]
        return sorted([number for number in naming if await self.uses(number, deleted=deleted)])

    async def used_by(self, here: Here, version: r.Numbered) -> tuple[str, ...]:
        """The keys of the layout that need this version: targets, configs, migrations, successors."""
        gathering = Gathering(self._store, self._root)
        await gathering.under(*prefixes(here.family))
        for target in sorted(targets_of(gathering.snapshot(), here.family)):
            await gathering.under(f"configs/{target}/{version.name}/")
        return references_to(gathering.snapshot(), here.family, version.name)

    async def told(self, here: Here, version: r.Numbered, style: str = "") -> dict[str, Any]:
        """One version as the protocol tells it.

        :param style: ``serialized``: a Protobuf schema compiled; ``resolved``: an Avro schema without references.
        """
        content = await Resolver(self._state).stored(here, version)
        return {
            "subject": here.subject,
            "version": version.number,
            "id": version.id,
            **described(content, await self.styled(content, style)),
        }

    async def styled(self, content: Content, style: str) -> str:
        """The content's text in the style that was asked for; in its own where that style is unknown."""
        if style == "serialized" and content.type.value == "PROTOBUF":
            form = await self._form(content)
            return form.serialized if form is not None else content.text
        return content.text

    async def _form(self, content: Content) -> Form | None:
        try:
            text: Text = await Resolver(self._state).text(content)
            return await self._state.reader.read(text)
        except (UnusableSchema, faults.RegistryFault):
            return None

    async def _here(self, family: str) -> Here:
        from versiqiid.api.registry.state import subject_of  # noqa: PLC0415 - beside its only other use

        entry = await self._state.keys.get(f"families/{family}")
        return await self._state.load(subject_of(family, entry.value) if entry else family)


def _number(text: str) -> int | None:
    """The number of a version, None for the newest.

    :raises RegistryFault: it is none.
    """
    if text in ("latest", "-1"):
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(NUMBER_MAX)) else 0
    if not 0 < number <= NUMBER_MAX:
        raise faults.invalid_version(text)
    return number


def described(content: Content, text: str) -> dict[str, Any]:
    """Type, text and what belongs to it; the type is left out where it is the protocol's first one."""
    told: dict[str, Any] = {} if content.type.value == "AVRO" else {"schemaType": content.type.value}
    told["schema"] = text
    if content.references:
        told["references"] = [each.as_json() for each in content.references]
    extra: Mapping[str, Any] = {"metadata": content.metadata, "ruleSet": content.rule_set}
    return told | {name: value for name, value in extra.items() if value}


def _alike(form: Form, asked: Asked) -> bool:
    return form.plain == asked.form.plain or (asked.normalize and form.normal == asked.form.normal)


def _names(reference: Reference, here: Here, version: r.Numbered) -> bool:
    return (family_of(reference.subject), reference.version) == (here.family, version.number) and bool(
        plain(reference.subject)
    )
