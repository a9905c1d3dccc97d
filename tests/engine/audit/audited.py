"""What tests of the audit do with a journal that is exported and signed, and with its copies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.places import SqlitePlace
from tests.engine.forger import SIGNER
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core.audit import Verified
from versiqiid.engine import audit
from versiqiid.engine.audit_directory import verify_directory
from versiqiid.engine.audit_export import export
from versiqiid.errors import JournalRefused
from versiqiid.ports import Actor
from versiqiid.testing.journal_tools import SteppingClock, draft

ADA = Actor("user", "ada", "cli")
UPDATE_ENTRY = "UPDATE entries SET entry = CAST(replace(CAST(entry AS TEXT), '\"ada\"', '\"eve\"') AS BLOB)"


async def grow(journal: SqliteJournal, count: int) -> None:
    start = await journal.size()
    await journal.append([draft(number, documents=(b"%d" % number,)) for number in range(start, start + count)])


async def export_to(journal: SqliteJournal, directory: Path) -> bytes:
    return (await export(journal, SIGNER, directory, actor=ADA, correlation_id="c")).checkpoint


async def reopen(folder: Path) -> SqliteJournal:
    return await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False)


async def verify(journal: SqliteJournal, *against: bytes) -> Verified:
    return await audit.verify_journal(journal, [SIGNER.key], key_given=True, against=against)


def refusal(directory: Path, *against: bytes) -> tuple[str, str]:
    with pytest.raises(JournalRefused) as caught:
        verify_directory(directory, [SIGNER.key], against=against)
    return caught.value.fault, caught.value.place


def tamper_database(folder: Path, *statements: str) -> None:
    """As the file's owner would: guards off, change, guards on again."""
    SqlitePlace(folder / "journal.db").tamper(*statements)
