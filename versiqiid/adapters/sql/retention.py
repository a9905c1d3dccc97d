"""Which kept documents are only history: what a journal may let go of once its archive has them.

Entries, hashes and checkpoints are never among it, so every proof stays as it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from versiqiid.adapters.sql import intents, transfer
from versiqiid.adapters.sql.database import Database

DELETE = "DELETE FROM documents WHERE digest = ?"

_PAGE = 2000
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_ENTRIES = "SELECT position, time, entry FROM entries WHERE position > ? ORDER BY position LIMIT ?"
_NEWEST = (
    "SELECT s.stream, e.entry FROM streams s"
    " JOIN entries e ON e.stream = s.stream AND e.stream_revision = s.revision"
    " WHERE s.stream > ? ORDER BY s.stream LIMIT ?"
)
_PRESENT = "SELECT digest FROM keys WHERE digest IS NOT NULL"
_OPEN = "SELECT drafts FROM intents WHERE state = 'open'"


def only_history(db: Database, before: str) -> tuple[str, ...]:
    """Digests of kept documents that entries older than ``before`` speak of, and nothing else does.

    Needed, and so never among them, is what stands in a newer entry, in the newest entry of any stream, is the present
    value of a key, or belongs to an intent that is open.

    :param before: RFC 3339 as entries have it.
    """
    db.begin_reading()
    try:
        needed = {str(digest) for (digest,) in db.query(_PRESENT)}
        for (drafts,) in db.query(_OPEN):
            needed |= intents.digests(drafts)
        old: set[str] = set()
        last = -1
        while page := db.query(_ENTRIES, last, _PAGE):
            last = page[-1][0]
            old |= _digests(entry for _, time, entry in page if time < before)
            needed |= _digests(entry for _, time, entry in page if time >= before)
        stream = ""
        while page := db.query(_NEWEST, stream, _PAGE):
            stream = page[-1][0]
            needed |= _digests(entry for _, entry in page)
        return _kept(db, old - needed)
    finally:
        db.rollback()


def _digests(entries: Iterable[bytes]) -> set[str]:
    return {found.decode() for entry in entries for found in _DIGEST.findall(bytes(entry))}


def _kept(db: Database, wanted: set[str]) -> tuple[str, ...]:
    found: list[str] = []
    after = ""
    while page := transfer.document_names(db, after, _PAGE):
        found += [name for name in page if name in wanted]
        after = page[-1]
    return tuple(found)
