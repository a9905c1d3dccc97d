"""The SQLite store keeps the contract on both event loops, and what is its own: durability, sharing, repair."""

from __future__ import annotations

import sqlite3
import stat
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from versiqiid.adapters.sqlite.store import SqliteOptions, SqliteStore
from versiqiid.errors import Conflict, InvalidSetting, Unavailable
from versiqiid.ports import Batch, Delete, Reached, Set, Trouble
from versiqiid.testing.store_contract import StoreContract
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with await SqliteStore.open(tmp_path / "keys.db") as opened:
        yield opened


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteStore]:
        async with await SqliteStore.open(tmp_path / "keys.db") as opened:
            yield opened


async def test_a_file_opened_again_has_everything_and_goes_on_counting(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db") as first:
        await first.commit([Set("t/a", b"1")])
        last = await first.commit([Set("t/b", b"1")])
        gone = await first.commit([Delete("t/b")])
    async with await SqliteStore.open(tmp_path / "keys.db") as second:
        assert [entry.key for entry in (await second.scan("t/")).entries] == ["t/a"]
        assert await second.commit([Set("t/b", b"1")]) > gone > last


async def test_what_was_committed_survives_kill_9(tmp_path: Path) -> None:
    """Another process commits and is killed without a word; every commit it told us about is there."""
    program = """
import os, signal, sys, anyio
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.ports import Set
async def main():
    store = await SqliteStore.open(sys.argv[1])
    for number in range(20):
        await store.commit([Set(f"t/{number:02}", b"x")])
        print(number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
anyio.run(main)
"""
    path = tmp_path / "keys.db"
    killed = await anyio.run_process([sys.executable, "-c", program, path], check=False)
    told = killed.stdout.split()
    assert len(told) == 20, killed.stderr
    async with await SqliteStore.open(path) as store:
        assert len((await store.scan("t/")).entries) == 20


async def test_another_process_is_seen_by_a_watch(tmp_path: Path, store: SqliteStore) -> None:
    program = """
import sys, anyio
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.ports import Set
async def main():
    async with await SqliteStore.open(sys.argv[1]) as store:
        await store.commit([Set("t/theirs", b"hello")])
anyio.run(main)
"""
    async with watching(store, "t/") as seen:
        await anyio.run_process([sys.executable, "-c", program, tmp_path / "keys.db"])
        await seen.until_values({"t/theirs": b"hello"})


async def test_two_stores_on_one_file_respect_each_other(tmp_path: Path, store: SqliteStore) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db") as other:
        revision = await store.commit([Set("t/a", b"1")])
        assert await other.commit([Set("t/a", b"2", expect=revision)]) == revision + 1
        with pytest.raises(Conflict):
            await store.commit([Set("t/a", b"3", expect=revision)])


async def test_a_busy_file_is_unavailable_and_nothing_was_written(tmp_path: Path, store: SqliteStore) -> None:
    blocker = sqlite3.connect(tmp_path / "keys.db", isolation_level=None)
    store._writer.execute("PRAGMA busy_timeout = 10")
    blocker.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Unavailable) as caught:
            await store.commit([Set("t/a", b"1")])
        assert not caught.value.maybe_written
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    assert await store.get("t/a") is None
    await store.commit([Set("t/a", b"1")])


async def test_a_full_disk_is_unavailable_and_the_store_goes_on(store: SqliteStore) -> None:
    await store.commit([Set("t/a", b"1")])
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable) as caught:
        await store.commit([Set("t/b", b"x" * 100_000)])
    assert not caught.value.maybe_written
    assert caught.value.hint == "Make room on the disk."
    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert [entry.key for entry in (await store.scan("t/")).entries] == ["t/a"]
    await store.commit([Set("t/b", b"x" * 100_000)])


async def test_a_refused_commit_does_not_disturb_those_that_wait_with_it(store: SqliteStore) -> None:
    """Commits that wait share one transaction of the file; each keeps its own verdict."""
    await store.commit([Set("t/a", b"1")])
    refused: list[str] = []

    async def write(number: int) -> None:
        expect = 0 if number % 2 else None
        try:
            await store.commit([Set("t/a" if number % 2 else f"t/{number}", b"x", expect), Set(f"t/k{number}", b"y")])
        except Conflict as error:
            refused.append(error.key)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(write, number)
    assert refused == ["t/a"] * 5
    assert [e.key for e in (await store.scan("t/k")).entries] == ["t/k0", "t/k2", "t/k4", "t/k6", "t/k8"]


async def test_a_commit_cancelled_before_its_turn_is_not_written_later(store: SqliteStore) -> None:
    await store._commit_turn.acquire()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.commit, [Set("t/cancelled", b"x")])
        while not store._waiting:
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    store._commit_turn.release()
    await store.commit([Set("t/after", b"x")])
    assert [entry.key for entry in (await store.scan("t/")).entries] == ["t/after"]


