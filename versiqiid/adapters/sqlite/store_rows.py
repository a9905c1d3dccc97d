"""Reading and writing the store's rows. Synchronous functions over a connection, inside the caller's transaction.

Whoever calls decides about threads, transactions and waiting; nothing here begins or commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from versiqiid.operations import check_expectations
from versiqiid.ports import ABSENT, Delete, Entry, Operation, SessionId, Set

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_ONE = "SELECT key, value, revision, created_at, updated_at FROM kv_store WHERE key = ?"
_UNDER = "SELECT key, value, revision, created_at, updated_at FROM kv_store WHERE key >= ? AND key < ? ORDER BY key"
_CHANGED = """
SELECT key, value, revision, created_at, updated_at FROM kv_store INDEXED BY kv_store_revision
WHERE revision > ? AND key >= ? AND key < ? ORDER BY key
"""
_DELETED = """
SELECT key FROM kv_deleted INDEXED BY kv_deleted_revision
WHERE revision > ? AND key >= ? AND key < ? ORDER BY key
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """What was written since a revision.

    :ivar complete: the past back to that revision is forgotten: ``changed`` is everything there is.
    """

    index: int
    changed: tuple[Entry, ...]
    deleted: tuple[str, ...]
    complete: bool


def read_index(connection: sqlite3.Connection) -> int:
    """The newest revision given out."""
    return _meta(connection, "index")


def read_entry(connection: sqlite3.Connection, key: str) -> Entry | None:
    row = connection.execute(_ONE, (key,)).fetchone()
    return None if row is None else Entry(*row)


def read_under(connection: sqlite3.Connection, prefix: str) -> tuple[Entry, ...]:
    """Everything under the prefix in byte order, found through the index on keys."""
    return tuple(Entry(*row) for row in connection.execute(_UNDER, _bounds(prefix)))


def read_changes(connection: sqlite3.Connection, prefix: str, since: int | None) -> Changes:
    """What is new under the prefix, at the cost of what is new anywhere (an index on revisions), not of the tree.

    :param since: None = everything.
    """
    index = read_index(connection)
    if since is None or since < _meta(connection, "forgotten") or since > index:  # the last: the file was put back
        return Changes(index, read_under(connection, prefix), (), complete=True)
    bounds = _bounds(prefix)
    entries = tuple(Entry(*row) for row in connection.execute(_CHANGED, (since, *bounds)))
    deleted = tuple(key for (key,) in connection.execute(_DELETED, (since, *bounds)))
    return Changes(index, entries, deleted, complete=False)


def apply(connection: sqlite3.Connection, operations: Sequence[Operation], index: int, now: float) -> int:
    """Judge and carry out one commit; the newest revision afterwards.

    :param index: the newest revision given out.
    :param now: seconds since the epoch.
    :raises Conflict: an expectation failed; nothing was written.
    :raises FenceLost: a lock is not held; nothing was written.
    """
    check_expectations(operations, lambda key: _revision_of(connection, key), lambda key: holder_of(connection, key))
    revision = index + 1
    changed = False
    for operation in operations:
        match operation:
            case Set(key, value):
                changed |= _put(connection, key, value, revision, now)
            case Delete(key):
                changed |= remove(connection, key, revision)
            case _:
                pass
    return revision if changed else index


def write_index(connection: sqlite3.Connection, index: int) -> None:
    """Keep the newest revision given out."""
    connection.execute("UPDATE kv_meta SET value = ? WHERE name = 'index'", (index,))


def forget(connection: sqlite3.Connection, deleted_max: int) -> None:
    """Forget deletions beyond the newest ``deleted_max``; a watch that stands before them starts anew."""
    query = "SELECT revision FROM kv_deleted ORDER BY revision DESC LIMIT 1 OFFSET ?"
    row = connection.execute(query, (deleted_max,)).fetchone()
    if row is not None:
        connection.execute("DELETE FROM kv_deleted WHERE revision <= ?", row)
        connection.execute("UPDATE kv_meta SET value = ? WHERE name = 'forgotten'", row)


def touch(connection: sqlite3.Connection, key: str, session: SessionId | None, revision: int, now: float) -> None:
    """The lock on a present key changes hands: a new revision over the same value."""
    connection.execute(
        "UPDATE kv_store SET session = ?, revision = ?, updated_at = ? WHERE key = ?", (session, revision, now, key)
    )


def remove(connection: sqlite3.Connection, key: str, revision: int) -> bool:
    """Remove the key and remember that; False when it was absent."""
    if not connection.execute("DELETE FROM kv_store WHERE key = ?", (key,)).rowcount:
        return False
    connection.execute("INSERT OR REPLACE INTO kv_deleted (key, revision) VALUES (?, ?)", (key, revision))
    return True


def put(connection: sqlite3.Connection, key: str, value: bytes, revision: int, now: float) -> None:
    """Write the value whatever is there; a lock on the key stays."""
    connection.execute(
        "INSERT INTO kv_store (key, value, revision, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)"
        " ON CONFLICT (key) DO UPDATE SET value = ?2, revision = ?3, updated_at = ?4",
        (key, value, revision, now),
    )
    connection.execute("DELETE FROM kv_deleted WHERE key = ?", (key,))


def holder_of(connection: sqlite3.Connection, key: str) -> SessionId | None:
    """The session that holds the lock on the key."""
    row = connection.execute("SELECT session FROM kv_store WHERE key = ?", (key,)).fetchone()
    return None if row is None or row[0] is None else SessionId(row[0])


def _put(connection: sqlite3.Connection, key: str, value: bytes, revision: int, now: float) -> bool:
    same = connection.execute("SELECT value = ? FROM kv_store WHERE key = ?", (value, key)).fetchone()
    if same is not None and same[0]:
        return False
    put(connection, key, value, revision, now)
    return True


def _revision_of(connection: sqlite3.Connection, key: str) -> int:
    row = connection.execute("SELECT revision FROM kv_store WHERE key = ?", (key,)).fetchone()
    return ABSENT if row is None else int(row[0])


def _meta(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute("SELECT value FROM kv_meta WHERE name = ?", (name,)).fetchone()
    return int(value)


def _bounds(prefix: str) -> tuple[str, str | bytes]:
    """The keys of a prefix as a range, which the index can serve; SQLite compares them byte by byte (BINARY).

    Without a prefix the end is a blob, because every blob comes after every text
    (https://www.sqlite.org/datatype3.html#sort_order).
    """
    return (prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)) if prefix else ("", b"")
