"""Every kind of tampering with a journal or an export is refused, by its class and place."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from tests.contract.places import SqlitePlace
from tests.engine.forger import ORIGIN, SIGNER, SIZE, edit, entries_of, flip, forge, sign
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import merkle, note, tiles
from versiqiid.core.audit import LogCheck, Verified
from versiqiid.core.audit_range import StretchFound
from versiqiid.core.tiles import Place
from versiqiid.engine import audit
from versiqiid.engine.audit_directory import prove_from_directory, verify_directory, verify_large_directory
from versiqiid.engine.audit_export import export
from versiqiid.engine.audit_stretches import check_stretches
from versiqiid.errors import JournalRefused, NotFound, Refused
from versiqiid.ports import Actor, Query
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, about, draft

pytestmark = pytest.mark.anyio

ADA = Actor("user", "ada", "cli")


async def grow(journal: SqliteJournal, count: int) -> None:
    start = await journal.size()
    await journal.append([draft(number, documents=(b"%d" % number,)) for number in range(start, start + count)])


async def export_to(journal: SqliteJournal, directory: Path) -> bytes:
    return (await export(journal, SIGNER, directory, actor=ADA, correlation_id="c")).checkpoint


@pytest.fixture(scope="module")
async def made(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Path:  # noqa: ARG001 (runs it)
    """A folder with a journal of 601 entries, 600 of them exported, and two checkpoints."""
    folder = tmp_path_factory.mktemp("audit")
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), origin=ORIGIN) as journal:
        await grow(journal, 100)
        (folder / "early").write_bytes(await journal.sign_checkpoint(SIGNER))
        await journal.append([about(f"k{number}", number, b"v%d" % number) for number in range(1, 501)])
        await export_to(journal, folder / "export")
        await journal.sign_checkpoint(SIGNER)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to be tampered with."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
async def journal(folder: Path) -> AsyncIterator[SqliteJournal]:
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
        yield journal


async def verify(journal: SqliteJournal, *against: bytes) -> Verified:
    return await audit.verify_journal(journal, [SIGNER.key], key_given=True, against=against)


def refusal(directory: Path, *against: bytes) -> tuple[str, str]:
    with pytest.raises(JournalRefused) as caught:
        verify_directory(directory, [SIGNER.key], against=against)
    return caught.value.fault, caught.value.place


# ------------------------------------------------------------------------------------------------- the honest log


async def test_an_honest_journal_verifies_and_says_what_was_not_checked(journal: SqliteJournal, made: Path) -> None:
    found = await verify(journal)
    assert (found.origin, found.size, found.signed_size, found.guards_missing) == (ORIGIN, SIZE + 1, SIZE + 1, ())
    assert any("return to an older state" in remark for remark in found.remarks())
    again = await verify(journal, (made / "early").read_bytes(), (made / "export/checkpoint").read_bytes())
    assert again.compared == 2
    assert again.remarks() == ()
    assert [line[0] for line in again.held_off()] == ["A", "B", "C"]


def test_an_honest_export_verifies_and_says_what_was_not_checked(made: Path) -> None:
    found = verify_directory(made / "export", [SIGNER.key], against=[(made / "early").read_bytes()])
    assert (found.origin, found.size, found.signed_size, found.remarks()) == (ORIGIN, SIZE, SIZE, ())
    alone = verify_directory(made / "export")
    assert not alone.key_given
    assert any("nothing is proved about who signed" in remark for remark in alone.remarks())


def test_an_export_has_the_files_of_the_public_format(made: Path) -> None:
    export_folder = made / "export"
    found = {str(path.relative_to(export_folder)) for path in export_folder.rglob("*") if path.is_file()}
    expected = {place.path for level in (None, 0) for place in tiles.level_places(level, SIZE)}
    assert found == expected | {"tile/1/000.p/2", "checkpoint", "log.vkey"}
    assert (export_folder / "log.vkey").read_text() == f"{SIGNER.vkey}\n"


async def test_entries_newer_than_the_checkpoint_are_read_and_named(journal: SqliteJournal) -> None:
    await grow(journal, 3)
    found = await verify(journal)
    assert (found.size, found.signed_size) == (SIZE + 4, SIZE + 1)
    assert any("3 entries are newer" in remark for remark in found.remarks())


async def test_an_export_is_recorded_once_it_is_there(journal: SqliteJournal) -> None:
    (last,) = await journal.read(Query(descending=True, limit=1))
    assert last.type == "CheckpointSigned"
    assert b'"size":600' in last.entry


# ------------------------------------------------------------------------------------------------ extending exports


async def test_an_export_into_the_same_directory_extends_it(journal: SqliteJournal, folder: Path) -> None:
    directory = folder / "export"
    for size in (SIZE + 1, SIZE + 1 + 200, 1024, 1300):
        await grow(journal, max(0, size - await journal.size()))
        before = note.peek_checkpoint((directory / "checkpoint").read_bytes(), "").size
        done = await export(journal, SIGNER, directory, actor=ADA, correlation_id="c")
        assert (done.before, done.size) == (before, await journal.size() - 1)
        early = (folder / "early").read_bytes()
        assert verify_directory(directory, [SIGNER.key], against=[early]).size == done.size
    again = folder / "again"
    await export_to(journal, again)
    for path in (path for path in again.rglob("*") if path.is_file() and path.parts[-1] != "checkpoint"):
        same = directory / path.relative_to(again)
        assert not same.exists() or same.read_bytes() == path.read_bytes()


async def test_an_export_that_was_stopped_is_completed_by_repeating_it(journal: SqliteJournal, folder: Path) -> None:
    directory = folder / "export"
    (directory / "checkpoint").unlink()
    (directory / "log.vkey").unlink()
    (directory / "tile/entries/001").unlink()
    (directory / "tile/1/000.p/2").unlink()
    await export_to(journal, directory)
    assert verify_directory(directory, [SIGNER.key]).size == SIZE + 1


async def test_a_directory_of_another_log_or_a_longer_one_is_refused_and_left_alone(
    journal: SqliteJournal, folder: Path, tmp_path: Path
) -> None:
    async with await SqliteJournal.open(tmp_path / "other.db", clock=SteppingClock(), origin=ORIGIN) as other:
        await other.append([draft(1)])
        await grow(other, 50)
        directory = tmp_path / "other"
        await export_to(other, directory)
        before = (directory / "checkpoint").read_bytes()
        with pytest.raises(JournalRefused) as caught:
            await export_to(journal, directory)
        assert caught.value.fault == "fork"
        assert (directory / "checkpoint").read_bytes() == before
        with pytest.raises(JournalRefused) as caught:
            await export_to(other, folder / "export")
        assert caught.value.fault == "truncation"


async def test_a_directory_of_another_key_is_refused(journal: SqliteJournal, folder: Path) -> None:
    with pytest.raises(JournalRefused) as caught:
        await export(journal, LocalSigner(ORIGIN, bytes(32)), folder / "export", actor=ADA, correlation_id="c")
    assert (caught.value.fault, caught.value.place) == ("signature", "log.vkey")


async def test_an_export_never_writes_over_a_file_that_differs(journal: SqliteJournal, folder: Path) -> None:
    (folder / "export/tile/entries/002.p/88").write_bytes(b"forged")
    (folder / "export/checkpoint").unlink()
    (folder / "export/log.vkey").unlink()
    (folder / "export/tile/0/001").write_bytes(b"forged")
    with pytest.raises(JournalRefused) as caught:
        await export_to(journal, folder / "export")
    assert (caught.value.fault, caught.value.place) == ("tile", "tile/0/001")


async def test_a_directory_that_cannot_be_written_is_refused_by_name(journal: SqliteJournal, folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(Refused, match="file"):
        await export_to(journal, folder / "file")


# -------------------------------------------------------------------------------------- tampering with the directory


def test_a_forger_without_change_forges_nothing(folder: Path) -> None:
    """The forger's tool makes the same log, so what it is refused for below is the change."""
    forge(folder / "export", entries_of(folder / "export"))
    assert verify_directory(folder / "export", against=[(folder / "early").read_bytes()]).size == SIZE


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (lambda d: edit(d / "tile/entries/001", b'"ada"', b'"eve"'), ("entry", "position 256")),
        (lambda d: flip(d / "tile/entries/001", 5), ("entry", "position 256")),
        (lambda d: edit(d / "tile/entries/001", b'"position":300', b'"position":301'), ("order", "position 300")),
        (lambda d: flip(d / "tile/0/001", 33), ("tile", "tile/0/001")),
        (lambda d: flip(d / "tile/0/002.p/88", 33), ("tile", "tile/0/002.p/88")),
        (lambda d: flip(d / "tile/1/000.p/2", 33), ("tile", "tile/1/000.p/2")),
        (lambda d: edit(d / "checkpoint", b"\n600\n", b"\n599\n"), ("signature", "checkpoint")),
        (lambda d: edit(d / "checkpoint", b"\n600\n", b"\n600\nextension\n"), ("signature", "checkpoint")),
        (lambda d: flip(d / "checkpoint", len(ORIGIN) + 10), ("signature", "checkpoint")),
        (lambda d: edit(d / "checkpoint", b"audit.test/log\n6", b"other.test/log\n6"), ("signature", "checkpoint")),
        (lambda d: (d / "checkpoint").write_bytes(b""), ("format", "checkpoint")),
        (lambda d: (d / "checkpoint").unlink(), ("missing", "checkpoint")),
        (lambda d: (d / "tile/entries/001").unlink(), ("missing", "tile/entries/001")),
        (lambda d: (d / "tile/0/001").unlink(), ("missing", "tile/0/001")),
        (lambda d: (d / "tile/1/000.p/2").unlink(), ("missing", "tile/1/000.p/2")),
        (lambda d: (d / "tile/entries/001").write_bytes(b""), ("size", "tile/entries/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(32)), ("size", "tile/0/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(33)), ("size", "tile/0/001")),
        (lambda d: (d / "tile/0/001").write_bytes(bytes(20_000_000)), ("size", "tile/0/001")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE, bytes(32))), ("root", "checkpoint")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE + 1, bytes(32))), ("missing", "tile/entries/002.p/89")),
        (lambda d: sign(d, note.Checkpoint(ORIGIN, 0, bytes(32))), ("root", "checkpoint")),
        (lambda d: sign(d, note.Checkpoint("a.b", SIZE, bytes(32))), ("origin", "checkpoint")),
        (
            lambda d: sign(d, note.Checkpoint(ORIGIN, SIZE, bytes(32)), LocalSigner(ORIGIN, bytes(32))),
            ("signature", "checkpoint"),
        ),
    ],
)  # fmt: skip
def test_a_change_of_the_directory_is_refused(
    folder: Path, tamper: Callable[[Path], object], expected: tuple[str, str]
) -> None:
    tamper(folder / "export")
    assert refusal(folder / "export") == expected


