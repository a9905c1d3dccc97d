"""The schema beside a journal's in PostgreSQL, and one connection to it.

The service role may do anything here: nothing in it is evidence. ``init.py`` makes it, since the role may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import anyio
import psycopg
from anyio import to_thread

from versiqiid.adapters.postgres.database import (
    CONNECT_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    STATEMENT_TIMEOUT_S,
    failure_of,
    place_of,
)
from versiqiid.adapters.sql.database import Row
from versiqiid.adapters.sql.side import Tables
from versiqiid.errors import Refused

SCHEMA = "versiqii_side"

TABLES = (
    """CREATE TABLE search_meta (
        one boolean PRIMARY KEY DEFAULT true CHECK (one),
        origin text NOT NULL, position bigint NOT NULL, root text NOT NULL
    )""",
    "CREATE TABLE search_documents (digest text PRIMARY KEY)",
    """CREATE TABLE search_texts (
        position bigint NOT NULL, field text NOT NULL, part integer NOT NULL, words tsvector NOT NULL,
        PRIMARY KEY (position, field, part)
    )""",
    "CREATE INDEX search_words ON search_texts USING gin (words)",
    """CREATE TABLE deliveries (
        sink text NOT NULL, position bigint NOT NULL, topic text NOT NULL, partition_number integer NOT NULL,
        partition_offset bigint NOT NULL, PRIMARY KEY (sink, position, topic)
    )""",
    """CREATE TABLE snapshots (
        position bigint PRIMARY KEY, root text NOT NULL, digest text NOT NULL, body bytea NOT NULL
    )""",
)

GRANTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
)

_SESSION = (
    f"SET search_path = {SCHEMA}, pg_catalog, pg_temp; SET lock_timeout = '{LOCK_TIMEOUT_S}s';"
    f" SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'; SET client_encoding = 'UTF8'"
)

T = TypeVar("T")


class _Open:
    """``sql.side.Tables`` on a connection."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def query(self, sql: str, *values: object) -> list[Row]:
        cursor = self._connection.execute(sql.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.cursor().executemany(sql.replace("?", "%s").encode(), rows)


class SideDatabase:
    """``sql.side.Side`` in one schema: one connection, opened at its first use and again after it was lost."""

    def __init__(self, url: str) -> None:
        """:raises InvalidSetting: no PostgreSQL URL."""
        self._place = place_of(url)
        self._url = url
        self._open: psycopg.Connection[Row] | None = None
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[Tables], T]) -> T:
        """See ``sql.side.Side.run``."""
        return await to_thread.run_sync(self._work, work, limiter=self._limiter)

    async def aclose(self) -> None:
        """Let go of the connection; closing again is done already."""
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._close, limiter=self._limiter)

    def _work(self, work: Callable[[Tables], T]) -> T:
        try:
            connection = self._connected()
            with connection.transaction():
                connection.execute("SET LOCAL synchronous_commit = off")  # what a crash may take can be made again
                return work(_Open(connection))
        except psycopg.errors.UndefinedTable as error:
            hint = "versiqiid journal init makes them, also beside a journal that exists"
            raise Refused(f"journal {self._place}: there are no tables {SCHEMA}", hint=hint) from error
        except psycopg.Error as error:
            raise failure_of(self._place, error) from error

    def _connected(self) -> psycopg.Connection[Row]:
        if self._open is None or self._open.closed:
            self._open = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="versiqiid side"
            )
            self._open.execute(_SESSION)
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            with suppress(psycopg.Error):
                self._open.close()
