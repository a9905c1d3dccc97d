"""Schemas looked up: by subject and version, by id, by content, and by what refers to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from versiqiid.api.gathering import Gathering
from versiqiid.api.registry import faults
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.registry.state import NUMBER_MAX, Here, State, subject_of
from versiqiid.core.limits import DOCUMENT_LIMITS
from versiqiid.core.live import targets_of
from versiqiid.core.references import prefixes, references_to
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import Content, Form, Reference, SchemaType, Text
from versiqiid.core.registry.subjects import DEFAULT_CONTEXT, family_of, plain, split
from versiqiid.errors import UnusableSchema
from versiqiid.ports import KeyValueStore

_STYLES = frozenset({("serialized", SchemaType.PROTOBUF), ("resolved", SchemaType.AVRO)})


@dataclass(frozen=True, slots=True)
class Asked:
    """A content that somebody sent, understood. ``identity`` is what contents that are the same have in common."""

    content: Content
    form: Form
    identity: str
    normalize: bool

    def beside(self, content: Content) -> Asked:
        """The same text with other metadata and rules."""
        fresh = replace(self.content, metadata=content.metadata, rule_set=content.rule_set)
        return replace(self, content=fresh, identity=fresh.identity(self.form.plain))


class Finding:
    """Reads only; schemas that were written as keys get their ids by the way."""

    def __init__(self, state: State, store: KeyValueStore, root: str) -> None:
        self._state = state
        self._store = store
        self._root = root

    async def asked(self, content: Content, *, normalize: bool) -> Asked:
        """The content as it would be kept.

        :raises RegistryFault: it is no schema, is too large, or refers to what is not there.
        """
        if len(content.text.encode()) > DOCUMENT_LIMITS.bytes_max:
            raise faults.too_large(DOCUMENT_LIMITS.bytes_max)
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

    async def exact(
        self, here: Here, asked: Asked, *, deleted: bool = False, newest: bool = False
    ) -> r.Numbered | None:
        """The newest version that holds this content, metadata and rules included.

        :param newest: look at the newest version only.
        """
        entry = await self._state.keys.get(r.content_key(asked.identity))
        known = int(entry.value) if entry else None
        versions = here.versions(deleted=deleted)[::-1][: 1 if newest else None]
        for version in versions:
            if version.id == known:
                return version
        for version in versions:
            stored = await Resolver(self._state).stored(here, version)
            if _same_beside(asked.content, stored, version) and await self._alike(stored, asked):
                return version
        return None

    async def lookup(self, here: Here, content: Content, *, normalize: bool, deleted: bool) -> r.Numbered | None:
        """The newest version that holds this text; what the caller does not name beside the text does not count.

        :raises RegistryFault: it is no schema.
        """
        asked = await self.asked(content, normalize=normalize)
        found = await self.exact(here, asked, deleted=deleted)
        for version in reversed(here.versions(deleted=deleted)) if found is None else ():
            stored = await Resolver(self._state).stored(here, version)
            pairs = zip(asked.content.beside(), stored.beside(), strict=True)
            if all(mine in (None, [], theirs) for mine, theirs in pairs) and await self._alike(stored, asked):
                found = version
                break
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

    async def elsewhere(self, subject: str) -> list[Here]:
        """The subjects of this name in other contexts, which are meant where the default context has none."""
        context, name = split(subject)
        if context != DEFAULT_CONTEXT:
            return []
        families = await self._state.keys.under("families/")
        told = sorted(subject_of(family, entry.value) for family, entry in families.items())
        return [await self._state.load(each) for each in told if split(each)[1] == name and each != plain(subject)]

    async def by_id(self, number: int, subject: str | None = None) -> tuple[r.Id, Here, r.Numbered]:
        """What an id stands for, and one version that holds it, a softly deleted one if need be.

        :param subject: whose version is preferred.
        :raises RegistryFault: nothing holds this id.
        """
        for attempt in range(2):
            uses = await self.uses(number, deleted=True)
            if uses:
                here, version = min(uses, key=lambda use: (not _is_of(use[0], subject), use[1].deleted))
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
    ) -> dict[int, set[str]]:
        """The ids of the schemas that refer to this version, in order, with the subjects that hold them.

        :param referring: all that refer to anything, see ``referring``.
        """
        naming = [
            n for n, record in referring.items() if any(_names(each, here, version) for each in record.references)
        ]
        users = {n: {user.subject for user, _ in await self.uses(n, deleted=deleted)} for n in sorted(naming)}
        return {number: subjects for number, subjects in users.items() if subjects}

    async def used_by(self, here: Here, version: r.Numbered) -> tuple[str, ...]:
        """The keys of the layout that need this version: targets, configs, migrations, successors."""
        gathering = Gathering(self._store, self._root)
        await gathering.under(*prefixes(here.family))
        for target in sorted(targets_of(gathering.snapshot(), here.family)):
            await gathering.under(f"configs/{target}/{version.name}/")
        return references_to(gathering.snapshot(), here.family, version.name)

    async def styled(self, content: Content, style: str) -> str:
        """The content's text in the style that was asked for; in its own where that style is unknown.

        :param style: ``serialized``: a Protobuf schema compiled; ``resolved``: an Avro schema without references.
        """
        if (style, content.type) not in _STYLES:
            return content.text
        form = await self._form(content)
        styled = "" if form is None else form.serialized if style == "serialized" else form.resolved
        return styled or content.text

    async def _alike(self, stored: Content, asked: Asked) -> bool:
        """Whether the text says what was asked; also where one has references and the other has written them out."""
        if stored.type is not asked.content.type or (form := await self._form(stored)) is None:
            return False
        if stored.references and not asked.content.references and form.resolved:
            form = await self._state.reader.read(Text(stored.type, form.resolved))
        return _alike(form, asked)

    async def _form(self, content: Content) -> Form | None:
        try:
            text: Text = await Resolver(self._state).text(content)
            return await self._state.reader.read(text)
        except (UnusableSchema, faults.RegistryFault):
            return None

    async def _here(self, family: str) -> Here:
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


def _alike(form: Form, asked: Asked) -> bool:
    return form.plain == asked.form.plain or (asked.normalize and form.normal == asked.form.normal)


def _same_beside(mine: Content, theirs: Content, version: r.Numbered) -> bool:
    """Whether references, metadata and rules are the same.

    A number that only one of them tells (``confluent:version``) does not count, as long as it is the version's own.
    """
    if mine.told_version is None or (theirs.told_version is None and mine.told_version == str(version.number)):
        mine, theirs = mine.numbered(None), theirs.numbered(None)
    inlined = theirs.references and not mine.references
    first = 1 if inlined else 0
    return mine.beside()[first:] == theirs.beside()[first:]


def _is_of(here: Here, subject: str | None) -> bool:
    return subject is not None and here.subject == plain(subject)


def _names(reference: Reference, here: Here, version: r.Numbered) -> bool:
    return (family_of(reference.subject), reference.version) == (here.family, version.number) and bool(
        plain(reference.subject)
    )
