"""The outbox table for a relay that is not ours: what a reader of PostgreSQL's log of changes gets to see."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.contract.places import as_role
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.core.cloudevent import Source, message
from versiqiid.ports import Recorded
from versiqiid.testing.journal_tools import SteppingClock, draft, everything

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]

SLOT = "relay"
_COLUMN = re.compile(r""" "?(\w+)"?\[[^\]]+\]:(?:'((?:[^']|'')*)'|(-?\d+))""")

Row = dict[str, Any]


@contextmanager
def admin(url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def admin_url(postgres: Postgres) -> str:
    """A server that keeps what readers of its log of changes need."""
    with admin(postgres.url) as connection:
        connection.execute("ALTER SYSTEM SET wal_level = logical")
    postgres.restart()
    with admin(postgres.url) as connection:
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", [SLOT])
    return postgres.url


def journal_at(admin_url: str, *, debezium: bool) -> str:
    """Make the journal, or what it lacks; the service's URL."""
    assert init_journal(admin_url, "versiqii_service", debezium=debezium) == ()
    with admin(admin_url) as connection:
        connection.execute("ALTER ROLE versiqii_service PASSWORD 'service'")
    return as_role(admin_url, "versiqii_service", "service")


def relayed(admin_url: str) -> list[Row]:
    """What a relay gets: the rows that were inserted into the outbox by committed transactions, in their order."""
    with admin(admin_url) as connection:
        told = connection.execute("SELECT data FROM pg_logical_slot_get_changes(%s, NULL, NULL)", [SLOT]).fetchall()
    found = [line for (line,) in told if line.startswith("table versiqii_outbox.outbox: INSERT:")]
    return [
        {name: (text or number).replace("''", "'") for name, text, number in _COLUMN.findall(line)} for line in found
    ]


def expected(entry: Recorded) -> Row:
    sent = message(entry.entry, Source("x"))
    assert sent.body is not None
    return {
        "id": hashlib.sha256(b"\x00" + entry.entry).hexdigest(),
        "aggregatetype": entry.stream.split("/")[0],
        "aggregateid": entry.stream,
        "type": f"io.versiqii.{entry.type}.v1",
        "payload": sent.body.decode(),
        "position": str(entry.position),
    }


async def test_a_relay_is_told_every_entry_in_order_and_the_table_stays_empty(admin_url: str) -> None:
    url = journal_at(admin_url, debezium=True)
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        await journal.append([draft(1, data={"told": 'it\'s [a: "text"]'}), draft(2, follows=True)])
        await journal.append([draft(3, data={"told": "\u0000 ü"})])
        with admin(admin_url) as connection:
            assert connection.execute("SELECT count(*) FROM versiqii_outbox.outbox").fetchall() == [(0,)]
        entries = await everything(journal)
    told = relayed(admin_url)
    assert told == [expected(entry) for entry in entries]
    assert [json.loads(row["payload"])["event_type"] for row in told] == [entry.type for entry in entries]


async def test_what_is_rolled_back_is_not_told(admin_url: str) -> None:
    url = journal_at(admin_url, debezium=True)
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        await journal.append([draft(1)])
        with admin(admin_url) as connection:
            connection.execute("REVOKE INSERT ON versiqii_outbox.outbox FROM versiqii_service")
        with pytest.raises(Exception, match="permission denied"):
            await journal.append([draft(2)])
        assert await journal.size() == 1
    assert [row["position"] for row in relayed(admin_url)] == ["0"]


async def test_a_journal_that_exists_is_given_the_table(admin_url: str) -> None:
    """Whoever is let in later may write to it without being asked for it again."""
    url = journal_at(admin_url, debezium=False)
    async with await PostgresJournal.open(url, clock=SteppingClock()) as journal:
        await journal.append([draft(1)])
    journal_at(admin_url, debezium=True)
    assert init_journal(admin_url, "another_service") == ()
    with admin(admin_url) as connection:
        connection.execute("ALTER ROLE another_service PASSWORD 'service'")
    for who in (url, as_role(admin_url, "another_service", "service")):
        async with await PostgresJournal.open(who, clock=SteppingClock()) as journal:
            await journal.append([draft(2)])
    assert [row["position"] for row in relayed(admin_url)] == ["1", "2"]
