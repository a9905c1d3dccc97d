"""Full-text search over entries and documents of real journals, against a search that reads everything."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import stat
import tempfile
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.places import SERVICE, Place, PostgresPlace
from tests.e2e.processes import run_cli
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.init import init_journal
from versiqiid.adapters.postgres.search import PostgresSearchIndex
from versiqiid.adapters.postgres.side import SideDatabase
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.search import SearchIndex
from versiqiid.core.search import Asked, Mark, Text, check
from versiqiid.engine.search import Index, bring
from versiqiid.engine.search import find as found_by
from versiqiid.errors import InvalidInput, Refused, Unavailable
from versiqiid.testing.journal_tools import SteppingClock, about, draft, everything

pytestmark = pytest.mark.anyio


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[SqlJournal]:
    async with await place.open() as journal:
        yield journal


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    """The index of either backend; which journal it follows is not its business."""
    if request.param == "sqlite":
        yield SearchIndex(tmp_path / "search.db")
        return
    side = SideDatabase(PostgresPlace(request.getfixturevalue("shared_postgres").create_database()).url)
    yield PostgresSearchIndex(side)
    await side.aclose()


async def find(index: Index, *words: str, within: str | None = None) -> tuple[int, ...]:
    return await index.find(Asked(words, within, 1000))


async def test_entries_and_documents_are_found_newest_first(journal: SqlJournal, index: Index) -> None:
    await journal.append([draft(0, data={"reason": "Quarantäne is full", "n": 4711}, correlation_id="release-7")])
    await journal.append([about("configs/av-engine/1.0.0/default", 3, b'{"scan_depth": 8, "mode": "paranoid"}')])
    await journal.append([draft(1, stream="binding/prod/eu-fr/av-engine/default", correlation_id="release-7")])
    assert await bring(journal, index) == 3
    assert await find(index, "quarantane", "FULL") == (0,)
    assert await find(index, "4711") == (0,)
    assert await find(index, "release-7") == (2, 0)
    assert await find(index, "relea*") == (2, 0)
    assert await find(index, "relea") == ()
    assert await find(index, "paranoid") == (1,)
    assert await find(index, "scan_depth", within="document") == (1,)
    assert await find(index, "paranoid", within="entry") == ()
    assert await find(index, "av-engine") == (2, 1)
    assert await find(index, "engine-av") == ()
    assert await find(index, "av-engine", "paranoid") == (1,)  # one word in the entry, one in its document
    assert await find(index, "reason") == ()  # the name of a member, not what it says


async def test_the_index_goes_on_where_it_was_and_keeps_each_document_once(journal: SqlJournal, index: Index) -> None:
    await journal.append([about("a", 1, b"alpha"), about("b", 2, b"alpha")])
    assert await bring(journal, index) == 2
    assert await bring(journal, index) == 0
    await journal.append([about("c", 3, b"alpha"), about("c", 4, b"beta")])
    assert await bring(journal, index) == 2
    assert await find(index, "alpha") == (0,)
    assert await find(index, "beta") == (3,)


async def test_more_than_a_page_is_taken_in(journal: SqlJournal, index: Index) -> None:
    await journal.append([draft(number, data={"word": f"word{number}"}) for number in range(1203)])
    assert await bring(journal, index) == 1203
    assert await find(index, "word1202") == (1202,)
    assert len(await find(index, "word*")) == 1000


async def test_what_is_no_text_is_left_out(journal: SqlJournal, index: Index) -> None:
    await journal.append(
        [about("modules/x", 1, b"\0asm needle"), about("y", 2, b"\xff needle"), about("z", 3, b"needle")]
    )
    await bring(journal, index)
    assert await find(index, "needle") == (2,)


async def test_the_index_of_another_journal_begins_anew(index: Index, tmp_path: Path) -> None:
    for name in ("one", "two"):
        async with await SqliteJournal.open(tmp_path / f"{name}.db", clock=SteppingClock(), origin="same") as journal:
            await journal.append([draft(0, data={"only": name}), draft(1)])
            assert await bring(journal, index) == 2
    assert await find(index, "one") == ()
    assert await find(index, "two") == (0,)
    async with await SqliteJournal.open(tmp_path / "three.db", clock=SteppingClock(), origin="same") as journal:
        assert await bring(journal, index) == 0  # restored to nothing
    assert await find(index, "two") == ()


async def test_a_file_that_is_no_index_is_made_anew_and_the_journal_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "search.db").write_bytes(b"rubbish" * 1000)
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        await journal.append([draft(0, data={"word": "needle"})])
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            before = list(database.iterdump())
        index = SearchIndex(tmp_path / "search.db")
        assert await bring(journal, index) == 1
        assert await find(index, "needle") == (0,)
        assert stat.S_IMODE((tmp_path / "search.db").stat().st_mode) in (0o600, 0o644)
        await index.clear()
        assert await bring(journal, index) == 1
        assert stat.S_IMODE((tmp_path / "search.db").stat().st_mode) == 0o600
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as database:
            assert list(database.iterdump()) == before
    with pytest.raises(Unavailable):
        await SearchIndex(tmp_path / "no" / "search.db").mark()


async def test_many_that_index_at_once_take_each_entry_in_once(tmp_path: Path) -> None:
    async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
        await journal.append([draft(number, data={"word": "needle"}) for number in range(700)])
        taken: list[int] = []

        async def work() -> None:
            taken.append(await bring(journal, SearchIndex(tmp_path / "search.db")))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(work)
        assert sum(taken) == 700
        assert await find(SearchIndex(tmp_path / "search.db"), "needle") == tuple(reversed(range(700)))


@pytest.mark.parametrize("words", [(), ("",), ("*",), ("--",), ('"',), ("a\0b",), ("a",) * 33, ("a" * 257,)])
def test_what_cannot_be_searched_for_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        check(words)


# ------------------------------------------------------------------------------------------- against an oracle

WORDS = st.sampled_from(["alpha", "Beta", "ALPHA-beta", "b\u00e9ta", "x9", 'quo"te', "a_b", "OR", "NEAR(x9)", "alp*"])
VALUES = st.lists(WORDS, max_size=4).map(" ".join)


def tokens(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)).casefold()
    return re.findall(r"[^\W_]+", plain)


def holds(text: str, word: str) -> bool:
    """Whether the word's tokens stand in the text one behind the other, the last perhaps only begun."""
    wanted, found = tokens(word.removesuffix("*")), tokens(text)
    for at in range(len(found) - len(wanted) + 1):
        part = found[at : at + len(wanted)]
        if part == wanted or (word.endswith("*") and part[:-1] == wanted[:-1] and part[-1].startswith(wanted[-1])):
            return True
    return False


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6), words=st.lists(WORDS, min_size=1, max_size=3))
def test_found_is_what_a_reader_of_everything_finds(rows: list[tuple[str, str]], words: list[str]) -> None:
    async def work(folder: Path) -> None:
        async with await SqliteJournal.open(folder / "journal.db", clock=SteppingClock()) as journal:
            for number, (reason, value) in enumerate(rows):
                made = about(f"k{number}", number + 1, f"{number}\n{value}".encode())
                await journal.append(
                    [draft(number, data={"reason": reason}, observed=made.observed, documents=made.documents)]
                )
            index = SearchIndex(folder / "search.db")
            await bring(journal, index)
            entries = ["\n".join(values(json.loads(entry.entry))) for entry in await everything(journal)]
        expected = [
            at
            for at, (entry, (_, value)) in enumerate(zip(entries, rows, strict=True))
            if all(holds(entry, word) or holds(f"{at}\n{value}", word) for word in words)
        ]
        assert await find(index, *words) == tuple(reversed(expected))

    def values(told: Any) -> list[str]:
        if isinstance(told, dict | list):
            return [text for item in (told.values() if isinstance(told, dict) else told) for text in values(item)]
        return [str(told)]

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(work, Path(folder))


