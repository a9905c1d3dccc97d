"""Receipts prove what is there and signed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.audit.audited import ADA, UPDATE_ENTRY, grow, reopen, tamper_database
from tests.engine.forger import ORIGIN, SIGNER, SIZE, flip
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import note
from versiqiid.engine import audit
from versiqiid.engine.audit_directory import prove_from_directory
from versiqiid.errors import JournalRefused, NotFound
from versiqiid.ports import Query

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("position", [0, 255, 256, 599])
async def test_a_receipt_from_journal_or_directory_proves_the_entry(
    journal: SqliteJournal, folder: Path, position: int
) -> None:
    (stored,) = await journal.read(Query(start=position, limit=1))
    for receipt in (await audit.prove(journal, position), prove_from_directory(folder / "export", position)):
        found, checkpoint = audit.verify_receipt(receipt, stored.entry, [SIGNER.key])
        assert (found, checkpoint.origin) == (position, ORIGIN)
        with pytest.raises(JournalRefused):
            audit.verify_receipt(receipt, stored.entry + b" ", [SIGNER.key])


async def test_an_entry_that_is_not_signed_yet_needs_a_signer(journal: SqliteJournal) -> None:
    await grow(journal, 1)
    with pytest.raises(NotFound, match="checkpoint"):
        await audit.prove(journal, SIZE + 1)
    (stored,) = await journal.read(Query(start=SIZE + 1))
    receipt = await audit.prove(journal, SIZE + 1, signer=SIGNER)
    assert audit.verify_receipt(receipt, stored.entry, [SIGNER.key])[0] == SIZE + 1


async def test_there_is_no_receipt_for_what_is_not_there(journal: SqliteJournal, folder: Path) -> None:
    for position in (-1, SIZE + 1, 10**9):
        with pytest.raises(NotFound, match="position"):
            await audit.prove(journal, position)
        with pytest.raises(NotFound, match="position"):
            prove_from_directory(folder / "export", position)


async def test_there_is_no_receipt_for_what_was_tampered_with(folder: Path) -> None:
    tamper_database(folder, f"{UPDATE_ENTRY} WHERE position = 300")
    async with await reopen(folder) as journal:
        with pytest.raises(JournalRefused) as caught:
            await audit.prove(journal, 300)
    assert caught.value.fault == "entry"
    flip(folder / "export/tile/0/001", 3)
    with pytest.raises(JournalRefused) as caught:
        prove_from_directory(folder / "export", 300)
    assert caught.value.fault == "tile"


async def test_a_checkpoint_on_request_is_recorded(journal: SqliteJournal) -> None:
    signed = await audit.sign_on_request(journal, SIGNER, actor=ADA, correlation_id="wanted")
    (last,) = await journal.read(Query(descending=True, limit=1))
    assert (last.type, last.stream, last.correlation_id) == ("CheckpointSigned", "journal/checkpoints", "wanted")
    assert note.peek_checkpoint(signed, "").size == last.position
