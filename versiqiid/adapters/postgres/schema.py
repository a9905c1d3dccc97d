"""The journal's tables in PostgreSQL, who owns them, and the guards that keep what is append-only from being changed.

Text only; ``init.py`` runs it and ``guards.py`` compares what is there with it.
"""
# ruff: noqa: S608 - the text is made of the constants below and of nothing else

from __future__ import annotations

from collections.abc import Sequence

SCHEMA = "versiqii_journal"
OWNER = "versiqii_journal_owner"
"""A role that cannot log in: nobody who can is the owner of these tables."""

GUARD_SCHEMA = "versiqii_journal_guard"
"""Where the event trigger functions are: beside the tables, DROP SCHEMA … CASCADE would take the guard along first."""

FORMAT = "1"

_TEXT = 'text COLLATE "C" NOT NULL'  # in byte order, as SQLite has it; a prefix is then a range

TABLES = (
    f"CREATE TABLE meta (name {_TEXT} PRIMARY KEY, value {_TEXT})",
    f"""CREATE TABLE entries (
        position bigint PRIMARY KEY,
        time {_TEXT},
        type {_TEXT},
        tenant {_TEXT},
        stream {_TEXT},
        stream_revision bigint NOT NULL,
        correlation_id {_TEXT},
        key text COLLATE "C",
        key_revision bigint,
        key_digest text COLLATE "C",
        entry bytea NOT NULL
    )""",
    "CREATE UNIQUE INDEX entries_stream ON entries (stream, stream_revision)",
    "CREATE INDEX entries_type ON entries (type, position)",
    "CREATE INDEX entries_time ON entries (time, position)",
    "CREATE INDEX entries_correlation ON entries (correlation_id, position)",
    "CREATE UNIQUE INDEX entries_key ON entries (key, key_revision, coalesce(key_digest, '')) WHERE key IS NOT NULL",
    "CREATE TABLE hashes (level smallint, number bigint, hash bytea NOT NULL, PRIMARY KEY (level, number))",
    f"CREATE TABLE documents (digest {_TEXT} PRIMARY KEY, value bytea NOT NULL)",
    "CREATE TABLE checkpoints (sequence bigint PRIMARY KEY, size bigint NOT NULL, note bytea NOT NULL)",
    f"CREATE TABLE streams (stream {_TEXT} PRIMARY KEY, revision bigint NOT NULL)",
    f"""CREATE TABLE keys (
        key {_TEXT} PRIMARY KEY,
        revision bigint NOT NULL,
        digest text COLLATE "C",
        position bigint NOT NULL,
        created {_TEXT},
        updated {_TEXT}
    )""",
    f"""CREATE TABLE intents (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id {_TEXT} UNIQUE,
        receipt_key {_TEXT},
        epoch bigint NOT NULL,
        position bigint NOT NULL,
        drafts {_TEXT},
        state {_TEXT}
    )""",
    "CREATE INDEX intents_open ON intents (sequence) WHERE state = 'open'",
    f"CREATE TABLE outbox (sink {_TEXT} PRIMARY KEY, position bigint NOT NULL)",
    f"CREATE TABLE counters (name {_TEXT} PRIMARY KEY, value bigint NOT NULL)",
    "INSERT INTO counters (name, value) VALUES ('writer', 0), ('epoch', 0)",
)

APPEND_ONLY = ("meta", "entries", "hashes", "documents", "checkpoints")
PROJECTIONS = ("streams", "keys", "intents", "outbox", "counters")

# What a new row must be, per table. Uniqueness alone would let a gap through.
_NEXT = {
    "entries": f"NEW.position = (SELECT coalesce(max(position), -1) + 1 FROM {SCHEMA}.entries)",
    "hashes": f"NEW.number = (SELECT coalesce(max(number), -1) + 1 FROM {SCHEMA}.hashes WHERE level = NEW.level)",
    "checkpoints": (
        f"NEW.sequence = (SELECT coalesce(max(sequence), -1) + 1 FROM {SCHEMA}.checkpoints)"
        f" AND NEW.size >= (SELECT coalesce(max(size), 0) FROM {SCHEMA}.checkpoints)"
    ),
}

_RAISE = "RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';"


def _functions() -> dict[str, str]:
    made = {"refuse_change": f" BEGIN {_RAISE} END "}
    for table, demand in _NEXT.items():
        made[f"{table}_next"] = f" BEGIN IF ({demand}) IS TRUE THEN RETURN NEW; END IF; {_RAISE} END "
    return made


FUNCTIONS = _functions()
"""Bodies of the trigger functions by name."""

TRIGGERS = {
    **{f"{table}_change": (table, "BEFORE UPDATE OR DELETE", "ROW", "refuse_change") for table in APPEND_ONLY},
    **{f"{table}_truncate": (table, "BEFORE TRUNCATE", "STATEMENT", "refuse_change") for table in APPEND_ONLY},
    **{f"{table}_next": (table, "BEFORE INSERT", "ROW", f"{table}_next") for table in _NEXT},
}
"""Triggers by name: table, when, for each what, function. All of them ENABLE ALWAYS: a plain trigger is skipped under
``session_replication_role = replica`` (https://www.postgresql.org/docs/15/sql-altertable.html, ENABLE ALWAYS)."""


