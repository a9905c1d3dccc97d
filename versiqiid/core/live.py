"""The configs that engines of one family read now: what a new schema would have to take. Nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.core import keys as k
from versiqiid.core.objects import read_target
from versiqiid.core.status import state_of
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from versiqiid.core.snapshot import Snapshot

_STANDS = ("InSync", "Migrated")


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """One effective config and where it comes from.

    :ivar config: the key of the config it was computed from, relative to the root.
    :ivar schema_version: the schema that the document fits. :ivar target_version: the version that runs there.
    :ivar raw: the document.
    """

    binding: k.BindingId
    config: str
    schema_version: str
    target_version: str
    raw: bytes

    @property
    def name(self) -> str:
        """Where it is read, as people say it."""
        return str(self.binding)


def targets_of(snapshot: Snapshot, family: str) -> frozenset[str]:
    """The targets whose documents name the family; one that cannot be read names none."""
    found = set()
    for key, _ in list(snapshot.items()):
        meaning = k.parse(key)
        if isinstance(meaning, k.TargetKey):
            try:
                if snapshot.parsed(key, read_target).family == family:
                    found.add(meaning.target)
            except InvalidInput:
                continue
    return frozenset(found)


def live_configs(snapshot: Snapshot, family: str) -> Iterator[LiveConfig]:
    """Every effective config of the family's targets that is as it should be, by environment, target and name.

    Where a binding is Held or Rejected its effective config is the last good one, perhaps of another schema: such a
    document says nothing about a change of this one.
    """
    targets = targets_of(snapshot, family)
    places = {
        k.BindingId(environment, target, name)
        for (target, name), environments in snapshot.outputs.items()
        if target in targets
        for environment in environments
    }
    for binding in sorted(places):
        effective, status = snapshot.get(k.effective_key(binding)), snapshot.get(k.status_key(binding))
        if effective is None or status is None:
            continue
        told = state_of(status.raw)
        source = told.get("source")
        if told.get("state") in _STANDS and isinstance(source, dict):
            yield LiveConfig(
                binding,
                str(source.get("key", "")),
                str(told.get("schemaVersion", "")),
                str(told.get("targetVersion", "")),
                effective.raw,
            )
