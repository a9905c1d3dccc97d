"""What the registry keeps beside the key layout, under ``_system/registry/``: keys, documents, how they are read.

====================== =============================================================================================
``last-id``            the highest id that was ever given out, as decimal text
``ids/<id>``           what the id stands for: type, references, metadata, rules, and which versions hold it
``contents/<sha256>``  the id of a content, kept for ever, so that the same schema has the same id again
``subjects/<family>``  the subject's versions by number, which of them are deleted, its mode and settings
``all``                mode and settings of all subjects of the default context
====================== =============================================================================================

Every change of a subject goes through its one document, so that two processes cannot both add the next version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from versiqiid.core.canonical import canonical
from versiqiid.core.registry.content import Reference, SchemaType

ROOM: Final = "_system/registry/"
LAST_ID: Final = ROOM + "last-id"
ALL: Final = ROOM + "all"
SUBJECTS: Final = ROOM + "subjects/"
IDS: Final = ROOM + "ids/"
CONTENTS: Final = ROOM + "contents/"


@dataclass(frozen=True, slots=True)
class Numbered:
    """One version of a subject.

    :ivar name: the version in ``schemas/<family>/<name>``. :ivar deleted: softly: told only to who asks for it.
    """

    number: int
    name: str
    id: int
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject's document. ``mode`` and ``settings`` are what was said of this subject itself.

    :ivar subject: what it is called, where a mode was set and the name of the document does not say it.
    """

    versions: tuple[Numbered, ...] = ()
    mode: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    subject: str | None = None

    @property
    def next_number(self) -> int:
        return max((each.number for each in self.versions), default=0) + 1

    def as_bytes(self) -> bytes:
        versions = [
            {"number": each.number, "name": each.name, "id": each.id} | ({"deleted": True} if each.deleted else {})
            for each in self.versions
        ]
        told: dict[str, Any] = {"versions": versions, "settings": dict(self.settings)}
        told |= {"mode": self.mode} if self.mode else {}
        return canonical(told | ({"subject": self.subject} if self.subject else {}))


@dataclass(frozen=True, slots=True)
class Id:
    """What an id stands for.

    :ivar identity: of its content; an id that nobody uses may be imported for another one.
    :ivar uses: family and version name of every version that holds it, also softly deleted ones; the first is where
        its text is read.
    """

    type: SchemaType
    identity: str
    references: tuple[Reference, ...] = ()
    metadata: Mapping[str, Any] | None = None
    rule_set: Mapping[str, Any] | None = None
    uses: tuple[tuple[str, str], ...] = ()

    def as_bytes(self) -> bytes:
        told: dict[str, Any] = {
            "type": self.type.value,
            "identity": self.identity,
            "uses": [list(use) for use in self.uses],
        }
        told |= {"references": [each.as_json() for each in self.references]} if self.references else {}
        told |= {"metadata": dict(self.metadata)} if self.metadata else {}
        told |= {"ruleSet": dict(self.rule_set)} if self.rule_set else {}
        return canonical(told)


def subject_key(family: str) -> str:
    return SUBJECTS + family


def id_key(number: int) -> str:
    return f"{IDS}{number}"


def content_key(identity: str) -> str:
    return CONTENTS + identity


def read_subject(raw: bytes | None) -> Subject:
    """The document of a subject; an empty one where there is none."""
    if raw is None:
        return Subject()
    told = json.loads(raw)
    versions = tuple(
        Numbered(each["number"], each["name"], each["id"], each.get("deleted", False)) for each in told["versions"]
    )
    return Subject(versions, told.get("mode"), told.get("settings", {}), told.get("subject"))


def read_id(raw: bytes) -> Id:
    told = json.loads(raw)
    return Id(
        SchemaType(told["type"]),
        told["identity"],
        tuple(Reference(**each) for each in told.get("references", ())),
        told.get("metadata"),
        told.get("ruleSet"),
        tuple((family, name) for family, name in told["uses"]),
    )