def guard_statements() -> list[str]:
    """Functions and triggers, as statements in the journal's schema."""
    made = [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = {SCHEMA}, pg_catalog, pg_temp AS $guard${body}$guard$"
        for name, body in FUNCTIONS.items()
    ]
    for name, (table, when, each, function) in TRIGGERS.items():
        made.append(f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()")
        made.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return made


# A guard that looks at the schema's name alone lets CREATE RULE … DO INSTEAD NOTHING through: a rule has no schema,
# only an identity ("name on schema.table"). And at its end a RENAME or SET SCHEMA reports the new place: so schema,
# tables and functions also go by their oids.
_NAMED = f"(c.schema_name = '{SCHEMA}' OR position('{SCHEMA}.' IN c.object_identity) > 0"
_REFUSE_DDL = (
    f"RAISE EXCEPTION '{SCHEMA} only grows: % refused', TG_TAG USING ERRCODE = 'integrity_constraint_violation';"
)
_HARMLESS = "'GRANT', 'REVOKE', 'COMMENT', 'CREATE INDEX'"

OIDS = (
    "SELECT 'pg_namespace', oid::bigint FROM pg_namespace WHERE nspname = ?"
    " UNION ALL SELECT 'pg_class', c.oid::bigint FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind = 'r'"
    " UNION ALL SELECT 'pg_proc', p.oid::bigint FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ?"
    " ORDER BY 1, 2"
)
"""What must stay where it is: catalogue and oid. Its three values are the schema's name."""


def event_functions(oids: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Bodies of the event trigger functions by name.

    :param oids: the rows of ``OIDS``.
    """
    pairs = "".join(f" OR (c.classid = '{catalogue}'::regclass AND c.objid = {oid})" for catalogue, oid in oids)
    tables = ", ".join(str(oid) for catalogue, oid in oids if catalogue == "pg_class")
    # Rows of a table elsewhere that inherits from ours would be read as ours, and only the child is named as changed.
    children = f"EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent IN ({tables or 0}))"
    return {
        "refuse_ddl": (
            " BEGIN IF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() c WHERE"
            f" {_NAMED}{pairs}) AND c.command_tag NOT IN ({_HARMLESS})) OR {children} THEN {_REFUSE_DDL} END IF; END "
        ),
        "refuse_drop": (
            " BEGIN IF EXISTS (SELECT 1 FROM pg_event_trigger_dropped_objects() c WHERE"
            f" {_NAMED}{pairs})) THEN {_REFUSE_DDL} END IF; END "
        ),
    }


EVENT_TRIGGERS = {
    "versiqii_journal_ddl": ("ddl_command_end", "refuse_ddl"),
    "versiqii_journal_drop": ("sql_drop", "refuse_drop"),
}
"""Event triggers by name: event and function. Only a superuser can make them."""


LET_GO = f"{GUARD_SCHEMA}.let_go"
LET_GO_CALL = f"SELECT {LET_GO}(%s::text[])"
"""How the service lets documents go, whose table it cannot delete from: this, and only this, is done for it."""

_LIFTED = "SELECT evtname FROM pg_event_trigger WHERE evtenabled = 'A' AND evtname IN ({names})"


def let_go_statements() -> list[str]:
    """The function that deletes documents for the service, as statements; run as who may change the guards.

    It refuses unless the newest entry says so, which the same transaction has appended, and it never takes what a key
    holds now. The guards are put back by the same statement that lifts them.
    """
    names = ", ".join(f"'{name}'" for name in EVENT_TRIGGERS)
    each = "FOREACH guard IN ARRAY lifted LOOP EXECUTE format('ALTER EVENT TRIGGER %I {}', guard); END LOOP;"
    body = (
        " DECLARE lifted name[]; guard name; BEGIN"
        f" IF (SELECT type FROM {SCHEMA}.entries ORDER BY position DESC LIMIT 1) IS DISTINCT FROM 'DocumentsRetired'"
        " THEN RAISE EXCEPTION 'documents only grows, save with an entry that says what goes'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF;"
        f" IF EXISTS (SELECT 1 FROM {SCHEMA}.keys WHERE digest = ANY (gone))"
        " THEN RAISE EXCEPTION 'the present value of a key does not go'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF;"
        f" lifted := ARRAY({_LIFTED.format(names=names)});"
        f" {each.format('DISABLE')}"
        f" ALTER TABLE {SCHEMA}.documents DISABLE TRIGGER documents_change;"
        f" DELETE FROM {SCHEMA}.documents WHERE digest = ANY (gone);"
        f" ALTER TABLE {SCHEMA}.documents ENABLE ALWAYS TRIGGER documents_change;"
        f" {each.format('ENABLE ALWAYS')}"
        " END "
    )
    kind = "RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    return [
        f"CREATE OR REPLACE FUNCTION {LET_GO}(gone text[]) {kind} AS $guard${body}$guard$",
        f"REVOKE ALL ON FUNCTION {LET_GO}(text[]) FROM PUBLIC",
    ]


def event_statements(oids: Sequence[tuple[str, int]]) -> list[str]:
    """Event trigger functions and event triggers, in place of those that are there; run as a superuser."""
    made = [f"CREATE SCHEMA IF NOT EXISTS {GUARD_SCHEMA}"]
    made += [f"DROP EVENT TRIGGER IF EXISTS {name}" for name in EVENT_TRIGGERS]
    made += [
        f"CREATE OR REPLACE FUNCTION {GUARD_SCHEMA}.{name}() RETURNS event_trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog, pg_temp AS $guard${body}$guard$"
        for name, body in event_functions(oids).items()
    ]
    for name, (event, function) in EVENT_TRIGGERS.items():
        made.append(f"CREATE EVENT TRIGGER {name} ON {event} EXECUTE FUNCTION {GUARD_SCHEMA}.{function}()")
        made.append(f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS")
    return made
