"""The journal contract on SQLite, and what is SQLite's own: guards, sharing, opening, crashes."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from versiqiid.adapters.sqlite.attack import ATTACKS
from versiqiid.adapters.sqlite.journal import SqliteDatabase, SqliteJournal
from versiqiid.engine.audit import verify_journal
from versiqiid.errors import InvalidSetting, JournalRefused, Refused, Unavailable
from versiqiid.testing.journal_contract import JournalContract
from versiqiid.testing.journal_tools import (
    LocalSigner,
    SteppingClock,
    about,
    draft,
    everything,
    intent,
)

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


# --------------------------------------------------------------------------------------------------------- append-only


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A journal with two entries, a document and a checkpoint."""
    path = tmp_path / "journal.db"
    async with await SqliteJournal.open(path, clock=SteppingClock()) as journal:
        await journal.append([about("a", 1, b"x"), about("b", 2, b"y")])
        await journal.sign_checkpoint(LocalSigner(journal.origin))
    return path


def dump(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("statement", ATTACKS)
async def test_what_is_written_cannot_be_changed_through_sql(file: Path, statement: str, recursive: bool) -> None:
    async with await SqliteJournal.open(file, clock=SteppingClock()) as journal:
        await journal.append([about("c", 3, b"z")])
    before = dump(file)
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(f"PRAGMA recursive_triggers = {int(recursive)}")
        with pytest.raises(sqlite3.IntegrityError, match="only grows"):
            database.execute(statement)
    assert dump(file) == before


async def test_projections_and_outbox_may_be_rewritten(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        for table in ("keys", "streams", "intents", "outbox", "counters"):
            database.execute(f"DELETE FROM {table}")  # noqa: S608 (one of five names)


async def test_an_operation_that_a_guard_refuses_takes_no_other_with_it(file: Path) -> None:
    """A row that only the database knows of: its stream revision is taken, but the projection was set back."""
    async with await SqliteJournal.open(file, clock=SteppingClock()) as journal:
        await journal.append([draft(stream="broken")])
        with contextlib.closing(sqlite3.connect(file)) as database:
            database.execute("DELETE FROM streams WHERE stream = 'broken'")
            database.commit()
        outcomes: dict[str, str] = {}

        async def work(stream: str) -> None:
            try:
                await journal.append([draft(stream=stream)])
            except Refused as error:
                outcomes[stream] = error.code
            else:
                outcomes[stream] = "ok"

        async with anyio.create_task_group() as tasks:
            for stream in ("one", "broken", "two", "three"):
                tasks.start_soon(work, stream)
        assert outcomes == {"one": "ok", "broken": "refused", "two": "ok", "three": "ok"}
        assert [entry.position for entry in await everything(journal)] == list(range(6))


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_more_tasks_than_one_commit_or_the_queue_holds_are_all_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("versiqiid.adapters.sql.commits.BATCH_MAX", 3)
    monkeypatch.setattr("versiqiid.adapters.sql.commits.QUEUE_MAX", 20)
    commits = 0
    commit = SqliteDatabase.commit

    def counted(self: SqliteDatabase) -> None:
        nonlocal commits
        commits += 1
        commit(self)

    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        monkeypatch.setattr(SqliteDatabase, "commit", counted)
        answers: list[int] = []

        async def work(number: int) -> None:
            answers.extend(stored.position for stored in await journal.append([draft(number)]))

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(work, number)
    assert sorted(answers) == list(range(100))
    assert 34 <= commits <= 60  # the first may find nobody else waiting; never one for each


# ------------------------------------------------------------------------------------------------------------- opening


async def test_a_new_journal_has_a_name_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with await SqliteJournal.open(path, clock=time.time) as journal:
        origin = journal.origin
    assert re.fullmatch("versiqii.local/[0-9a-f]{16}", origin)
    async with await SqliteJournal.open(path, clock=time.time, origin=origin) as journal:
        assert journal.origin == origin
    with pytest.raises(JournalRefused) as caught:
        await SqliteJournal.open(path, clock=time.time, origin="other")
    assert caught.value.fault == "origin"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("origin", ["", "Upper", "-a", "a b", "a+b", "é"])
async def test_a_name_outside_its_grammar_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(InvalidSetting, match="log-origin"):
        await SqliteJournal.open(tmp_path / "journal.db", clock=time.time, origin=origin)
    assert not (tmp_path / "journal.db").exists()


async def test_looking_never_makes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("none.db", "empty.db"):
        with pytest.raises(JournalRefused) as caught:
            await SqliteJournal.open(tmp_path / name, clock=time.time, create=False)
        assert caught.value.fault == "missing"
    assert not (tmp_path / "none.db").exists()
    assert (tmp_path / "empty.db").read_bytes() == b""


@pytest.mark.parametrize("create", [False, True])
async def test_another_programs_file_is_left_alone(tmp_path: Path, create: bool) -> None:
    foreign, rubbish = tmp_path / "foreign.db", tmp_path / "rubbish.db"
    with contextlib.closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE t (x)")
    rubbish.write_bytes(b"not a database" * 100)
    for path in (foreign, rubbish):
        before = path.read_bytes()
        with pytest.raises(JournalRefused) as caught:
            await SqliteJournal.open(path, clock=time.time, create=create)
        assert caught.value.fault == "database"
        assert path.read_bytes() == before


async def test_a_journal_of_a_newer_program_is_refused(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalRefused) as caught:
        await SqliteJournal.open(file, clock=time.time)
    assert caught.value.fault == "format"


async def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "journal.db"):
        with pytest.raises(Unavailable, match=re.escape(str(path))) as caught:
            await SqliteJournal.open(path, clock=time.time)
        assert not caught.value.maybe_written


async def test_many_processes_that_start_at_once_share_one_journal(tmp_path: Path) -> None:
    origins: list[str] = []

    async def work() -> None:
        async with await SqliteJournal.open(tmp_path / "journal.db", clock=time.time) as journal:
            await journal.append([draft()])
            origins.append(journal.origin)

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(work)
    assert len(set(origins)) == 1
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=time.time, create=False) as journal:
        assert [entry.stream_revision for entry in await everything(journal)] == list(range(1, 9))


