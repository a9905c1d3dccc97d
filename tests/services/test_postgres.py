"""The PostgreSQL fixtures do to a real server what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.services.guard import tree
from tests.services.postgres import Postgres
from tests.services.server import ServerError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.postgres


def sql(server: Postgres, words: str, url: str | None = None) -> str:
    """What psql prints for a statement, without ornaments."""
    options = ("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1")
    return server.run("psql", *options, "--command", words, url or server.url).decode().strip()


def test_a_fresh_server_is_empty_and_takes_writes(postgres: Postgres) -> None:
    assert sql(postgres, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    sql(postgres, "CREATE TABLE t AS SELECT 1 AS n")
    assert sql(postgres, "SELECT n FROM t") == "1"
    assert sql(postgres, "SHOW server_encoding") == "UTF8"
    assert sql(postgres, "SHOW fsync") == "on"


def test_what_was_committed_outlives_a_kill(postgres: Postgres) -> None:
    sql(postgres, "CREATE TABLE t AS SELECT 1 AS n")
    url, pids = postgres.url, tree(postgres.pid)
    assert len(pids) > 1
    postgres.kill()
    assert [tree(pid) for pid in pids] == [[]] * len(pids)
    postgres.start()
    assert postgres.url == url
    assert sql(postgres, "SELECT n FROM t") == "1"
    postgres.restart()
    assert sql(postgres, "SELECT n FROM t") == "1"
    assert "database system was shut down" in postgres.log_tail()  # in order: nothing to recover


def test_a_snapshot_brings_back_what_was(postgres: Postgres, tmp_path: Path) -> None:
    sql(postgres, "CREATE TABLE t AS SELECT 1 AS n")
    postgres.snapshot(tmp_path / "dump")
    sql(postgres, "UPDATE t SET n = 2")
    postgres.restore(tmp_path / "dump")
    assert sql(postgres, "SELECT n FROM t") == "1"


def test_each_created_database_is_empty(shared_postgres: Postgres) -> None:
    first, second = shared_postgres.create_database(), shared_postgres.create_database()
    sql(shared_postgres, "CREATE TABLE t AS SELECT 1 AS n", first)
    with pytest.raises(ServerError, match='relation "t" does not exist'):
        sql(shared_postgres, "SELECT n FROM t", second)


def test_it_asks_for_the_password(shared_postgres: Postgres) -> None:
    stranger = Postgres(shared_postgres.found)
    try:
        stranger.ports = shared_postgres.ports
        with pytest.raises(ServerError, match="password authentication failed"):
            sql(stranger, "SELECT 1")
    finally:
        stranger.close()
