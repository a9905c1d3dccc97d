"""Everything observed under the root, indexed for the questions the rule asks. No decisions live here.

One owner changes it (the watcher and the writer that applies its own commits); readers run between changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from versiqiid.core import keys as k

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value:
    """One key as observed. ``revision`` is the store's."""

    raw: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one observation did to one key. ``before`` or ``after`` is None for absent, never both."""

    key: str
    before: Value | None
    after: Value | None
    index: int


class Moved(Exception):
    """A key changed while a decision was being made from it; the decision must start again."""


class Snapshot:
    """The newest observed state of every key, and where things are.

    Guarantee: a key never goes back to an older revision than it was seen or written at, whatever the order in which
    observations and own writes arrive.
    """

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._removed: dict[str, int] = {}
        self._kept: dict[tuple[str, str], tuple[int, object]] = {}
        self.index = 0
        self._parsed: dict[str, dict[str, tuple[int, object]]] = {}
        self.versions: dict[str, set[str]] = defaultdict(set)
        self.bindings: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.outputs: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        self.names: dict[str, set[str]] = defaultdict(set)
        self.schema_versions: dict[str, set[str]] = defaultdict(set)
        self.migrations: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self.config_versions: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.family_changes: dict[str, int] = defaultdict(int)
        self.hosts: dict[str, set[str]] = defaultdict(set)
        self.unknown: set[str] = set()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Value | None:
        """The key as newest seen, or None."""
        return self._values.get(key)

    def items(self) -> Iterable[tuple[str, Value]]:
        return self._values.items()

    def parsed(self, key: str, reader: Callable[[bytes], T]) -> T:
        """The key's value read by ``reader``, remembered until the key changes. The key must exist.

        :raises InvalidInput: what the reader raises; errors are not remembered.
        """
        value = self._values[key]
        known = self._parsed.setdefault(key, {}).get(reader.__name__)
        if known is not None and known[0] == value.revision:
            return known[1]  # type: ignore[return-value] # the slot holds what this reader made
        result = reader(value.raw)
        self._parsed[key][reader.__name__] = (value.revision, result)
        return result

    def apply(
        self, changed: Mapping[str, Value], deleted: Iterable[str], *, index: int, complete: bool = False
    ) -> tuple[Change, ...]:
        """Take in one observation and tell what really changed.

        :param index: the store's index of the observation; it does not touch keys written after it.
        :param complete: ``changed`` is everything; keys that are not in it are gone.
        """
        gone = set(deleted)
        if complete:
            gone |= self._values.keys() - changed.keys()
        if complete and index < self.index:
            # The store went back in time (restored from a snapshot): what it says now is the truth, older or not.
            return self._replace(changed, gone, index)
        self.index = max(self.index, index)
        result = [c for key, value in changed.items() if (c := self._put(key, value, index)) is not None]
        result += [c for key in sorted(gone) if (c := self._drop(key, index)) is not None]
        if self._removed:
            self._removed = {key: at for key, at in self._removed.items() if at > index}
        return tuple(result)

    def wrote(self, key: str, raw: bytes | None, revision: int) -> None:
        """Take in an own commit at once, so that the next decision does not wait for the watch to echo it."""
        if raw is None:
            self._removed[key] = revision
            self._drop(key, revision)
        else:
            self._put(key, Value(raw, revision), revision)

    def _replace(self, changed: Mapping[str, Value], gone: Iterable[str], index: int) -> tuple[Change, ...]:
        self.index = index
        self._removed.clear()
        result = [
            Change(key, self._values.get(key), v, index) for key, v in changed.items() if self._values.get(key) != v
        ]
        result += [Change(key, self._values[key], None, index) for key in sorted(gone) if key in self._values]
        for change in result:
            self._parsed.pop(change.key, None)
            if change.after is None:
                del self._values[change.key]
            else:
                self._values[change.key] = change.after
            self._index(change.key, present=change.after is not None)
            self._count(change.key)
        return tuple(result)

    def _put(self, key: str, value: Value, index: int) -> Change | None:
        before = self._values.get(key)
        if before is not None and (before.revision > value.revision or before == value):
            return None
        if self._removed.get(key, 0) > value.revision:
            return None
        self._values[key] = value
        if before is None:
            self._index(key, present=True)
        self._count(key)
        return Change(key, before, value, index)

    def _drop(self, key: str, index: int) -> Change | None:
        before = self._values.get(key)
        if before is None or before.revision > index:
            return None
        del self._values[key]
        self._index(key, present=False)
        self._count(key)
        self._parsed.pop(key, None)
        return Change(key, before, None, index)

    def _count(self, key: str) -> None:
        """Count changes of a family's schemas and migrations, so that what was worked out from them can be kept."""
        room, _, rest = key.partition("/")
        if room in ("schemas", "migrations"):
            self.family_changes[rest.partition("/")[0]] += 1

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

    def kept(self, family: str, what: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once per state of the family's schemas and migrations."""
        known = self._kept.get((family, what))
        if known is None or known[0] != self.family_changes[family]:
            known = (self.family_changes[family], make())
            self._kept[family, what] = known
        return known[1]  # type: ignore[return-value] # the slot holds what this maker made

    def has_effective(self, binding: k.BindingId) -> bool:
        return bool(self.outputs[binding.target, binding.name].get(binding.environment, 0) & 1)


def _mark(members: set[T], member: T, *, present: bool) -> None:
    if present:
        members.add(member)
    else:
        members.discard(member)


@dataclass(slots=True)
class Reads:
    """What one decision looked at: the guards of its write, and what makes it stale.

    :ivar guards: relative key → revision that was read, 0 for "looked for and absent".
    :ivar topics: lists that were looked through (see ``impact.topics``); they recompute but do not guard.
    """

    snapshot: Snapshot
    guards: dict[str, int] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)

    def get(self, key: str) -> Value | None:
        """The key, remembered as a guard by its revision or by its absence.

        :raises Moved: it was read before, at another revision.
        """
        value = self.snapshot.get(key)
        revision = value.revision if value else 0
        if self.guards.setdefault(key, revision) != revision:
            raise Moved(key)
        return value

    def read(self, key: str, reader: Callable[[bytes], T]) -> T | None:
        """The key parsed, or None when absent; a guard either way.

        :raises InvalidInput: what the reader raises.
        """
        return self.snapshot.parsed(key, reader) if self.get(key) else None

    def nearest(self, keys: Iterator[str]) -> tuple[str, Value] | None:
        """The first of the keys that exists; the ones before it are guarded by their absence."""
        for key in keys:
            value = self.get(key)
            if value is not None:
                return key, value
        return None

    def listing(self, topic: str) -> None:
        """Remember that a list was looked through."""
        self.topics.add(topic)
