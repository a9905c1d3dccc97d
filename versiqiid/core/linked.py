"""A schema with all that it refers to: other schemas of the same root, never anything from elsewhere.

Where a name leads is said by the registry endpoint's record of the version (``_system/registry/…``), else by the name
itself, which is then the key of a schema (docs/decisions/0055-schemas-that-refer-to-schemas.md). Every key looked at is
remembered in ``Reads``: what is computed from it is guarded by it, and computed again when it changes. Pure.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.canonical import canonical, digest
from versiqiid.core.comparison import Text
from versiqiid.core.registry import json_form
from versiqiid.core.registry import records as r
from versiqiid.core.registry.subjects import family_of
from versiqiid.core.schema.naming import Uses, uses_of
from versiqiid.core.schema.requests import reader_of
from versiqiid.errors import InvalidInput, UnusableSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.canonical import Json
    from versiqiid.core.snapshot import Reads

REFERENCES_MAX: Final = 16
"""Schemas that one may need in all: three keys each, and all of them fit among the guards of one transaction."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
"""What a JSON Schema speaks that does not say (kv-layout)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Another schema that is needed: by which name, under which key, and its text."""

    name: str
    key: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Linked:
    """A schema's text with everything that it needs.

    :ivar own: the text as its language reads it.
    :ivar parts: in an order in which none needs a later one, but for circles.
    """

    language: str
    raw: bytes
    own: Json
    parts: tuple[Part, ...] = ()

    @property
    def digest(self) -> str:
        """``sha256:<hex>``: of the text, and of the parts where there are any."""
        if not self.parts:
            return digest(self.raw)
        return digest(canonical([digest(self.raw), [[part.name, digest(part.raw)] for part in self.parts]]))

    def value(self, dialect: str = DIALECT) -> Json:
        """The schema as validators take it; a JSON Schema is one document that holds its parts.

        :param dialect: what a JSON Schema speaks that does not say.
        :raises UnusableSchema: one of the parts is no text of its language.
        """
        if self.language != "json-schema" or not self.parts:
            return self.own
        return json_form.bundled(self.own, self.references(), dialect)

    def references(self) -> tuple[tuple[str, Json], ...]:
        """Name and value of each part.

        :raises UnusableSchema: one of them is no text of the language.
        """
        return tuple((part.name, _value(self.language, part)) for part in self.parts)

    def text(self, dialect: str = DIALECT) -> Text:
        """The schema as it is compared."""
        if self.language == "json-schema" and self.parts:
            return Text(json.dumps(self.value(dialect), ensure_ascii=False).encode())
        return Text(self.raw, tuple((part.name, part.raw) for part in self.parts))


def linked(reads: Reads, language: str, place: tuple[str, str | None], raw: bytes | None = None) -> Linked:
    """The schema with all that it refers to.

    :param place: its family and version; None = of no version yet.
    :param raw: its text, where that is not what is stored.
    :raises UnusableSchema: what it refers to is missing, and under which key; or refers back to it in a circle.
    :raises Unreadable: it is no text of its language.
    """
    key, reader = f"schemas/{place[0]}/{place[1]}", reader_of(language)
    stored = reads.get(key) if raw is None else None
    text = stored.raw if stored is not None else raw or b""
    own = reads.snapshot.parsed(key, reader) if stored is not None else reader(text)
    walk = _Walk(reads, language)
    walk.enter(key if place[1] is not None else "the schema", place, text)
    return Linked(language, text, own, tuple(walk.found.values()))


def named_by(reads: Reads, language: str, place: tuple[str, str], raw: bytes) -> tuple[str, ...]:
    """The keys of schemas that this one refers to by itself; a text that cannot be read refers to none."""
    try:
        uses = uses_of(language)(raw)
        return tuple(dict(_names(reads, place, uses)).values()) if uses.needs else ()
    except InvalidInput:
        return ()


