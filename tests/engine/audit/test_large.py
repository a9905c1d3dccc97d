"""Large logs: several processes judge as one does, and of many checkpoints the newest and some are looked at."""

from __future__ import annotations

import itertools
from pathlib import Path

import anyio
import pytest

from tests.engine.audit.audited import grow, reopen, tamper_database, verify
from tests.engine.forger import SIGNER, SIZE, flip
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import merkle
from versiqiid.core.audit import LogCheck
from versiqiid.core.audit_range import StretchFound
from versiqiid.engine import audit
from versiqiid.engine.audit_directory import verify_directory, verify_large_directory
from versiqiid.engine.audit_stretches import check_stretches
from versiqiid.errors import JournalRefused

pytestmark = pytest.mark.anyio


async def judged(journal: SqliteJournal, size: int, apart_from: int) -> tuple[str, str] | bytes:
    check = LogCheck([])
    try:
        await check_stretches(check, size, journal.check_stretch, journal.stretch, apart_from=apart_from)
    except JournalRefused as refusal:
        return refusal.fault, refusal.place
    return b"".join(check._parents[0])


def refuse_to_work(*_: object) -> StretchFound:
    raise OSError("no such thing here")


async def test_processes_judge_as_one_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashes for an honest log, and the same refusal when the fault is in the last stretch of three."""
    monkeypatch.setattr("versiqiid.engine.audit_stretches.STRETCH", 256)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    for fault in (None, ("entry", "position 550")):
        if fault:
            tamper_database(folder, "UPDATE entries SET entry = CAST('{}' AS BLOB) WHERE position = 550")
        async with await reopen(folder) as journal:
            alone, together = [await judged(journal, SIZE, apart_from) for apart_from in (10**9, 0)]
        assert alone == together
        assert alone == fault or (fault is None and len(alone) == 2 * merkle.HASH_BYTES)


async def test_a_process_that_cannot_be_had_is_done_without(journal: SqliteJournal) -> None:
    """What is sent to another process ends with an error there; this one does the work."""
    check = LogCheck([])
    await check_stretches(check, SIZE, journal.check_stretch, refuse_to_work, apart_from=0)
    assert check.size == SIZE


async def test_a_directory_is_verified_beside_an_event_loop_as_without_one(folder: Path) -> None:
    early = (folder / "early").read_bytes()
    found = await verify_large_directory(folder / "export", [SIGNER.key], against=[early])
    assert found == verify_directory(folder / "export", [SIGNER.key], against=[early])
    flip(folder / "export/tile/1/000.p/2", 33)
    with pytest.raises(JournalRefused) as caught:
        await verify_large_directory(folder / "export", [SIGNER.key])
    assert (caught.value.fault, caught.value.place) == ("tile", "tile/1/000.p/2")


@pytest.mark.parametrize("last", [0, 1, 7, 1999, 2000, 2001, 1_000_000])
def test_the_newest_checkpoints_are_looked_at_and_others_spread_evenly(last: int) -> None:
    looked_at = list(audit._looked_at(last, every=False))
    assert looked_at == sorted(set(looked_at))
    assert looked_at[0] == 0
    assert looked_at[-1] == last
    assert len(looked_at) <= 2100
    assert set(range(max(0, last - 999), last + 1)) <= set(looked_at)
    gaps = [after - before for before, after in itertools.pairwise(looked_at)]
    assert max(gaps, default=1) <= max(1, 2 * last // 1000)
    assert list(audit._looked_at(min(last, 5000), every=True)) == list(range(min(last, 5000) + 1))


async def test_of_many_checkpoints_some_are_looked_at_and_all_on_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_CHECKPOINTS", 3)
    async with await reopen(folder) as journal:
        for _ in range(10):
            await grow(journal, 1)
            await journal.sign_checkpoint(SIGNER)
        count = len(await journal.checkpoints())
        found = await verify(journal)
        assert found.checkpoints == (6, count)
        assert f"{count - 6} of {count} earlier checkpoints of its own were not looked at" in found.remarks()
        every = await audit.verify_journal(journal, [SIGNER.key], key_given=True, every_checkpoint=True)
        assert every.checkpoints == (count, count)
    tamper_database(folder, "UPDATE checkpoints SET note = CAST('x' AS BLOB) WHERE sequence = 1")
    async with await reopen(folder) as journal:
        assert (await verify(journal)).signed_size == found.signed_size
        with pytest.raises(JournalRefused, match="format at checkpoint 1"):
            await audit.verify_journal(journal, [SIGNER.key], key_given=True, every_checkpoint=True)
    tamper_database(folder, f"DELETE FROM checkpoints WHERE sequence = {count - 2}")  # noqa: S608 - a number
    async with await reopen(folder) as journal:
        with pytest.raises(JournalRefused, match=f"missing at checkpoint {count - 2}"):
            await verify(journal)


async def test_a_journal_is_verified_while_it_is_written_and_signed(journal: SqliteJournal) -> None:
    """What is added between two looks is no refusal: neither more entries, nor a checkpoint over them."""
    stop = anyio.Event()

    async def write() -> None:
        while not stop.is_set():
            await grow(journal, 1)
            await journal.sign_checkpoint(SIGNER)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        for _ in range(10):
            assert (await verify(journal)).signed_size > SIZE
        stop.set()
