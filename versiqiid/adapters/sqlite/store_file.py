"""The file behind the SQLite store: how it is opened, its tables, and what SQLite's errors mean. No key is read here.

The tables all begin with ``kv_``, so that a journal may live in the same file.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from versiqiid.adapters.sqlite.creating import make_file
from versiqiid.errors import InvalidSetting, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
_BUSY_S = 5.0
"""How long another process may keep the file to itself before we say so. Arbitrary; a commit takes milliseconds."""

_TABLES = """
CREATE TABLE IF NOT EXISTS kv_meta (
    name TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kv_store (
    key TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    session TEXT
);
CREATE INDEX IF NOT EXISTS kv_store_revision ON kv_store(revision);
CREATE INDEX IF NOT EXISTS kv_store_session ON kv_store(session) WHERE session IS NOT NULL;
CREATE TABLE IF NOT EXISTS kv_deleted (
    key TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kv_deleted_revision ON kv_deleted(revision);
CREATE TABLE IF NOT EXISTS kv_sessions (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    ttl_s REAL NOT NULL,
    lock_delay_s REAL NOT NULL,
    deletes INTEGER NOT NULL,
    boot TEXT NOT NULL,
    ends_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kv_delayed (
    key TEXT PRIMARY KEY NOT NULL,
    boot TEXT NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO kv_meta (name, value) VALUES ('schema', 1), ('index', 0), ('forgotten', 0);
"""


def open_file(path: Path) -> sqlite3.Connection:
    """A connection for one thread at a time, with the tables in place. A new file is readable by its owner only.

    Write-ahead log with full synchronisation: what was committed survives a power cut.

    :raises InvalidSetting: there is no such folder, no right to it, or the file is something else.
    :raises Unavailable: another process keeps it busy.
    """
    try:
        make_file(path)
    except OSError as error:
        raise InvalidSetting(
            f"store: cannot open {str(path)!r}: {error.strerror}",
            hint="Name a file in a folder that exists and is yours.",
        ) from error
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        if is_not_a_database(error):
            raise InvalidSetting(f"store: {str(path)!r} is not a SQLite database", hint="Name another file.") from error
        raise unavailable(error, f"open {str(path)!r}", maybe_written=False) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        _check_schema(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _check_schema(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("SELECT value FROM kv_meta WHERE name = 'schema'").fetchone()
    if found > SCHEMA:
        raise InvalidSetting(
            f"store: the file's tables are of version {found}, this program knows {SCHEMA}",
            hint="Run the newer versiqiid that wrote it.",
        )


def is_not_a_database(error: sqlite3.DatabaseError) -> bool:
    """Whether the file is of another kind, which waiting does not mend."""
    return error.sqlite_errorcode == sqlite3.SQLITE_NOTADB


def unavailable(error: sqlite3.Error, what: str, *, maybe_written: bool) -> Unavailable:
    """SQLite's error as ours. Its words name tables and reasons, never values.

    :param maybe_written: whether the commit itself, and not something before it, went wrong.
    """
    full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
    hint = "Make room on the disk." if full else "Look at the disk, and at who else has the file open."
    fault = Unavailable(f"cannot {what}: {error}", hint=hint)
    fault.maybe_written = maybe_written
    return fault