LETTERS = st.text("aAbB\u00e9\u00c9\u00df\u03a3\u03c2\u4e2d9_-.'\"& \\:*()|!<>", max_size=30)


@pytest.fixture(scope="module")
def served(shared_postgres: Postgres) -> str:
    return PostgresPlace(shared_postgres.create_database()).url


@pytest.mark.postgres
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=4), words=st.lists(LETTERS, min_size=1, max_size=2)
)
def test_both_indexes_find_the_same(served: str, texts: list[tuple[str, str]], words: list[str]) -> None:
    """Whatever stands in entries and documents, and whatever is asked for; quotes and operators are only characters."""
    rows = [Text(at, entry, document) for at, (entry, document) in enumerate(texts)]
    asked = Asked(tuple(words), limit=100)
    try:
        check(asked.words)
    except InvalidInput:
        return

    async def work(folder: Path) -> None:
        side = SideDatabase(served)
        found = []
        for index in (SearchIndex(folder / "search.db"), PostgresSearchIndex(side)):
            await index.clear()
            assert await index.add(rows, Mark(), Mark("o", len(rows), "r"))
            assert await index.mark() == Mark("o", len(rows), "r")
            found.append([await index.find(replace(asked, within=column)) for column in (None, "entry", "document")])
        await side.aclose()
        assert found[0] == found[1]

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(work, Path(folder))


