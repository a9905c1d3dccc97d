"""Many appends share one durable commit, each with its own answer, on both databases."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator

import anyio
import pytest

from tests.contract.places import Place
from versiqiid.adapters.sql.commits import QUEUE_MAX
from versiqiid.adapters.sql.journal import SqlJournal
from versiqiid.errors import Conflict
from versiqiid.testing.journal_tools import draft, everything

pytestmark = pytest.mark.anyio


@pytest.fixture
async def journal(place: Place) -> AsyncIterator[SqlJournal]:
    async with await place.open() as opened:
        yield opened


class Held:
    """Counts the commits of a journal, and holds the first one until it is let go."""

    def __init__(self, journal: SqlJournal) -> None:
        self.count = 0
        self.go = threading.Event()
        self._writer = journal._writer
        self._commit = self._writer._db.commit
        self._writer._db.commit = self.commit  # type: ignore[method-assign]

    def commit(self) -> None:
        self.count += 1
        if self.count == 1:
            assert self.go.wait(60)
        self._commit()

    async def waiting(self, count: int) -> None:
        """Return when so many operations wait for the commit that is held."""
        with anyio.fail_after(60):
            while len(self._writer._pending) < count:
                await anyio.sleep(0.001)


async def test_what_waits_for_a_commit_shares_the_next_one(journal: SqlJournal) -> None:
    """A hundred appends come while one commit is under way: two commits for all of them, and every answer its own."""
    held, positions = Held(journal), []

    async def append(number: int) -> None:
        (stored,) = await journal.append([draft(number)])
        positions.append(stored.position)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(append, 0)
        with anyio.fail_after(60):
            while not held.count:
                await anyio.sleep(0.001)
        for number in range(1, 101):
            tasks.start_soon(append, number)
        await held.waiting(100)
        held.go.set()
    assert held.count == 2
    assert sorted(positions) == list(range(101))
    assert [entry.position for entry in await everything(journal)] == list(range(101))


async def test_a_stream_that_moved_refuses_its_own_append_alone(journal: SqlJournal) -> None:
    """Ten appends expect the same revision of one stream and share a commit with others: one of the ten is first."""
    held = Held(journal)
    outcomes: list[str] = []

    async def append(number: int, *, expected: bool) -> None:
        wanted = draft(number, stream="contested", expect_stream_revision=0) if expected else draft(number)
        try:
            await journal.append([wanted])
        except Conflict as conflict:
            outcomes.append(f"conflict: expected {conflict.expected}, found {conflict.found}")
        else:
            outcomes.append("written")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: append(0, expected=False))
        with anyio.fail_after(60):
            while not held.count:
                await anyio.sleep(0.001)
        for number in range(20):
            tasks.start_soon(lambda at: append(at, expected=at < 10), number)
        await held.waiting(20)
        held.go.set()
    assert held.count == 2
    assert sorted(outcomes) == ["conflict: expected 0, found 1"] * 9 + ["written"] * 12
    assert await journal.size() == 12


async def test_what_waits_is_bounded(journal: SqlJournal) -> None:
    """However many come, no more than the bound is held in the queue; the others wait outside and are served too."""
    held = Held(journal)

    async def append(number: int) -> None:
        await journal.append([draft(number)])

    async with anyio.create_task_group() as tasks:
        for number in range(QUEUE_MAX + 300):
            tasks.start_soon(append, number)
        await held.waiting(QUEUE_MAX - 600)
        await anyio.wait_all_tasks_blocked()
        assert len(journal._writer._pending) <= QUEUE_MAX
        held.go.set()
    assert await journal.size() == QUEUE_MAX + 300
    assert held.count < 20
