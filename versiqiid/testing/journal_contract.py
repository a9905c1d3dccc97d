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

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from versiqiid.core import ed25519, merkle, note
from versiqiid.core.canonical import canonical, digest
from versiqiid.errors import Conflict, FenceLost, InvalidInput, NotFound, Refused, TooLarge, Unavailable
from versiqiid.ports import Actor, Draft, Intent, IntentId, Journal, KeyRecord, Observed, Query, Recorded

PATIENCE_S = 20.0
"""How long a tail may take to wake. A bound against hanging, not a promise."""

ACTOR = Actor("user", "ada", "cli")
MANY = 300
"""More than a tile of the Merkle tree holds."""


class SteppingClock:
    """A clock that stands until it is told otherwise; called, it gives seconds since the epoch."""

    def __init__(self) -> None:
        self.now = 1_760_983_200.0

    def __call__(self) -> float:
        return self.now


class LocalSigner:
    """A signer with a fixed key that can be sent away."""

    def __init__(self, name: str, seed: bytes = bytes(range(32))) -> None:
        self._seed = seed
        self.key = note.VerifierKey(name, ed25519.public_key(seed))
        self.away = False
        self.signed: list[bytes] = []

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def vkey(self) -> str:
        return str(self.key)

    async def sign(self, message: bytes) -> bytes:
        await anyio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the signer is away")
        self.signed.append(message)
        return ed25519.sign(self._seed, message)


def draft(number: int = 0, **changes: Any) -> Draft:
    """A draft that is like no other number's."""
    made = Draft(
        type="ConfigRevised",
        stream=f"spec/s{number % 3}",
        data={"number": number},
        actor=ACTOR,
        correlation_id=f"c-{number % 5}",
    )
    return replace(made, **changes)


def about(key: str, revision: int, value: bytes | None) -> Draft:
    """A draft about a key's new value (None = deleted)."""
    seen = Observed(key, revision, None if value is None else digest(value))
    return draft(0, stream=f"key/{key}", data={"key": key}, observed=seen, documents=() if value is None else (value,))


def intent(name: str, *drafts: Draft, epoch: int = 1) -> Intent:
    """An intent of that name."""
    return Intent(IntentId(name), f"versiqii/_system/receipts/{name}", epoch, 0, drafts)


async def everything(journal: Journal) -> list[Recorded]:
    """All entries, ascending."""
    return list(await journal.read(Query(limit=10_000)))


def tree_of(entries: list[Recorded]) -> merkle.Builder:
    """The Merkle tree over entries, from their bytes alone."""
    builder = merkle.Builder()
    for entry in entries:
        builder.add(merkle.leaf_hash(entry.entry))
    return builder