def test_an_entry_changed_together_with_its_tile_is_refused(folder: Path) -> None:
    directory = folder / "export"
    bundle = directory / "tile/entries/001"
    edit(bundle, b'"ada"', b'"eve"')
    changed = tiles.decode_bundle(bundle.read_bytes(), Place(None, 1, 256))
    (directory / "tile/0/001").write_bytes(b"".join(merkle.leaf_hash(entry) for entry in changed))
    assert refusal(directory) == ("entry", "tile/1/000.p/2")


def test_a_log_rewritten_up_to_the_root_is_refused_for_its_root(folder: Path) -> None:
    directory = folder / "export"
    signed = (directory / "checkpoint").read_bytes()
    entries = entries_of(directory)
    entries[5] = entries[5].replace(b'"ada"', b'"eve"')
    forge(directory, entries)
    (directory / "checkpoint").write_bytes(signed)
    assert refusal(directory) == ("root", "checkpoint")


def test_entries_in_another_order_are_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    entries[7], entries[8] = entries[8], entries[7]
    forge(folder / "export", entries)
    assert refusal(folder / "export") == ("order", "position 7")


def test_an_entry_taken_out_or_put_in_is_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    forge(folder / "export", entries[:7] + entries[8:])
    assert refusal(folder / "export") == ("order", "position 7")
    forge(folder / "export", [*entries[:7], entries[7].replace(b"}", b"} ", 1), *entries[7:]])
    assert refusal(folder / "export") == ("order", "position 8")


