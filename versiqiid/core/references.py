"""What still needs a schema version: keys that name it, so that nobody takes it away from under them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core import keys as k
from versiqiid.core.linked import named_by, read_record
from versiqiid.core.live import targets_of
from versiqiid.core.objects import Family, read_family, read_lifecycle, read_override, read_target
from versiqiid.core.registry.records import IDS, SUBJECTS
from versiqiid.core.registry.subjects import family_of
from versiqiid.core.snapshot import Reads
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from versiqiid.core.snapshot import Snapshot

    T = TypeVar("T")


def references_to(snapshot: Snapshot, family: str, version: str) -> tuple[str, ...]:
    """The keys that refer to ``schemas/<family>/<version>``, sorted: targets and their versions that read it, configs
    written for it, migrations from and to it, versions whose successor it is, and schemas that use it. A key that
    cannot be read says nothing.
    """
    targets = targets_of(snapshot, family)
    found = {key for key, _ in list(snapshot.items()) if _refers(snapshot, key, targets, (family, version))}
    return tuple(sorted(found | set(_schemas_using(snapshot, f"schemas/{family}/{version}"))))


def _schemas_using(snapshot: Snapshot, used: str) -> Iterator[str]:
    """Schemas whose text names that key, or whose record at the registry endpoint does."""
    subject = used.split("/")[1]
    recorded = {
        f"schemas/{family}/{version}"
        for key, value in list(snapshot.items())
        if key.startswith(IDS) and (record := read_record(value.raw)) is not None
        if any(family_of(reference.subject) == subject for reference in record.references)
        for family, version in record.uses
    }
    for key, value in list(snapshot.items()):
        meaning = k.parse(key)
        if not isinstance(meaning, k.SchemaKey) or key == used:
            continue
        if key in recorded or used.encode() in value.raw:  # most texts name no other: they need not be read
            family = _read(snapshot, f"families/{meaning.family}", read_family) or Family()
            place = (meaning.family, meaning.version)
            if used in named_by(Reads(snapshot), family.language, place, value.raw):
                yield key


def _refers(snapshot: Snapshot, key: str, targets: frozenset[str], schema: tuple[str, str]) -> bool:
    family, version = schema
    match k.parse(key):
        case k.TargetKey(target) if target in targets:
            described = _read(snapshot, key, read_target)
            return described is not None and any(named == version for _, named in described.schemas)
        case k.TargetVersionKey(target, _) if target in targets:
            override = _read(snapshot, key, read_override)
            return override is not None and override.schema == version
        case k.ConfigKey(target, written_for, _) if target in targets:
            return written_for == version
        case k.MigrationKey(of, source, destination) if of == family:
            return version in (source, destination)
        case k.LifecycleKey(of, other) if of == family and other != version:
            lifecycle = _read(snapshot, key, read_lifecycle)
            return lifecycle is not None and lifecycle.successor == version
        case _:
            return False


def _read(snapshot: Snapshot, key: str, reader: Callable[[bytes], T]) -> T | None:
    try:
        return snapshot.parsed(key, reader) if snapshot.get(key) else None
    except InvalidInput:
        return None


def listed(keys: tuple[str, ...], most: int = 5) -> str:
    """Keys as a sentence has them."""
    return ", ".join(keys[:most]) + (f" and {len(keys) - most} more" if len(keys) > most else "")


def prefixes(family: str) -> Iterator[str]:
    """Where what ``references_to`` looks at lies, beside the configs of the family's targets."""
    yield from ("targets/", f"migrations/{family}/", f"lifecycle/{family}/", "families/", "schemas/", SUBJECTS, IDS)
