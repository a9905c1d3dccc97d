"""The projections recomputed from the entries' bytes alone, compared with what is stored, and put right where asked.

Only derived tables are known here: columns, hashes, streams, keys, epoch. Intents and outbox positions are no function
of the entries, so of those only what the entries rule out is refused. Whether they are genuine is for ``core/audit``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from versiqiid.adapters.sql import queries
from versiqiid.adapters.sql.database import Database, Row
from versiqiid.adapters.sql.ledger import KeyRow, observe
from versiqiid.core import journal, merkle
from versiqiid.errors import JournalRefused

_PAGE = 2000
_ENTRIES = (
    "SELECT position, time, type, tenant, stream, stream_revision, correlation_id, key, key_revision, key_digest, entry"
    " FROM entries WHERE position > ? ORDER BY position LIMIT ?"
)
_HASHES = "SELECT number, hash FROM hashes WHERE level = ? AND number > ? ORDER BY number LIMIT ?"
_HIGHEST = "SELECT coalesce(max(level), 0) FROM hashes"
_STREAMS = "SELECT stream, revision FROM streams WHERE stream > ? ORDER BY stream LIMIT ?"
_KEYS = "SELECT key, revision, digest, position, created, updated FROM keys WHERE key > ? ORDER BY key LIMIT ?"
_EPOCH = "SELECT value FROM counters WHERE name = 'epoch'"
_OUTBOX = "SELECT sink, position FROM outbox ORDER BY sink"
_INTENTS = "SELECT id, epoch FROM intents WHERE epoch > ? ORDER BY sequence LIMIT 1"

_PUT_STREAM = (
    "INSERT INTO streams (stream, revision) VALUES (?, ?)"
    " ON CONFLICT (stream) DO UPDATE SET revision = excluded.revision"
)
_PUT_KEY = (
    "INSERT INTO keys (key, revision, digest, position, created, updated) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, digest = excluded.digest,"
    " position = excluded.position, created = excluded.created, updated = excluded.updated"
)
_PUT_EPOCH = (
    "INSERT INTO counters (name, value) VALUES ('epoch', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_ELECTED = "LeaderElected"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How much was recomputed and found to be equal. ``epoch``: the highest that the entries tell of."""

    size: int
    streams: int
    keys: int
    epoch: int


@dataclass(slots=True)
class Projections:
    """What follows from the entries taken so far."""

    size: int = 0
    epoch: int = 0
    streams: dict[str, int] = field(default_factory=dict)
    keys: dict[str, KeyRow] = field(default_factory=dict)

    def take(self, entry: bytes) -> journal.Read:
        """Take the next entry; what it says of itself.

        :raises JournalRefused: ``entry`` or ``order``: no entry of a journal, or not the next one of it or its stream.
        """
        told = journal.read(entry, self.size)
        expected = self.streams.get(told.stream, 0) + 1
        if told.stream_revision != expected:
            wrong = f"revision {told.stream_revision} of stream {told.stream}, expected {expected}"
            raise JournalRefused("order", f"position {self.size}", wrong)
        self.streams[told.stream] = expected
        if told.observed is not None:
            key = told.observed.key
            self.keys[key] = observe(self.keys.get(key), told.observed, told.position, told.time)
        if told.type == _ELECTED:
            self.epoch = max(self.epoch, _epoch(entry))
        self.size += 1
        return told

    def rows(self) -> tuple[dict[str, Row], dict[str, Row]]:
        """The rows of streams and of keys by their names, as the tables hold them."""
        streams: dict[str, Row] = {name: (name, revision) for name, revision in self.streams.items()}
        keys: dict[str, Row] = {
            name: (name, row.revision, row.digest, row.position, row.created, row.updated)
            for name, row in self.keys.items()
        }
        return streams, keys


def _epoch(entry: bytes) -> int:
    told = json.loads(entry)["data"].get("epoch")
    return told if type(told) is int else 0


# -------------------------------------------------------------------------------------------------------- comparing


def compare(db: Database) -> Rebuilt:
    """Return when everything stored is what the entries say, as of one moment.

    :raises JournalRefused: the first difference: ``missing``, ``entry``, ``order``, ``column`` or ``hash`` of an entry,
        ``hash`` of an inner node, or ``projection`` at a stream, a key, the epoch, an outbox or an intent.
    """
    db.begin_reading()
    try:
        found = Projections()
        _compare_entries(db, found)
        streams, keys = found.rows()
        _compare_rows("stream", streams, _rows(db, _STREAMS, ""))
        _compare_rows("key", keys, _rows(db, _KEYS, ""))
        _compare_rest(db, found)
        return Rebuilt(found.size, len(found.streams), len(found.keys), found.epoch)
    finally:
        db.rollback()


def _rows(db: Database, sql: str, first: str | int, *values: object) -> Iterator[Row]:
    """All rows of a statement that goes on after its first column, which must be its order too."""
    after = first
    while page := db.query(sql, *values, after, _PAGE):
        yield from page
        after = page[-1][0]


