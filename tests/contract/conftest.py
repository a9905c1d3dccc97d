"""Journals on both databases, for tests that look at what is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.places import Place, PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty database, in SQLite and in PostgreSQL."""
    if request.param == "sqlite":
        return SqlitePlace(tmp_path / "journal.db")
    server: Postgres = request.getfixturevalue("shared_postgres")
    return PostgresPlace(server.create_database())
