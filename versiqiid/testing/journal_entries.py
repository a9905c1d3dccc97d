"""What every journal promises about entries: bytes, limit and reading. Part of ``JournalContract``."""
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

from versiqiid.core import note
from versiqiid.core.canonical import canonical, digest
from versiqiid.errors import Conflict, InvalidInput, TooLarge
from versiqiid.ports import Journal, KeyRecord, Observed, Query, Recorded
from versiqiid.testing.journal_tools import (
    PATIENCE_S,
    SteppingClock,
    about,
    draft,
    everything,
)


@pytest.mark.anyio
class EntryContract:
    """See ``journal_contract``."""

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

    async def test_a_draft_that_follows_names_the_entry_before_it_as_its_cause(self, journal: Journal) -> None:
        first, second, third = await journal.append([draft(1), draft(2, follows=True), draft(3, follows=True)])
        causes = [json.loads(entry.entry)["causationId"] for entry in (second, third)]
        assert causes == [hashlib.sha256(b"\x00" + entry.entry).hexdigest() for entry in (first, second)]
        assert canonical(json.loads(second.entry)) == second.entry

    async def test_a_draft_that_follows_a_recorded_one_is_recorded_already(self, journal: Journal) -> None:
        pair = [about("k", 1, b"a"), draft(2, follows=True)]
        first, _ = await journal.append(pair)
        again = await journal.append([*pair, draft(3)])
        assert again[:2] == (replace(first, fresh=False),) * 2
        assert [entry.position for entry in await everything(journal)] == [0, 1, 2]

    async def test_nothing_follows_what_is_no_part_of_its_append(self, journal: Journal) -> None:
        await journal.append([draft(1)])
        with pytest.raises(InvalidInput, match="first"):
            await journal.append([draft(2, follows=True)])
        assert await journal.size() == 1

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
            {"stream": "a\0b"},
            {"correlation_id": "\0"},
            {"observed": Observed("a\0b", 1, None)},
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
