"""Which guards of the journal are in place: asked of the catalogue, never assumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from versiqiid.adapters.postgres import schema
from versiqiid.adapters.sql.database import Row

Query = Callable[..., list[Row]]

_PRIVILEGES = ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def required(query: Query) -> tuple[str, ...]:
    """What is missing without which the service does not run, by name."""
    return (*made(query), *_grants(query))


def made(query: Query) -> tuple[str, ...]:
    """What is missing of what ``journal init`` makes once, by name, whoever asks."""
    return (*_ownership(query), *_triggers(query))


def optional(query: Query) -> tuple[str, ...]:
    """What is missing that only a superuser could have made, by name."""
    return tuple(_event_triggers(query))


def oids(query: Query) -> list[Row]:
    """What the event triggers keep in its place, as ``schema.event_functions`` takes it."""
    return query(schema.OIDS, *[schema.SCHEMA] * 3)


def _ownership(query: Query) -> Iterator[str]:
    roles = query("SELECT rolcanlogin OR rolsuper FROM pg_roles WHERE rolname = ?", schema.OWNER)
    if roles != [(False,)]:
        yield f"role {schema.OWNER} without login"
    owners: dict[str, str] = dict(
        query(
            "SELECT c.relname, pg_get_userbyid(c.relowner) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind = 'r'",
            schema.SCHEMA,
        )
    )
    for table in (*schema.APPEND_ONLY, *schema.PROJECTIONS):
        if owners.get(table) != schema.OWNER:
            yield f"table {table} owned by {schema.OWNER}"


def _triggers(query: Query) -> Iterator[str]:
    bodies: dict[str, str] = dict(
        query(
            "SELECT p.proname, p.prosrc FROM pg_proc p"
            " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ?",
            schema.SCHEMA,
        )
    )
    for name, body in schema.FUNCTIONS.items():
        if bodies.get(name) != body:
            yield f"function {name}"
    # tgenabled 'A' is ENABLE ALWAYS (https://www.postgresql.org/docs/15/catalog-pg-trigger.html).
    found = {
        (name, table, function): enabled == "A"
        for name, table, function, enabled in query(
            "SELECT t.tgname, c.relname, p.proname, t.tgenabled::text FROM pg_trigger t"
            " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
            " JOIN pg_proc p ON p.oid = t.tgfoid WHERE n.nspname = ? AND NOT t.tgisinternal",
            schema.SCHEMA,
        )
    }
    for name, (table, _, _, function) in schema.TRIGGERS.items():
        if not found.pop((name, table, function), False):
            yield f"trigger {name}"
    for name, table, _ in found:
        yield f"no foreign trigger such as {name} on {table}"
    heirs = query(
        "SELECT c.relname, i.inhrelid::regclass::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND c.relkind = 'r'",
        schema.SCHEMA,
    )
    for table, child in heirs:
        yield f"no child such as {child} of {table}"
    rules = query("SELECT rulename, tablename FROM pg_rules WHERE schemaname = ?", schema.SCHEMA)
    for name, table in rules:
        yield f"no rule such as {name} on {table}"


def _grants(query: Query) -> Iterator[str]:
    ((superuser,),) = query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if superuser:
        yield "a service role that is no superuser"
        return
    for table in schema.APPEND_ONLY:
        for privilege in _PRIVILEGES:
            ((may,),) = query("SELECT has_table_privilege(?, ?)", f"{schema.SCHEMA}.{table}", privilege)
            if may:
                yield f"no {privilege} on {table} for the service role"
        ((may,),) = query("SELECT has_table_privilege(?, 'INSERT')", f"{schema.SCHEMA}.{table}")
        if not may:
            yield f"INSERT on {table} for the service role"


def _event_triggers(query: Query) -> Iterator[str]:
    found = {
        name: (event, function, source)
        for name, event, function, source in query(
            "SELECT e.evtname, e.evtevent, p.proname, p.prosrc FROM pg_event_trigger e"
            " JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtenabled = 'A'"
        )
    }
    bodies = schema.event_functions([(str(catalogue), int(oid)) for catalogue, oid in oids(query)])
    for name, (event, function) in schema.EVENT_TRIGGERS.items():
        if found.get(name) != (event, function, bodies.get(function)):
            yield f"event trigger {name}"
