"""A subject as the store holds it now, and schemas that were written as keys taken in as its versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from versiqiid.api.marks import Mark, read_marks
from versiqiid.api.registry.commits import OPERATIONS_MAX, Keys
from versiqiid.api.registry.faults import RegistryFault, not_permitted
from versiqiid.api.registry.ids import Ids
from versiqiid.core.objects import Family, read_family, read_lifecycle
from versiqiid.core.registry import records as r
from versiqiid.core.registry.content import TYPES, Content, Form, Text
from versiqiid.core.registry.settings import FAMILY_FIELDS, Setting
from versiqiid.core.registry.subjects import family_of, plain
from versiqiid.core.versions import Scheme, parse
from versiqiid.engine.facts import DAEMON, Attribution
from versiqiid.errors import Conflict, InvalidInput, InvalidVersion, UnusableSchema
from versiqiid.ports import Entry, Operation, Set

ATTEMPTS = 32
"""How often something is tried again when others are faster. Arbitrary."""

NUMBER_MAX = 2**31 - 1
_ADOPTED_AT_ONCE = OPERATIONS_MAX // 4


class Reader(Protocol):
    """Understands and judges schemas, within a budget."""

    async def read(self, text: Text) -> Form:
        """:raises UnusableSchema: it is no schema of its language."""
        ...

    async def judge(self, old: Text, new: Text, policy: str) -> tuple[bool, tuple[str, ...]]:
        """Whether a reader of ``new`` reads what was written for ``old``, and why not."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """A subject as it is.

    :ivar record: as it is kept, with what its life cycle calls deleted as deleted. A version whose key somebody took
        away stands in it still: its number is taken.
    :ivar mark: of the family, read before all the rest; moved by whatever is judged by it. None where nothing is.
    :ivar texts: by version name, drafts left out. :ivar names: of all versions that there are keys of.
    """

    subject: str
    family: str
    described: Family
    family_entry: Entry | None
    record: r.Subject
    revision: int
    texts: Mapping[str, Entry]
    names: frozenset[str]
    mark: Mark | None = None

    @property
    def live(self) -> tuple[r.Numbered, ...]:
        """The versions that are not deleted, oldest first."""
        return self.versions()

    @property
    def next_number(self) -> int:
        """What the next version is called: no number that is or was taken, nor the name of a draft."""
        number = self.record.next_number
        while str(number) in self.names:
            number += 1
        return number

    def versions(self, *, deleted: bool = False, only_deleted: bool = False) -> tuple[r.Numbered, ...]:
        """The versions that are there, oldest first; softly deleted ones where they are asked for."""
        there = (each for each in self.record.versions if each.name in self.texts)
        return tuple(each for each in there if (each.deleted if only_deleted else deleted or not each.deleted))

    def moved(self) -> list[Operation]:
        """The operation of a write that was judged by what is here: it fails when somebody else was faster."""
        return [self.mark.moved()] if self.mark else []

    def text(self, version: r.Numbered) -> str:
        return self.texts[version.name].value.decode("utf-8", "replace")

    @property
    def setting(self) -> Setting:
        """What was set for this subject itself."""
        told: dict[str, Any] = {}
        if self.family_entry is not None:
            fields = family_fields(self.family_entry.value)
            told = {name: fields[field] for name, field in FAMILY_FIELDS.items() if field in fields}
        return Setting({**told, **self.record.settings})


def family_fields(raw: bytes) -> dict[str, Any]:
    """A family's own document, empty when it is no object."""
    from versiqiid.core.document import read  # noqa: PLC0415 - one name for one thing

    try:
        told = read(raw)
    except InvalidInput:
        return {}
    return told if isinstance(told, dict) else {}


