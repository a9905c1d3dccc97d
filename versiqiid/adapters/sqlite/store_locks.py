"""Sessions and locks in tables. Synchronous functions over one connection, each inside the caller's transaction.

Time to live is measured on a clock that all processes of the host share and that goes on while the host sleeps; a
session from before a reboot has ended, whatever its numbers say.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from versiqiid.adapters.sqlite import store_rows as rows
from versiqiid.errors import NotFound
from versiqiid.ports import Holding

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from versiqiid.ports import SessionId

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class HostClock:
    """A clock that every process of this host reads alike.

    :ivar boot: names the stretch of time in which ``now`` only grows.
    :ivar now: seconds, suspended time included.
    """

    boot: str
    now: Callable[[], float]


def host_clock() -> HostClock:
    """The kernel's own (``CLOCK_BOOTTIME``); where there is none, the monotonic clock of the system."""
    if hasattr(time, "CLOCK_BOOTTIME") and _BOOT_ID.exists():
        return HostClock(_BOOT_ID.read_text().strip(), lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    return HostClock("", time.monotonic)


@dataclass(frozen=True, slots=True)
class Lease:
    """What a new session was asked to be."""

    name: str
    ttl_s: float
    lock_delay_s: float
    delete: bool


def open_lease(connection: sqlite3.Connection, session: SessionId, lease: Lease, clock: HostClock) -> None:
    connection.execute(
        "INSERT INTO kv_sessions (id, name, ttl_s, lock_delay_s, deletes, boot, ends_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (session, lease.name, lease.ttl_s, lease.lock_delay_s, lease.delete, clock.boot, clock.now() + lease.ttl_s),
    )


def renew(connection: sqlite3.Connection, session: SessionId, clock: HostClock) -> None:
    """:raises NotFound: the session has ended."""
    query = "UPDATE kv_sessions SET ends_at = ? + ttl_s WHERE id = ?"
    if not connection.execute(query, (clock.now(), session)).rowcount:
        raise ended()


def acquire(
    connection: sqlite3.Connection, key: str, value: bytes, session: SessionId, *, index: int, now: float
) -> int | None:
    """The newest revision afterwards, or None when the lock is another's or delayed.

    :raises NotFound: the session has ended.
    """
    if connection.execute("SELECT 1 FROM kv_sessions WHERE id = ?", (session,)).fetchone() is None:
        raise ended()
    holder = rows.holder_of(connection, key)
    if holder == session:
        present = rows.read_entry(connection, key)
        if present is not None and present.value == value:
            return index
    elif holder is not None or connection.execute("SELECT 1 FROM kv_delayed WHERE key = ?", (key,)).fetchone():
        return None
    rows.put(connection, key, value, index + 1, now)
    rows.touch(connection, key, session, index + 1, now)
    return index + 1


def release(connection: sqlite3.Connection, key: str, session: SessionId, *, index: int, now: float) -> int | None:
    """The newest revision afterwards, or None when the session did not hold the lock."""
    if rows.holder_of(connection, key) != session:
        return None
    rows.touch(connection, key, None, index + 1, now)
    return index + 1


def holding(connection: sqlite3.Connection, key: str) -> Holding | None:
    """Who holds the lock, and what its key says."""
    session, entry = rows.holder_of(connection, key), rows.read_entry(connection, key)
    return Holding(session, entry.value) if session is not None and entry is not None else None


def end(connection: sqlite3.Connection, session: SessionId, *, index: int, now: float) -> int:
    """End a session, if it lives, and let go of its locks; the newest revision afterwards."""
    row = connection.execute("SELECT deletes FROM kv_sessions WHERE id = ?", (session,)).fetchone()
    connection.execute("DELETE FROM kv_sessions WHERE id = ?", (session,))
    keys = _held(connection, session)
    for key in keys:
        if row is not None and row[0]:
            rows.remove(connection, key, index + 1)
        else:
            rows.touch(connection, key, None, index + 1, now)
    return index + 1 if keys else index


def end_overdue(connection: sqlite3.Connection, clock: HostClock, *, index: int, now: float) -> int:
    """End every session that was not renewed, and delay its locks; the newest revision afterwards."""
    moment = clock.now()
    connection.execute("DELETE FROM kv_delayed WHERE boot <> ? OR until <= ?", (clock.boot, moment))
    overdue = connection.execute(
        "SELECT id, lock_delay_s, boot, ends_at FROM kv_sessions WHERE boot <> ? OR ends_at <= ? ORDER BY ends_at",
        (clock.boot, moment),
    ).fetchall()
    for session, delay_s, boot, ends_at in overdue:
        until = ends_at + delay_s
        if boot == clock.boot and until > moment:
            connection.executemany(
                "INSERT OR REPLACE INTO kv_delayed (key, boot, until) VALUES (?, ?, ?)",
                [(key, boot, until) for key in _held(connection, session)],
            )
        index = end(connection, session, index=index, now=now)
    return index


def is_overdue(connection: sqlite3.Connection, clock: HostClock) -> bool:
    """Whether a session waits to be ended: a reader asks a writer for it then."""
    query = "SELECT 1 FROM kv_sessions WHERE boot <> ? OR ends_at <= ? LIMIT 1"
    return connection.execute(query, (clock.boot, clock.now())).fetchone() is not None


def ended() -> NotFound:
    """The one sentence for a session that is over."""
    return NotFound("the session has ended", hint="Open a new one; its locks are gone.")


def _held(connection: sqlite3.Connection, session: str) -> list[str]:
    rows_held = connection.execute("SELECT key FROM kv_store WHERE session = ? ORDER BY key", (session,))
    return [key for (key,) in rows_held]