async def test_a_commit_cancelled_in_its_turn_does_not_lose_those_that_wait_with_it(store: SqliteStore) -> None:
    """The first of a group carries it out; its own cancellation must not answer the others with a lie."""
    follower: list[int] = []

    async def follow() -> None:
        follower.append(await store.commit([Set("t/follower", b"x")]))

    await store._commit_turn.acquire()
    await store._write_turn.acquire()
    async with anyio.create_task_group() as outer, anyio.create_task_group() as first:
        first.start_soon(store.commit, [Set("t/first", b"x")])
        while not store._waiting:
            await anyio.lowlevel.checkpoint()
        outer.start_soon(follow)
        while len(store._waiting) < 2:
            await anyio.lowlevel.checkpoint()
        store._commit_turn.release()
        while store._waiting:
            await anyio.lowlevel.checkpoint()
        first.cancel_scope.cancel()
        outer.start_soon(anyio.lowlevel.checkpoint)
        store._write_turn.release()
    entry = await store.get("t/follower")
    assert entry is not None
    assert follower == [entry.revision]


async def test_a_watch_that_forgot_deletions_starts_anew(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db", SqliteOptions(deleted_max=5)) as store:
        await store.commit([Set("t/gone", b"1"), Set("t/stays", b"1")])
        seen, gate, stuck = Watching(), anyio.Event(), anyio.Event()

        async def slow(event: Batch | Reached | Trouble) -> None:
            await seen.observe(event)
            stuck.set()
            await gate.wait()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, "t/", slow)
            await stuck.wait()
            await store.commit([Delete("t/gone")])
            for number in range(300):
                operation = Delete("t/x") if number % 2 else Set("t/x", b"x")
                await store.commit([operation])
            await store.commit([Set(f"t/y{number}", b"y") for number in range(20)])
            await store.commit([Delete(f"t/y{number}") for number in range(20)])
            for number in range(300):
                await store.commit([Set("t/stays", str(number).encode())])
            (remembered,) = store._reader.execute("SELECT COUNT(*) FROM kv_deleted").fetchone()
            assert remembered <= 5
            gate.set()
            await seen.until_values({"t/stays": b"299"})
            tasks.cancel_scope.cancel()
        assert seen.batches()[1].complete


async def test_a_watch_reads_changes_through_the_index_on_revisions(store: SqliteStore) -> None:
    """The cost of a change is that of the change: SQLite says itself that it does not walk the tree."""
    query = (
        "EXPLAIN QUERY PLAN SELECT key FROM kv_store INDEXED BY kv_store_revision"
        " WHERE revision > 5 AND key >= 'a' AND key < 'b' ORDER BY key"
    )
    plan = [row[3] for row in store._reader.execute(query)]
    assert plan[0].startswith("SEARCH kv_store USING INDEX kv_store_revision (revision>?)")


async def test_a_watch_in_trouble_says_so_and_recovers(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db", SqliteOptions(dice=lambda: 0.0)) as store:
        await store.commit([Set("t/a", b"1")])
        seen = Watching()
        store._reader.execute("ATTACH ':memory:' AS away")
        good = store._reader
        store._reader = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, "t/", seen.observe)
            await seen.until(lambda: len(seen.events) >= 2)
            assert [event.attempt for event in seen.events if isinstance(event, Trouble)][:2] == [1, 2]
            broken, store._reader = store._reader, good
            await seen.until_values({"t/a": b"1"})
            tasks.cancel_scope.cancel()
        broken.close()


async def test_a_quiet_watch_says_that_it_is_well(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db", SqliteOptions(reached_s=0.05)) as store:
        index = await store.commit([Set("a", b"1")])
        async with watching(store, "") as seen:
            await seen.until(lambda: Reached(index) in seen.events)


async def test_a_new_file_is_for_its_owner_only(tmp_path: Path, store: SqliteStore) -> None:
    await store.commit([Set("a", b"1")])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.iterdir())}
    assert modes == {"keys.db": 0o600, "keys.db-shm": 0o600, "keys.db-wal": 0o600}


async def test_what_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, but long enough to be taken for one" * 20)
    for path in (tmp_path / "text", tmp_path / "no folder" / "keys.db", tmp_path):
        with pytest.raises(InvalidSetting, match="store"):
            await SqliteStore.open(path)


async def test_a_file_of_a_newer_program_is_refused_in_one_sentence(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db") as store:
        store._writer.execute("UPDATE kv_meta SET value = 99 WHERE name = 'schema'")
    with pytest.raises(InvalidSetting, match="version 99"):
        await SqliteStore.open(tmp_path / "keys.db")
    assert sqlite3.connect(tmp_path / "keys.db").close() is None
