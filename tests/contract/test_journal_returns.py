"""A store that was put back: what is there again is recorded again, and late reports still are not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.places import Place, PostgresPlace, SqlitePlace
from tests.services.postgres import Postgres
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.adapters.sql.ledger import Head, Known, Ledger
from versiqiid.adapters.sql.operations import Append
from versiqiid.adapters.sql.rebuild import Projections
from versiqiid.ports import Draft, Query
from versiqiid.testing.journal_tools import about

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def journal(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlJournal]:
    if request.param == "sqlite":
        place: Place = SqlitePlace(tmp_path / "journal.db")
    else:
        server: Postgres = request.getfixturevalue("shared_postgres")
        place = PostgresPlace(server.create_database())
    async with await place.open() as journal:
        yield journal


def present(key: str, revision: int, value: bytes | None) -> Draft:
    """What the store is known to hold."""
    draft = about(key, revision, value)
    assert draft.observed is not None
    return replace(draft, observed=replace(draft.observed, present=True))


async def newest(journal: SqlJournal) -> dict[str, int]:
    return {record.key: record.revision for record in await journal.keys()}


async def test_a_return_is_recorded_once_and_late_reports_never(journal: SqlJournal) -> None:
    await journal.append([about("a", 1, b"x"), about("a", 2, b"y"), about("b", 3, b"z")])
    assert [r.fresh for r in await journal.append([about("a", 1, b"x")])] == [False]
    assert await newest(journal) == {"a": 2, "b": 3}
    (back,) = await journal.append([present("a", 1, b"x")])
    assert back.fresh
    assert json.loads(back.entry)["data"]["observed"]["returned"] is True
    assert await newest(journal) == {"a": 1, "b": 3}
    assert [r.fresh for r in await journal.append([present("a", 1, b"x"), about("a", 1, b"x")])] == [False, False]
    (again,) = await journal.append([about("a", 2, b"y")])  # the store gave the same number to the same content again
    assert again.fresh
    assert await newest(journal) == {"a": 2, "b": 3}
    found = await journal.read(Query(key="a"))
    assert [json.loads(entry.entry)["data"]["observed"]["revision"] for entry in found] == [1, 2, 1, 2]
    assert (await journal.rebuild()).size == 5


async def test_removals_return_too(journal: SqlJournal) -> None:
    await journal.append([about("a", 1, b"x"), about("a", 5, None), about("b", 6, b"y")])
    await journal.append([present("a", 1, b"x"), present("b", 2, None)])
    assert await newest(journal) == {"a": 1}
    assert await journal.append([present("b", 2, None), present("b", 9, None)]) != ()
    assert await newest(journal) == {"a": 1}
    assert (await journal.rebuild(repair=True)).size == 5


async def test_what_is_present_and_new_is_no_return(journal: SqlJournal) -> None:
    (first,) = await journal.append([present("a", 4, b"x")])
    (second,) = await journal.append([present("a", 4, b"y")])
    for recorded in (first, second):
        assert "returned" not in json.loads(recorded.entry)["data"]["observed"]
    assert (await journal.keys())[0].position == 1


WRITES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([b"x", b"y", None]), st.integers(0, 3), st.booleans()), max_size=25
)


@settings(max_examples=200)
@given(writes=WRITES)
def test_the_journal_follows_a_store_that_goes_back_again_and_again(writes: list[tuple[str, Any, int, bool]]) -> None:
    """A model store: each step writes one key, some first put the store back by a few steps; whoever leads then reports
    what is there. The journal's keys are the store's after every step, also when all of it is told twice.

    One thing waits for the next leader: a key that was gone before and after the store went back, and is written again
    with the same content under the same number, looks like a late report of that write.
    """
    ledger, revision = Ledger(Known()), 1
    past: list[tuple[int, dict[str, tuple[int, bytes]]]] = [(1, {})]
    gone: set[str] = set()
    for key, value, steps, twice in writes:
        if steps and len(past) > steps:
            del past[-steps:]
            revision, there = past[-1]
            known = {name for name, row in ledger._known.keys.items() if row.digest is not None}
            drafts = [present(name, *there[name]) for name in sorted(there)]
            drafts += [present(name, revision, None) for name in sorted(known - there.keys())]
            ledger.append(Append.of(drafts, None, None), "")
            gone |= ledger._known.keys.keys() - known - there.keys()
        revision, there = past[-1][0] + 1, dict(past[-1][1])
        if value is None:
            there.pop(key, None)
        else:
            there[key] = (revision, value)
        past.append((revision, there))
        for _ in range(1 + twice):
            ledger.append(Append.of([about(key, revision, value)], None, None), "")
        if key in gone:
            ledger.append(Append.of([present(key, revision, value)], None, None), "")
        rows = {name: row.revision for name, row in ledger._known.keys.items() if row.digest is not None}
        assert rows == {name: at for name, (at, _) in there.items()}
    rebuilt = Projections()
    for entry in ledger.entries:
        rebuilt.take(entry.recorded.entry)
    assert rebuilt.keys.keys() == ledger._known.keys.keys()
    for name, row in rebuilt.keys.items():
        assert replace(ledger._known.keys[name], recorded=None) == row
    assert ledger.head.size == len(ledger.entries) == Head(len(ledger.entries)).size
