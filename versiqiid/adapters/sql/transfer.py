"""A whole journal out and in: what an archive needs beside entries and hashes, and filling an empty journal from one.

Where an archive is kept, and whether it is genuine, is not known here: who fills a journal has verified the log first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from versiqiid.adapters.sql import queries, writes
from versiqiid.adapters.sql.database import Database
from versiqiid.adapters.sql.ledger import Head, Known, Ledger, NewEntry
from versiqiid.adapters.sql.rebuild import Projections
from versiqiid.core import merkle
from versiqiid.core.note import peek_checkpoint
from versiqiid.errors import JournalRefused, Refused
from versiqiid.ports import Recorded

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """What no entry tells: the newest epoch that was given out, and how far each sink has come."""

    epoch: int = 0
    outbox: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """All of a journal.

    :ivar documents: digests with raw values, None = the journal is to be filled without them.
    :ivar checkpoints: signed notes, oldest first.
    """

    entries: Iterable[bytes]
    documents: Iterable[tuple[str, bytes]] | None
    checkpoints: Sequence[bytes]
    standing: Standing


def standing(db: Database) -> Standing:
    """See ``Standing``."""
    return Standing(queries.head(db).epoch, dict(db.query("SELECT sink, position FROM outbox ORDER BY sink")))


def document_names(db: Database, after: str, limit: int) -> tuple[str, ...]:
    """Digests of kept documents in their order, from the one behind ``after``."""
    rows = db.query("SELECT digest FROM documents WHERE digest > ? ORDER BY digest LIMIT ?", after, limit)
    return tuple(str(name) for (name,) in rows)


def fill(db: Database, content: Content) -> None:
    """Fill an empty journal inside the caller's transaction; the projections follow from the entries.

    :raises Refused: the journal is not empty; nothing was changed.
    :raises JournalRefused: ``entry`` or ``order``: an entry that is not the next one; ``document``: the present value
        of a key is not among the documents.
    """
    if queries.head(db).size or queries.last_checkpoint(db) or document_names(db, "", 1):
        raise Refused(f"journal {db.place}: it is not empty", hint="restore into a new one")
    edge, projections = merkle.Builder(), Projections()
    entries = iter(content.entries)
    while batch := list(islice(entries, _BATCH)):
        ledger = Ledger(Known(head=Head(projections.size)))
        for entry in batch:
            ledger.entries.append(_new(projections, entry))
        ledger.head = replace(ledger.head, size=projections.size)
        edge = writes.write(db, ledger, Head(edge.size), edge)
    ledger = Ledger(Known())
    ledger.streams, ledger.keys = projections.streams, projections.keys
    ledger.head = Head(epoch=max(projections.epoch, content.standing.epoch))
    writes.write(db, ledger, Head(), merkle.Builder())
    if content.documents is not None:
        _fill_documents(db, content.documents, {row.digest for row in projections.keys.values() if row.digest})
    for sequence, note in enumerate(content.checkpoints):
        writes.insert_checkpoint(db, sequence, peek_checkpoint(note, f"checkpoint {sequence}").size, note)
    for sink, position in content.standing.outbox.items():
        writes.advance_outbox(db, sink, min(position, projections.size))


def _new(projections: Projections, entry: bytes) -> NewEntry:
    told = projections.take(entry)
    recorded = Recorded(
        position=told.position,
        time=told.time,
        type=told.type,
        stream=told.stream,
        stream_revision=told.stream_revision,
        correlation_id=told.correlation_id,
        entry=entry,
    )
    return NewEntry(recorded, told.tenant, told.observed)


def _fill_documents(db: Database, documents: Iterable[tuple[str, bytes]], needed: set[str]) -> None:
    found: Iterator[tuple[str, bytes]] = iter(documents)
    while batch := dict(islice(found, _BATCH)):
        ledger = Ledger(Known())
        ledger.documents = batch
        writes.write(db, ledger, Head(), merkle.Builder())
        needed -= batch.keys()
    for name in sorted(needed):
        raise JournalRefused("document", name, "the present value of a key is not among the documents")