@pytest.mark.anyio
class JournalContract:
    """See the module."""

    @pytest.fixture
    def clock(self) -> SteppingClock:
        """The clock that the journal is to be opened with."""
        return SteppingClock()

    @pytest.fixture
    def another(self) -> Journal:
        """The same journal over a second connection; override where there can be one."""
        pytest.skip("this journal has no second connection")

    # ------------------------------------------------------------------------------------------------------ entries

    async def test_an_empty_journal_has_nothing(self, journal: Journal) -> None:
        assert await journal.size() == 0
        assert await journal.read(Query()) == ()
        assert await journal.keys() == ()
        assert await journal.open_intents() == ()
        assert await journal.checkpoint() is None
        assert await journal.document(digest(b"")) is None
        assert await journal.outbox_position("kafka") == 0
        assert note.ORIGIN.fullmatch(journal.origin)

    async def test_an_entry_is_exactly_the_canonical_json_of_its_facts(self, journal: Journal) -> None:
        (stored,) = await journal.append([draft(7)])
        value = json.loads(stored.entry)
        assert canonical(value) == stored.entry
        assert value == {
            "position": 0,
            "time": stored.time,
            "type": "ConfigRevised",
            "tenant": "default",
            "stream": "spec/s1",
            "streamRevision": 1,
            "actor": {"kind": "user", "id": "ada", "via": "cli"},
            "correlationId": "c-2",
            "causationId": "c-2",
            "data": {"number": 7},
        }
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", stored.time)
        assert stored == Recorded(0, stored.time, "ConfigRevised", "spec/s1", 1, "c-2", stored.entry)
        assert await everything(journal) == [stored]

    async def test_what_is_known_of_origin_and_cause_is_in_the_entry(self, journal: Journal) -> None:
        made = draft(
            consul={"index": 12, "key": "versiqii/a"},
            git={"commit": "0" * 40, "path": "a.json", "repository": "r"},
            causation_id="cause",
            tenant="acme",
            data={"é\U0001f600": [None, True, 1.5, "\u2028"], "a": {}},
        )
        (stored,) = await journal.append([made])
        value = json.loads(stored.entry)
        assert canonical(value) == stored.entry
        assert (value["consul"], value["git"]) == (made.consul, made.git)
        assert (value["causationId"], value["tenant"], value["data"]) == ("cause", "acme", made.data)

    async def test_positions_and_stream_revisions_have_no_gaps(self, journal: Journal) -> None:
        for start in range(0, 30, 10):
            await journal.append([draft(number) for number in range(start, start + 10)])
        entries = await everything(journal)
        assert [entry.position for entry in entries] == list(range(30)) == list(range(await journal.size()))
        for stream in ("spec/s0", "spec/s1", "spec/s2"):
            revisions = [entry.stream_revision for entry in entries if entry.stream == stream]
            assert revisions == list(range(1, 11))

    async def test_time_is_the_clocks_and_never_goes_back(self, journal: Journal, clock: SteppingClock) -> None:
        clock.now = 1_760_983_200.0
        (first,) = await journal.append([draft()])
        clock.now -= 3600
        (second,) = await journal.append([draft()])
        clock.now += 3600.25
        (third,) = await journal.append([draft()])
        assert [entry.time for entry in (first, second, third)] == [
            "2025-10-20T18:00:00.000000Z",
            "2025-10-20T18:00:00.000000Z",
            "2025-10-20T18:00:00.250000Z",
        ]

    async def test_appending_nothing_is_done_already(self, journal: Journal) -> None:
        assert await journal.append([]) == ()
        assert await journal.size() == 0

    @pytest.mark.parametrize(
        "change",
        [
            {"type": ""},
            {"type": "lower"},
            {"type": "Two Words"},
            {"stream": ""},
            {"tenant": ""},
            {"correlation_id": ""},
            {"causation_id": ""},
            {"data": {"n": float("nan")}},
            {"data": {"n": 2**53}},
            {"data": {"n": "\ud800"}},
            {"data": {"n": object()}},
            {"data": {"observed": {}}},
            {"data": {"truncated": True}},
            {"stream": "\udfff"},
        ],
    )
    async def test_a_draft_that_cannot_be_recorded_changes_nothing(
        self, journal: Journal, change: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInput):
            await journal.append([draft(), replace(draft(), **change)])
        assert await journal.size() == 0

    async def test_an_append_is_all_or_nothing(self, journal: Journal) -> None:
        await journal.append([draft(0)])
        wrong = draft(1, expect_stream_revision=5, documents=(b"lost",))
        with pytest.raises(Conflict) as caught:
            await journal.append([draft(2, documents=(b"also lost",)), about("a", 1, b"lost too"), wrong])
        assert (caught.value.key, caught.value.expected, caught.value.found) == ("spec/s1", 5, 0)
        assert await journal.size() == 1
        assert await journal.keys() == ()
        for value in (b"lost", b"also lost", b"lost too"):
            assert await journal.document(digest(value)) is None
        (stored,) = await journal.append([draft(2, expect_stream_revision=0)])
        assert (stored.position, stored.stream_revision) == (1, 1)

    async def test_the_expected_revision_counts_the_entries_of_the_stream(self, journal: Journal) -> None:
        await journal.append([draft(expect_stream_revision=0), draft(expect_stream_revision=1)])
        await journal.append([draft(1)])
        (stored,) = await journal.append([draft(expect_stream_revision=2)])
        assert stored.stream_revision == 3
        with pytest.raises(Conflict):
            await journal.append([draft(expect_stream_revision=2)])

    # ------------------------------------------------------------------------------------------------- the size limit

    async def test_an_entry_at_the_limit_is_kept_whole(self, journal: Journal) -> None:
        (probe,) = await journal.append([draft(data={"text": ""})])
        (stored,) = await journal.append([draft(data={"text": "x" * (65_535 - len(probe.entry))})])
        assert len(stored.entry) == 65_535
        assert "truncated" not in json.loads(stored.entry)

    async def test_a_longer_entry_is_shortened_and_says_so(self, journal: Journal) -> None:
        (probe,) = await journal.append([draft(data={"text": ""})])
        text = "x" * (65_536 - len(probe.entry))
        (stored,) = await journal.append([draft(data={"text": text})])
        value = json.loads(stored.entry)
        assert len(stored.entry) <= 65_535
        assert canonical(value) == stored.entry
        assert value["truncated"] is True
        assert value["data"] == {"truncated": True}
        whole = await journal.document(value["wholeDigest"])
        assert whole is not None
        assert "sha256:" + hashlib.sha256(whole).hexdigest() == value["wholeDigest"]
        del value["truncated"], value["wholeDigest"]
        assert json.loads(whole) == {**value, "data": {"text": text}}

    async def test_shortening_keeps_the_small_members_and_what_the_journal_needs(self, journal: Journal) -> None:
        data = {"reason": "r", "b": "y" * 40_000, "a": "x" * 40_000, "digest": "d"}
        made = replace(about("k", 3, b"v"), data=data)
        (stored,) = await journal.append([made])
        value = json.loads(stored.entry)
        seen = {"key": "k", "revision": 3, "digest": digest(b"v")}
        assert value["data"] == {"reason": "r", "b": data["b"], "digest": "d", "observed": seen, "truncated": True}
        assert await journal.keys() == (KeyRecord("k", 3, digest(b"v"), 0, stored.time, stored.time),)

    async def test_an_entry_that_cannot_be_shortened_enough_is_refused(self, journal: Journal) -> None:
        with pytest.raises(TooLarge) as caught:
            await journal.append([draft(), draft(stream="s" * 70_000)])
        assert caught.value.limit == 65_535
        assert await journal.size() == 0

    # ------------------------------------------------------------------------------------------------------- reading

    async def test_every_part_of_a_query_counts(self, journal: Journal, clock: SteppingClock) -> None:
        for number in range(40):
            clock.now += 1
            await journal.append([draft(number, type=("ConfigRevised", "LoggedIn")[number % 2])])
        entries = await everything(journal)

        async def positions(**parts: Any) -> list[int]:
            return [entry.position for entry in await journal.read(Query(**parts))]

        def expected(keep: Any) -> list[int]:
            return [entry.position for entry in entries if keep(entry)]

        assert await positions() == list(range(40))
        assert await positions(start=37) == [37, 38, 39]
        assert await positions(start=3, before=6) == [3, 4, 5]
        assert await positions(limit=2) == [0, 1]
        assert await positions(descending=True, limit=2) == [39, 38]
        assert await positions(descending=True, before=5, start=2) == [4, 3, 2]
        assert await positions(stream="spec/s1") == expected(lambda entry: entry.stream == "spec/s1")
        assert await positions(stream="spec/s") == []
        assert await positions(stream_prefix="spec/s") == list(range(40))
        assert await positions(stream_prefix="spec/s2") == expected(lambda entry: entry.stream == "spec/s2")
        assert await positions(type="LoggedIn") == expected(lambda entry: entry.type == "LoggedIn")
        assert await positions(correlation_id="c-4") == expected(lambda entry: entry.correlation_id == "c-4")
        since, until = entries[10].time, entries[20].time
        assert await positions(since=since, until=until) == list(range(10, 20))
        assert await positions(until=until, type="LoggedIn", stream="spec/s1", limit=2) == [1, 7]
        assert await positions(start=40) == []

    async def test_times_of_a_query_may_be_written_in_any_way_that_rfc_3339_knows(
        self, journal: Journal, clock: SteppingClock
    ) -> None:
        clock.now = 1_760_983_200.0  # 2025-10-20T18:00:00Z
        await journal.append([draft()])
        for since in ("2025-10-20T18:00:00Z", "2025-10-20T20:00:00+02:00", "2025-10-20 18:00:00.0Z"):
            assert len(await journal.read(Query(since=since))) == 1
            assert len(await journal.read(Query(until=since))) == 0
        for wrong in ("yesterday", "2025-10-20", "2025-10-20T18:00:00", ""):
            with pytest.raises(InvalidInput, match="time"):
                await journal.read(Query(since=wrong))

    async def test_a_prefix_is_text_and_no_pattern(self, journal: Journal) -> None:
        await journal.append([draft(stream=stream) for stream in ("a/b", "a_b", "a%b", "aXb", "a/b/c", "é/1", "é/2")])
        for prefix, count in (("a/b", 2), ("a_", 1), ("a%", 1), ("é/", 2), ("", 7), ("z", 0)):
            assert len(await journal.read(Query(stream_prefix=prefix))) == count

    @pytest.mark.parametrize("limit", [0, -1, 10_001])
    async def test_a_limit_outside_its_range_is_refused(self, journal: Journal, limit: int) -> None:
        with pytest.raises(InvalidInput, match="limit"):
            await journal.read(Query(limit=limit))

    async def test_a_tail_wakes_when_there_is_more(self, journal: Journal) -> None:
        await journal.append([draft()])
        with anyio.fail_after(PATIENCE_S):
            await journal.wait_beyond(0)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(journal.wait_beyond, 1)
                tasks.start_soon(journal.wait_beyond, 2)
                await journal.append([draft(1)])
                await journal.append([draft(2)])

    async def test_a_tail_wakes_for_another_process_too(self, journal: Journal, another: Journal) -> None:
        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(journal.wait_beyond, 0)
                await anyio.wait_all_tasks_blocked()
                await another.append([draft(1)])
        assert await journal.size() == 1

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
