"""The journal's tables in SQLite and the guards that keep what is append-only from being changed."""

from __future__ import annotations

FORMAT = 1
"""``PRAGMA user_version`` of a file with these tables."""

APPLICATION_ID = 0x56514A4C
"""``PRAGMA application_id``, "VQJL": tells a journal from any other SQLite file."""

TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE entries (
        position INTEGER PRIMARY KEY NOT NULL,
        time TEXT NOT NULL,
        type TEXT NOT NULL,
        tenant TEXT NOT NULL,
        stream TEXT NOT NULL,
        stream_revision INTEGER NOT NULL,
        correlation_id TEXT NOT NULL,
        key TEXT,
        key_revision INTEGER,
        key_digest TEXT,
        entry BLOB NOT NULL
    ) STRICT""",
    "CREATE UNIQUE INDEX entries_stream ON entries (stream, stream_revision)",
    "CREATE INDEX entries_type ON entries (type)",
    "CREATE INDEX entries_time ON entries (time)",
    "CREATE INDEX entries_correlation ON entries (correlation_id)",
    "CREATE UNIQUE INDEX entries_key ON entries (key, key_revision, coalesce(key_digest, '')) WHERE key IS NOT NULL",
    """CREATE TABLE hashes (
        level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE documents (digest TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) STRICT",
    """CREATE TABLE checkpoints (
        sequence INTEGER PRIMARY KEY NOT NULL, size INTEGER NOT NULL, note BLOB NOT NULL
    ) STRICT""",
    "CREATE TABLE streams (stream TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE keys (
        key TEXT PRIMARY KEY NOT NULL,
        revision INTEGER NOT NULL,
        digest TEXT,
        position INTEGER NOT NULL,
        created TEXT NOT NULL,
        updated TEXT NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE intents (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
        id TEXT UNIQUE NOT NULL,
        receipt_key TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        position INTEGER NOT NULL,
        drafts TEXT NOT NULL,
        state TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX intents_open ON intents (sequence) WHERE state = 'open'",
    "CREATE TABLE outbox (sink TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE counters (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
)

# What each append-only table demands of a new row. Guards against UPDATE and DELETE are not enough: INSERT OR REPLACE
# overwrites a row silently, because its implicit delete fires no trigger unless the connection asked for it
# (https://www.sqlite.org/lang_conflict.html, REPLACE). An insert that must come next has nothing to replace.
_NEXT = {
    "meta": "NOT EXISTS (SELECT 1 FROM meta WHERE name = NEW.name)",
    "entries": "NEW.position = (SELECT coalesce(max(position), -1) + 1 FROM entries)",
    "hashes": "NEW.number = (SELECT coalesce(max(number), -1) + 1 FROM hashes WHERE level = NEW.level)",
    "documents": "NOT EXISTS (SELECT 1 FROM documents WHERE digest = NEW.digest)",
    "checkpoints": (
        "NEW.sequence = (SELECT coalesce(max(sequence), -1) + 1 FROM checkpoints)"
        " AND NEW.size >= (SELECT coalesce(max(size), 0) FROM checkpoints)"
    ),
}


def _guards() -> dict[str, str]:
    made = {}
    for table, demand in _NEXT.items():
        refuse = f"BEGIN SELECT RAISE(ABORT, '{table} only grows'); END"
        made[f"{table}_update"] = f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} {refuse}"
        made[f"{table}_delete"] = f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} {refuse}"
        made[f"{table}_insert"] = (
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} WHEN NOT coalesce({demand}, 0) {refuse}"
        )
    return made


GUARDS = _guards()
"""The triggers by name, as ``sqlite_schema`` holds them."""
