"""Keys, locks and watches in memory: the store of tests and of ``memory://``. Nothing survives the process.

It keeps every promise of the port that a single process can see, so that the engine can be tested on it in virtual
time.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import checkpoint

from versiqiid.core.keys import check_key
from versiqiid.errors import InvalidInput, NotFound
from versiqiid.operations import check_expectations, check_operations, check_prefix, check_size, check_value
from versiqiid.ports import (
    ABSENT,
    Batch,
    Delete,
    Entry,
    Holding,
    Listing,
    Observe,
    Operation,
    Reached,
    Revision,
    Session,
    SessionId,
    Set,
    StoreLimits,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

LIMITS = StoreLimits(value_bytes_max=512 * 1024, operations_max=512, transaction_bytes_max=8 * 1024 * 1024)
"""A value as large as Consul takes, so that what is tried out here fits there; commits may be larger."""


@dataclass(slots=True)
class _Lease:
    """A session that lives: what ends it, and which locks go with it."""

    ttl_s: float
    lock_delay_s: float
    delete: bool
    ends_at: float
    keys: set[str] = field(default_factory=set)


class MemoryStore:
    """``KeyValueStore`` and ``Locks`` on dictionaries, for one event loop.

    :param wall: seconds since the epoch, for created and updated times.
    :param monotonic: seconds of the clock that sessions live by; virtual where the event loop's time is.
    :param history: how many commits a watch may fall behind before it gets a complete batch.
    :param reached_s: seconds of silence after which a watch says that it is well.
    """

    def __init__(
        self,
        *,
        limits: StoreLimits = LIMITS,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = anyio.current_time,
        history: int = 10_000,
        reached_s: float = 5.0,
    ) -> None:
        self.limits = limits
        self._wall = wall
        self._monotonic = monotonic
        self._reached_s = reached_s
        self._index = 0
        self._entries: dict[str, Entry] = {}
        self._holders: dict[str, SessionId] = {}
        self._leases: dict[SessionId, _Lease] = {}
        self._delayed: dict[str, float] = {}
        self._history_max = history
        self._history: deque[tuple[int, tuple[str, ...]]] = deque()
        self._forgotten = 0
        self._bell = anyio.Event()

    # ---------------------------------------------------------------------------------------------------- keys

    async def get(self, key: str) -> Entry | None:
        check_key(key)
        await checkpoint()
        self._end_overdue()
        return self._entries.get(key)

    async def scan(self, prefix: str) -> Listing:
        check_prefix(prefix)
        await checkpoint()
        self._end_overdue()
        return Listing(self._under(prefix), self._index)

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        check_operations(operations, self.limits)
        check_size(operations, self.limits)
        await checkpoint()
        self._end_overdue()
        check_expectations(operations, self._revision_of, self._holders.get)
        changes: dict[str, bytes | None] = {}
        for operation in operations:
            match operation:
                case Set(key, value):
                    present = self._entries.get(key)
                    if present is None or present.value != value:
                        changes[key] = value
                case Delete(key) if key in self._entries:
                    changes[key] = None
                case _:
                    pass
        self._write(changes)
        return Revision(self._index)

    async def watch(self, prefix: str, observe: Observe) -> None:
        check_prefix(prefix)
        known: set[str] = set()
        index: int | None = None
        quiet_since = self._monotonic()
        while True:
            await checkpoint()
            self._end_overdue()
            bell = self._bell  # armed before reading: what is written from here on rings it
            batch, index = self._batch(prefix, index, known), self._index
            if batch is not None:
                await observe(batch)
                if batch.complete:
                    known.clear()
                known.update(entry.key for entry in batch.changed)
                known.difference_update(batch.deleted)
                quiet_since = self._monotonic()
            elif self._monotonic() >= quiet_since + self._reached_s:  # as _wake_at adds it up: rounding must not spin
                await observe(Reached(self._index))
                quiet_since = self._monotonic()
            with anyio.move_on_after(max(0.0, self._wake_at(quiet_since) - self._monotonic())):
                await bell.wait()

    def _batch(self, prefix: str, index: int | None, known: set[str]) -> Batch | None:
        """What a watch that stands at the index has not seen, None when that is nothing."""
        if index is None or index < self._forgotten:
            return Batch(self._under(prefix), index=self._index, complete=True)
        touched = sorted({key for key in self._touched_since(index) if key.startswith(prefix)})
        changed = tuple(self._entries[key] for key in touched if key in self._entries)
        deleted = tuple(key for key in touched if key in known and key not in self._entries)
        return Batch(changed, deleted, self._index) if changed or deleted else None

    def _touched_since(self, index: int) -> Iterable[str]:
        for revision, keys in reversed(self._history):
            if revision <= index:
                return
            yield from keys

    def _under(self, prefix: str) -> tuple[Entry, ...]:
        return tuple(self._entries[key] for key in sorted(self._entries) if key.startswith(prefix))

    def _revision_of(self, key: str) -> int:
        entry = self._entries.get(key)
        return ABSENT if entry is None else entry.revision

    def _write(self, changes: dict[str, bytes | None]) -> None:
        """Give the changes one new revision and wake the watches. No changes, no revision."""
        if not changes:
            return
        self._index += 1
        now = self._wall()
        for key, value in changes.items():
            if value is None:
                del self._entries[key]
                self._forget_lock(key)
            else:
                before = self._entries.get(key)
                created = now if before is None else before.created
                self._entries[key] = Entry(key, value, self._index, created, now)
        self._history.append((self._index, tuple(changes)))
        while len(self._history) > self._history_max:
            self._forgotten = self._history.popleft()[0]
        bell, self._bell = self._bell, anyio.Event()
        bell.set()

    # --------------------------------------------------------------------------------------------------- locks

    async def open_session(
        self, name: str, *, ttl_s: float, lock_delay_s: float = 1.0, delete: bool = False
    ) -> Session:
        await checkpoint()
        if ttl_s <= 0 or lock_delay_s < 0:
            raise InvalidInput(f"session {name!r}: a time to live of {ttl_s} s with a lock delay of {lock_delay_s} s")
        session = SessionId(str(uuid.uuid4()))
        self._leases[session] = _Lease(ttl_s, lock_delay_s, delete, self._monotonic() + ttl_s)
        self._ring()
        return Session(session, ttl_s)

    async def renew(self, session: SessionId) -> None:
        await checkpoint()
        lease = self._lease(session)
        lease.ends_at = self._monotonic() + lease.ttl_s

    async def end_session(self, session: SessionId) -> None:
        await checkpoint()
        self._end_overdue()
        if session in self._leases:
            self._end(session)

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        check_key(key)
        check_value(key, value, self.limits)
        await checkpoint()
        lease = self._lease(session)
        holder = self._holders.get(key)
        if holder not in (None, session):
            return False
        if holder is None and self._delayed.get(key, float("-inf")) > self._monotonic():
            return False
        self._delayed.pop(key, None)
        if holder is None or self._entries[key].value != value:
            self._write({key: value})
        self._holders[key] = session
        lease.keys.add(key)
        return True

    async def release(self, key: str, session: SessionId) -> bool:
        check_key(key)
        await checkpoint()
        self._end_overdue()
        if self._holders.get(key) != session:
            return False
        value = self._entries[key].value
        self._forget_lock(key)
        self._write({key: value})
        return True

    async def holder(self, key: str) -> Holding | None:
        check_key(key)
        await checkpoint()
        self._end_overdue()
        session = self._holders.get(key)
        return None if session is None else Holding(session, self._entries[key].value)

    def _lease(self, session: SessionId) -> _Lease:
        self._end_overdue()
        if session not in self._leases:
            raise NotFound("the session has ended", hint="Open a new one; its locks are gone.")
        return self._leases[session]

    def _forget_lock(self, key: str) -> None:
        holder = self._holders.pop(key, None)
        if holder is not None:
            self._leases[holder].keys.discard(key)

    def _end_overdue(self) -> None:
        now = self._monotonic()
        for session in [session for session, lease in self._leases.items() if lease.ends_at <= now]:
            lease = self._leases[session]
            if lease.lock_delay_s:
                self._delayed.update(dict.fromkeys(lease.keys, lease.ends_at + lease.lock_delay_s))
            self._end(session)
        for key in [key for key, until in self._delayed.items() if until <= now]:
            del self._delayed[key]

    def _end(self, session: SessionId) -> None:
        lease = self._leases[session]
        changes = {key: None if lease.delete else self._entries[key].value for key in sorted(lease.keys)}
        for key in changes:
            self._forget_lock(key)
        del self._leases[session]
        self._write(changes)

    def _wake_at(self, quiet_since: float) -> float:
        return min([quiet_since + self._reached_s, *(lease.ends_at for lease in self._leases.values())])

    def _ring(self) -> None:
        """Watches look again, so that they wake when the new session ends."""
        bell, self._bell = self._bell, anyio.Event()
        bell.set()
