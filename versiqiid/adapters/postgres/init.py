"""Making the journal's tables, once, with an administrator's rights. The service itself never has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from versiqiid.adapters.postgres import guards, outbox, schema, side
from versiqiid.adapters.postgres.database import CONNECT_TIMEOUT_S, failure_of, place_of
from versiqiid.adapters.sql.database import Row
from versiqiid.errors import InvalidSetting, Refused

_ROLE = re.compile(r"[a-z_][a-z0-9_$]{0,62}")


def init_journal(admin_url: str, service_role: str, *, debezium: bool = False) -> tuple[str, ...]:
    """Make roles, tables, guards and grants in one transaction; repeated, it only grants to the service role, and makes
    what lies beside the tables, and a superuser's guards, where those are missing.

    Blocking: call it from a command, not from an event loop.

    :param admin_url: of a user who may create roles and schemas; without a superuser there are no event triggers.
    :param service_role: made (with LOGIN and no password) unless it exists; gets SELECT and INSERT, and UPDATE on
        projections only.
    :param debezium: also make the table of ``outbox.py``. A daemon looks for it when it connects.
    :returns: the guards that could not be made, by name.
    :raises InvalidSetting: a role name outside ``[a-z_][a-z0-9_$]*``, or no PostgreSQL URL.
    :raises Refused: the tables exist, but not as they were made; nothing was changed. Also for lack of rights.
    :raises Unavailable: no answer.
    """
    place = place_of(admin_url)
    if not _ROLE.fullmatch(service_role) or service_role == schema.OWNER:
        raise InvalidSetting(f"service role {service_role!r}: expected a lower-case role name of its own")
    try:
        with psycopg.connect(admin_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            return _Init(connection, place, debezium=debezium).run(service_role)
    except psycopg.Error as error:
        raise failure_of(place, error) from error


class _Init:
    def __init__(self, connection: psycopg.Connection[Row], place: str, *, debezium: bool) -> None:
        self._connection = connection
        self._place = place
        self._beside = (side.SCHEMA, outbox.SCHEMA) if debezium else (side.SCHEMA,)

    def run(self, service_role: str) -> tuple[str, ...]:
        ((superuser,),) = self._query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not self._query("SELECT 1 FROM pg_roles WHERE rolname = ?", service_role):
            self._run(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(service_role)))
        if not self._query("SELECT 1 FROM pg_roles WHERE rolname = ?", schema.OWNER):
            self._run(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(schema.OWNER)))
        fresh = not self._query("SELECT 1 FROM pg_namespace WHERE nspname = ?", schema.SCHEMA)
        lacking = () if fresh else guards.made(self._query)
        if lacking:
            raise Refused(f"journal {self._place}: the schema exists, but lacks {', '.join(lacking)}")
        with self._as_owner(superuser=superuser):
            if fresh:
                self._make()
            self._grant(service_role)
            self._make_side(service_role)
            if self._query("SELECT 1 FROM pg_namespace WHERE nspname = ?", outbox.SCHEMA):
                self._make_outbox(service_role)
            if not superuser and self._owned(schema.GUARD_SCHEMA):
                self._make_let_go(service_role)
        if superuser and guards.optional(self._query):
            kept = [(str(catalogue), int(oid)) for catalogue, oid in guards.oids(self._query)]
            for statement in schema.event_statements(kept):
                self._connection.execute(statement.encode())
        if superuser:
            self._run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema.GUARD_SCHEMA)))
            self._make_let_go(service_role)
            # Where the journal was made without a superuser, it was the owner's, who may not lift an event trigger.
            self._connection.execute(f"ALTER FUNCTION {schema.LET_GO}(text[]) OWNER TO CURRENT_USER".encode())
        return (*guards.optional(self._query), *self._let_go_missing(service_role))

    @contextmanager
    def _as_owner(self, *, superuser: bool) -> Iterator[None]:
        """Act as the owner, who cannot log in; an administrator who is no superuser is its member for that long."""
        owner = sql.Identifier(schema.OWNER)
        if not superuser:
            self._run(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        for name in (schema.SCHEMA, *self._beside):
            self._run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(sql.Identifier(name), owner))
        if not superuser:  # a superuser's functions lift a superuser's event triggers, and so are a superuser's
            guard = sql.Identifier(schema.GUARD_SCHEMA)
            self._run(sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}").format(guard, owner))
        self._run(sql.SQL("SET LOCAL ROLE {}").format(owner))
        yield
        self._run(sql.SQL("RESET ROLE"))
        if not superuser:
            self._run(sql.SQL("REVOKE {} FROM CURRENT_USER").format(owner))

    def _make(self) -> None:
        name = sql.Identifier(schema.SCHEMA)
        self._run(sql.SQL("SET LOCAL search_path = {}, pg_catalog, pg_temp").format(name))
        for statement in (*schema.TABLES, *schema.guard_statements()):
            self._connection.execute(statement.encode())
        self._query("INSERT INTO meta (name, value) VALUES ('format', ?) RETURNING 1", schema.FORMAT)

    def _grant(self, service_role: str) -> None:
        role, name = sql.Identifier(service_role), sql.Identifier(schema.SCHEMA)
        self._run(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(name, role))
        for table in (*schema.APPEND_ONLY, *schema.PROJECTIONS):
            rights = "SELECT, INSERT" + (", UPDATE" if table in schema.PROJECTIONS else "")
            where = sql.Identifier(schema.SCHEMA, table)
            self._run(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(rights), where, role))

    def _make_side(self, service_role: str) -> None:
        """The tables beside the journal, also where the journal was made before there were any."""
        role, name = sql.Identifier(service_role), sql.Identifier(side.SCHEMA)
        self._run(sql.SQL("SET LOCAL search_path = {}, pg_catalog, pg_temp").format(name))
        if not self._query("SELECT 1 FROM pg_tables WHERE schemaname = ?", side.SCHEMA):
            for statement in side.TABLES:
                self._connection.execute(statement.encode())
        for grant in side.GRANTS:
            self._run(sql.SQL(grant).format(schema=name, role=role))

    def _make_outbox(self, service_role: str) -> None:
        """The table that another relay reads the changes of. Every role that appends must be let in."""
        role, name = sql.Identifier(service_role), sql.Identifier(outbox.SCHEMA)
        for statement in outbox.TABLES:
            self._connection.execute(statement.encode())
        for grant in outbox.GRANTS:
            self._run(sql.SQL(grant).format(schema=name, role=role))

    def _make_let_go(self, service_role: str) -> None:
        """The one way past a guard, also where the journal was made before there was any."""
        role, guard = sql.Identifier(service_role), sql.Identifier(schema.GUARD_SCHEMA)
        for statement in schema.let_go_statements():
            self._connection.execute(statement.encode())
        self._run(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(guard, role))
        self._run(sql.SQL("GRANT EXECUTE ON FUNCTION {}.let_go(text[]) TO {}").format(guard, role))

    def _owned(self, name: str) -> bool:
        """Whether the journal's owner, whom we act as, owns this schema."""
        return bool(
            self._query("SELECT 1 FROM pg_namespace WHERE nspname = ? AND nspowner = ?::regrole", name, schema.OWNER)
        )

    def _let_go_missing(self, service_role: str) -> tuple[str, ...]:
        may = self._query(
            "SELECT has_function_privilege(?, p.oid, 'EXECUTE') FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname || '.' || p.proname = ?",
            service_role,
            schema.LET_GO,
        )
        return () if may == [(True,)] else (f"function {schema.LET_GO} for {service_role}",)

    def _run(self, statement: sql.SQL | sql.Composed) -> None:
        self._connection.execute(statement)

    def _query(self, text: str, *values: object) -> list[Row]:
        return self._connection.execute(text.replace("?", "%s").encode(), values).fetchall()
