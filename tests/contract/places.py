"""A journal in either database, and its owner's way past the guards."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg

from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.testing.journal_tools import SteppingClock

SERVICE, PASSWORD = "versiqii_service", "service"
APPEND_ONLY = ("meta", "entries", "hashes", "documents", "checkpoints")


def as_role(url: str, role: str, password: str) -> str:
    """The same database for another role."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


class Place(Protocol):
    """A database with a journal in it, and its owner's way past the guards."""

    url: str

    async def open(self, origin: str | None = None, clock: SteppingClock | None = None) -> SqlJournal: ...
    def tamper(self, *statements: str) -> None: ...


class SqlitePlace:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    async def open(self, origin: str | None = None, clock: SteppingClock | None = None) -> SqlJournal:
        return await SqliteJournal.open(self.path, clock=clock or SteppingClock(), origin=origin)

    def tamper(self, *statements: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            guards = database.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                database.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                assert database.execute(statement).rowcount != 0
            for _, sql in guards:
                database.execute(sql)
            database.commit()


class PostgresPlace:
    def __init__(self, admin_url: str) -> None:
        assert init_journal(admin_url, SERVICE) == ()
        self.admin_url = admin_url
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {SERVICE} PASSWORD '{PASSWORD}'")
        self.url = as_role(admin_url, SERVICE, PASSWORD)

    async def open(self, origin: str | None = None, clock: SteppingClock | None = None) -> SqlJournal:
        return await PostgresJournal.open(self.url, clock=clock or SteppingClock(), origin=origin)

    def tamper(self, *statements: str) -> None:
        events = ("versiqii_journal_ddl", "versiqii_journal_drop")
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute("SET search_path = versiqii_journal")
            for off in (True, False):
                if not off:
                    for statement in statements:
                        text = statement.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
                        assert connection.execute(text.encode()).rowcount != 0
                else:
                    for event in events:
                        connection.execute(f"ALTER EVENT TRIGGER {event} DISABLE")
                for table in APPEND_ONLY:
                    word = "DISABLE" if off else "ENABLE ALWAYS"
                    for (name,) in connection.execute(
                        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table]
                    ).fetchall():
                        connection.execute(f"ALTER TABLE {table} {word} TRIGGER {name}".encode())
            for event in events:
                connection.execute(f"ALTER EVENT TRIGGER {event} ENABLE ALWAYS")
