"""What is registered: a text in one of three languages, with the references, metadata and rules that belong to it.

Two contents are the same, and have the same id, when their forms are: how a text was laid out does not count, what it
says does (``avro_form.py``, ``json_form.py``, ``protobuf_form.py``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from versiqiid.core.canonical import canonical


class SchemaType(StrEnum):
    """The languages by the protocol's names."""

    AVRO = "AVRO"
    JSON = "JSON"
    PROTOBUF = "PROTOBUF"


VERSION: Final = "confluent:version"
"""The metadata property by which a version knows its own number, where somebody registered it by number."""

LANGUAGES: Final[Mapping[SchemaType, str]] = {
    SchemaType.AVRO: "avro",
    SchemaType.JSON: "json-schema",
    SchemaType.PROTOBUF: "protobuf",
}
"""What a family calls them."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s]+")
"""No source of Protobuf is without a character beside these."""

TYPES: Final[Mapping[str, SchemaType]] = {language: kind for kind, language in LANGUAGES.items()}


@dataclass(frozen=True, slots=True)
class Reference:
    """Another schema that a text uses: what the text calls it, and where it is registered."""

    name: str
    subject: str
    version: int

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "subject": self.subject, "version": self.version}


@dataclass(frozen=True, slots=True)
class Content:
    """What one version of a subject holds.

    :ivar metadata: ``{tags, properties, sensitive}``. :ivar rule_set: ``{migrationRules, domainRules, …}``. Both are
        kept for clients; nothing here runs a rule.
    """

    type: SchemaType
    text: str
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None

    @property
    def is_serialized(self) -> bool:
        """Whether the text is a compiled Protobuf file in base64, as some clients send it."""
        return self.type is SchemaType.PROTOBUF and _BASE64.fullmatch(self.text) is not None

    @property
    def reserved(self) -> tuple[str, ...]:
        """Names that no field may have, as the metadata's property ``confluent:reserved`` lists them."""
        properties = (self.metadata or {}).get("properties")
        listed = properties.get("confluent:reserved") if isinstance(properties, dict) else None
        return tuple(name.strip() for name in listed.split(",") if name.strip()) if isinstance(listed, str) else ()

    @property
    def told_version(self) -> str | None:
        """The number that the metadata says the version has (``confluent:version``), None where it says nothing."""
        properties = (self.metadata or {}).get("properties")
        told = properties.get(VERSION) if isinstance(properties, dict) else None
        return None if told is None else str(told)

    def numbered(self, number: int | None) -> Content:
        """The same, its metadata telling this number, or none with None."""
        metadata = dict(self.metadata or {})
        found = metadata.get("properties")
        properties = {
            name: value for name, value in (found if isinstance(found, dict) else {}).items() if name != VERSION
        }
        if number is not None:
            properties[VERSION] = str(number)
        metadata = {name: value for name, value in {**metadata, "properties": properties}.items() if value}
        return replace(self, metadata=metadata or None)

    def identity(self, form: str) -> str:
        """What contents that are the same have in common.

        :param form: of the text; see ``forms``.
        """
        return hashlib.sha256(canonical([self.type, form, *self.beside()])).hexdigest()

    def beside(self) -> tuple[Any, Any, Any]:
        """All but the text, as JSON."""
        references = sorted((each.as_json() for each in self.references), key=canonical)
        return references, self.metadata or None, self.rule_set or None


@dataclass(frozen=True, slots=True)
class Text:
    """A schema with all that it refers to, ready to be judged.

    :ivar references: name and text of each, in an order in which none uses a later one.
    """

    type: SchemaType
    text: str
    references: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A text that was understood.

    :ivar text: as it is kept: what was sent, or its source where it was sent compiled.
    :ivar plain: equal for texts that say the same in the same order. :ivar normal: for those that say the same.
    :ivar normal_text: a text that every text of this normal form becomes.
    :ivar serialized: base64 of the compiled file; Protobuf only.
    :ivar fields: the names of the fields at the top.
    :ivar resolved: the text with what it refers to written out in its place; Avro with references only.
    """

    text: str
    plain: str
    normal: str
    normal_text: str
    serialized: str = ""
    fields: tuple[str, ...] = ()
    resolved: str = ""