@pytest.mark.parametrize("word", ["a", "abcdefgh " * 5])
async def test_a_long_text_is_found_to_its_end(index: Index, word: str) -> None:
    """Also where one word stands more often than a tsvector can say, and behind more words than it counts."""
    text = f"{word} " * 20_000 + "the needle stands here"
    assert await index.add([Text(0, "", text), Text(1, "hay", "")], Mark(), Mark("o", 2, "r"))
    assert await find(index, "needle") == await find(index, "needle stands here") == (0,)
    assert await find(index, f"{word} the needle".strip()) == (0,)
    assert await find(index, "here the") == ()


async def test_pages_go_on_where_the_one_before_ended(journal: SqlJournal, index: Index) -> None:
    await journal.append([draft(number, data={"word": "needle" if number % 3 else "hay"}) for number in range(30)])
    await bring(journal, index)
    wanted = [number for number in reversed(range(30)) if number % 3]
    found: list[int] = []
    asked = Asked(("needle",), limit=7)
    while hits := await found_by(journal, index, asked):
        assert all(hit.found_in == ("entry",) for hit in hits)
        found += [hit.entry.position for hit in hits]
        asked = replace(asked, before=found[-1])
    assert found == wanted


async def test_one_question_takes_in_a_bounded_number(journal: SqlJournal, index: Index) -> None:
    await journal.append([draft(number) for number in range(1203)])
    assert await bring(journal, index, at_most=1) == 500
    assert await bring(journal, index, at_most=600) == 703
    assert await bring(journal, index, at_most=600) == 0


@pytest.mark.postgres
async def test_tables_that_an_older_init_did_not_make_are_named_and_made(shared_postgres: Postgres) -> None:
    admin = shared_postgres.create_database()
    place = PostgresPlace(admin)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("DROP SCHEMA versiqii_side CASCADE")
    side = SideDatabase(place.url)
    with pytest.raises(Refused, match="versiqii_side") as refused:
        await PostgresSearchIndex(side).mark()
    assert "journal init" in refused.value.hint
    init_journal(admin, SERVICE)
    assert await PostgresSearchIndex(side).mark() == Mark()
    await side.aclose()


# ------------------------------------------------------------------------------------------------- the command


def test_the_command_finds_keeps_up_and_rebuilds(tmp_path: Path) -> None:
    async def append(value: bytes, revision: int) -> None:
        async with await SqliteJournal.open(tmp_path / "journal.db", clock=SteppingClock()) as journal:
            await journal.append([about("configs/av/1.0.0/default", revision, value)])

    asked = ("--data-dir", str(tmp_path))
    anyio.run(append, b"first needle", 1)
    done = run_cli("audit", "search", "needle", *asked, "-o", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["position"], row["foundIn"]) == (0, ["document"])
    anyio.run(append, b"second needle", 2)
    table = run_cli("audit", "search", "needle", *asked).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["POSITION", "1", "0"]
    assert run_cli("audit", "search", "needle", *asked, "--in", "entry", "-o", "json").stdout.strip() == "[]"
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["journal.db", "journal.search.db"]
    (tmp_path / "journal.search.db").unlink()
    assert len(json.loads(run_cli("audit", "search", "needle", *asked, "--rebuild", "-o", "json").stdout)) == 2
    assert run_cli("audit", "search", *asked, "--", "***").returncode == 3
    assert run_cli("audit", "search", "needle", "--data-dir", str(tmp_path / "none")).returncode == 3
    assert not (tmp_path / "none").exists()
