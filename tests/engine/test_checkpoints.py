"""The periodic signer: often enough, never twice for nothing, and never over what is no extension."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import note
from versiqiid.engine.audit import sign_on_request
from versiqiid.engine.checkpoints import CheckpointLoop
from versiqiid.errors import JournalRefused
from versiqiid.ports import Actor, Journal, Query, Recorded
from versiqiid.testing.journal_tools import PATIENCE_S, LocalSigner, SteppingClock, draft

pytestmark = pytest.mark.anyio


class Gauges:
    """Metrics that remember."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        raise AssertionError(name, amount, labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        assert not labels
        self.values[name] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        raise AssertionError(name, value, labels)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        yield journal


async def signed_size(journal: Journal) -> int:
    found = await journal.checkpoint()
    return 0 if found is None else note.peek_checkpoint(found, "").size


async def until_signed(journal: Journal, size: int) -> None:
    with anyio.fail_after(PATIENCE_S):
        while await signed_size(journal) < size:
            await anyio.sleep(0.001)


async def test_new_entries_are_signed_and_told(journal: SqliteJournal) -> None:
    gauges, signer = Gauges(), LocalSigner(journal.origin)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(CheckpointLoop(journal, signer, metrics=gauges, interval_s=0).run)
        for size in (1, 2, 3):
            await journal.append([draft(size)])
            await until_signed(journal, size)
        tasks.cancel_scope.cancel()
    assert gauges.values["versiqii_checkpoint_size"] == 3
    assert gauges.values["versiqii_journal_entries"] == 3
    assert "versiqii_checkpoint_age_seconds" in gauges.values
    assert await journal.size() == 3


async def test_an_entry_about_a_checkpoint_asks_for_no_other(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer, actor = LocalSigner(journal.origin), Actor("user", "ada", "cli")
    await journal.append([draft()])
    for number in range(3):
        await sign_on_request(journal, signer, actor=actor, correlation_id=f"c{number}")
    before = len(signer.signed)
    looked = anyio.Event()
    read = journal.read

    async def watched(query: Query) -> tuple[Recorded, ...]:
        found = await read(query)
        looked.set()
        return found

    monkeypatch.setattr(journal, "read", watched)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(CheckpointLoop(journal, signer, interval_s=0).run)
        with anyio.fail_after(PATIENCE_S):
            await looked.wait()
        await journal.append([draft()])
        await until_signed(journal, 5)
        tasks.cancel_scope.cancel()
    assert len(signer.signed) == before + 1


async def test_a_signer_that_is_away_is_asked_again_and_entries_go_on(journal: SqliteJournal) -> None:
    signer = LocalSigner(journal.origin)
    signer.away = True
    asked = anyio.Event()
    original = signer.sign

    async def sign(message: bytes) -> bytes:
        asked.set()
        return await original(message)

    signer.sign = sign  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(CheckpointLoop(journal, signer, interval_s=0.001).run)
        await journal.append([draft(0)])
        with anyio.fail_after(PATIENCE_S):
            await asked.wait()
        await journal.append([draft(1)])
        assert await journal.checkpoint() is None
        signer.away = False
        await until_signed(journal, 2)
        tasks.cancel_scope.cancel()


async def test_what_is_no_extension_stops_the_signer(journal: SqliteJournal, tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 (the attacker's tool)

    signer = LocalSigner(journal.origin)
    await journal.append([draft(0)])
    await journal.sign_checkpoint(signer)
    database = sqlite3.connect(tmp_path / "journal.db")
    database.executescript("DROP TRIGGER hashes_update; UPDATE hashes SET hash = zeroblob(32)")
    database.close()
    await journal.append([draft(1)])
    with pytest.raises(JournalRefused), anyio.fail_after(PATIENCE_S):
        await CheckpointLoop(journal, signer, interval_s=0).run()
    assert await signed_size(journal) == 1