class State:
    """Reads subjects. What was written as a key gets its number and its id by being looked at."""

    def __init__(self, keys: Keys, reader: Reader) -> None:
        self.keys = keys
        self.reader = reader

    async def load(self, subject: str) -> Here:
        """The subject, whether or not there is anything of it.

        :raises RegistryFault: its family cannot be read.
        """
        for _ in range(ATTEMPTS):
            here = await self._look(plain(subject))
            lives = await self.keys.under(f"lifecycle/{here.family}/") if here.texts else {}
            missing = _unnumbered(here, lives)
            if not missing:
                return _seen(here, lives)
            try:
                await self._adopt(here, missing[:_ADOPTED_AT_ONCE])
            except Conflict:
                continue
        raise not_permitted(f"Subject '{subject}' is being changed by too many at once; try again.")

    async def meant(self, subject: str) -> Here:
        """The subject that somebody means who names this one: itself, or the one that it is an alias of.

        An alias of an alias is not followed.
        """
        here = await self.load(subject)
        return await self.load(here.setting.alias) if here.setting.alias else here

    async def everything(self) -> list[Here]:
        """Every subject that has versions, deleted ones included, by name."""
        families, documents = await self.keys.under("families/"), await self.keys.under(r.SUBJECTS)
        texts, lives = _by_family(await self.keys.under("schemas/")), _by_family(await self.keys.under("lifecycle/"))
        found = []
        for family, entry in families.items():
            subject = subject_of(family, entry.value)
            try:
                here = _here(subject, family, entry, documents.get(family), texts.get(family, {}))
            except RegistryFault:
                continue  # an unreadable family is told to who asks for it; the others are listed all the same
            lived = lives.get(family, {})
            if _unnumbered(here, lived):
                here = await self.load(subject)
            found.append(_seen(here, lived))
        return sorted((here for here in found if here.versions(deleted=True)), key=lambda here: here.subject)

    async def _look(self, subject: str) -> Here:
        family = family_of(subject)
        (mark,) = await read_marks(self.keys.get, [family])
        entry = await self.keys.get(f"families/{family}")
        document = await self.keys.get(r.subject_key(family))
        texts = await self.keys.under(f"schemas/{family}/") if entry else {}
        return replace(_here(subject, family, entry, document, texts), mark=mark)

    async def _adopt(self, here: Here, names: Iterable[str]) -> None:
        """Give these versions numbers and ids.

        :raises Conflict: somebody else did something meanwhile; nothing was written.
        """
        ids, record = Ids(self.keys), here.record
        for name in names:
            text = here.texts[name].value.decode("utf-8", "replace")
            content = Content(TYPES[here.described.language], text)
            try:
                form = (await self.reader.read(Text(content.type, text))).plain
            except UnusableSchema:
                form = text
            number = await ids.give(content, content.identity(form), (here.family, name))
            taken = {each.number for each in record.versions}
            place = _number(name, taken) or record.next_number
            versions = (*record.versions, r.Numbered(place, name, number))
            record = replace(record, versions=tuple(sorted(versions, key=lambda each: each.number)))
        operations: list[Operation] = [Set(r.subject_key(here.family), record.as_bytes(), here.revision)]
        await self.keys.commit([*operations, *ids.operations()], {}, Attribution(DAEMON))


def _here(subject: str, family: str, entry: Entry | None, document: Entry | None, texts: Mapping[str, Entry]) -> Here:
    """
    :raises RegistryFault: the family cannot be read.
    """
    try:
        described = read_family(entry.value) if entry else Family()
    except InvalidInput as error:
        raise not_permitted(f"families/{family} cannot be read: {error.message}") from error
    record = r.read_subject(document.value if document else None)
    revision = document.revision if document else 0
    return Here(subject, family, described, entry, record, revision, texts, frozenset(texts))


def _unnumbered(here: Here, lives: Mapping[str, Entry]) -> list[str]:
    """The versions that were written as keys and have no number yet, in their order; drafts get none."""
    known = {each.name for each in here.record.versions}
    names = [name for name in here.texts if name not in known and _state(lives.get(name)) != "draft"]
    return _in_order(here.described.versioning, names) if names else []


def _by_family(entries: Mapping[str, Entry]) -> dict[str, dict[str, Entry]]:
    found: dict[str, dict[str, Entry]] = {}
    for key, entry in entries.items():
        family, _, name = key.partition("/")
        found.setdefault(family, {})[name] = entry
    return found


def subject_of(family: str, raw: bytes) -> str:
    """The subject that a family is: what its document says, else its own name."""
    told = family_fields(raw).get("subject")
    return told if isinstance(told, str) and family_of(told) == family else family


def _seen(here: Here, lives: Mapping[str, Entry]) -> Here:
    """As somebody sees it from outside: no drafts, and what its life cycle calls deleted is deleted."""
    states = {name: _state(entry) for name, entry in lives.items()}
    versions = tuple(
        replace(each, deleted=each.deleted or states.get(each.name) == "deleted") for each in here.record.versions
    )
    texts = {name: entry for name, entry in here.texts.items() if states.get(name) != "draft"}
    return replace(here, record=replace(here.record, versions=versions), texts=texts)


def _state(entry: Entry | None) -> str:
    try:
        return read_lifecycle(entry.value).state if entry else "published"
    except InvalidInput:
        return "published"


def _number(name: str, taken: set[int]) -> int | None:
    """The number that a version of a sequence has by its name."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) < len(str(NUMBER_MAX)) else 0
    return number if number and number not in taken else None


def _in_order(scheme: Scheme, names: list[str]) -> list[str]:
    def place(name: str) -> tuple[bool, Any, str]:
        try:
            version = parse(scheme, name)
        except InvalidVersion:
            return True, 0, name
        return False, version.order_key if scheme.ordered else 0, name

    return sorted(names, key=place)
