"""Every kind of tampering with a journal's database is refused, by its class and place."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.engine.audit.audited import UPDATE_ENTRY, grow, reopen, tamper_database, verify
from tests.engine.forger import ORIGIN, SIGNER, SIZE
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.errors import JournalRefused

pytestmark = pytest.mark.anyio

FORGE_CHECKPOINT = (
    "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '100', '101') AS BLOB) WHERE sequence = 0"
)


async def test_an_honest_journal_verifies_and_says_what_was_not_checked(journal: SqliteJournal, made: Path) -> None:
    found = await verify(journal)
    assert (found.origin, found.size, found.signed_size, found.guards_missing) == (ORIGIN, SIZE + 1, SIZE + 1, ())
    assert any("return to an older state" in remark for remark in found.remarks())
    again = await verify(journal, (made / "early").read_bytes(), (made / "export/checkpoint").read_bytes())
    assert again.compared == 2
    assert again.remarks() == ()
    assert [line[0] for line in again.held_off()] == ["A", "B", "C"]


async def test_entries_newer_than_the_checkpoint_are_read_and_named(journal: SqliteJournal) -> None:
    await grow(journal, 3)
    found = await verify(journal)
    assert (found.size, found.signed_size) == (SIZE + 4, SIZE + 1)
    assert any("3 entries are newer" in remark for remark in found.remarks())


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([f"{UPDATE_ENTRY} WHERE position = 300"], ("entry", "position 300")),
        ([f"{UPDATE_ENTRY} WHERE position = 600"], ("entry", "position 600")),
        (["UPDATE hashes SET hash = zeroblob(32) WHERE level = 0 AND number = 9"], ("tile", "tile/0/000")),
        (["UPDATE hashes SET hash = zeroblob(32) WHERE level = 1 AND number = 1"], ("tile", "tile/1/000.p/2")),
        (["DELETE FROM hashes WHERE level = 0 AND number = 9"], ("missing", "hashes 0/0")),
        (["DELETE FROM hashes WHERE level = 1 AND number = 1"], ("missing", "hashes 1/0")),
        (["DELETE FROM entries WHERE position = 300"], ("order", "position 300")),
        (["DELETE FROM entries WHERE position < 10"], ("missing", "position 0")),
        (["DELETE FROM entries WHERE position > 500"], ("truncation", "checkpoint 1")),
        (["DELETE FROM checkpoints"], ("missing", "checkpoint")),
        (
            ["UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE sequence = 0) WHERE sequence = 1"],
            None,
        ),
        (["UPDATE checkpoints SET note = CAST('x' AS BLOB) WHERE sequence = 0"], ("format", "checkpoint 0")),
        (
            [FORGE_CHECKPOINT],
            ("signature", "checkpoint 0"),
        ),
        (["UPDATE entries SET type = 'LoggedIn' WHERE position = 5"], ("column", "position 5")),
        (["UPDATE entries SET stream = 'other' WHERE position = 5"], ("column", "position 5")),
        (["UPDATE entries SET time = '2020' WHERE position = 5"], ("column", "position 5")),
        (["UPDATE entries SET correlation_id = 'other' WHERE position = 5"], ("column", "position 5")),
        (["UPDATE entries SET entry = CAST('{}' AS BLOB) WHERE position = 5"], ("entry", "position 5")),
        (["DELETE FROM entries", "DELETE FROM hashes"], ("empty", f"journal {ORIGIN}")),
    ],
)
async def test_a_change_of_the_database_is_refused(
    folder: Path, statements: list[str], expected: tuple[str, str] | None
) -> None:
    tamper_database(folder, *statements)
    async with await reopen(folder) as journal:
        if expected is None:  # an older released checkpoint: honest, but the newest one says so
            assert (await verify(journal)).signed_size == SIZE + 1
            return
        with pytest.raises(JournalRefused) as caught:
            await verify(journal)
    assert (caught.value.fault, caught.value.place) == expected


async def test_entries_swapped_in_the_database_are_refused(folder: Path) -> None:
    tamper_database(
        folder,
        "UPDATE entries SET position = -1 WHERE position = 7",
        "UPDATE entries SET position = 7 WHERE position = 8",
        "UPDATE entries SET position = 8 WHERE position = -1",
    )
    async with await reopen(folder) as journal:
        with pytest.raises(JournalRefused) as caught:
            await verify(journal)
    assert (caught.value.fault, caught.value.place) == ("order", "position 7")


async def test_a_changed_document_is_refused(folder: Path) -> None:
    tamper_database(folder, "UPDATE documents SET value = CAST('forged' AS BLOB) WHERE value = CAST('7' AS BLOB)")
    async with await reopen(folder) as journal:
        with pytest.raises(JournalRefused) as caught:
            await verify(journal)
    assert caught.value.fault == "document"
    assert caught.value.place.startswith("sha256:")


async def test_a_missing_guard_is_named(folder: Path) -> None:
    database = sqlite3.connect(folder / "journal.db")
    database.execute("DROP TRIGGER entries_update")
    database.close()
    async with await reopen(folder) as journal:
        found = await verify(journal)
    assert found.guards_missing == ("trigger entries_update",)
    assert any("entries_update" in remark for remark in found.remarks())
    assert not any(line.startswith("A") for line in found.held_off())


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (f"{UPDATE_ENTRY} WHERE position = 605", "entry"),
        ("UPDATE hashes SET hash = zeroblob(32) WHERE level = 0 AND number = 605", "entry"),
        ("UPDATE hashes SET hash = zeroblob(32) WHERE level = 0 AND number = 600", "fork"),
        ("UPDATE hashes SET hash = zeroblob(32) WHERE level = 1 AND number = 0", "fork"),
        ("DELETE FROM entries WHERE position > 500", "truncation"),
    ],
)
async def test_no_checkpoint_is_signed_over_what_is_no_extension(
    journal: SqliteJournal, folder: Path, statement: str, fault: str
) -> None:
    before = await journal.checkpoint()
    await grow(journal, 10)
    tamper_database(folder, statement)
    with pytest.raises(JournalRefused) as caught:
        await journal.sign_checkpoint(SIGNER)
    assert caught.value.fault == fault
    assert await journal.checkpoint() == before
