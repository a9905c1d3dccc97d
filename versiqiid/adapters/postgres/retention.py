"""Letting documents go from PostgreSQL: only an administrator can, with the guards off for one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from versiqiid.adapters.postgres import schema
from versiqiid.adapters.postgres.database import CONNECT_TIMEOUT_S, failure_of, place_of
from versiqiid.adapters.sql.retention import DELETE

_GUARD = "documents_change"


def let_go(admin_url: str, digests: Sequence[str]) -> None:
    """Delete these documents, all or none; the guards are there again in the same transaction.

    :param admin_url: of a superuser, as at ``journal init``.
    :raises Forbidden: not enough rights; nothing was changed. :raises Unavailable: no answer.
    """
    try:
        with psycopg.connect(admin_url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            connection.execute(f"SET LOCAL search_path = {schema.SCHEMA}, pg_catalog, pg_temp".encode())
            rows = connection.execute("SELECT evtname FROM pg_event_trigger").fetchall()
            events = [name for (name,) in rows if name in schema.EVENT_TRIGGERS]
            for name in events:
                connection.execute(f"ALTER EVENT TRIGGER {name} DISABLE".encode())
            connection.execute(f"ALTER TABLE documents DISABLE TRIGGER {_GUARD}".encode())
            with connection.cursor() as cursor:
                cursor.executemany(DELETE.replace("?", "%s").encode(), [(digest,) for digest in digests])
            connection.execute(f"ALTER TABLE documents ENABLE ALWAYS TRIGGER {_GUARD}".encode())
            for name in events:
                connection.execute(f"ALTER EVENT TRIGGER {name} ENABLE ALWAYS".encode())
    except psycopg.Error as error:
        raise failure_of(place_of(admin_url), error) from error
