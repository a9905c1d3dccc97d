"""Reading the journal's tables: each function is one question, asked on a connection of the caller's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from versiqiid.adapters.sql import intents
from versiqiid.adapters.sql.database import Database, Row
from versiqiid.adapters.sql.ledger import Head, KeyRow, Known
from versiqiid.adapters.sql.operations import Needs
from versiqiid.core import merkle
from versiqiid.core.journal import normal_time
from versiqiid.errors import InvalidInput, JournalRefused
from versiqiid.ports import Intent, KeyRecord, Query, Recorded

LIMIT_MAX = 10_000
_CHUNK = 500
"""Values in one statement; arbitrary, below every database's limit."""

_LAST = "\U0010ffff"
_ENTRIES = "SELECT position, time, type, stream, stream_revision, correlation_id, entry FROM entries"
_ENTRIES_IN = f"{_ENTRIES} WHERE position IN @"
_OBSERVED_IN = (
    "SELECT position, time, type, stream, stream_revision, correlation_id, entry, key, key_revision, key_digest"
    " FROM entries WHERE key IN @ AND key_revision IN @"
)
_LAST_ENTRY = "SELECT position, time FROM entries ORDER BY position DESC LIMIT 1"
_EPOCH = "SELECT value FROM counters WHERE name = 'epoch'"
_STREAMS_IN = "SELECT stream, revision FROM streams WHERE stream IN @"
_INTENTS_IN = "SELECT id, state FROM intents WHERE id IN @"
_DOCUMENTS_IN = "SELECT digest FROM documents WHERE digest IN @"
_MISSING = (
    "SELECT count(*) FROM keys k WHERE k.digest IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM documents d WHERE d.digest = k.digest)"
)
_KEYS_IN = "SELECT key, revision, digest, position, created, updated FROM keys WHERE key IN @"

T = TypeVar("T")


