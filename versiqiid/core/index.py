"""Which keys are where, by what they mean: the lists that the rule looks through. No value is known here.

Changed by ``core/snapshot.py`` alone, as keys come and go.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TypeVar

from versiqiid.core import keys as k

T = TypeVar("T")


class Index:
    """What is where.

    :ivar versions: target → environments with a version key of their own. ``bindings``: (target, name) → environments.
    :ivar outputs: (target, name) → environment → 1 for an effective key, 2 for a status, 3 for both.
    :ivar names: target → names that were ever bound there. ``hosts``: target → hosts.
    :ivar schema_versions: family → versions. ``migrations``: family → (from, to).
    :ivar config_versions: (target, name) → schema versions. ``unknown``: keys outside the grammar.
    """

    def __init__(self) -> None:
        self.versions: dict[str, set[str]] = defaultdict(set)
        self.bindings: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.outputs: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self.names: dict[str, set[str]] = defaultdict(set)
        self.schema_versions: dict[str, set[str]] = defaultdict(set)
        self.migrations: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.config_versions: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.hosts: dict[str, set[str]] = defaultdict(set)
        self.unknown: set[str] = set()

    def has_effective(self, binding: k.BindingId) -> bool:
        return bool(self.outputs[binding.target, binding.name].get(binding.environment, 0) & 1)

    def _index(self, key: str, *, present: bool) -> None:
        meaning = k.parse(key)
        match meaning:
            case None:
                _mark(self.unknown, key, present=present)
            case k.VersionKey(environment, target):
                _mark(self.versions[target], environment, present=present)
            case k.BindingKey(id):
                _mark(self.bindings[id.target, id.name], id.environment, present=present)
                if present:
                    self.names[id.target].add(id.name)
            case k.EffectiveKey(id) | k.StatusKey(id):
                self._index_output(id, 1 if isinstance(meaning, k.EffectiveKey) else 2, present=present)
            case k.SchemaKey(family, version):
                _mark(self.schema_versions[family], version, present=present)
            case k.MigrationKey(family, source, destination):
                _mark(self.migrations[family], (source, destination), present=present)
            case k.ConfigKey(target, version, name):
                _mark(self.config_versions[target, name], version, present=present)
            case k.HostKey(host, target):
                _mark(self.hosts[target], host, present=present)
            case _:
                pass

    def _index_output(self, binding: k.BindingId, bit: int, *, present: bool) -> None:
        places = self.outputs[binding.target, binding.name]
        bits = places.get(binding.environment, 0)
        bits = bits | bit if present else bits & ~bit
        if bits:
            places[binding.environment] = bits
            self.names[binding.target].add(binding.name)
        else:
            places.pop(binding.environment, None)


def _mark(members: set[T], member: T, *, present: bool) -> None:
    if present:
        members.add(member)
    else:
        members.discard(member)
