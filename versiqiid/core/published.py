"""What is immutable and was changed all the same, by a raw write: schemas, migrations, and modules of another digest.

A published key's first digest stands under ``_system/published/<key>``, written once by the leader. A key that holds
something else now is drift until the published text is back; taking a key away does not free its name, as in the API.
A module's name is its digest, so it needs no record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.migration import parse_manifest
from versiqiid.core.modules import MissingPart, assemble
from versiqiid.core.objects import read_lifecycle
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.status import state_of
from versiqiid.errors import InvalidInput

ROOM = "_system/published/"


@dataclass(frozen=True, slots=True)
class Published:
    """An item of work: see to it that this immutable key has its record."""

    key: str

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True)
class Altered:
    """An immutable key and what it should and does hold."""

    key: str
    expected: str
    found: str
    reason: str


def record_key(item: Published) -> str:
    return ROOM + item.key


def record(reads: Reads, item: Published) -> bytes | None:
    """The record that is missing, or None: it is there, or the key itself is not, or it is a draft still."""
    if reads.get(record_key(item)) is not None or _is_draft(reads, item.key):
        return None
    value = reads.get(item.key)
    return canonical({"digest": digest(value.raw)}) if value else None


def _is_draft(reads: Reads, key: str) -> bool:
    """Whether nobody has published the schema yet: then its text may change. An unreadable life says nothing."""
    meaning = k.parse(key)
    if not isinstance(meaning, k.SchemaKey):
        return False
    try:
        life = reads.read(f"lifecycle/{meaning.family}/{meaning.version}", read_lifecycle)
    except InvalidInput:
        return False
    return life is not None and life.state == "draft"


def every_published(snapshot: Snapshot) -> Iterator[Published]:
    for family, versions in snapshot.schema_versions.items():
        yield from (Published(f"schemas/{family}/{version}") for version in versions)
    for family, pairs in snapshot.migrations.items():
        yield from (Published(f"migrations/{family}/{source}/{destination}") for source, destination in pairs)


def altered(reads: Reads, family: str) -> Iterator[Altered]:
    """The family's immutable keys that hold something else than what was published.

    Only these are guards of what is written from it; the rest of the family is looked through.
    """
    snapshot = reads.snapshot
    reads.listing(f"{ROOM}{family}")
    schemas = sorted(f"schemas/{family}/{version}" for version in snapshot.schema_versions.get(family, ()))
    pairs = snapshot.migrations.get(family, ())
    migrations = sorted(f"migrations/{family}/{source}/{destination}" for source, destination in pairs)
    for key in (*schemas, *migrations):
        expected, found = _recorded(snapshot, ROOM + key), snapshot.parsed(key, digest)
        if expected is not None and expected != found:
            reads.get(key)
            what = f"published {key} was changed by a raw write"
            yield Altered(key, expected, found, f"{what}: put the published text back, and publish a new version")
    for module in sorted({module for key in migrations if (module := _module_of(snapshot, key))}):
        yield from _altered_module(reads, module)


def topics(key: str) -> Iterator[str]:
    """The lists of ``altered`` that a key is a member of."""
    meaning = k.parse(key.removeprefix(ROOM))
    if isinstance(meaning, k.SchemaKey | k.MigrationKey):
        yield ROOM + meaning.family
    elif isinstance(meaning, k.ModuleKey):
        yield f"{ROOM}modules/{meaning.digest}"


def _altered_module(reads: Reads, hexdigest: str) -> Iterator[Altered]:
    reads.listing(f"{ROOM}modules/{hexdigest}")
    told = reads.snapshot.kept(f"modules/{hexdigest}", "altered", lambda: _fault_of(reads.snapshot, hexdigest))
    if told:
        expected = f"sha256:{hexdigest}"
        yield Altered(f"modules/{hexdigest}", expected, "bytes of another digest", told)


def _fault_of(snapshot: Snapshot, hexdigest: str) -> str:
    """Why the module is not what its name says; empty when it is, or is not there."""
    try:
        assemble(Reads(snapshot), hexdigest)
    except MissingPart:
        return ""
    except InvalidInput as error:
        return error.message
    return ""


def _module_of(snapshot: Snapshot, key: str) -> str | None:
    try:
        manifest = snapshot.parsed(key, parse_manifest)
    except InvalidInput:
        return None
    return manifest.module.removeprefix("sha256:") if manifest.module else None


def _recorded(snapshot: Snapshot, key: str) -> str | None:
    told: Any = snapshot.parsed(key, state_of).get("digest") if snapshot.get(key) else None
    return told if isinstance(told, str) else None
