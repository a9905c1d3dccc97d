"""What every journal promises beside its entries: documents, keys, intents, outbox. Part of ``JournalContract``."""
# ruff: noqa: S101, PLR2004 - asserts are what a contract suite is made of, numbers in them are the example

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from versiqiid.core.canonical import digest
from versiqiid.errors import Conflict, FenceLost, InvalidInput, NotFound, Refused
from versiqiid.ports import IntentId, Journal, KeyRecord, Query
from versiqiid.testing.journal_tools import (
    SteppingClock,
    about,
    draft,
    intent,
)


@pytest.mark.anyio
class StateContract:
    """See ``journal_contract``."""

    # ---------------------------------------------------------------------------------------- documents, projections

    async def test_documents_are_kept_by_digest_once(self, journal: Journal) -> None:
        values = (b"", b"\x00\xff", "é".encode(), b"x" * 350_000)
        await journal.append([draft(documents=values), draft(1, documents=values)])
        await journal.append([draft(2, documents=(*values, b"new"))])
        for value in (*values, b"new"):
            assert await journal.document(digest(value)) == value
        assert await journal.document("sha256:nothing") is None

    async def test_the_newest_state_of_each_key(self, journal: Journal, clock: SteppingClock) -> None:
        (first,) = await journal.append([about("b", 5, b"one")])
        clock.now += 1
        (second,) = await journal.append([about("b", 9, b"two")])
        (other,) = await journal.append([about("a/x", 7, b"one")])
        b = KeyRecord("b", 9, digest(b"two"), second.position, first.time, second.time)
        a = KeyRecord("a/x", 7, digest(b"one"), other.position, other.time, other.time)
        assert await journal.keys() == (a, b)
        assert await journal.keys("a/") == (a,)
        assert await journal.keys("c") == ()

    async def test_a_deleted_key_is_gone_and_begins_anew(self, journal: Journal, clock: SteppingClock) -> None:
        await journal.append([about("a", 5, b"one"), about("b", 5, b"one")])
        (gone,) = await journal.append([about("a", 6, None)])
        assert "digest" not in json.loads(gone.entry)["data"]["observed"]
        assert [record.key for record in await journal.keys()] == ["b"]
        clock.now += 1
        (again,) = await journal.append([about("a", 8, b"one")])
        assert (await journal.keys("a"))[0] == KeyRecord("a", 8, digest(b"one"), again.position, again.time, again.time)

    async def test_an_older_revision_that_comes_late_does_not_move_the_key_back(self, journal: Journal) -> None:
        await journal.append([about("a", 9, b"new")])
        (late,) = await journal.append([about("a", 5, b"old")])
        assert late.fresh
        assert (await journal.keys())[0].revision == 9

    async def test_what_is_recorded_already_is_not_recorded_again(self, journal: Journal) -> None:
        (first,) = await journal.append([about("a", 5, b"one")])
        again, other = await journal.append([about("a", 5, b"one"), about("b", 5, b"one")])
        assert again == replace(first, fresh=False)
        assert other.fresh
        assert await journal.size() == 2
        twice = await journal.append([about("c", 6, b"x"), about("c", 6, b"x")])
        assert [entry.fresh for entry in twice] == [True, False]
        assert twice[0].position == twice[1].position == 2

    async def test_a_repetition_is_recorded_already_whatever_revision_its_stream_is_expected_at(
        self, journal: Journal
    ) -> None:
        made = replace(about("a", 5, b"one"), expect_stream_revision=0)
        (first,) = await journal.append([made])
        assert await journal.append([made]) == (replace(first, fresh=False),)

    async def test_the_same_revision_with_another_digest_is_another_fact(self, journal: Journal) -> None:
        """A store that was restored from an older snapshot gives its revisions out again."""
        await journal.append([about("a", 5, b"one")])
        (again,) = await journal.append([about("a", 5, b"two")])
        assert again.fresh
        assert (await journal.keys())[0].digest == digest(b"two")

    async def test_a_deletion_is_recorded_once_whatever_index_it_was_seen_at(self, journal: Journal) -> None:
        await journal.append([about("a", 5, b"one")])
        (gone,) = await journal.append([about("a", 6, None)])
        assert await journal.append([about("a", 7, None)]) == (replace(gone, fresh=False),)
        assert await journal.append([about("never", 7, None)]) == ()
        assert await journal.size() == 2

    async def test_entries_about_a_key_are_found_by_it(self, journal: Journal) -> None:
        await journal.append([about("a", 5, b"one"), about("b", 5, b"x"), about("a", 6, b"two"), about("a", 7, None)])
        assert [entry.position for entry in await journal.read(Query(key="a"))] == [0, 2, 3]

    # ------------------------------------------------------------------------------------------------ intents, epochs

    async def test_an_intent_is_open_until_it_is_settled_with_its_entries(self, journal: Journal) -> None:
        planned = intent("i1", about("a", 3, b"value"), draft(1, consul={"index": 1, "key": "k"}, causation_id="x"))
        await journal.intend(planned)
        await journal.intend(intent("i2", draft(2)))
        assert await journal.open_intents() == (planned, intent("i2", draft(2)))
        stored = await journal.append(planned.drafts, settles=planned.id, epoch=1)
        assert len(stored) == 2
        assert [one.id for one in await journal.open_intents()] == ["i2"]
        assert await journal.document(digest(b"value")) == b"value"

    async def test_settling_twice_appends_once(self, journal: Journal) -> None:
        await journal.intend(intent("i1", draft(1)))
        assert len(await journal.append([draft(1)], settles=IntentId("i1"), epoch=1)) == 1
        assert await journal.append([draft(1)], settles=IntentId("i1"), epoch=1) == ()
        assert await journal.size() == 1

    async def test_an_intent_keeps_what_follows(self, journal: Journal) -> None:
        planned = intent("i1", draft(1), draft(2, follows=True))
        await journal.intend(planned)
        assert await journal.open_intents() == (planned,)
        _, second = await journal.append(planned.drafts, settles=planned.id)
        assert json.loads(second.entry)["causationId"] != "c-2"

    async def test_an_intent_may_settle_in_nothing(self, journal: Journal) -> None:
        await journal.intend(intent("i1"))
        assert await journal.append([], settles=IntentId("i1"), epoch=1) == ()
        assert await journal.open_intents() == ()

    async def test_a_settlement_that_fails_leaves_its_intent_open(self, journal: Journal) -> None:
        await journal.intend(intent("i1", draft(1)))
        with pytest.raises(Conflict):
            await journal.append([draft(1, expect_stream_revision=9)], settles=IntentId("i1"), epoch=1)
        assert [one.id for one in await journal.open_intents()] == ["i1"]

    async def test_a_superseded_intent_is_closed(self, journal: Journal) -> None:
        await journal.intend(intent("i1", draft(1)))
        await journal.supersede(IntentId("i1"))
        await journal.supersede(IntentId("i1"))
        assert await journal.open_intents() == ()
        with pytest.raises(Refused):
            await journal.append([draft(1)], settles=IntentId("i1"), epoch=1)
        with pytest.raises(Refused):
            await journal.intend(intent("i1", draft(1)))
        assert await journal.size() == 0

    async def test_a_settled_intent_cannot_be_superseded_and_an_unknown_one_neither(self, journal: Journal) -> None:
        await journal.intend(intent("i1"))
        await journal.append([], settles=IntentId("i1"))
        with pytest.raises(Refused):
            await journal.supersede(IntentId("i1"))
        with pytest.raises(NotFound):
            await journal.supersede(IntentId("i2"))
        with pytest.raises(NotFound):
            await journal.append([draft()], settles=IntentId("i2"))
        assert await journal.size() == 0

    async def test_an_intent_again_while_it_is_open_is_done_already(self, journal: Journal) -> None:
        await journal.intend(intent("i1", draft(1)))
        await journal.intend(intent("i1", draft(1)))
        assert len(await journal.open_intents()) == 1

    async def test_epochs_only_grow_and_lower_ones_are_refused(self, journal: Journal) -> None:
        first = await journal.next_epoch()
        await journal.append([draft()], epoch=first)
        second = await journal.next_epoch()
        assert second > first >= 1
        with pytest.raises(FenceLost):
            await journal.append([draft()], epoch=first)
        with pytest.raises(FenceLost):
            await journal.intend(intent("i1", epoch=first))
        assert await journal.size() == 1
        assert await journal.open_intents() == ()
        await journal.append([draft()], epoch=second)
        await journal.append([draft()])
        await journal.intend(intent("i1", epoch=second))

    async def test_an_epoch_that_has_written_counts_as_given_out(self, journal: Journal) -> None:
        await journal.intend(intent("i1", epoch=7))
        with pytest.raises(FenceLost):
            await journal.append([draft()], epoch=6)
        assert await journal.next_epoch() == 8

    # --------------------------------------------------------------------------------------------------------- outbox

    async def test_an_outbox_position_moves_forward_only_and_for_its_sink_only(self, journal: Journal) -> None:
        await journal.append([draft(number) for number in range(5)])
        await journal.advance_outbox("kafka", 3)
        await journal.advance_outbox("kafka", 1)
        assert await journal.outbox_position("kafka") == 3
        assert await journal.outbox_position("other") == 0
        for wrong in (6, -1):
            with pytest.raises(InvalidInput, match="outbox"):
                await journal.advance_outbox("kafka", wrong)