def test_time_that_goes_back_is_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    entries[7] = entries[7].replace(b'"time":"2025', b'"time":"2024')
    forge(folder / "export", entries)
    assert refusal(folder / "export") == ("order", "position 7")


def test_bytes_that_are_no_entry_are_refused_however_well_signed(folder: Path) -> None:
    entries = entries_of(folder / "export")
    for wrong in (b"", b"{}", b"[]", b"\xff", b'{"data":1}'):
        forge(folder / "export", [*entries[:7], wrong, *entries[8:]])
        assert refusal(folder / "export") == ("entry", "position 7")


def test_an_older_state_is_refused_only_with_a_checkpoint_from_elsewhere(folder: Path) -> None:
    directory = folder / "export"
    later = (directory / "checkpoint").read_bytes()
    forge(directory, entries_of(directory)[:300])
    assert verify_directory(directory, [SIGNER.key], against=[(folder / "early").read_bytes()]).size == 300
    assert refusal(directory, later) == ("truncation", "earlier checkpoint 1")


def test_a_fork_by_a_thief_of_the_key_is_refused_only_with_a_checkpoint_from_elsewhere(folder: Path) -> None:
    directory = folder / "export"
    early = (folder / "early").read_bytes()
    entries = entries_of(directory)
    entries[99] = entries[99].replace(b'"ada"', b'"eve"')
    forge(directory, entries)
    assert verify_directory(directory, [SIGNER.key]).size == SIZE
    assert refusal(directory, early) == ("fork", "earlier checkpoint 1")
    entries = [*entries_of(directory)[:300]]
    assert refusal(directory, early.replace(b"\n100\n", b"\n101\n")) == ("signature", "earlier checkpoint 1")


