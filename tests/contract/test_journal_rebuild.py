"""Projections recomputed from the entries alone are what the journal keeps; every single difference is named."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.places import Place, PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sql.rebuild import Rebuilt
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.errors import JournalRefused
from versiqiid.ports import Draft
from versiqiid.testing.journal_tools import LocalSigner, SteppingClock, about, draft, everything, intent

pytestmark = pytest.mark.anyio


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[SqlJournal]:
    """A journal with everything in it: 300 entries, keys that came, moved and went, intents, an outbox, an epoch."""
    async with await place.open() as journal:
        await journal.append([draft(number) for number in range(290)])
        await journal.append([about("a", 1, b"x"), about("b", 2, b"y"), about("a", 3, b"z"), about("b", 4, None)])
        await journal.append([about("c", 5, b"1"), about("c", 6, None), about("c", 8, b"2"), about("a", 2, b"late")])
        epoch = await journal.next_epoch()
        await journal.append([draft(type="LeaderElected", data={"leader": "one", "epoch": epoch})], epoch=epoch)
        await journal.intend(intent("open", draft(1), epoch=epoch))
        await journal.append([draft(300, stream="binding/\U0001f600/é")], epoch=epoch)
        await journal.advance_outbox("kafka", 17)
        await journal.sign_checkpoint(LocalSigner(journal.origin))
        yield journal


async def test_what_is_kept_is_what_the_entries_say(journal: SqlJournal) -> None:
    assert await journal.rebuild() == Rebuilt(size=300, streams=7, keys=3, epoch=1)
    await journal.append([draft()])
    assert (await journal.rebuild()).size == 301


async def test_an_empty_journal_is_equal_to_nothing(place: Place) -> None:
    async with await place.open() as journal:
        assert await journal.rebuild() == Rebuilt(0, 0, 0, 0)


DOUBLE = "UPDATE entries SET entry = (SELECT entry FROM entries WHERE position = 8) WHERE position = 9"
DIFFERENCES: tuple[tuple[str, tuple[str, str]], ...] = (
    ("UPDATE entries SET tenant = 'other' WHERE position = 5", ("column", "position 5")),
    ("UPDATE entries SET key_revision = 7 WHERE position = 290", ("column", "position 290")),
    ("UPDATE entries SET key_digest = NULL WHERE position = 290", ("column", "position 290")),
    ("UPDATE entries SET stream = 'x', stream_revision = 1 WHERE position = 5", ("column", "position 5")),
    ("DELETE FROM entries WHERE position = 9", ("missing", "position 9")),
    ("DELETE FROM entries WHERE position = 299", ("hash", "hashes 0/299")),
    (DOUBLE, ("order", "position 9")),
    ("UPDATE hashes SET hash = zeroblob(32) WHERE level = 0 AND number = 9", ("hash", "hashes 0/9")),
    ("DELETE FROM hashes WHERE level = 0 AND number = 9", ("hash", "hashes 0/9")),
    ("DELETE FROM hashes WHERE level = 0 AND number = 299", ("hash", "hashes 0/299")),
    ("UPDATE hashes SET hash = zeroblob(32) WHERE level = 1", ("hash", "hashes 1/0")),
    ("DELETE FROM hashes WHERE level = 1", ("hash", "hashes 1/0")),
    ("INSERT INTO hashes (level, number, hash) VALUES (1, 1, zeroblob(32))", ("hash", "hashes 1/1")),
    ("INSERT INTO hashes (level, number, hash) VALUES (3, 0, zeroblob(32))", ("hash", "hashes 3/0")),
    ("UPDATE streams SET revision = revision - 1 WHERE stream = 'spec/s1'", ("projection", "stream spec/s1")),
    ("DELETE FROM streams WHERE stream = 'key/a'", ("projection", "stream key/a")),
    ("DELETE FROM streams WHERE stream = 'spec/s2'", ("projection", "stream spec/s2")),
    ("INSERT INTO streams (stream, revision) VALUES ('zzz', 1)", ("projection", "stream zzz")),
    ("INSERT INTO streams (stream, revision) VALUES ('a', 1)", ("projection", "stream a")),
    ("UPDATE keys SET digest = NULL WHERE key = 'a'", ("projection", "key a")),
    ("UPDATE keys SET revision = 2 WHERE key = 'a'", ("projection", "key a")),
    ("UPDATE keys SET created = updated, updated = '2030' WHERE key = 'c'", ("projection", "key c")),
    ("UPDATE keys SET position = 1 WHERE key = 'b'", ("projection", "key b")),
    ("DELETE FROM keys WHERE key = 'b'", ("projection", "key b")),
    ("DELETE FROM keys", ("projection", "key a")),
    ("UPDATE counters SET value = 0 WHERE name = 'epoch'", ("projection", "epoch 0")),
    ("UPDATE outbox SET position = 301", ("projection", "outbox kafka")),
    ("UPDATE outbox SET position = -1", ("projection", "outbox kafka")),
    ("UPDATE intents SET epoch = 9", ("projection", "intent open")),
)  # fmt: skip


@pytest.mark.parametrize(("statement", "expected"), DIFFERENCES)
async def test_a_difference_is_named(
    place: Place, journal: SqlJournal, statement: str, expected: tuple[str, str]
) -> None:
    place.tamper(statement)
    with pytest.raises(JournalRefused) as caught:
        await journal.rebuild()
    assert (caught.value.fault, caught.value.place) == expected


async def test_the_first_of_several_differences_is_named(place: Place, journal: SqlJournal) -> None:
    place.tamper(
        "DELETE FROM keys WHERE key = 'c'",
        "INSERT INTO streams (stream, revision) VALUES ('yyy', 1)",
        "DELETE FROM streams WHERE stream = 'key/b'",
    )
    with pytest.raises(JournalRefused) as caught:
        await journal.rebuild()
    assert caught.value.place == "stream key/b"


async def test_repair_puts_projections_right_and_never_an_epoch_back(place: Place, journal: SqlJournal) -> None:
    assert await journal.next_epoch() == 2
    place.tamper("UPDATE keys SET revision = 2 WHERE key = 'a'", "DELETE FROM keys WHERE key = 'b'")
    place.tamper("DELETE FROM streams WHERE stream = 'spec/s1'", "UPDATE streams SET revision = 99")
    assert (await journal.rebuild(repair=True)).keys == 3
    assert await journal.next_epoch() == 3
    (stored,) = await journal.append([draft(1)])
    assert (stored.stream, stored.position) == ("spec/s1", 300)


async def test_what_nobody_spoke_of_is_taken_out(tmp_path: Path) -> None:
    """SQLite only: in PostgreSQL the service may not delete, and says so."""
    place = SqlitePlace(tmp_path / "journal.db")
    async with await place.open() as journal:
        await journal.append([draft()])
        place.tamper("INSERT INTO streams VALUES ('zzz', 1)", "INSERT INTO keys VALUES ('k', 1, NULL, 0, '', '')")
        assert await journal.rebuild(repair=True) == Rebuilt(1, 1, 0, 0)


async def test_repair_never_touches_entries(place: Place, journal: SqlJournal) -> None:
    place.tamper("DELETE FROM entries WHERE position = 9")
    with pytest.raises(JournalRefused, match="position 9"):
        await journal.rebuild(repair=True)
    place.tamper("DELETE FROM hashes WHERE level = 1")
    assert len(await everything(journal)) == 299


# ------------------------------------------------------------------------------------------- against an oracle

KEYS = st.sampled_from(["a", "b", "c/d"])
VALUES = st.none() | st.sampled_from([b"", b"1", b"2"])
FACTS = st.lists(
    st.builds(about, KEYS, st.integers(1, 6), VALUES) | st.builds(draft, st.integers(0, 9)), min_size=1, max_size=6
)


def oracle(entries: Sequence[bytes]) -> tuple[dict[str, int], dict[str, tuple[Any, ...]]]:
    """Streams counted and keys sorted: for each key the entry of the highest revision, the last among equals."""
    told = [json.loads(entry) for entry in entries]
    streams = {one["stream"]: sum(other["stream"] == one["stream"] for other in told) for one in told}
    keys: dict[str, tuple[Any, ...]] = {}
    for key in {one["data"]["observed"]["key"] for one in told if "observed" in one["data"]}:
        about_it = [one for one in told if one["data"].get("observed", {}).get("key") == key]
        highest = [
            one
            for at, one in enumerate(about_it)
            if one["data"]["observed"]["revision"] >= max(o["data"]["observed"]["revision"] for o in about_it[: at + 1])
        ]  # those that moved the key when they came
        lives: list[list[Any]] = [[]]
        for one in highest:
            lives[-1].append(one)
            if "digest" not in one["data"]["observed"]:
                lives.append([])
        last, seen = highest[-1], highest[-1]["data"]["observed"]
        life = lives[-1] or lives[-2]
        keys[key] = (seen["revision"], seen.get("digest"), last["position"], life[0]["time"], last["time"])
    return streams, keys


@settings(max_examples=40)
@given(batches=st.lists(FACTS, min_size=1, max_size=6))
def test_whatever_was_appended_the_projections_are_those_of_the_oracle(batches: list[list[Draft]]) -> None:
    async def work(folder: Path) -> None:
        clock = SteppingClock()
        async with await SqliteJournal.open(folder / "journal.db", clock=clock) as journal:
            for batch in batches:
                await journal.append(batch)
                clock.now += 1
            await journal.rebuild()
            streams, keys = oracle([entry.entry for entry in await everything(journal)])
        with contextlib.closing(sqlite3.connect(folder / "journal.db")) as database:
            assert dict(database.execute("SELECT stream, revision FROM streams")) == streams
            stored = database.execute("SELECT key, revision, digest, position, created, updated FROM keys")
            assert {key: tuple(rest) for key, *rest in stored} == keys

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(work, Path(folder))


# ------------------------------------------------------------------------------------------------- the command


def versiqiid(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "versiqiid", "journal", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def filled(place: Place) -> Place:
    async def fill() -> None:
        async with await place.open() as journal:
            await journal.append([about("a", 1, b"secret-value"), draft(1)])

    anyio.run(fill)
    return place


def test_the_command_says_equal_or_the_first_difference(filled: Place, tmp_path: Path) -> None:
    asked = ("rebuild", "--journal", filled.url, "--data-dir", str(tmp_path))
    done = versiqiid(*asked)
    assert (done.returncode, done.stdout) == (
        0,
        "rebuilt from 2 entries: 2 streams, 1 keys, epoch 0; all as stored\n",
    ), done.stderr
    filled.tamper("UPDATE keys SET revision = 9")
    done = versiqiid(*asked)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "refused: projection at key a"
    assert "--repair" in done.stderr
    assert versiqiid(*asked, "--repair").returncode == 0
    assert versiqiid(*asked).returncode == 0


def test_the_command_makes_no_journal(tmp_path: Path) -> None:
    done = versiqiid("rebuild", "--data-dir", str(tmp_path))
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("refused: missing at ")
    assert list(tmp_path.iterdir()) == []
    assert versiqiid("rebuild", "--journal", "oracle://x").returncode == 64


@pytest.mark.postgres
def test_init_makes_the_tables_and_then_lets_another_role_in(shared_postgres: Postgres, tmp_path: Path) -> None:
    url = shared_postgres.create_database()
    for role in ("versiqii_service", "versiqii_service_two"):
        done = versiqiid("init", "--journal", url, "--service-role", role)
        assert (done.returncode, done.stdout) == (0, f"the journal is ready for {role}\n"), done.stderr
    assert versiqiid("init", "--journal", url, "--service-role", "Bad Role").returncode == 64
    assert versiqiid("init", "--journal", f"sqlite:///{tmp_path}/j.db", "--service-role", "x").returncode == 64
    # the journal was made, but no daemon ever ran on it: looking gives it no name
    done = versiqiid("rebuild", "--journal", PostgresPlace(url).url)
    assert done.stdout.splitlines()[-1].startswith("refused: missing at ")
