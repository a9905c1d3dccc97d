"""What somebody with more and more power does to a journal in SQLite. Each function takes the daemon's data folder.

A database user only has SQL. The owner of the file can switch the guards off and on again. The thief also has the
signing key, and writes a log that is right in itself.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from versiqiid.core import ed25519, merkle, note

JOURNAL, KEY = "journal.db", "log.key"
WAS, BECOMES = b'"version":"3.0.0"', b'"version":"2.9.9"'
"""An upgrade that broke a config is to have been another one."""


@contextlib.contextmanager
def opened(data: Path) -> Iterator[sqlite3.Connection]:
    """The journal's file, as any program can open it that may."""
    with contextlib.closing(sqlite3.connect(data / JOURNAL)) as database:
        yield database
        database.commit()


@contextlib.contextmanager
def as_owner(data: Path) -> Iterator[sqlite3.Connection]:
    """The same with the guards off; afterwards they are there again, as if nothing had been."""
    with opened(data) as database:
        guards = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            database.execute(f"DROP TRIGGER {name}")
        yield database
        for _, sql in guards:
            database.execute(sql)


def wanted(database: sqlite3.Connection) -> int:
    """The position of the fact that somebody would rather not have happened."""
    (found,) = database.execute("SELECT min(position) FROM entries WHERE instr(entry, ?)", [WAS]).fetchone()
    return int(found)


def update_through_sql(data: Path) -> str:
    """A database user tries an UPDATE. Returns what the database says."""
    with opened(data) as database:
        try:
            database.execute("UPDATE entries SET entry = ? WHERE position = 0", [b"{}"])
        except sqlite3.IntegrityError as refusal:
            return str(refusal)
    return ""


def edit_row(data: Path) -> None:
    """The owner edits one row."""
    with as_owner(data) as database:
        _edit(database)


def _edit(database: sqlite3.Connection) -> None:
    at = wanted(database)
    (entry,) = database.execute("SELECT entry FROM entries WHERE position = ?", [at]).fetchone()
    database.execute("UPDATE entries SET entry = ? WHERE position = ?", [entry.replace(WAS, BECOMES), at])


def delete_row(data: Path) -> None:
    """The owner takes one row out."""
    with as_owner(data) as database:
        database.execute("DELETE FROM entries WHERE position = ?", [wanted(database)])


def edit_row_and_tree(data: Path) -> None:
    """The owner edits one row and computes every hash above it anew. The signatures stay."""
    with as_owner(data) as database:
        _edit(database)
        _rehash(database)


def edit_projection(data: Path) -> None:
    """Somebody edits what is derived from the entries; no guard keeps it, because it may be rewritten."""
    with opened(data) as database:
        database.execute("UPDATE keys SET revision = revision - 1 WHERE key LIKE 'configs/%'")


def go_back(data: Path, older: Path) -> None:
    """Root puts an older copy of the file in place of the present one."""
    for name in (JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copy(older / JOURNAL, data / JOURNAL)


def rewrite_history(data: Path) -> None:
    """The thief of the key edits a row, computes every hash anew, and signs every checkpoint again."""
    seed = ed25519.from_pem((data / KEY).read_bytes(), KEY)
    with as_owner(data) as database:
        _edit(database)
        root_at = _rehash(database)
        for sequence, stored in database.execute("SELECT sequence, note FROM checkpoints").fetchall():
            before = note.peek_checkpoint(stored, "checkpoint")
            key = note.VerifierKey(before.origin, ed25519.public_key(seed))
            text = note.Checkpoint(before.origin, before.size, root_at(before.size)).text()
            forged = note.signed(text, key, ed25519.sign(seed, text))
            database.execute("UPDATE checkpoints SET note = ? WHERE sequence = ?", [forged, sequence])


def _rehash(database: sqlite3.Connection) -> Callable[[int], bytes]:
    """Every stored hash anew from the entries; the root over any number of them."""
    entries = [entry for (entry,) in database.execute("SELECT entry FROM entries ORDER BY position")]
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    tree = merkle.Builder()
    rows = [(0, at, leaf) for at, leaf in enumerate(leaves)]
    rows += [(tile.level + 1, tile.index, tile.parent) for leaf in leaves for tile in tree.add(leaf)]
    database.execute("DELETE FROM hashes")
    database.executemany("INSERT INTO hashes VALUES (?, ?, ?)", rows)
    return lambda size: _root(leaves[:size])


def _root(leaves: list[bytes]) -> bytes:
    tree = merkle.Builder()
    for leaf in leaves:
        tree.add(leaf)
    return tree.root()
