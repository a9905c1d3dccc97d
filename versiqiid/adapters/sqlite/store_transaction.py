"""Transactions of the SQLite store, from BEGIN to COMMIT, and what a failure in each part means. Synchronous."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from versiqiid.adapters.sqlite import store_locks as locks
from versiqiid.adapters.sqlite import store_rows as rows
from versiqiid.adapters.sqlite.store_file import unavailable
from versiqiid.errors import Conflict, FenceLost, VersiqiiError
from versiqiid.ports import Operation, Revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from versiqiid.adapters.sqlite.store_locks import HostClock

T = TypeVar("T")

_FORGET_EVERY = 256
"""Deletions are trimmed once in so many revisions, because counting them costs more than a commit. Arbitrary."""


class OverdueError(Exception):
    """A session's time is over and nobody has ended it yet. Never leaves the store."""


@dataclass(slots=True)
class Writing:
    """A write transaction that is open.

    :ivar index: the newest revision given out; whoever writes moves it.
    :ivar now: seconds since the epoch.
    """

    connection: sqlite3.Connection
    index: int
    now: float


@dataclass(slots=True, eq=False)
class Ticket:
    """One commit waiting for its turn. Commits that wait together share one synchronisation of the disk."""

    operations: Sequence[Operation]
    revision: int = 0
    error: VersiqiiError | None = None
    done: bool = False

    def answer(self) -> Revision:
        """The revision after the commit; raises what refused it."""
        if self.error is not None:
            raise self.error
        return Revision(self.revision)


@contextlib.contextmanager
def writing(connection: sqlite3.Connection, clock: HostClock, now: float, deleted_max: int) -> Iterator[Writing]:
    """All of the body or nothing. Overdue sessions are ended first, so that the body sees no lock that is over.

    :raises Unavailable: SQLite failed; only when the commit itself did is it unknown whether it was written.
    """
    maybe_written = False
    try:
        connection.execute("BEGIN IMMEDIATE")
        start = rows.read_index(connection)
        index = locks.end_overdue(connection, clock, index=start, now=now)
        transaction = Writing(connection, index, now)
        yield transaction
        if transaction.index != start:
            rows.write_index(connection, transaction.index)
            if start // _FORGET_EVERY != transaction.index // _FORGET_EVERY:
                rows.forget(connection, deleted_max)
        maybe_written = True
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        _roll_back(connection)
        raise unavailable(error, "write to the store", maybe_written=maybe_written) from error
    except BaseException:
        _roll_back(connection)
        raise


def commit_group(transaction: Writing, tickets: Sequence[Ticket]) -> None:
    """Carry out commits one after the other; one that is refused leaves no trace and does not disturb the others."""
    connection = transaction.connection
    for ticket in tickets:
        connection.execute("SAVEPOINT ticket")
        try:
            transaction.index = rows.apply(connection, ticket.operations, transaction.index, transaction.now)
        except (Conflict, FenceLost) as error:
            ticket.error = error
            connection.execute("ROLLBACK TO ticket")
        connection.execute("RELEASE ticket")
        ticket.revision = transaction.index


def reading(connection: sqlite3.Connection, clock: HostClock | None, work: Callable[[sqlite3.Connection], T]) -> T:
    """The work's result, from one moment of the file.

    :param clock: None = do not look for overdue sessions.
    :raises OverdueError: a session must be ended before anybody reads.
    :raises Unavailable: SQLite failed.
    """
    try:
        connection.execute("BEGIN")
        if clock is not None and locks.is_overdue(connection, clock):
            raise OverdueError
        return work(connection)
    except sqlite3.Error as error:
        raise unavailable(error, "read the store", maybe_written=False) from error
    finally:
        _roll_back(connection)


def _roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction if SQLite has not done so itself; its first error is the one that is told."""
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
