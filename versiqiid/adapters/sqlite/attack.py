"""Every way we know past the guards of a journal in SQLite, tried on a scratch copy in memory.

The copy has the journal's own tables, indexes and triggers, word for word, and a few made-up rows: no entry is copied.
The file itself is only read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from versiqiid.adapters.sql.attack import Attempt
from versiqiid.errors import JournalRefused

_USER = "B: a database user"
_OWNER = "C: the file's owner"

_ROWS = (
    "INSERT INTO meta VALUES ('origin', 'scratch')",
    *(
        f"INSERT INTO entries VALUES ({at}, '2025', 'T', 'd', 's', {at + 1}, 'c', NULL, NULL, NULL, x'7b7d')"  # noqa: S608 - numbers
        for at in range(3)
    ),
    "INSERT INTO hashes VALUES (0, 0, x'01'), (0, 1, x'02'), (0, 2, x'03')",
    "INSERT INTO documents VALUES ('a', x'61'), ('b', x'62')",
    "INSERT INTO checkpoints VALUES (0, 2, x'01')",
)

ATTACKS = (
    "UPDATE entries SET entry = x'00'",
    "UPDATE OR REPLACE entries SET position = 0 WHERE position = 1",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE position = 2",
    "INSERT OR REPLACE INTO entries SELECT 1, '', 'T', 'd', 's', 2, 'c', NULL, NULL, NULL, x'00'",
    "REPLACE INTO entries SELECT 7, time, type, tenant, stream, 1, 'c', NULL, NULL, NULL, x'00' FROM entries LIMIT 1",
    "INSERT OR IGNORE INTO entries SELECT * FROM entries WHERE position = 1",
    "INSERT INTO entries SELECT * FROM entries WHERE position = 1 ON CONFLICT DO UPDATE SET entry = x'00'",
    "INSERT INTO entries SELECT NULL, time, type, tenant, 'x', 1, 'c', NULL, NULL, NULL, entry FROM entries LIMIT 1",
    "INSERT INTO entries SELECT 4, time, type, tenant, 'gap', 1, 'c', NULL, NULL, NULL, entry FROM entries LIMIT 1",
    "INSERT INTO entries SELECT -1, time, type, tenant, 'before', 1, 'c', NULL, NULL, NULL, entry FROM entries LIMIT 1",
    "UPDATE hashes SET hash = x'00'",
    "DELETE FROM hashes",
    "REPLACE INTO hashes SELECT level, number, x'00' FROM hashes",
    "INSERT INTO hashes VALUES (0, 7, x'00')",
    "INSERT INTO hashes VALUES (1, 1, x'00')",
    "UPDATE documents SET value = x'00'",
    "DELETE FROM documents",
    "REPLACE INTO documents SELECT digest, x'00' FROM documents",
    "UPDATE checkpoints SET note = x'00'",
    "DELETE FROM checkpoints",
    "REPLACE INTO checkpoints SELECT sequence, size, x'00' FROM checkpoints",
    "INSERT INTO checkpoints VALUES (5, 9, x'00')",
    "INSERT INTO checkpoints VALUES (1, 1, x'00')",
    "UPDATE meta SET value = 'other'",
    "DELETE FROM meta",
    "REPLACE INTO meta SELECT name, 'other' FROM meta",
)  # fmt: skip
"""What a guard has to refuse, each with ``recursive_triggers`` off and on."""

OPEN = (
    "DROP TRIGGER entries_update",
    "DROP TABLE entries",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE type = 'trigger'",
)
"""What no guard can refuse: a file belongs to whoever may write it."""


def attack(path: Path) -> tuple[Attempt, ...]:
    """Try everything on scratch copies; the answer is in the order of ``ATTACKS`` and ``OPEN``.

    :raises JournalRefused: ``missing``: there is no such file; ``database``: it is no journal.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        _fill(scratch, _schema(path))
        found = [
            _attempt(scratch, pragma + statement, _USER)
            for statement in ATTACKS
            for pragma in ("", "PRAGMA recursive_triggers = ON; ")
        ]
        return (*found, *(_attempt(scratch, statement, _OWNER) for statement in OPEN))


def _schema(path: Path) -> list[str]:
    """The statements that made the journal, triggers last.

    Opened as the daemon opens it: a connection that may only read would leave files of the write-ahead log behind.
    """
    if not path.is_file():
        raise JournalRefused("missing", str(path), "there is no journal")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as original:
            rows = original.execute(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
                " ORDER BY type = 'trigger', rowid"
            ).fetchall()
    except sqlite3.Error as error:
        raise JournalRefused("database", str(path), str(error)) from error
    return [sql for (sql,) in rows]


def _fill(scratch: sqlite3.Connection, schema: list[str]) -> None:
    """Tables first, then rows, then what guards them."""
    is_guard = [sql.lstrip().upper().startswith("CREATE TRIGGER") for sql in schema]
    try:
        for sql, guards in zip(schema, is_guard, strict=True):
            if not guards:
                scratch.execute(sql)
        for row in _ROWS:
            scratch.execute(row)
        for sql, guards in zip(schema, is_guard, strict=True):
            if guards:
                scratch.execute(sql)
    except sqlite3.Error as error:
        raise JournalRefused("database", "scratch copy", f"not the tables of a journal: {error}") from error


def _attempt(scratch: sqlite3.Connection, statements: str, by: str) -> Attempt:
    """Held when the content is the same afterwards: a refusal in words alone would not do."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        scratch.backup(copy)
        before, said = list(copy.iterdump()), ""
        try:
            for statement in statements.split("; "):
                copy.execute(statement)
        except sqlite3.Error as error:
            said = str(error)
        changed = list(_content(copy)) != before
    return Attempt(by, statements, ("open" if by == _OWNER else "not held") if changed else "held", said)


def _content(database: sqlite3.Connection) -> Iterator[str]:
    try:
        yield from database.iterdump()
    except sqlite3.Error as error:
        yield str(error)
