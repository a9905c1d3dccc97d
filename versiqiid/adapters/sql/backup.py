"""A journal copied as of one moment, while others write to it: rows out of one database, appended into another.

The copy is filled as a restored journal is, so its hashes and projections are computed anew from the entries.
"""

from __future__ import annotations

from collections.abc import Iterator

from versiqiid.adapters.sql import queries, transfer
from versiqiid.adapters.sql.database import Database
from versiqiid.adapters.sql.transfer import Content
from versiqiid.core import merkle
from versiqiid.core.note import peek_checkpoint
from versiqiid.errors import JournalRefused

_PAGE = 1000
_DOCUMENTS = 100
_ENTRIES = "SELECT position, entry FROM entries WHERE position > ? ORDER BY position LIMIT ?"
_INTENTS = "SELECT id, receipt_key, epoch, position, drafts, state FROM intents ORDER BY sequence"
_INTEND = "INSERT INTO intents (id, receipt_key, epoch, position, drafts, state) VALUES (?, ?, ?, ?, ?, ?)"


def copy(source: Database, target: Database) -> None:
    """Fill the empty target, inside its transaction, with everything that the source holds at one moment.

    Memory does not grow with the journal but for its projections. Intents come along: what was under way is settled or
    closed by whoever leads on the copy.

    :raises Refused: the target is not empty.
    :raises JournalRefused: the source's entries are not a journal's, or do not lead to its newest checkpoint; the
        target is as it was.
    """
    source.begin_reading()
    try:
        checkpoints = queries.checkpoints(source)
        content = Content(_entries(source), _documents(source), checkpoints, transfer.standing(source))
        transfer.fill(target, content)
        intents = source.query(_INTENTS)
        if intents:
            target.run([(_INTEND, intents)])
    finally:
        source.rollback()
    check_newest(target)


def check_newest(db: Database) -> None:
    """Return if the stored hashes lead to the newest checkpoint, where there is one.

    :raises JournalRefused: ``truncation`` or ``root``.
    """
    newest = queries.last_checkpoint(db)
    if newest is None:
        return
    checkpoint, place = peek_checkpoint(newest[1], "checkpoint"), f"checkpoint {newest[0]}"
    if queries.head(db).size < checkpoint.size:
        raise JournalRefused("truncation", place, f"it covers {checkpoint.size} entries, there are fewer")
    if merkle.root(checkpoint.size, queries.tree(db)) != checkpoint.root:
        raise JournalRefused("root", place, "the entries that it covers are not those that are stored")


def _entries(db: Database) -> Iterator[bytes]:
    last = -1
    while page := db.query(_ENTRIES, last, _PAGE):
        last = page[-1][0]
        yield from (bytes(entry) for _, entry in page)


def _documents(db: Database) -> Iterator[tuple[str, bytes]]:
    after = ""
    while page := queries.documents(db, after, _DOCUMENTS):
        yield from page
        after = page[-1][0]
