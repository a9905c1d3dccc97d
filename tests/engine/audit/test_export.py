"""An export has the files of the public format, is extended, completed, and never writes over anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.audit.audited import ADA, export_to, grow
from tests.engine.forger import ORIGIN, SIGNER, SIZE
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.core import note, tiles
from versiqiid.engine.audit_directory import verify_directory
from versiqiid.engine.audit_export import export
from versiqiid.errors import JournalRefused, Refused
from versiqiid.ports import Query
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, draft

pytestmark = pytest.mark.anyio


def test_an_export_has_the_files_of_the_public_format(made: Path) -> None:
    export_folder = made / "export"
    found = {str(path.relative_to(export_folder)) for path in export_folder.rglob("*") if path.is_file()}
    expected = {place.path for level in (None, 0) for place in tiles.level_places(level, SIZE)}
    assert found == expected | {"tile/1/000.p/2", "checkpoint", "log.vkey"}
    assert (export_folder / "log.vkey").read_text() == f"{SIGNER.vkey}\n"


async def test_an_export_is_recorded_once_it_is_there(journal: SqliteJournal) -> None:
    (last,) = await journal.read(Query(descending=True, limit=1))
    assert last.type == "CheckpointSigned"
    assert b'"size":600' in last.entry


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