def read_subject(raw: bytes) -> r.Subject:
    """The registry endpoint's document of a subject; one that was spoilt says nothing."""
    try:
        return r.read_subject(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return r.Subject()


def read_record(raw: bytes) -> r.Id | None:
    """The registry endpoint's record of an id; one that was spoilt says nothing."""
    try:
        return r.read_id(raw)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


@dataclass(slots=True)
class _Walk:
    """One schema on the way through what it refers to, depth first."""

    reads: Reads
    language: str
    found: dict[str, Part] = field(default_factory=dict)
    trail: list[str] = field(default_factory=list)

    def enter(self, key: str, place: tuple[str, str | None], raw: bytes) -> None:
        uses = self._uses(key, raw)
        if not uses.needs:
            return
        self._check_number(len(self.trail))
        self.trail.append(key)
        names = dict(_names(self.reads, place, uses))
        for name, other in names.items():
            self._follow(key, name, other)
        if self.language == "protobuf":
            for name in uses.needs:
                if name not in names and name not in self.found:
                    raise UnusableSchema(f'{key} imports "{name[:200]}", which no key is: {_HOW["protobuf"]}')
        self.trail.pop()

    def _follow(self, key: str, name: str, other: str) -> None:
        if name in self.found:
            return
        value = self.reads.get(other)
        if value is None:
            raise UnusableSchema(f"{other} is missing: {key} refers to it as {name[:200]!r}")
        if other not in self.trail:
            _, family, version = other.split("/")
            self.enter(other, (family, version), value.raw)
        elif self.language != "json-schema":  # whose documents may refer to each other, as all are given along
            circle = " → ".join([*self.trail[self.trail.index(other) :], other])
            raise UnusableSchema(f"schemas refer to each other in a circle: {circle}")
        self.found.setdefault(name, Part(name, other, value.raw))
        self._check_number(len(self.found))

    def _check_number(self, needed: int) -> None:
        if needed > REFERENCES_MAX:
            raise UnusableSchema(f"it needs more than {REFERENCES_MAX} other schemas")

    def _uses(self, key: str, raw: bytes) -> Uses:
        reader = uses_of(self.language)
        there = self.reads.snapshot.get(key)
        try:
            if there is not None and there.raw == raw:
                return self.reads.snapshot.parsed(key, reader)
            return reader(raw)
        except InvalidInput as error:
            if not self.trail:
                raise
            raise UnusableSchema(f"{key} is unreadable: {error.message}") from error


_HOW: Final = {"protobuf": 'write the key of the schema, as in import "schemas/<family>/<version>"'}


def _names(reads: Reads, place: tuple[str, str | None], uses: Uses) -> Iterator[tuple[str, str]]:
    """Name → key: what the registry endpoint was told, then what the names say themselves."""
    recorded = dict(_recorded(reads, place))
    yield from recorded.items()
    yield from ((name, key) for name, key in uses.keyed if name not in recorded)


def _recorded(reads: Reads, place: tuple[str, str | None]) -> Iterator[tuple[str, str]]:
    family, version = place
    subject = reads.read(r.subject_key(family), read_subject) if version is not None else None
    number = next((each.id for each in subject.versions if each.name == version), None) if subject else None
    record = reads.read(r.id_key(number), read_record) if number is not None else None
    for reference in record.references if record is not None else ():
        yield reference.name, _key_of(reads, reference.subject, reference.version)


def _key_of(reads: Reads, subject: str, number: int) -> str:
    """Where a version of a subject is; where nobody knows the subject any more, it is called by its number."""
    family = family_of(subject)
    known = reads.read(r.subject_key(family), read_subject)
    names = (each.name for each in known.versions if each.number == number) if known else iter(())
    return f"schemas/{family}/{next(names, str(number))}"


def _value(language: str, part: Part) -> Any:
    try:
        return reader_of(language)(part.raw)
    except InvalidInput as error:
        raise UnusableSchema(f"{part.key} is unreadable: {error.message}") from error
