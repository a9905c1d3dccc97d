"""A journal's file copied while others write to it, by SQLite's own backup: the copy is of one moment, and whole."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from versiqiid.adapters.sql import backup
from versiqiid.adapters.sqlite.journal import SqliteDatabase
from versiqiid.errors import JournalRefused, Unavailable


def backup_file(source: Path, target: Path) -> None:
    """Write the copy to a file that is not there yet, and make it durable.

    All pages go in one step: a reader of a write-ahead log keeps nobody from writing, and a copy in several steps would
    begin again with each write (https://www.sqlite.org/backup.html).

    :raises JournalRefused: ``database``: the copy is damaged, as the source then is; ``root`` or ``truncation``: its
        hashes do not lead to its newest checkpoint.
    :raises Unavailable: one of the files cannot be used; what was written is left under the target's name.
    """
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with (
                closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as original,
                closing(sqlite3.connect(target)) as copy,
            ):
                original.backup(copy, pages=-1)
                copy.execute("PRAGMA journal_mode = DELETE")
                ((told,),) = copy.execute("PRAGMA quick_check(1)").fetchall()
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if told != "ok":
            raise JournalRefused("database", str(source), told)
        with closing(SqliteDatabase(target)) as made:
            backup.check_newest(made)
    except (OSError, sqlite3.Error) as error:
        failure = Unavailable(f"backup {target}: {error}")
        failure.maybe_written = False
        raise failure from error
