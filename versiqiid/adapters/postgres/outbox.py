"""A table for a relay that is not ours, in a schema beside the journal's: the columns are named as Debezium's.

Each entry is a row of it in the transaction that appends the entry, and is gone from it in the same transaction: who
reads the database's log of changes sees every row, in the order of the journal, and the table stays empty.
Source: https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html, "Basic outbox
table", and, for the deletion, https://debezium.io/blog/2019/02/19/reliable-microservices-data-exchange-with-the-outbox-pattern/.
"""
# ruff: noqa: S608 - the text is made of the constants below and of nothing else

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from versiqiid.core.cloudevent import envelope, event_type, leaf_hash
from versiqiid.ports import Recorded

SCHEMA = "versiqii_outbox"

TABLES = (
    f"""CREATE TABLE IF NOT EXISTS {SCHEMA}.outbox (
        id text PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL,
        payload json NOT NULL, position bigint NOT NULL
    )""",
)

GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
)

EXISTS = f"SELECT to_regclass('{SCHEMA}.outbox') IS NOT NULL"

_INSERT = (
    f"INSERT INTO {SCHEMA}.outbox (id, aggregatetype, aggregateid, type, payload, position) VALUES (?, ?, ?, ?, ?, ?)"
)
_DELETE = f"DELETE FROM {SCHEMA}.outbox WHERE id = ?"

Statement = tuple[str, Sequence[Sequence[object]]]


def statements(entries: Iterable[Recorded]) -> list[Statement]:
    """What hands entries over: each is there for the length of the transaction."""
    rows = [_row(entry) for entry in entries]
    return [(_INSERT, rows), (_DELETE, [(row[0],) for row in rows])]


def _row(recorded: Recorded) -> tuple[str, str, str, str, str, int]:
    """As the message that we would send ourselves: its id, the first part of its key, its key, its type, its body."""
    kind = recorded.stream.partition("/")[0]
    body = json.dumps(envelope(json.loads(recorded.entry)), ensure_ascii=False, separators=(",", ":"))
    return leaf_hash(recorded.entry), kind, recorded.stream, event_type(recorded.type), body, recorded.position