def _compare_entries(db: Database, found: Projections) -> None:
    """Entries with their columns and leaf hashes; then the inner hashes, level by level."""
    tree = merkle.Builder()
    inner: list[list[bytes]] = []
    leaves = _rows(db, _HASHES, -1, 0)
    for position, *columns, entry in _rows(db, _ENTRIES, -1):
        if position != found.size:
            raise JournalRefused("missing", f"position {found.size}", "the entry is gone")
        told = found.take(bytes(entry))
        if tuple(columns) != _columns(told):
            raise JournalRefused("column", f"position {position}", "a column is not what the entry says")
        leaf = merkle.leaf_hash(bytes(entry))
        _compare_hashes(0, position, [leaf], leaves)
        for tile in tree.add(leaf):
            if tile.level == len(inner):
                inner.append([])
            inner[tile.level].append(tile.parent)
    _compare_no_hashes(0, leaves)
    ((highest,),) = db.query(_HIGHEST)
    for level in range(1, max(len(inner), highest) + 1):
        stored = _rows(db, _HASHES, -1, level)
        _compare_hashes(level, 0, inner[level - 1] if level <= len(inner) else [], stored)
        _compare_no_hashes(level, stored)


def _columns(told: journal.Read) -> Row:
    seen = told.observed
    key = (None, None, None) if seen is None else seen.columns(told.position)
    return (told.time, told.type, told.tenant, told.stream, told.stream_revision, told.correlation_id, *key)


def _compare_hashes(level: int, start: int, computed: list[bytes], stored: Iterator[Row]) -> None:
    for number, value in enumerate(computed, start):
        at, found = next(stored, (-1, b""))
        if at != number:
            raise JournalRefused("hash", f"hashes {level}/{number}", "not stored")
        if bytes(found) != value:
            raise JournalRefused("hash", f"hashes {level}/{number}", "not what the entries lead to")


def _compare_no_hashes(level: int, stored: Iterator[Row]) -> None:
    for number, _ in stored:
        raise JournalRefused("hash", f"hashes {level}/{number}", "stored, but there are no entries for it")


def _compare_rows(what: str, computed: Mapping[str, Row], stored: Iterator[Row]) -> None:
    """Both in the order of their names, so that the first difference is the first."""
    wanted = iter(sorted(computed))
    for row in stored:
        name = next(wanted, None)
        if name == row[0]:
            if row != computed[row[0]]:
                raise _differs(what, row[0], "what is stored is not what the entries say")
        elif name is None or name > row[0]:
            raise _differs(what, row[0], "stored, but no entry speaks of it")
        else:
            raise _differs(what, name, "the entries speak of it, but it is not stored")
    for name in wanted:
        raise _differs(what, name, "the entries speak of it, but it is not stored")


def _compare_rest(db: Database, found: Projections) -> None:
    ((epoch,),) = db.query(_EPOCH) or [(0,)]
    if epoch < found.epoch:
        raise _differs("epoch", str(epoch), f"the entries tell of epoch {found.epoch}")
    for sink, position in db.query(_OUTBOX):
        if not 0 <= position <= found.size:
            raise _differs("outbox", sink, f"its position is {position}, there are {found.size} entries")
    for intent, of in db.query(_INTENTS, epoch):
        raise _differs("intent", intent, f"it is of epoch {of}, the newest is {epoch}")


def _differs(what: str, name: str, why: str) -> JournalRefused:
    hint = "versiqiid journal rebuild --repair puts projections right" if what in ("stream", "key", "epoch") else ""
    return JournalRefused("projection", f"{what} {name}", why, hint=hint)


# -------------------------------------------------------------------------------------------------------- repairing


def repair(db: Database) -> None:
    """Put streams, keys and the epoch right, inside the caller's transaction. Nothing append-only is touched.

    The epoch only grows: one that was given out and left no entry is not given out again.

    :raises JournalRefused: an entry is missing or cannot be read; nothing was changed.
    """
    found = Projections()
    for position, *_, entry in _rows(db, _ENTRIES, -1):
        if position != found.size:
            raise JournalRefused("missing", f"position {found.size}", "the entry is gone")
        found.take(bytes(entry))
    streams, keys = found.rows()
    surplus = [(row[0],) for row in _rows(db, _STREAMS, "") if row[0] not in streams]
    unknown = [(row[0],) for row in _rows(db, _KEYS, "") if row[0] not in keys]
    wanted = [
        ("DELETE FROM streams WHERE stream = ?", surplus),
        ("DELETE FROM keys WHERE key = ?", unknown),
        (_PUT_STREAM, list(streams.values())),
        (_PUT_KEY, list(keys.values())),
        (_PUT_EPOCH, [(max(found.epoch, queries.head(db).epoch),)]),
    ]
    db.run([(sql, rows) for sql, rows in wanted if rows])
