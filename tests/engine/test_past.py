"""Any past state is what a witness saw then: pictures of the store, taken while the engine ran, against the journal."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.world import World, journal_at, running, scan_world
from versiqiid.adapters.sql.side import Tables
from versiqiid.adapters.sql.snapshots import SqlSnapshots
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.side import SNAPSHOTS, SideFile
from versiqiid.api import points
from versiqiid.api.history import History
from versiqiid.core.canonical import digest
from versiqiid.core.past import PastKey, Picture, pack, unpack
from versiqiid.core.snapshot import Change, Value
from versiqiid.engine.facts import Attribution, key_fact
from versiqiid.engine.past import Past, Snapshot, check_snapshots
from versiqiid.errors import InvalidInput, JournalRefused
from versiqiid.ports import Query
from versiqiid.testing.journal_tools import SteppingClock, about, draft

pytestmark = pytest.mark.anyio

ROOMS = ("families", "schemas", "migrations", "targets", "envs", "configs", "bindings", "effective")


class Counting:
    """Snapshots, and how they were used."""

    def __init__(self, path: Path) -> None:
        self.file = SideFile(path, *SNAPSHOTS)
        self._real = SqlSnapshots(self.file)
        self.kept: list[int] = []
        self.dropped: list[int] = []

    async def newest(self, size: int) -> Snapshot | None:
        return await self._real.newest(size)

    async def keep(self, snapshot: Snapshot) -> None:
        self.kept.append(snapshot.size)
        await self._real.keep(snapshot)

    async def drop(self, size: int) -> None:
        self.dropped.append(size)
        await self._real.drop(size)


def living(picture: Picture) -> dict[str, str]:
    return {key: known.digest for key, known in picture.items() if known.digest}


async def seen(world: World) -> dict[str, str]:
    """What the store holds, by digest."""
    return {f"{room}/{key}": digest(raw) for room in ROOMS for key, raw in (await world.tree(room)).items()}


EDITS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("configs/av/1.0.0/default", ({"depth": 1}, {"depth": 2}, {"depth": "wrong"}, None)),
    ("configs/av/2.0.0/default", ({"scan": {"depth": 4}}, None)),
    ("envs/prod/asia/av/version", ("1.4.0", "2.0.0", "9.9.9", None)),
    ("envs/prod/eu/av/version", ("1.4.0", "2.0.0", None)),
    ("bindings/prod/av/default", ("", {"hold": True}, None)),
    ("bindings/prod/eu/av/more", ({"config": "default"}, None)),
)


@pytest.mark.parametrize("seed", range(3))
async def test_each_recorded_picture_is_reconstructed(tmp_path: Path, seed: int) -> None:
    """By position and in any order; with snapshots made on the way, and again from those alone."""
    dice = random.Random(seed)  # noqa: S311 - a seed, not a secret
    pictures: list[tuple[int, dict[str, str]]] = []
    async with running(tmp_path) as world:
        await world.write(scan_world())
        await world.settled()
        for _ in range(12):
            key, values = dice.choice(EDITS)
            await world.write({key: dice.choice(values)})
            await world.settled()
            pictures.append((await world.journal.size(), await seen(world)))
    async with journal_at(tmp_path) as journal:
        snapshots = Counting(tmp_path / "snapshots.db")
        dice.shuffle(pictures)
        for _ in range(2):
            past = Past(journal, snapshots, interval=3, per_key=0)
            for size, picture in pictures:
                assert living(await past.at(size)) == picture
        assert snapshots.kept
        assert snapshots.dropped == []
        assert await check_snapshots(journal, snapshots) == len(set(snapshots.kept))


TOLD = st.lists(
    st.tuples(
        st.sampled_from(["bindings/prod/av/a", "configs/av/1/b"]),
        st.integers(1, 6),
        st.sampled_from([b"x", b"y", None]),
        st.booleans(),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(told=TOLD)
def test_one_key_and_all_keys_tell_the_same_past(told: list[tuple[str, int, bytes | None, bool]]) -> None:
    """In whatever order revisions were reported, and wherever the store was put back."""

    async def work(folder: Path) -> None:
        async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock()) as journal:
            for key, revision, raw, present in told:
                value = None if raw is None else Value(raw, revision)
                before = None if value else Value(b"", 1)
                made = key_fact(Change(key, before, value, revision), Attribution(correlation_id="c"))
                assert made.observed is not None
                await journal.append([replace(made, observed=replace(made.observed, present=present))])
            past, history = Past(journal, Counting(folder / "snapshots.db"), interval=3, per_key=0), History(journal)
            size = await journal.size()
            for at in range(size + 1):
                for key, known in (await past.at(at)).items():
                    found = await history.standing(key, points.ByPosition(at - 1))
                    assert found is not None
                    assert (found.revision, found.digest, found.position) == (
                        known.revision,
                        known.digest,
                        known.position,
                    )
            projected = {record.key: record.revision for record in await journal.keys()}
            assert projected == {key: known.revision for key, known in (await past.at(size)).items() if known.digest}

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(work, Path(folder))


# --------------------------------------------------------------------------------------------------- snapshots


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        for at in range(40):
            await journal.append([about(f"k{at % 3}", at + 1, b"%d" % at if at % 7 else None), draft(at)])
        yield journal


class Reading:
    """A journal that counts what is read of it."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def read(self, query: Query) -> Any:
        found = await self._journal.read(query)
        self.count += len(found)
        return found


