"""One connection to PostgreSQL, made again when it was lost; see ``adapters.sql.database.Database``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from psycopg.conninfo import conninfo_to_dict

from versiqiid.adapters.postgres import guards, outbox, schema
from versiqiid.adapters.sql.database import Failures, Row
from versiqiid.errors import Forbidden, InvalidSetting, Refused, Unavailable, VersiqiiError
from versiqiid.ports import Recorded

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 60
"""A cancelled question goes on in the server: these end it. Arbitrary, far above what any of ours takes."""

_SESSION = (
    f"SET search_path = {schema.SCHEMA}, pg_catalog, pg_temp;"  # pg_temp last: no temporary table stands in for ours
    f" SET lock_timeout = '{LOCK_TIMEOUT_S}s'; SET statement_timeout = '{STATEMENT_TIMEOUT_S}s';"
    " SET client_encoding = 'UTF8'"
)

# One statement, one way to the server. Any session may weaken synchronous_commit, so each transaction says it. The row
# lock lets one writer in at a time; what it reads then includes what the one before it has committed.
_BEGIN = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on;"
    " SELECT value FROM counters WHERE name = 'writer' FOR UPDATE"
)


_INIT = "versiqiid journal init makes it, also for a journal that exists"

# NotSupportedError: "cannot perform INSERT RETURNING", when a rule would swallow the row.
_REFUSALS = (psycopg.IntegrityError, psycopg.DataError, psycopg.NotSupportedError)


def place_of(url: str) -> str:
    """What errors call a database: host, port and name, never a credential.

    :raises InvalidSetting: no PostgreSQL URL.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise InvalidSetting("journal: expected postgresql://user@host:port/database") from error
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


class PostgresDatabase:
    """A connection that is opened at its first use and again after it was lost."""

    failures: Failures = (psycopg.Error,)

    def __init__(self, url: str) -> None:
        """:raises InvalidSetting: no PostgreSQL URL."""
        self.place = place_of(url)
        self._url = url
        self._open: psycopg.Connection[Row] | None = None
        self._closed = False
        self._hands_over = False

    @property
    def _connection(self) -> psycopg.Connection[Row]:
        if self._closed:
            raise psycopg.InterfaceError("the connection is closed")
        if self._open is None or self._open.closed:
            self._open = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="versiqiid journal"
            )
            self._open.execute(_SESSION)
            self._hands_over = self._open.execute(outbox.EXISTS.encode()).fetchall() == [(True,)]
        return self._open

    def query(self, sql: str, *values: object) -> list[Row]:
        return self._connection.execute(_marks(sql), values).fetchall()

    def ask(self, questions: Sequence[tuple[str, Sequence[object]]]) -> list[list[Row]]:
        connection = self._connection
        with connection.pipeline():
            cursors = [connection.execute(_marks(sql), values) for sql, values in questions]
        return [cursor.fetchall() for cursor in cursors]

    def run(self, statements: Sequence[tuple[str, Sequence[Sequence[object]]]]) -> None:
        """Every new row must come back: a rule or a trigger could swallow it without a word."""
        connection = self._connection
        with connection.pipeline():
            written = [self._run(connection, sql, rows) for sql, rows in statements]
        for cursor, expected in written:
            if cursor.rowcount != expected:
                raise psycopg.IntegrityError(f"{expected} rows were written and {cursor.rowcount} came back")

    @staticmethod
    def _run(
        connection: psycopg.Connection[Row], sql: str, rows: Sequence[Sequence[object]]
    ) -> tuple[psycopg.Cursor[Row], int]:
        cursor = connection.cursor()
        cursor.executemany(_marks(sql) + (" RETURNING 1" if "INSERT" in sql else ""), rows)
        return cursor, len(rows)

    def begin(self) -> None:
        self._connection.execute(_BEGIN)

    def begin_reading(self) -> None:
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._open is not None and not self._open.closed:
            with suppress(psycopg.Error):
                self._open.execute("ROLLBACK")

    def hand_over(self, entries: Sequence[Recorded]) -> None:
        if entries and self._hands_over:
            self.run(outbox.statements(entries))

    def let_go(self, digests: Sequence[str]) -> None:
        try:
            self._connection.execute(schema.LET_GO_CALL.encode(), [list(digests)])
        except (psycopg.errors.UndefinedFunction, psycopg.errors.InvalidSchemaName) as error:
            raise Refused(f"journal {self.place}: there is no function {schema.LET_GO}", hint=_INIT) from error

    def guards(self) -> tuple[str, ...]:
        return (*guards.required(self.query), *guards.optional(self.query))

    def is_refusal(self, error: Exception) -> bool:
        return isinstance(error, _REFUSALS)

    def failure(self, error: Exception, *, committing: bool) -> VersiqiiError:
        return failure_of(self.place, error, committing=committing)

    def close(self) -> None:
        self._closed = True
        if self._open is not None:
            self._open.close()


def _marks(sql: str) -> str:
    return sql.replace("?", "%s")


def failure_of(place: str, error: Exception, *, committing: bool = False) -> VersiqiiError:
    """The driver's error as one of ours. What the server says is cut at its first line: the rest quotes values."""
    said = re.sub(r"\s+", " ", str(error).strip().split("\n")[0])[:200] or type(error).__name__
    if isinstance(error, psycopg.errors.InsufficientPrivilege | psycopg.errors.InvalidAuthorizationSpecification):
        return Forbidden(f"journal {place}: {said}")
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
        return Refused(f"journal {place}: {said}", hint="versiqiid journal init makes the tables")
    if isinstance(error, _REFUSALS):
        return Refused(f"journal {place}: {said}")
    failure = Unavailable(f"journal {place}: {said}")
    failure.maybe_written = committing
    return failure
