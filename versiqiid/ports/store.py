"""Keys, locks and sessions: what a backend of the key-value store promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol, TypeAlias, runtime_checkable

from versiqiid.core.scope import Scope
from versiqiid.errors import VersiqiiError

Revision = NewType("Revision", int)
"""A number that only grows, given by the store at each write. 0 means "absent"."""


SessionId = NewType("SessionId", str)


ABSENT = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as the store holds it.

    :ivar revision: the store's revision of the last write that changed the value. All writes of one commit share one.
    :ivar created: seconds since the epoch of the first write, None where the store keeps no times (Consul).
    :ivar updated: seconds since the epoch of the last change, None where the store keeps no times (Consul).
    """

    key: str
    value: bytes
    revision: int
    created: float | None = None
    updated: float | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """Write a value. Writing the value that is already there changes nothing, its revision included.

    :ivar expect: None = whatever is there; 0 = only when absent; n = only over revision n.
    """

    key: str
    value: bytes
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key. Removing an absent key with ``expect=None`` is done already.

    :ivar expect: None = whatever is there; n > 0 = only revision n.
    """

    key: str
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but fail the commit unless the key is at this revision (0 = absent)."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Held:
    """Write nothing, but fail the commit with FenceLost unless this session holds the lock on the key."""

    key: str
    session: SessionId


Operation: TypeAlias = Set | Delete | Check | Held


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What one value and one commit may be. A caller plans its batches by these; the adapter refuses what is over."""

    value_bytes_max: int
    operations_max: int
    transaction_bytes_max: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything under a prefix at one moment, by key in byte order."""

    entries: tuple[Entry, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Observed differences since the last batch of the same watch.

    Each key is told as it was, and never as it was before what was told. A watch of one query tells what was so at one
    moment; one that asks for a large tree in parts may tell one part of a commit shortly before another.

    :ivar complete: True when ``changed`` is the whole prefix (first batch, and every full resynchronisation): whatever
        is not in it is gone.
    :ivar deleted: keys seen before and gone now; always empty when ``complete``.
    :ivar scope: ``changed`` is everything in here: whatever of it is not in it is gone, also where the watch never told
        it, so that an observer who knew it from elsewhere learns of it. None = it is not a listing.
    """

    changed: tuple[Entry, ...]
    deleted: tuple[str, ...] = ()
    index: int = 0
    complete: bool = False
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """The watch had a good answer that changed nothing; the age of the last success starts again."""

    index: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """The watch cannot reach its prefix just now, goes on trying, and keeps what it had.

    :ivar attempt: 1 for the first failure in a row.
    :ivar alarm: True when a person must act (rights lost, a guard that will not confirm), not only wait.
    """

    error: VersiqiiError
    attempt: int
    alarm: bool = False


WatchEvent: TypeAlias = Batch | Reached | Trouble


Observe: TypeAlias = Callable[[WatchEvent], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shard:
    """How one of the queries stands that a watched tree is covered by.

    :ivar prefix: what it covers. :ivar kind: ``subtree``, ``key``, or ``names`` where only names are asked for.
    :ivar value_bytes: about what one answer weighs.
    :ivar index: the store's index up to which its keys are known.
    :ivar age_s: since its last good answer, None before the first. A quiet one answers only when its wait is over.
    :ivar failures: in a row.
    """

    prefix: str
    kind: str
    keys: int
    value_bytes: int
    index: int
    age_s: float | None
    failures: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How the running watches of a store stand.

    :ivar shards: all queries, in order of prefixes.
    :ivar index: up to which everything was told.
    :ivar store_index: the newest index that the store was heard to have, writes that nobody watches included.
    """

    shards: tuple[Shard, ...] = ()
    index: int = 0
    store_index: int = 0

    @property
    def lag(self) -> int:
        """Indexes of the store that a watch has not told yet, as far as the store was heard of."""
        return max(0, self.store_index - self.index)

    @property
    def failing(self) -> int:
        """Queries whose last answer was none, or was not believed."""
        return sum(shard.failures > 0 for shard in self.shards)


@runtime_checkable
class Covering(Protocol):
    """The optional power of a store to tell how its watches stand."""

    def coverage(self) -> Coverage: ...


class KeyValueStore(Protocol):
    """Hierarchical keys with revisions, all-or-nothing commits and watches."""

    @property
    def limits(self) -> StoreLimits: ...

    async def get(self, key: str) -> Entry | None:
        """The key as it is now (never stale), or None.

        :raises InvalidKey: the key is outside the grammar; nothing was asked.
        :raises Unavailable: no answer.
        """
        ...

    async def scan(self, prefix: str) -> Listing:
        """Every key that starts with the prefix, as of one moment, never stale, in byte order of keys.

        :raises Unavailable: no answer.
        :raises Forbidden: the answer would be incomplete for lack of rights.
        """
        ...

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        """All of it or nothing, in one step; the revision that every changed key now has.

        Sets of an identical value do not move that key's revision; the returned number is then the newest one the
        store gave out for this commit or, if nothing changed, the store's present index.

        :param operations: at most ``limits.operations_max``, no key set or deleted twice; Check and Held may name a
            key that is also written.
        :raises Conflict: an expectation failed (the first in order); nothing was written.
        :raises FenceLost: a Held failed; nothing was written.
        :raises TooLarge: over a limit, before anything was sent.
        :raises Refused: the store said no; nothing was written.
        :raises Unavailable: no answer; it may have been written unless ``maybe_written`` is False.
        """
        ...

    async def watch(self, prefix: str, observe: Observe) -> None:
        """Observe the prefix until cancelled; the first batch is complete. Never returns, never gives up.

        ``observe`` is awaited for each event in order; the watch advances only after it returned, so an observer that
        raises loses nothing when the watch is started again. Intermediate values may be skipped: the last never is.
        Keys written by one commit arrive in one batch, as far as a large tree that is read in parts allows it: what
        depends on several keys is made sure of by the checks of a commit.
        """
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """A lease in the store.

    :ivar ttl_s: what the store granted, in seconds; it may be longer than what was asked.
    """

    id: SessionId
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Holding:
    """A lock that is held. :ivar session: by whom. :ivar value: what its key says, read in the same moment."""

    session: SessionId
    value: bytes


class Locks(Protocol):
    """Sessions and locks of the store that the commits go to, so that ``Held`` can fence them."""

    async def open_session(
        self, name: str, *, ttl_s: float, lock_delay_s: float = 1.0, delete: bool = False
    ) -> Session:
        """A new session that ends unless renewed within ``ttl_s``.

        :param lock_delay_s: after the session ends *unasked*, its locks stay unavailable for this long.
        :param delete: keys held by the session are deleted when it ends (for ephemeral keys); otherwise released.
        """
        ...

    async def renew(self, session: SessionId) -> None:
        """Start the time to live again.

        :raises NotFound: the session has ended; its locks are gone.
        """
        ...

    async def end_session(self, session: SessionId) -> None:
        """End it now; its locks are released (or their keys deleted) at once. One that has ended is done already."""
        ...

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        """Take the lock on the key and write the value, or False when another session holds it or it is delayed.

        Holding it already, the value is written again and the answer is True.

        :raises NotFound: the session has ended.
        """
        ...

    async def release(self, key: str, session: SessionId) -> bool:
        """Give the lock back; the key keeps its value. False when the session did not hold it."""
        ...

    async def holder(self, key: str) -> Holding | None:
        """Who holds the lock now (never stale), or None when nobody does, whatever the key's value says.

        :raises Unavailable: no answer.
        """
        ...
