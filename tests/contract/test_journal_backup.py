"""Backups of a journal that is being written to, from both databases into one file, and back into both."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from tests.contract.places import Place, PostgresPlace, SqlitePlace
from tests.e2e.processes import command
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.backups import back_up, restore_backup
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import InvalidSetting, JournalRefused, Refused
from versiqiid.ports import Query
from versiqiid.settings import Settings, load
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, about, everything, intent

pytestmark = pytest.mark.anyio

ORIGIN = "backup.test/log"
SIGNER = LocalSigner(ORIGIN)


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[SqlJournal]:
    async with await place.open(ORIGIN) as opened:
        yield opened


def at(place: Place, folder: Path) -> Settings:
    return load({"journal": place.url, "data_dir": folder})


async def opened(file: Path) -> SqlJournal:
    return await SqliteJournal.open(file, clock=SteppingClock(), create=False)


async def test_a_backup_is_of_one_moment_while_tasks_write(journal: SqlJournal, place: Place, tmp_path: Path) -> None:
    """All that was acknowledged before is in it, nothing in it is half, and the journal never stood still."""
    acknowledged = 0
    await journal.intend(intent("open", about("z", 1, b"under way")))

    async def write(name: int) -> None:
        nonlocal acknowledged
        for count in range(100_000):
            (stored,) = await journal.append([about(f"{name}/{count % 9}", count + 1, b"%d" % count)])
            acknowledged = max(acknowledged, stored.position + 1)
            if count % 20 == 0:
                await journal.sign_checkpoint(SIGNER)

    sizes = []
    async with anyio.create_task_group() as tasks:
        for name in range(4):
            tasks.start_soon(write, name)
        with anyio.fail_after(60):
            await journal.wait_beyond(100)
        for number in range(3):
            before, file = acknowledged, tmp_path / f"backup-{number}.db"
            told = await anyio.to_thread.run_sync(back_up, at(place, tmp_path), file)
            async with await opened(file) as copy:
                size = await copy.size()
            assert told == f"backed up {size} entries of {ORIGIN}"
            assert before <= size <= acknowledged + 4
            sizes.append(size)
            with anyio.fail_after(60):
                await journal.wait_beyond(size + 20)
        tasks.cancel_scope.cancel()
    for number, size in enumerate(sizes):
        async with await opened(tmp_path / f"backup-{number}.db") as copy:
            assert await everything(copy) == list(await journal.read(Query(before=size, limit=10_000)))
            assert (await copy.rebuild()).size == size
            assert (await verify_journal(copy, [SIGNER.key], key_given=True)).size == size
            assert [one.id for one in await copy.open_intents()] == ["open"]
            assert await copy.document((await copy.keys())[0].digest) is not None


async def test_a_journal_is_made_again_from_a_backup(
    journal: SqlJournal, place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Into SQLite and into PostgreSQL: the same entries, documents, projections, checkpoints, intents and positions."""
    for number in range(601, 700):
        await journal.append([about(f"k{number % 40}", number, b"%d" % number)])
    await journal.append([about(f"many{number}", number, b"%d" % number) for number in range(600)])
    await journal.sign_checkpoint(SIGNER)
    await journal.advance_outbox("kafka:x", 17)
    assert await journal.next_epoch() == 1
    await journal.intend(intent("open", about("z", 1, b"under way")))
    file = tmp_path / "backup.db"
    await anyio.to_thread.run_sync(back_up, at(place, tmp_path), file)
    places: list[Place] = [SqlitePlace(tmp_path / "again" / "journal.db")]
    if isinstance(place, PostgresPlace):
        places.append(PostgresPlace(request.getfixturevalue("shared_postgres").create_database()))
    for other in places:
        told = await anyio.to_thread.run_sync(restore_backup, at(other, tmp_path), file)
        assert told == f"restored {await journal.size()} entries of {ORIGIN}"
        async with await other.open() as made:
            assert await everything(made) == await everything(journal)
            assert await made.keys() == await journal.keys()
            assert await made.documents(limit=1000) == await journal.documents(limit=1000)
            assert await made.checkpoints() == await journal.checkpoints()
            assert await made.standing() == await journal.standing()
            assert await made.open_intents() == await journal.open_intents()
            assert (await made.rebuild()).size == await journal.size()
            await made.append([about("next", 1, b"x")])
            await made.sign_checkpoint(SIGNER)
            assert (await verify_journal(made, [SIGNER.key], key_given=True)).guards_missing == ()


async def test_nothing_is_written_over_and_nothing_half_is_left(
    journal: SqlJournal, place: Place, tmp_path: Path
) -> None:
    await journal.append([about("a", 1, b"x")])
    file = tmp_path / "backups" / "one.db"
    await anyio.to_thread.run_sync(back_up, at(place, tmp_path), file)
    before = file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(Refused, match="there already"):
        await anyio.to_thread.run_sync(back_up, at(place, tmp_path), file)
    with pytest.raises(Refused, match=r"there already|not empty"):
        await anyio.to_thread.run_sync(restore_backup, at(place, tmp_path), file)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["one.db"]


async def test_a_journal_that_does_not_lead_to_its_checkpoint_is_not_backed_up(
    journal: SqlJournal, place: Place, tmp_path: Path
) -> None:
    """A backup of a forged journal would pass for a good one."""
    await journal.append([about(f"k{number}", number, b"x") for number in range(9)])
    await journal.sign_checkpoint(SIGNER)
    await journal.aclose()
    text = "'{}'" if isinstance(place, PostgresPlace) else "CAST('{}' AS BLOB)"
    zeros = "decode(repeat('00', 32), 'hex')" if isinstance(place, PostgresPlace) else "zeroblob(32)"
    place.tamper(
        f"UPDATE hashes SET hash = {zeros} WHERE level = 0 AND number = 3",  # noqa: S608 - constants above
        f"UPDATE entries SET entry = {text} WHERE position = 3",  # noqa: S608
    )
    with pytest.raises(JournalRefused):
        await anyio.to_thread.run_sync(back_up, at(place, tmp_path), tmp_path / "copies" / "b.db")
    assert list((tmp_path / "copies").iterdir()) == []


def test_what_is_no_journal_is_named(tmp_path: Path) -> None:
    settings = load({"data_dir": tmp_path})
    with pytest.raises(JournalRefused, match="missing"):
        back_up(settings, tmp_path / "b.db")
    with pytest.raises(InvalidSetting, match="no such file"):
        restore_backup(settings, tmp_path / "b.db")
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE t (x)")
    with pytest.raises(JournalRefused, match="not a journal"):
        restore_backup(settings, tmp_path / "other.db")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db"]


async def test_the_commands(journal: SqlJournal, place: Place, tmp_path: Path) -> None:
    await journal.append([about("a", 1, b"x")])
    file, again = tmp_path / "b.db", f"sqlite:///{tmp_path / 'again.db'}"
    for words in (
        ("backup", str(file), "--journal", place.url),
        ("restore", "--backup", str(file), "--journal", again),
        ("rebuild", "--journal", again),
    ):
        done = await anyio.run_process([*command("versiqiid"), "journal", *words, "--data-dir", str(tmp_path)])
        assert b"1 entries" in done.stdout
    words = ("backup", str(file), "--journal", place.url, "--data-dir", str(tmp_path))
    refused = await anyio.run_process([*command("versiqiid"), "journal", *words], check=False)
    assert refused.returncode != 0
    assert b"there already" in refused.stderr
