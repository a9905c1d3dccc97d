"""The journal contract on SQLite, and what is SQLite's own: guards, sharing, opening, crashes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.testing.journal_contract import JournalContract, SteppingClock

pytestmark = pytest.mark.anyio


class TestSqliteJournal(JournalContract):
    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    async def journal(self, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[SqliteJournal]:
        async with await SqliteJournal.open(tmp_path / "journal.db", clock=clock) as journal:
            yield journal

    @pytest.fixture
    async def another(
        self, tmp_path: Path, journal: SqliteJournal, clock: SteppingClock
    ) -> AsyncIterator[SqliteJournal]:
        async with await SqliteJournal.open(tmp_path / "journal.db", clock=clock, origin=journal.origin) as another:
            yield another