def test_an_empty_log_verifies_and_only_with_the_root_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "log.vkey").write_text(SIGNER.vkey)
    sign(tmp_path, note.Checkpoint(ORIGIN, 0, merkle.EMPTY_ROOT))
    assert verify_directory(tmp_path).size == 0
    sign(tmp_path, note.Checkpoint(ORIGIN, 0, merkle.leaf_hash(b"")))
    assert refusal(tmp_path) == ("root", "checkpoint")


def test_a_key_file_that_is_none_is_refused(folder: Path) -> None:
    (folder / "export/log.vkey").write_bytes(b"\xff\xfe")
    with pytest.raises(JournalRefused) as caught:
        verify_directory(folder / "export")
    assert (caught.value.fault, caught.value.place) == ("format", "log.vkey")


# ---------------------------------------------------------------------------------------- tampering with the database

FORGE_CHECKPOINT = (
    "UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '100', '101') AS BLOB) WHERE sequence = 0"
)
UPDATE_ENTRY = "UPDATE entries SET entry = CAST(replace(CAST(entry AS TEXT), '\"ada\"', '\"eve\"') AS BLOB)"


def tamper_database(folder: Path, *statements: str) -> None:
    """As the file's owner would: guards off, change, guards on again."""
    SqlitePlace(folder / "journal.db").tamper(*statements)


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
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
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
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
        with pytest.raises(JournalRefused) as caught:
            await verify(journal)
    assert (caught.value.fault, caught.value.place) == ("order", "position 7")


async def test_a_changed_document_is_refused(folder: Path) -> None:
    tamper_database(folder, "UPDATE documents SET value = CAST('forged' AS BLOB) WHERE value = CAST('7' AS BLOB)")
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
        with pytest.raises(JournalRefused) as caught:
            await verify(journal)
    assert caught.value.fault == "document"
    assert caught.value.place.startswith("sha256:")


async def test_a_missing_guard_is_named(folder: Path) -> None:
    database = sqlite3.connect(folder / "journal.db")
    database.execute("DROP TRIGGER entries_update")
    database.close()
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
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


# ------------------------------------------------------------------------------------------------------------ proving


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
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
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


# ---------------------------------------------------------------------------------------------------- many processes


async def judged(journal: SqliteJournal, size: int, apart_from: int) -> tuple[str, str] | bytes:
    check = LogCheck([])
    try:
        await check_stretches(check, size, journal.check_stretch, journal.stretch, apart_from=apart_from)
    except JournalRefused as refusal:
        return refusal.fault, refusal.place
    return b"".join(check._parents[0])


async def test_processes_judge_as_one_does(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same hashes for an honest log, and the same refusal when the fault is in the last stretch of three."""
    monkeypatch.setattr("versiqiid.engine.audit_stretches.STRETCH", 256)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    for fault in (None, ("entry", "position 550")):
        if fault:
            tamper_database(folder, "UPDATE entries SET entry = CAST('{}' AS BLOB) WHERE position = 550")
        async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
            alone, together = [await judged(journal, SIZE, apart_from) for apart_from in (10**9, 0)]
        assert alone == together
        assert alone == fault or (fault is None and len(alone) == 2 * merkle.HASH_BYTES)


async def test_a_process_that_cannot_be_had_is_done_without(journal: SqliteJournal) -> None:
    """What is sent to another process ends with an error there; this one does the work."""
    check = LogCheck([])
    await check_stretches(check, SIZE, journal.check_stretch, refuse_to_work, apart_from=0)
    assert check.size == SIZE


def refuse_to_work(*_: object) -> StretchFound:
    raise OSError("no such thing here")


async def test_a_directory_is_verified_beside_an_event_loop_as_without_one(folder: Path) -> None:
    early = (folder / "early").read_bytes()
    found = await verify_large_directory(folder / "export", [SIGNER.key], against=[early])
    assert found == verify_directory(folder / "export", [SIGNER.key], against=[early])
    flip(folder / "export/tile/1/000.p/2", 33)
    with pytest.raises(JournalRefused) as caught:
        await verify_large_directory(folder / "export", [SIGNER.key])
    assert (caught.value.fault, caught.value.place) == ("tile", "tile/1/000.p/2")


# -------------------------------------------------------------------------------------------------- many checkpoints


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
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
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
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
        assert (await verify(journal)).signed_size == found.signed_size
        with pytest.raises(JournalRefused, match="format at checkpoint 1"):
            await audit.verify_journal(journal, [SIGNER.key], key_given=True, every_checkpoint=True)
    tamper_database(folder, f"DELETE FROM checkpoints WHERE sequence = {count - 2}")  # noqa: S608 - a number
    async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock(), create=False) as journal:
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
