"""Letting documents go from a journal's file: its owner alone can, with the guard off for one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from versiqiid.adapters.sql.retention import DELETE
from versiqiid.adapters.sqlite import journal_schema as schema
from versiqiid.adapters.sqlite.journal import SqliteDatabase

_GUARD = "documents_delete"


def let_go(path: Path, digests: Sequence[str]) -> None:
    """Delete these documents, all or none; the guard is there again in the same transaction.

    :raises VersiqiiError: the file cannot be written; nothing was changed.
    """
    with closing(SqliteDatabase(path)) as db:
        try:
            db.configure()
            db.begin()
            db.query(f"DROP TRIGGER {_GUARD}")
            db.run([(DELETE, [(digest,) for digest in digests])])
            db.query(schema.GUARDS[_GUARD])
            db.commit()
        except db.failures as error:
            db.rollback()
            raise db.failure(error, committing=False) from error
