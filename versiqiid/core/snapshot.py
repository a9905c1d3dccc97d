"""Everything observed under the root. What is where is ``core/index.py``'s. No decisions live here.

One owner changes it (the watcher and the writer that applies its own commits); readers run between changes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from versiqiid.core.index import Index
from versiqiid.core.scope import Scope

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


@dataclass(frozen=True, slots=True)
class Observation:
    """What a watch saw at one moment, by relative key.

    :ivar index: the store's index of that moment.
    :ivar complete: ``changed`` is everything; keys that are not in it are gone.
    :ivar scope: likewise, for these keys; None = for none.
    """

    changed: Mapping[str, Value]
    deleted: tuple[str, ...] = ()
    index: int = 0
    complete: bool = False
    scope: Scope | None = None

    def lists(self, key: str) -> bool:
        """Whether it would name the key if it were there."""
        return self.complete or (self.scope is not None and self.scope.holds(key))


class Moved(Exception):
    """A key changed while a decision was being made from it; the decision must start again."""


@dataclass(frozen=True, slots=True)
class _Own:
    """An own commit of a key that no observation has confirmed yet.

    :ivar doubted: a listing did not show it. That one may have been made before it; the next one was not.
    """

    revision: int
    doubted: bool = False


class Snapshot(Index):
    """The newest observed state of every key, and where things are.

    Guarantee: a key never goes back to an older revision than it was seen or written at, whatever the order in which
    observations and own writes arrive; unless the store itself went back, which only listings can tell: they name older
    revisions although they were made after the newer ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[str, Value] = {}
        self._own: dict[str, _Own] = {}
        self._kept: dict[str, dict[str, object]] = defaultdict(dict)
        self.parts: dict[str, tuple[tuple[str, int], ...]] = {}
        self.index = 0
        self._parsed: dict[str, dict[str, tuple[int, object]]] = {}

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

    def differences(self, seen: Observation) -> tuple[Change, ...]:
        """What the observation would change, without changing anything yet."""
        gone = set(seen.deleted)
        if seen.complete or seen.scope is not None:
            absent = self._values.keys() - seen.changed.keys() - self.parts.keys()
            gone |= absent if seen.complete else set(filter(seen.lists, absent))
        put = (self._put(key, value, seen.index, self._overruled(key, seen)) for key, value in seen.changed.items())
        drop = (self._drop(key, seen.index, self._overruled(key, seen)) for key in sorted(gone))
        return tuple(change for change in (*put, *drop) if change is not None)

    def apply(self, seen: Observation) -> tuple[Change, ...]:
        """Take in one observation and tell what really changed. Keys written after it stay as they were written."""
        changes = self.differences(seen)
        if self._fell(seen):
            self._own.clear()
            self.index = seen.index
        self.index = max(self.index, seen.index)
        for change in changes:
            self._take(change)
        left = ((key, _unconfirmed(seen, key, own)) for key, own in self._own.items())
        self._own = {key: own for key, own in left if own is not None}
        return changes

    def wrote(self, key: str, raw: bytes | None, revision: int) -> None:
        """Take in an own commit at once, so that the next decision does not wait for the watch to echo it."""
        if raw is None:
            change = self._drop(key, revision, overruled=0)
        else:
            change = self._put(key, Value(raw, revision), revision, overruled=0)
        # Told of later than something newer, it was outrun; or the store went back, and listings will say so.
        self._own[key] = _Own(max(revision, self._known(key)))
        if change is not None:
            self._take(change)

    def virtual_change(self, key: str, value: Value | None, index: int) -> Change | None:
        """What giving an imported config this value would change; a key that exists by itself wins."""
        if key in self._values and key not in self.parts:
            return None
        before = self._values.get(key)
        same = before is not None and value is not None and before.raw == value.raw
        return None if same or before == value else Change(key, before, value, index)

    def set_virtual(self, key: str, value: Value | None, parts: tuple[tuple[str, int], ...]) -> None:
        """Let an imported tree act as a config, made of ``parts``; None = it no longer does."""
        if key in self._values and key not in self.parts:
            return
        before = self._values.get(key)
        if value is not None:
            self.parts[key] = parts
            self._take(Change(key, before, value, value.revision))
        elif before is not None:
            del self.parts[key]
            self._take(Change(key, before, None, before.revision))

    def went_back(self, seen: Observation) -> bool:
        """The store was restored from a snapshot: what it says now is the truth, older or not."""
        return self._fell(seen) or any(
            value.revision < self._known(key) <= self._overruled(key, seen) for key, value in seen.changed.items()
        )

    def _fell(self, seen: Observation) -> bool:
        """Whether the index of the whole is lower than before: numbers are given out anew."""
        return seen.complete and seen.index < self.index

    def _overruled(self, key: str, seen: Observation) -> float:
        """The newest revision of the key that an older state in this observation takes the place of, 0 = none.

        A listing up to an index that shows less than what was written up to there was made by a store that went back.
        What was written after it stays, unless the listing before did not show it either.
        """
        if self._fell(seen):
            return inf
        if not seen.lists(key):
            return 0
        own = self._own.get(key)
        return max(seen.index, own.revision) if own is not None and own.doubted else seen.index

    def _put(self, key: str, value: Value, index: int, overruled: float) -> Change | None:
        before, known = self._values.get(key), self._known(key)
        if before == value or (overruled < known and known > value.revision):
            return None
        return Change(key, before, value, index)

    def _known(self, key: str) -> int:
        """The newest revision at which the key was seen, written or removed, as far as that still counts."""
        before, own = self._values.get(key), self._own.get(key)
        return max(before.revision if before else 0, own.revision if own else 0)

    def _drop(self, key: str, index: int, overruled: float) -> Change | None:
        before = self._values.get(key)
        if before is None or before.revision > max(index, overruled):
            return None
        return Change(key, before, None, index)

    def _take(self, change: Change) -> None:
        key = change.key
        if change.after is None:
            del self._values[key]
            self._parsed.pop(key, None)
        else:
            self._values[key] = change.after
        if (change.before is None) != (change.after is None):
            self._index(key, present=change.after is not None)
        self._outdate(key)

    def _outdate(self, key: str) -> None:
        """Forget what was worked out from a family's keys, or from a module, when one changes."""
        room, _, rest = key.partition("/")
        name = rest.partition("/")[0]
        if room in ("families", "schemas", "lifecycle", "migrations"):
            self._kept.pop(name, None)
        elif room == "modules":
            self._kept.pop(f"modules/{name}", None)

    def kept(self, family: str, what: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once per state of the family, its schemas with their lives, and its migrations.

        :param family: or ``modules/<digest>``, for what was worked out from one module.
        """
        known = self._kept[family]
        if what not in known:
            known[what] = make()
        return known[what]  # type: ignore[return-value] # the slot holds what this maker made


def _unconfirmed(seen: Observation, key: str, own: _Own) -> _Own | None:
    """What is left to be confirmed of an own commit; None when nothing older can be told of the key any more.

    Observations of different parts of the tree have different indexes, so an index alone says nothing.
    """
    value = seen.changed.get(key)
    if value is not None and value.revision >= own.revision:
        return None
    if seen.index >= own.revision and (key in seen.deleted or seen.lists(key)):
        return None
    if not seen.lists(key):
        return own
    return None if own.doubted else _Own(own.revision, doubted=True)


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
        parts = self.snapshot.parts.get(key)
        if parts is not None:
            self.topics.add(key)
            self.guards.update((f"//{part}", revision) for part, revision in parts)
            return value
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
