"""Two processes on one SQLite file: what one of them opens and closes takes nothing from the other."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.ports import Actor, Draft, Set

pytestmark = pytest.mark.anyio

LOOK = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    print(db.execute(f"select count(*) from {sys.argv[2]}").fetchone()[0])
db.close()
"""


async def seen(path: Path, table: str) -> int:
    """How many rows another process counts, which opens the file and closes it again."""
    done = await anyio.run_process([sys.executable, "-c", LOOK, str(path), table], stderr=subprocess.STDOUT)
    return int(done.stdout)


async def test_who_comes_and_goes_sees_every_commit_of_the_store(tmp_path: Path) -> None:
    """Closing the file must not take the log away in which this process goes on writing."""
    path = tmp_path / "store.db"
    async with await SqliteStore.open(path) as store:
        for number in range(1, 4):
            await store.commit([Set(f"versiqii/{number}", b"1")])
            assert await seen(path, "kv_store") == number


async def test_who_comes_and_goes_sees_every_entry_of_the_journal(tmp_path: Path) -> None:
    """Also where the store lives in the same file and is opened after it."""
    path = tmp_path / "both.db"
    actor = Actor("daemon", "test", "api")
    async with (
        await SqliteJournal.open(path, clock=time.time) as journal,
        await SqliteStore.open(path) as store,
    ):
        with sqlite3.connect(path) as db:
            tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
        db.close()
        entries = next(name for name in sorted(tables) if "entr" in name)
        for number in range(1, 4):
            await journal.append([Draft("KeyCreated", f"key/{number}", {}, actor, f"c{number}")])
            await store.commit([Set(f"versiqii/{number}", b"1")])
            assert (await seen(path, entries), await seen(path, "kv_store")) == (number, number)
