"""Every way we know past the guards of a journal in PostgreSQL, tried on a scratch copy of its database.

The copy is made by the server (``CREATE DATABASE … TEMPLATE``), so it has the very triggers, grants, owners and event
triggers of the original; each attempt is one transaction that is rolled back, and at the end the copy is dropped.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from versiqiid.adapters.postgres import schema
from versiqiid.adapters.postgres.database import CONNECT_TIMEOUT_S, failure_of, place_of
from versiqiid.adapters.sql.attack import Attempt, Outcome
from versiqiid.adapters.sql.database import Row
from versiqiid.errors import Forbidden, JournalRefused, Unavailable

_SUPERUSER = "C: a superuser"
_REPLICA = "C: a superuser as a replica"
_AS_REPLICA = "SET LOCAL session_replication_role = replica"

CHANGES = (
    "UPDATE entries SET entry = ''",
    "DELETE FROM entries",
    "TRUNCATE entries",
    "TRUNCATE entries, hashes, documents, checkpoints, meta",
    "INSERT INTO entries SELECT max(position) + 2, '', '', '', 'gap', 1, '', NULL, NULL, NULL, '' FROM entries",
    "INSERT INTO entries SELECT -1, '', '', '', 'before', 1, '', NULL, NULL, NULL, ''",
    "INSERT INTO entries SELECT * FROM entries WHERE position = 0 ON CONFLICT (position) DO UPDATE SET entry = ''",
    "UPDATE hashes SET hash = ''",
    "DELETE FROM hashes",
    "TRUNCATE hashes",
    "INSERT INTO hashes SELECT 0, max(number) + 2, '' FROM hashes WHERE level = 0",
    "UPDATE documents SET value = ''",
    "DELETE FROM documents",
    "TRUNCATE documents",
    f"SELECT {schema.LET_GO}(ARRAY(SELECT digest FROM documents))",  # noqa: S608 - a constant
    "UPDATE checkpoints SET note = ''",
    "DELETE FROM checkpoints",
    "TRUNCATE checkpoints",
    "INSERT INTO checkpoints SELECT max(sequence) + 2, max(size) + 1, '' FROM checkpoints",
    "INSERT INTO checkpoints SELECT max(sequence) + 1, max(size) - 1, '' FROM checkpoints",
    "UPDATE meta SET value = ''",
    "DELETE FROM meta",
    "TRUNCATE meta",
)
"""Changes of rows: for nobody, a superuser and a replica included."""

DDL = (
    "ALTER TABLE entries DISABLE TRIGGER ALL",
    "ALTER TABLE entries DISABLE TRIGGER entries_change",
    "ALTER TABLE entries ADD COLUMN x int",
    "ALTER TABLE entries RENAME TO other",
    "ALTER TABLE entries SET SCHEMA public",
    "ALTER TABLE entries OWNER TO CURRENT_USER",
    "ALTER TRIGGER entries_change ON entries RENAME TO x",
    "DROP TRIGGER entries_change ON entries",
    "DROP TABLE entries",
    "DROP INDEX entries_stream",
    f"DROP SCHEMA {schema.SCHEMA} CASCADE",
    f"ALTER SCHEMA {schema.SCHEMA} RENAME TO other",
    f"DROP OWNED BY {schema.OWNER} CASCADE",
    "CREATE RULE r AS ON INSERT TO entries DO INSTEAD NOTHING",
    "CREATE RULE r AS ON UPDATE TO entries DO INSTEAD NOTHING",
    "CREATE POLICY p ON entries",
    "CREATE TRIGGER t BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION refuse_change() RENAME TO x",
    "DROP FUNCTION refuse_change() CASCADE",
    "CREATE TABLE part () INHERITS (entries)",
    "CREATE TABLE public.part () INHERITS (entries)",
    "CREATE TABLE public.part (LIKE entries); ALTER TABLE public.part INHERIT entries",
)
"""Changes of tables and guards: for nobody, while the event triggers are there."""

SERVICE_ONLY = (_AS_REPLICA, f"SET ROLE {schema.OWNER}")
OPEN = (
    f"ALTER EVENT TRIGGER {next(iter(schema.EVENT_TRIGGERS))} DISABLE",
    "UPDATE pg_catalog.pg_trigger SET tgenabled = 'D'",
)
"""What nothing in a database can refuse a superuser."""


def attack(admin_url: str) -> tuple[Attempt, ...]:
    """Try everything on a scratch copy; afterwards the server is as before.

    :param admin_url: of a superuser: the attempts are made in the place of each role that may append, and as superuser.
    :raises Forbidden: no superuser. :raises JournalRefused: ``missing``: no journal there, or nobody may append to it.
    :raises Unavailable: no answer, or other sessions hold the database, which cannot be copied then.
    """
    place = place_of(admin_url)
    try:
        with _scratch(admin_url, place) as connection:
            found = list(_service(connection, place))
            found += [_attempt(connection, statement, _SUPERUSER) for statement in (*CHANGES, *DDL)]
            found += [_attempt(connection, statement, _REPLICA, _AS_REPLICA) for statement in (*CHANGES, *DDL)]
            found += [_attempt(connection, statement, _SUPERUSER, otherwise="open") for statement in OPEN]
            return tuple(found)
    except psycopg.errors.ObjectInUse as error:
        raise Unavailable(
            f"journal {place}: other sessions hold the database, which cannot be copied",
            hint="stop the daemons that use it, and other sessions of this database",
        ) from error
    except psycopg.Error as error:
        raise failure_of(place, error) from error


def _service(connection: psycopg.Connection[Row], place: str) -> Iterator[Attempt]:
    roles = connection.execute(
        "SELECT DISTINCT r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE c.oid = 'entries'::regclass AND a.privilege_type = 'INSERT' AND r.rolcanlogin AND NOT r.rolsuper"
        " ORDER BY 1"
    ).fetchall()
    become_admin = sql.SQL("SET ROLE {}").format(sql.Identifier(connection.info.user)).as_string()
    if not roles:
        raise JournalRefused("missing", place, "no role may append to it")
    for (role,) in roles:
        become = sql.SQL("SET LOCAL SESSION AUTHORIZATION {}").format(sql.Identifier(role)).as_string()
        for statement in (*CHANGES, *DDL, *SERVICE_ONLY, become_admin):
            yield _attempt(connection, statement, f"B: the service role {role}", become)


@contextmanager
def _scratch(admin_url: str, place: str) -> Iterator[psycopg.Connection[Row]]:
    """A connection to a copy that is dropped at the end, whatever happens."""
    with psycopg.connect(admin_url, connect_timeout=CONNECT_TIMEOUT_S) as original:
        ((superuser,),) = original.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchall()
        there = original.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema.SCHEMA]).fetchall()
        source = original.info.dbname
    if not superuser:
        raise Forbidden(f"journal {place}: the attacks need a superuser's address", hint="give it as --journal")
    if not there:
        raise JournalRefused("missing", place, "there are no tables")
    name = f"versiqii_attack_{secrets.token_hex(4)}"
    with psycopg.connect(make_conninfo(admin_url, dbname="template1"), autocommit=True) as server:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(source))
        server.execute(made)
    try:
        with psycopg.connect(make_conninfo(admin_url, dbname=name), autocommit=True) as connection:
            connection.execute(f"SET search_path = {schema.SCHEMA}, pg_catalog".encode())
            _fill(connection)
            yield connection
    finally:
        with psycopg.connect(make_conninfo(admin_url, dbname="template1"), autocommit=True) as server:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _fill(connection: psycopg.Connection[Row]) -> None:
    """Give the copy a row in each table, as an append would: a guard has nothing to refuse where nothing is."""
    for table, row in (
        ("meta", "('origin', 'scratch')"),
        ("entries", "(0, '', '', '', 'scratch', 1, '', NULL, NULL, NULL, '')"),
        ("hashes", "(0, 0, '')"),
        ("documents", "('scratch', '')"),
        ("checkpoints", "(0, 1, '')"),
    ):
        if table == "meta":
            connection.execute(b"INSERT INTO meta VALUES ('origin', 'scratch') ON CONFLICT DO NOTHING")
        elif not connection.execute(f"SELECT 1 FROM {table} LIMIT 1".encode()).fetchall():  # noqa: S608 - our tables
            connection.execute(f"INSERT INTO {table} VALUES {row}".encode())  # noqa: S608


def _attempt(
    connection: psycopg.Connection[Row], statement: str, by: str, first: str = "", *, otherwise: Outcome = "not held"
) -> Attempt:
    """One attempt in a transaction of its own, always rolled back. What changed no row was held."""
    outcome, said = otherwise, ""
    connection.execute("BEGIN")
    try:
        if first:
            connection.execute(first.encode())
        cursor = connection.execute(statement.encode())
        if statement.startswith(("UPDATE", "DELETE", "INSERT")) and cursor.rowcount == 0:
            outcome = "held"
    except psycopg.Error as error:
        if connection.closed:
            raise
        outcome, said = "held", str(error).split("\n")[0]
    finally:
        if not connection.closed:
            connection.execute("ROLLBACK")
    return Attempt(by, statement, outcome, said)
