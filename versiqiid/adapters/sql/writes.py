"""Writing the journal's tables: the rows that a ledger has decided, in one transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence

from versiqiid.adapters.sql import intents, queries
from versiqiid.adapters.sql.database import Database
from versiqiid.adapters.sql.ledger import Head, Ledger
from versiqiid.core import merkle
from versiqiid.core.journal import KeyState
from versiqiid.ports import Recorded

_ENTRY = (
    "INSERT INTO entries (position, time, type, tenant, stream, stream_revision, correlation_id,"
    " key, key_revision, key_digest, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_HASH = "INSERT INTO hashes (level, number, hash) VALUES (?, ?, ?)"
_DOCUMENT = "INSERT INTO documents (digest, value) VALUES (?, ?)"
_CHECKPOINT = "INSERT INTO checkpoints (sequence, size, note) VALUES (?, ?, ?)"
_KEY = (
    "INSERT INTO keys (key, revision, digest, position, created, updated) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, digest = excluded.digest,"
    " position = excluded.position, created = excluded.created, updated = excluded.updated"
)
_STREAM = (
    "INSERT INTO streams (stream, revision) VALUES (?, ?)"
    " ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision"
)
_INTENT = "INSERT INTO intents (id, receipt_key, epoch, position, drafts, state) VALUES (?, ?, ?, ?, ?, 'open')"
# A closed intent has said all it had to say: only its id and state are kept, to answer a repetition.
_CLOSE = "UPDATE intents SET drafts = '[]', state = ? WHERE id = ?"
_COUNTER = "INSERT INTO counters (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_OUTBOX = (
    "INSERT INTO outbox (sink, position) VALUES (?, ?) ON CONFLICT (sink) DO UPDATE SET position = excluded.position"
)

Statement = tuple[str, Sequence[Sequence[object]]]


def write(db: Database, ledger: Ledger, before: Head, edge: merkle.Builder | None) -> merkle.Builder:
    """Write what the ledger has decided.

    :param before: the head that was read at the beginning of the transaction.
    :param edge: the right edge of the tree as remembered; re-read when another process has appended since.
    :returns: the right edge after this write; good only if the transaction commits.
    """
    if edge is None or edge.size != before.size:
        edge = merkle.Builder.resume(before.size, queries.tree(db))
    statements: list[Statement] = []
    if ledger.entries:
        rows = [_entry_row(entry.recorded, entry.tenant, entry.observed) for entry in ledger.entries]
        statements += [(_ENTRY, rows), (_HASH, _hash_rows(ledger, edge))]
    if ledger.documents:
        statements.append((_DOCUMENT, list(ledger.documents.items())))
    if ledger.streams:
        statements.append((_STREAM, list(ledger.streams.items())))
    if ledger.keys:
        keys = [(key, r.revision, r.digest, r.position, r.created, r.updated) for key, r in ledger.keys.items()]
        statements.append((_KEY, keys))
    if ledger.intended:
        drafts = [(i.id, i.receipt_key, i.epoch, i.position, intents.encode(i.drafts)) for i in ledger.intended]
        statements.append((_INTENT, drafts))
    if ledger.closed:
        statements.append((_CLOSE, [(state, intent) for intent, state in ledger.closed.items()]))
    if ledger.head.epoch != before.epoch:
        statements.append((_COUNTER, [("epoch", ledger.head.epoch)]))
    if statements:
        db.run(statements)
    db.hand_over([entry.recorded for entry in ledger.entries])
    return edge


def _entry_row(recorded: Recorded, tenant: str, observed: KeyState | None) -> tuple[object, ...]:
    key = (None, None, None) if observed is None else observed.columns(recorded.position)
    return (
        recorded.position, recorded.time, recorded.type, tenant, recorded.stream, recorded.stream_revision,
        recorded.correlation_id, *key, recorded.entry,
    )  # fmt: skip


def _hash_rows(ledger: Ledger, edge: merkle.Builder) -> list[tuple[int, int, bytes]]:
    """The leaf of each new entry and the inner nodes that it completes; moves the edge."""
    rows: list[tuple[int, int, bytes]] = []
    for entry in ledger.entries:
        leaf = merkle.leaf_hash(entry.recorded.entry)
        rows.append((0, entry.recorded.position, leaf))
        rows += [(tile.level + 1, tile.index, tile.parent) for tile in edge.add(leaf)]
    return rows


def advance_outbox(db: Database, sink: str, position: int) -> None:
    """Move a sink's position forward, never back."""
    db.run([(_OUTBOX, [(sink, position)])])


def insert_checkpoint(db: Database, sequence: int, size: int, note: bytes) -> None:
    """Keep a checkpoint; the table's guard refuses another sequence number than the next, and a smaller size."""
    db.run([(_CHECKPOINT, [(sequence, size, note)])])