async def test_a_snapshot_spares_the_entries_before_it(journal: SqliteJournal, tmp_path: Path) -> None:
    counted: Any = Reading(journal)
    snapshots = Counting(tmp_path / "snapshots.db")
    size = await journal.size()
    picture = await Past(counted, snapshots, interval=10).at(size)
    assert counted.count == size
    assert snapshots.kept == list(range(12, size + 1, 12)) or max(snapshots.kept) > size - 20
    counted.count = 0
    assert await Past(counted, snapshots, interval=10).at(size) == picture
    assert counted.count < 20
    for wrong in (-1, size + 1):
        with pytest.raises(InvalidInput):
            await Past(journal, snapshots).at(wrong)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE snapshots SET body = x'00'",
        "UPDATE snapshots SET root = '00'",
        "UPDATE snapshots SET digest = 'sha256:00'",
        f"UPDATE snapshots SET body = x'00', digest = '{digest(bytes(1))}'",  # noqa: S608 - a constant
    ],
)
async def test_a_snapshot_that_does_not_verify_is_made_again(
    journal: SqliteJournal, tmp_path: Path, damage: str
) -> None:
    snapshots = Counting(tmp_path / "snapshots.db")
    size = await journal.size()
    picture = await Past(journal, snapshots, interval=10).at(size)
    before, snapshots.kept = set(snapshots.kept), []

    def work(db: Tables) -> None:
        db.query(damage)

    await snapshots.file.run(work)
    with pytest.raises(JournalRefused) as refused:
        await check_snapshots(journal, snapshots)
    assert (refused.value.fault, refused.value.place) == ("projection", f"snapshot {max(before)}")
    assert await Past(journal, snapshots, interval=10).at(size) == picture
    assert set(snapshots.dropped) == before
    assert set(snapshots.kept) == before
    assert await check_snapshots(journal, snapshots) == len(before)


async def test_a_false_picture_with_a_true_digest_is_found_by_rebuilding(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    """Whoever may write the file can make it say anything; recomputing from the entries tells."""
    snapshots = Counting(tmp_path / "snapshots.db")
    await Past(journal, snapshots, interval=10).at(await journal.size())
    found = await snapshots.newest(1000)
    assert found is not None
    picture = unpack(found.body, "")
    name = next(iter(picture))
    body = pack({**picture, name: replace(picture[name], revision=99)})
    await snapshots.keep(Snapshot(found.size, found.root, digest(body), body))
    with pytest.raises(JournalRefused):
        await check_snapshots(journal, snapshots)


KEYS = st.builds(PastKey, st.integers(0), st.none() | st.text(), st.integers(0), st.text(), st.text())


@settings(max_examples=50)
@given(st.dictionaries(st.text(), KEYS))
def test_a_picture_survives_being_kept(picture: Picture) -> None:
    assert unpack(pack(picture), "") == picture
    assert pack(picture) == pack(dict(reversed(picture.items())))


@pytest.mark.parametrize("body", [b"", b"x", b"x\x9cK\x04\x00\x00b\x00b", json.dumps([1]).encode()])
def test_bytes_that_are_no_picture_are_refused(body: bytes) -> None:
    with pytest.raises(JournalRefused):
        unpack(body, "snapshot 1")
