"""Keys, locks and watches in one SQLite file: the embedded store. Processes of one host may share the file.

SQLite's calls block, so they run in worker threads, one at a time for each of the two connections: one writes, one
reads. What is in the rows is decided in ``store_rows.py`` and ``store_locks.py``, what a transaction is in
``store_transaction.py``; this room is about turns and about waking watches.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from random import random
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
import anyio.to_thread

from versiqiid.adapters.sqlite import store_locks as locks
from versiqiid.adapters.sqlite import store_rows as rows
from versiqiid.adapters.sqlite.store_file import open_file
from versiqiid.adapters.sqlite.store_locks import HostClock, Lease, host_clock
from versiqiid.adapters.sqlite.store_transaction import OverdueError, Ticket, Writing, commit_group, reading, writing
from versiqiid.adapters.sqlite.store_watch import Following
from versiqiid.core.keys import check_key
from versiqiid.core.retry import Backoff, delay_s
from versiqiid.errors import InvalidInput, Unavailable
from versiqiid.operations import check_operations, check_prefix, check_size, check_value
from versiqiid.ports import (
    Entry,
    Holding,
    Listing,
    Observe,
    Operation,
    Reached,
    Revision,
    Session,
    SessionId,
    StoreLimits,
    Trouble,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from types import TracebackType

T = TypeVar("T")

LIMITS = StoreLimits(value_bytes_max=512 * 1024, operations_max=512, transaction_bytes_max=8 * 1024 * 1024)
"""A value as large as Consul takes, so that what is tried out here fits there; commits may be larger."""


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    """How the store keeps time and watch.

    :ivar poll_s: how often a watch looks for commits of *other* processes; our own wake it at once.
    :ivar reached_s: seconds of silence after which a watch says that it is well.
    :ivar deleted_max: how many deletions are remembered for watches that are behind.
    :ivar wall: seconds since the epoch, for created and updated times.
    :ivar clock: what sessions live by.
    :ivar dice: throws for the spread of back-off delays, 0 to 1.
    """

    limits: StoreLimits = LIMITS
    poll_s: float = 0.05
    reached_s: float = 5.0
    deleted_max: int = 10_000
    wall: Callable[[], float] = time.time
    clock: HostClock = field(default_factory=host_clock)
    dice: Callable[[], float] = random


class SqliteStore:
    """``KeyValueStore`` and ``Locks`` on one file, for one event loop. ``await SqliteStore.open(path)`` makes one."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection, options: SqliteOptions) -> None:
        self._writer, self._reader = writer, reader
        self._options = options
        self._write_turn, self._read_turn = anyio.CapacityLimiter(1), anyio.CapacityLimiter(1)
        self._commit_turn = anyio.Lock()
        self._waiting: list[Ticket] = []
        self._bell = anyio.Event()

    @classmethod
    async def open(cls, path: Path | str, options: SqliteOptions | None = None) -> Self:
        """The store in this file, which is made when it is not there.

        :raises InvalidSetting: no such folder, no right to it, another kind of file, or written by a newer program.
        :raises Unavailable: another process keeps it busy.
        """
        writer, reader = await anyio.to_thread.run_sync(_open_twice, Path(path))
        return cls(writer, reader, options or SqliteOptions())

    async def aclose(self) -> None:
        """Close the file; the write-ahead log is folded in by SQLite when nobody else has it open."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._reader.close, limiter=self._read_turn)
            await anyio.to_thread.run_sync(self._writer.close, limiter=self._write_turn)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # ---------------------------------------------------------------------------------------------------- keys

    @property
    def limits(self) -> StoreLimits:
        return self._options.limits

    async def get(self, key: str) -> Entry | None:
        check_key(key)
        return await self._read(lambda connection: rows.read_entry(connection, key))

    async def scan(self, prefix: str) -> Listing:
        check_prefix(prefix)
        return await self._read(lambda db: Listing(rows.read_under(db, prefix), rows.read_index(db)))

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        check_operations(operations, self.limits)
        check_size(operations, self.limits)
        ticket = Ticket(operations)
        self._waiting.append(ticket)
        try:
            async with self._commit_turn:
                if not ticket.done:
                    await self._commit_waiting()
        finally:
            if ticket in self._waiting:  # cancelled before its turn: nobody shall write it later
                self._waiting.remove(ticket)
        return ticket.answer()

    async def watch(self, prefix: str, observe: Observe) -> None:
        check_prefix(prefix)
        following = Following(prefix)
        attempt, quiet_since = 0, float("-inf")
        while True:
            bell = self._bell  # armed before reading: what is committed from here on rings it
            try:
                batch = await self._read(following.look)
            except Unavailable as error:
                attempt += 1
                await observe(Trouble(error, attempt))
                await anyio.sleep(delay_s(Backoff(), attempt, self._options.dice()))
                continue
            if batch is not None:
                await observe(batch)
                following.advance(batch)
            elif attempt or anyio.current_time() - quiet_since >= self._options.reached_s:
                await observe(Reached(following.index))
            else:
                await self._wait(bell)
                continue
            attempt, quiet_since = 0, anyio.current_time()

    async def _wait(self, bell: anyio.Event) -> None:
        with anyio.move_on_after(self._options.poll_s):
            await bell.wait()

    # --------------------------------------------------------------------------------------------------- locks

    async def open_session(
        self, name: str, *, ttl_s: float, lock_delay_s: float = 1.0, delete: bool = False
    ) -> Session:
        if ttl_s <= 0 or lock_delay_s < 0:
            raise InvalidInput(f"session {name!r}: a time to live of {ttl_s} s with a lock delay of {lock_delay_s} s")
        session = SessionId(str(uuid.uuid4()))
        lease = Lease(name, ttl_s, lock_delay_s, delete)
        await self._write(lambda at: locks.open_lease(at.connection, session, lease, self._options.clock))
        return Session(session, ttl_s)

    async def renew(self, session: SessionId) -> None:
        await self._write(lambda at: locks.renew(at.connection, session, self._options.clock))

    async def end_session(self, session: SessionId) -> None:
        def work(at: Writing) -> None:
            at.index = locks.end(at.connection, session, index=at.index, now=at.now)

        await self._write(work)

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        check_key(key)
        check_value(key, value, self.limits)
        return await self._write(
            lambda at: _moved(at, locks.acquire(at.connection, key, value, session, index=at.index, now=at.now))
        )

    async def release(self, key: str, session: SessionId) -> bool:
        check_key(key)
        return await self._write(
            lambda at: _moved(at, locks.release(at.connection, key, session, index=at.index, now=at.now))
        )

    async def holder(self, key: str) -> Holding | None:
        check_key(key)
        return await self._read(lambda connection: locks.holding(connection, key))

    # --------------------------------------------------------------------------------------------------- turns

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        options = self._options
        try:
            return await anyio.to_thread.run_sync(reading, self._reader, options.clock, work, limiter=self._read_turn)
        except OverdueError:
            await self._write(lambda _: None)  # ends them
            return await anyio.to_thread.run_sync(reading, self._reader, None, work, limiter=self._read_turn)

    async def _write(self, work: Callable[[Writing], T]) -> T:
        def transact() -> T:
            options = self._options
            with writing(self._writer, options.clock, options.wall(), options.deleted_max) as transaction:
                return work(transaction)

        try:
            return await anyio.to_thread.run_sync(transact, limiter=self._write_turn)
        finally:
            self._ring()

    async def _commit_waiting(self) -> None:
        """Carry out everything that waits, in one transaction. Every ticket of it is answered, cancelled or not."""
        group, self._waiting = self._waiting, []
        try:
            with anyio.CancelScope(shield=True):  # others wait for it too; SQLite's own patience bounds it
                await self._write(lambda at: commit_group(at, group))
        except Unavailable as error:
            for ticket in group:
                ticket.error = error
        finally:
            for ticket in group:
                ticket.done = True

    def _ring(self) -> None:
        bell, self._bell = self._bell, anyio.Event()
        bell.set()


def _open_twice(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    writer = open_file(path)
    try:
        return writer, open_file(path)
    except BaseException:
        writer.close()
        raise


def _moved(at: Writing, index: int | None) -> bool:
    """Whether a lock operation went through; if so, the transaction stands at its revision."""
    if index is None:
        return False
    at.index = index
    return True