async def test_what_was_written_is_there_after_opening_again(file: Path) -> None:
    async with await SqliteJournal.open(file, clock=SteppingClock(), create=False) as journal:
        assert [record.key for record in await journal.keys()] == ["a", "b"]
        (stored,) = await journal.append([about("c", 3, b"z")])
        assert (stored.position, stored.stream_revision) == (2, 1)
        await journal.intend(intent("i", about("d", 4, b"w"), epoch=await journal.next_epoch()))
        await journal.advance_outbox("kafka", 2)
    async with await SqliteJournal.open(file, clock=SteppingClock()) as journal:
        assert await journal.open_intents() == (intent("i", about("d", 4, b"w")),)
        assert await journal.outbox_position("kafka") == 2
        assert await journal.next_epoch() == 2


async def test_a_closed_journal_says_so(file: Path) -> None:
    journal = await SqliteJournal.open(file, clock=time.time)
    await journal.aclose()
    await journal.aclose()
    for use in (journal.append([draft()]), journal.size(), journal.next_epoch()):
        with pytest.raises(Unavailable, match="closed"):
            await use


async def test_a_journal_that_another_process_holds_is_unavailable_and_nothing_was_written(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("versiqiid.adapters.sqlite.journal.BUSY_TIMEOUT_S", 0.01)
    async with await SqliteJournal.open(file, clock=time.time) as journal:
        with contextlib.closing(sqlite3.connect(file)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable, match="locked") as caught:
                await journal.append([draft()])
            assert not caught.value.maybe_written
        await journal.append([draft()])
        assert await journal.size() == 3


# -------------------------------------------------------------------------------------------------------------- crashes

CHILD = """
import sys, anyio, time
from pathlib import Path
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.testing.journal_tools import about

async def work(journal, number):
    for count in range(10_000):
        key, value = f"{number}/{count}", b"%d" % count
        (stored,) = await journal.append([about(key, count + 1, value)])
        print(stored.position, key, flush=True)

async def main():
    async with await SqliteJournal.open(Path(sys.argv[1]), clock=time.time) as journal:
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(work, journal, int(sys.argv[2]) * 100 + number)

anyio.run(main)
"""


def run_and_kill(path: Path, round_: int, lines: int) -> dict[int, str]:
    """Let a child append until it has acknowledged this many entries, then kill -9; what it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(round_)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        acknowledged += child.stdout.readlines()
    whole = [line.split() for line in acknowledged if line.endswith("\n")]
    return {int(position): key for position, key in whole}


async def test_kill_9_loses_nothing_that_was_acknowledged_and_leaves_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    acknowledged: dict[int, str] = {}
    for round_, lines in enumerate((1, 40, 150)):
        found = run_and_kill(path, round_, lines)
        assert len(found) >= lines
        assert not acknowledged.keys() & found.keys()
        acknowledged |= found
        async with await SqliteJournal.open(path, clock=time.time, create=False) as journal:
            entries = await everything(journal)
            assert [entry.position for entry in entries] == list(range(await journal.size()))
            keys = {entry.position: json.loads(entry.entry)["data"]["key"] for entry in entries}
            assert {position: keys[position] for position in acknowledged} == acknowledged
            assert {record.key for record in await journal.keys()} == set(keys.values())
            signer = LocalSigner(journal.origin)
            await journal.sign_checkpoint(signer)
            verified = await verify_journal(journal, [signer.key], key_given=True)
            assert verified.signed_size == len(entries)
