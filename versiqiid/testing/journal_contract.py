"""What every journal promises, as tests. Subclass ``JournalContract``, give it two fixtures, and run it with pytest.

::

    class TestMyJournal(JournalContract):
        @pytest.fixture
        async def journal(self, clock):
            async with await MyJournal.open(..., clock=clock) as journal:
                yield journal

        @pytest.fixture
        async def another(self, journal, clock):
            ...  # the same journal over a second connection, as another process would have it

Each test begins with an empty journal. The tests need nothing but the protocol.
"""
# ruff: noqa: S101, PLR2004 - asserts are what a contract suite is made of, numbers in them are the example

from __future__ import annotations

import json

import anyio
import anyio.lowlevel
import pytest

from versiqiid.core import merkle, note
from versiqiid.errors import Conflict, InvalidInput, Unavailable
from versiqiid.ports import Journal, Recorded
from versiqiid.testing.journal_entries import EntryContract
from versiqiid.testing.journal_state import StateContract
from versiqiid.testing.journal_tools import (
    MANY,
    LocalSigner,
    SteppingClock,
    draft,
    everything,
    tree_of,
)


@pytest.mark.anyio
class JournalContract(EntryContract, StateContract):
    """See the module."""

    @pytest.fixture
    def clock(self) -> SteppingClock:
        """The clock that the journal is to be opened with."""
        return SteppingClock()

    @pytest.fixture
    def another(self) -> Journal:
        """The same journal over a second connection; override where there can be one."""
        pytest.skip("this journal has no second connection")

    # ---------------------------------------------------------------------------------------------------- concurrency

    async def test_many_tasks_append_at_once_and_each_has_its_own_answer(self, journal: Journal) -> None:
        answers: dict[int, Recorded] = {}
        refused: list[int] = []

        async def work(number: int) -> None:
            expect = 0 if number % 10 == 0 else None  # on one stream, so only one of these can be first
            made = draft(number, stream="contested" if expect == 0 else "free", expect_stream_revision=expect)
            try:
                (answers[number],) = await journal.append([made])
            except Conflict:
                refused.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(work, number)
        entries = await everything(journal)
        assert [entry.position for entry in entries] == list(range(91))
        assert len(refused) == 9
        assert all(number % 10 == 0 for number in refused)
        assert sorted(answers.values(), key=lambda entry: entry.position) == entries
        assert all(json.loads(stored.entry)["data"]["number"] == number for number, stored in answers.items())

    async def test_two_processes_append_at_once_without_gap_or_loss(self, journal: Journal, another: Journal) -> None:
        answers: list[Recorded] = []

        async def work(one: Journal, start: int) -> None:
            for number in range(start, start + 20):
                answers.extend(await one.append([draft(number)]))

        async with anyio.create_task_group() as tasks:
            for start, one in enumerate((journal, another, journal, another)):
                tasks.start_soon(work, one, start * 20)
        entries = await everything(journal)
        assert [entry.position for entry in entries] == list(range(80))
        assert sorted(answers, key=lambda entry: entry.position) == entries == await everything(another)
        signer = LocalSigner(journal.origin)
        checkpoint = note.peek_checkpoint(await journal.sign_checkpoint(signer), "")
        assert checkpoint.root == tree_of(entries).root()

    async def test_a_cancelled_append_has_happened_whole_or_not_at_all(self, journal: Journal) -> None:
        async def work(scope: anyio.CancelScope, number: int) -> None:
            with scope:
                await journal.append([draft(number), draft(number), draft(number)])

        scopes = [anyio.CancelScope() for _ in range(40)]
        async with anyio.create_task_group() as tasks:
            for number, scope in enumerate(scopes):
                tasks.start_soon(work, scope, number)
            await anyio.lowlevel.checkpoint()
            for scope in scopes[::2]:
                scope.cancel()
        found = [json.loads(entry.entry)["data"]["number"] for entry in await everything(journal)]
        assert len(found) == await journal.size()
        assert all(found.count(number) == 3 for number in found)
        assert set(range(1, 40, 2)) <= set(found)
        await journal.append([draft()])

    # ---------------------------------------------------------------------------------------------------- checkpoints

    async def test_a_checkpoint_says_size_and_root_and_is_signed(self, journal: Journal) -> None:
        signer = LocalSigner(journal.origin)
        await journal.append([draft(number) for number in range(MANY)])
        signed = await journal.sign_checkpoint(signer)
        found = note.verify_checkpoint(signed, [signer.key], "checkpoint")
        assert found == note.Checkpoint(journal.origin, MANY, tree_of(await everything(journal)).root())
        assert await journal.checkpoint() == signed
        assert signed.count(b"\n\n") == 1

    async def test_an_empty_journal_can_be_signed(self, journal: Journal) -> None:
        signed = await journal.sign_checkpoint(LocalSigner(journal.origin))
        assert note.peek_checkpoint(signed, "") == note.Checkpoint(journal.origin, 0, merkle.EMPTY_ROOT)

    async def test_nothing_new_is_not_signed_again_by_the_same_key(self, journal: Journal) -> None:
        signer = LocalSigner(journal.origin)
        await journal.append([draft()])
        first = await journal.sign_checkpoint(signer)
        assert await journal.sign_checkpoint(signer) == first
        assert len(signer.signed) == 1
        other = LocalSigner(journal.origin, bytes(32))
        second = await journal.sign_checkpoint(other)
        assert note.verify_checkpoint(second, [other.key], "") == note.peek_checkpoint(first, "")
        assert await journal.checkpoint() == second

    async def test_a_signer_that_is_away_loses_nothing(self, journal: Journal) -> None:
        signer = LocalSigner(journal.origin)
        signer.away = True
        await journal.append([draft()])
        with pytest.raises(Unavailable):
            await journal.sign_checkpoint(signer)
        assert await journal.checkpoint() is None
        await journal.append([draft()])
        signer.away = False
        assert note.peek_checkpoint(await journal.sign_checkpoint(signer), "").size == 2

    async def test_a_signer_of_another_name_is_refused(self, journal: Journal) -> None:
        with pytest.raises(InvalidInput):
            await journal.sign_checkpoint(LocalSigner("another.log"))

    async def test_checkpoints_signed_at_once_never_contradict_each_other(
        self, journal: Journal, another: Journal
    ) -> None:
        signed: list[bytes] = []

        async def work(one: Journal, number: int) -> None:
            await one.append([draft(number)])
            signed.append(await one.sign_checkpoint(LocalSigner(one.origin)))

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(work, journal if number % 2 else another, number)
        entries = await everything(journal)
        for one in signed:
            checkpoint = note.peek_checkpoint(one, "")
            assert checkpoint.root == tree_of(entries[: checkpoint.size]).root()
        last = await journal.checkpoint()
        assert last is not None
        assert note.peek_checkpoint(last, "").size == max(note.peek_checkpoint(one, "").size for one in signed)
