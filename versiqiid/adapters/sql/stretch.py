"""A stretch of a stored log, read and checked where the connection is: what verification does a million times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versiqiid.adapters.sql import queries
from versiqiid.adapters.sql.database import Database
from versiqiid.core.audit_range import Row, StretchFound, check_stretch
from versiqiid.errors import JournalRefused

_PAGE = 4096
_ENTRIES = (
    "SELECT entry, time, type, stream, stream_revision, correlation_id, tenant, key, key_revision, key_digest, position"
    " FROM entries"
    " WHERE position >= ? AND position < ? ORDER BY position"
)


def check(db: Database, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
    """Check the entries from ``start`` up to ``stop`` with their columns and leaf hashes; see ``check_stretch``."""
    return check_stretch(start, _rows(db, start, stop), marks)


def _rows(db: Database, start: int, stop: int) -> Iterator[Row]:
    for at in range(start, stop, _PAGE):
        page = db.query(_ENTRIES, at, min(at + _PAGE, stop))
        if not page or page[0][-1] != at:
            raise JournalRefused("missing", f"position {at}", "the entry is gone")
        hashes = queries.hashes(db, 0, at, at + len(page))
        for row, stored in zip(page, hashes, strict=True):
            yield bytes(row[0]), stored, row[1:-1]
        if len(page) < min(at + _PAGE, stop) - at:
            raise JournalRefused("missing", f"position {at + len(page)}", "the entry is gone")