def _chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    ordered = list(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


def _any_of(sql: str, *lists: Sequence[object]) -> tuple[str, list[object]]:
    """A statement in which each ``IN @`` stands for one list, in order, and its values."""
    for values in lists:
        sql = sql.replace("@", f"({', '.join('?' * len(values))})", 1)
    return sql, [value for values in lists for value in values]


def _recorded(row: Row) -> Recorded:
    position, time, kind, stream, revision, correlation_id, entry = row
    return Recorded(position, time, kind, stream, revision, correlation_id, bytes(entry))


# -------------------------------------------------------------------------------------- what a write has to know


def head(db: Database) -> Head:
    """Where the journal stands."""
    return _head(*db.ask([(_LAST_ENTRY, ()), (_EPOCH, ())]))


def _head(last: list[Row], epoch: list[Row]) -> Head:
    size, time = (last[0][0] + 1, last[0][1]) if last else (0, "")
    return Head(size, time, epoch[0][0] if epoch else 0)


def missing_documents(db: Database) -> int:
    """How many keys have a present value that is not kept."""
    return int(db.query(_MISSING)[0][0])


def kept(db: Database, names: Iterable[str]) -> list[Row]:
    """Those of the documents that are there, a row each."""
    asked = [_any_of(_DOCUMENTS_IN, part) for part in _chunks(names)]
    return [row for rows in db.ask(asked) for row in rows] if asked else []


def known(db: Database, needs: Needs) -> Known:
    """Everything that a batch of operations needs to be decided, asked in one go (two if a key is gone)."""
    keys = list(_chunks({state.key for state in needs.observed}))
    states = list(_chunks(needs.observed))
    asked: dict[str, list[tuple[str, Sequence[object]]]] = {
        "head": [(_LAST_ENTRY, ()), (_EPOCH, ())],
        "streams": [_any_of(_STREAMS_IN, names) for names in _chunks(needs.streams)],
        "intents": [_any_of(_INTENTS_IN, names) for names in _chunks(needs.intents)],
        "documents": [_any_of(_DOCUMENTS_IN, names) for names in _chunks(needs.documents)],
        "keys": [_any_of(_KEYS_IN, names) for names in keys],
        "recorded": [_any_of(_OBSERVED_IN, [s.key for s in part], [s.revision for s in part]) for part in states],
    }
    answers = iter(db.ask([question for questions in asked.values() for question in questions]))
    found = Known(head=_head(next(answers), next(answers)))
    rows = {name: [row for _ in asked[name] for row in next(answers)] for name in list(asked)[1:]}
    found.streams.update(rows["streams"])
    found.intents.update(rows["intents"])
    found.documents.update((name, b"") for (name,) in rows["documents"])
    found.keys.update((key, KeyRow(*rest)) for key, *rest in rows["keys"])
    for *entry, key, revision, digest in rows["recorded"]:
        found.recorded[key, revision, digest] = _recorded(tuple(entry))
    _deletions(db, found)
    return found


def _deletions(db: Database, found: Known) -> None:
    """Put to each key that is gone the entry that says so."""
    gone = {row.position: key for key, row in found.keys.items() if row.digest is None}
    questions = [_any_of(_ENTRIES_IN, positions) for positions in _chunks(gone)]
    for recorded in (_recorded(row) for rows in (db.ask(questions) if questions else ()) for row in rows):
        key = gone[recorded.position]
        found.keys[key] = replace(found.keys[key], recorded=recorded)


# --------------------------------------------------------------------------------------------- what readers ask


def read(db: Database, query: Query) -> tuple[Recorded, ...]:
    """See ``ports.Query``.

    :raises InvalidInput: a limit, position or time that cannot be.
    """
    if not 1 <= query.limit <= LIMIT_MAX:
        raise InvalidInput(f"limit {query.limit}: expected 1 to {LIMIT_MAX}")
    where, values = _conditions(query)
    order = "DESC" if query.descending else "ASC"
    sql = f"{_ENTRIES} WHERE {' AND '.join(where)} ORDER BY position {order} LIMIT ?"
    return tuple(_recorded(row) for row in db.query(sql, *values, query.limit))


def _conditions(query: Query) -> tuple[list[str], list[object]]:
    parts: list[tuple[str, object]] = [("position >= ?", query.start)]
    optional = (
        ("position < ?", query.before),
        ("stream = ?", query.stream),
        ("stream >= ?", query.stream_prefix),
        ("stream < ?", None if query.stream_prefix is None else query.stream_prefix + _LAST),
        ("type = ?", query.type),
        ("correlation_id = ?", query.correlation_id),
        ("key = ?", query.key),
        ("time >= ?", None if query.since is None else normal_time(query.since)),
        ("time < ?", None if query.until is None else normal_time(query.until)),
    )
    parts += [(text, value) for text, value in optional if value is not None]
    return [text for text, _ in parts], [value for _, value in parts]


def document(db: Database, digest: str) -> bytes | None:
    """The raw value kept under the digest."""
    rows = db.query("SELECT value FROM documents WHERE digest = ?", digest)
    return bytes(rows[0][0]) if rows else None


def documents(db: Database, after: str, limit: int) -> tuple[tuple[str, bytes], ...]:
    """Kept documents in the order of their digests, from the one behind ``after``."""
    sql = "SELECT digest, value FROM documents WHERE digest > ? ORDER BY digest LIMIT ?"
    return tuple((digest, bytes(value)) for digest, value in db.query(sql, after, limit))


def keys(db: Database, prefix: str) -> tuple[KeyRecord, ...]:
    """The newest known state of every key that is not deleted, by key."""
    sql = (
        "SELECT key, revision, digest, position, created, updated FROM keys"
        " WHERE key >= ? AND key < ? AND digest IS NOT NULL ORDER BY key"
    )
    return tuple(KeyRecord(*row) for row in db.query(sql, prefix, prefix + _LAST))


def open_intents(db: Database) -> tuple[Intent, ...]:
    """Intents neither settled nor superseded, oldest first."""
    rows = db.query(
        "SELECT id, receipt_key, epoch, position, drafts FROM intents WHERE state = 'open' ORDER BY sequence"
    )
    return tuple(intents.decode(row, lambda name: document(db, name)) for row in rows)


def outbox_position(db: Database, sink: str) -> int:
    """The first position that the sink has not acknowledged."""
    rows = db.query("SELECT position FROM outbox WHERE sink = ?", sink)
    return int(rows[0][0]) if rows else 0


# ------------------------------------------------------------------------------------------------------ the tree


def checkpoints(db: Database) -> tuple[bytes, ...]:
    """Every checkpoint that was ever released, oldest first."""
    return tuple(bytes(note) for (note,) in db.query("SELECT note FROM checkpoints ORDER BY sequence"))


def checkpoint_rows(db: Database, sequences: Sequence[int]) -> tuple[tuple[int, bytes], ...]:
    """Sequence number and note of these checkpoints, as far as they are there, ascending."""
    found: list[tuple[int, bytes]] = []
    for part in _chunks(sequences):
        sql, values = _any_of("SELECT sequence, note FROM checkpoints WHERE sequence IN @", part)
        found += [(int(sequence), bytes(note)) for sequence, note in db.query(sql, *values)]
    return tuple(sorted(found))


def last_checkpoint(db: Database) -> tuple[int, bytes] | None:
    """Sequence number and note of the newest checkpoint."""
    rows = db.query("SELECT sequence, note FROM checkpoints ORDER BY sequence DESC LIMIT 1")
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def hashes(db: Database, level: int, start: int, stop: int) -> list[bytes]:
    """Stored nodes of one tile level.

    :raises JournalRefused: ``missing``: one of them is not stored.
    """
    sql = "SELECT hash FROM hashes WHERE level = ? AND number >= ? AND number < ? ORDER BY number"
    found = [bytes(value) for (value,) in db.query(sql, level, start, stop)]
    if len(found) != stop - start:
        raise JournalRefused("missing", f"hashes {level}/{start}", f"expected {stop - start}, found {len(found)}")
    return found


def tree(db: Database) -> merkle.Nodes:
    """The stored nodes as the functions of ``core.merkle`` read them."""
    return lambda level, start, stop: hashes(db, level, start, stop)
