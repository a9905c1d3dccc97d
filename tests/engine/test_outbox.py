"""The outbox on a journal in memory and a sink that fails on schedule, in virtual time where hours have to pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.retry import Backoff
from versiqiid.engine.outbox import Outbox, OutboxSettings
from versiqiid.errors import Unavailable
from versiqiid.ports import Query, Recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Both event loops: only adapters in memory take part."""
    return str(request.param)


def entry(position: int) -> Recorded:
    time = START.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Recorded(position, time, "ConfigRevised", f"config/{position % 3}", 1, "c", b"{}")


@dataclass
class ListJournal:
    """Just the five methods that the outbox uses."""

    entries: list[Recorded] = field(default_factory=list)
    position: int = 0
    away: int = 0
    grown: anyio.Event = field(default_factory=anyio.Event)

    def add(self, count: int) -> None:
        self.entries += [entry(len(self.entries) + i) for i in range(count)]
        self.grown.set()
        self.grown = anyio.Event()

    async def size(self) -> int:
        return len(self.entries)

    async def read(self, query: Query) -> tuple[Recorded, ...]:
        await anyio.lowlevel.checkpoint()
        if self.away:
            self.away -= 1
            raise Unavailable("journal: disk is away")
        return tuple(self.entries[query.start : query.start + query.limit])

    async def wait_beyond(self, position: int) -> None:
        while len(self.entries) <= position:
            await self.grown.wait()

    async def outbox_position(self, sink: str) -> int:
        assert sink == "planned"
        return self.position

    async def advance_outbox(self, sink: str, position: int) -> None:
        assert sink == "planned"
        assert position >= self.position, "never backwards"
        self.position = position


@dataclass
class PlannedSink:
    """Follows a plan: each step is (how many really arrive, how many are acknowledged); afterwards all goes well."""

    plan: list[tuple[int, int]] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    acknowledged: int = 0
    calls: int = 0
    closed: int = 0
    name: str = "planned"

    async def publish(self, events: Sequence[Recorded]) -> int:
        await anyio.lowlevel.checkpoint()
        self.calls += 1
        arrive, acknowledge = self.plan.pop(0) if self.plan else (len(events), len(events))
        arrive, acknowledge = min(arrive, len(events)), min(acknowledge, arrive, len(events))
        self.arrived += [event.position for event in events[:arrive]]
        if acknowledge == 0:
            raise Unavailable("the broker is away")
        self.acknowledged = max(self.acknowledged, events[acknowledge - 1].position + 1)
        return acknowledge

    async def aclose(self) -> None:
        self.closed += 1


@dataclass
class Numbers:
    """Metrics as a dictionary."""

    values: dict[str, float] = field(default_factory=dict)

    def count(self, name: str, amount: float = 1, **_labels: str) -> None:
        self.values[name] = self.values.get(name, 0) + amount

    def gauge(self, name: str, value: float, **_labels: str) -> None:
        self.values[name] = value

    def observe(self, name: str, value: float, **_labels: str) -> None:
        raise AssertionError(name, value)


QUICK = OutboxSettings(batch_entries=4, backoff=Backoff(0.0, 0.0), measure_s=0.0)


def outbox(journal: ListJournal, sink: PlannedSink, settings: OutboxSettings = QUICK, **more: Any) -> Outbox:
    return Outbox(journal, sink, more.pop("metrics", Numbers()), dice=lambda: 0.0, settings=settings, **more)  # type: ignore[arg-type]


async def until(condition: Any) -> None:
    with anyio.fail_after(60):
        while not condition():
            await anyio.lowlevel.checkpoint()


async def test_everything_goes_out_in_order_and_what_is_added_later_too() -> None:
    """Entries that are there, and entries that come while it waits."""
    journal, sink = ListJournal(), PlannedSink()
    journal.add(10)
    box = outbox(journal, sink)
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        await until(lambda: journal.position == 10)
        journal.add(3)
        await until(lambda: journal.position == 13)
        tasks.cancel_scope.cancel()
    assert sink.arrived == list(range(13))
    assert sink.closed == 1, "the sink is closed once, also when cancelled"
    assert (box.state.position, box.state.attempt) == (13, 0)


async def test_the_position_moves_only_over_the_acknowledged_prefix() -> None:
    """Three of four acknowledged: the fourth and nothing before it is sent again."""
    journal, sink = ListJournal(), PlannedSink(plan=[(4, 3)])
    journal.add(4)
    async with anyio.create_task_group() as tasks:
        await tasks.start(outbox(journal, sink).run)
        await until(lambda: journal.position == 4)
        tasks.cancel_scope.cancel()
    assert sink.arrived == [0, 1, 2, 3, 3]


async def test_start_without_a_sink_or_a_journal_is_ready_at_once() -> None:
    """Readiness does not wait for the broker; the trouble is told, and gone when it works."""
    journal, sink = ListJournal(away=2), PlannedSink(plan=[(0, 0), (0, 0)])
    journal.add(1)
    box = outbox(journal, sink)
    told = set()
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        assert box.state.position == 0

        def done() -> bool:
            told.add((box.state.attempt, box.state.trouble))
            return journal.position == 1 and box.state.attempt == 0

        await until(done)
        tasks.cancel_scope.cancel()
    assert {trouble for _, trouble in told} == {"", "journal: disk is away", "the broker is away"}
    assert max(attempt for attempt, _ in told) == 4, "failures in a row are counted over both"


async def test_backlog_and_age_are_measured_while_the_sink_is_away() -> None:
    """A person sees how much waits and for how long; both return to zero."""
    journal, sink, metrics = ListJournal(), PlannedSink(plan=[(0, 0)] * 50), Numbers()
    journal.add(7)
    box = outbox(journal, sink, metrics=metrics, now=lambda: START.timestamp() + 90)
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        await until(lambda: metrics.values.get("versiqii_outbox_age_seconds") == 90)
        assert metrics.values["versiqii_outbox_backlog"] == 7
        await until(lambda: metrics.values["versiqii_outbox_backlog"] == 0)
        await until(lambda: metrics.values["versiqii_outbox_age_seconds"] == 0)
        tasks.cancel_scope.cancel()
    assert metrics.values["versiqii_outbox_published_total"] == 7


async def test_a_journal_with_a_gap_is_not_relayed_over() -> None:
    """What does not follow is never sent: the gap is told as trouble, not skipped."""
    journal, sink = ListJournal(), PlannedSink()
    journal.entries = [entry(0), entry(2)]
    box = outbox(journal, sink)
    async with anyio.create_task_group() as tasks:
        await tasks.start(box.run)
        await until(lambda: box.state.attempt > 2)
        tasks.cancel_scope.cancel()
    assert "order at position 0" in box.state.trouble
    assert sink.calls == 0


def test_a_sink_away_for_hours_is_asked_seldom_and_then_caught_up_with() -> None:
    """Three hours in virtual time: delays double up to the cap, and nothing is lost."""

    async def main() -> None:
        journal, sink = ListJournal(), PlannedSink(plan=[(0, 0)] * 365)
        journal.add(9)
        settings = OutboxSettings(batch_entries=4, measure_s=3600.0)
        box = outbox(journal, sink, settings)
        begin = trio.current_time()
        async with anyio.create_task_group() as tasks:
            await tasks.start(box.run)
            while journal.position < 9:
                await anyio.sleep(60)
            tasks.cancel_scope.cancel()
        hours = (trio.current_time() - begin) / 3600
        # With dice 0 each delay is half: 0.25, 0.5, … 8 and then 15 s: 365 failures take about an hour and a half.
        assert 1.4 < hours < 1.6
        assert sink.calls == 365 + 3
        assert sink.arrived == list(range(9))

    anyio.run(main, backend="trio", backend_options={"clock": trio.testing.MockClock(autojump_threshold=0)})


steps = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


@given(plan=steps, crashes=st.lists(st.integers(0, 40), max_size=4), size=st.integers(0, 20))
def test_no_schedule_of_faults_and_crashes_loses_or_reorders(
    plan: list[tuple[int, int]], crashes: list[int], size: int
) -> None:
    """Whatever fails, wherever it is cut off: nothing lost, first copies in order, the position never leads."""

    async def main() -> None:
        journal, sink = ListJournal(), PlannedSink(plan=list(plan))
        journal.add(size)
        for ticks in [*crashes, None]:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(outbox(journal, sink).run)
                if ticks is None:
                    await until(lambda: journal.position == size)
                else:
                    for _ in range(ticks):
                        await anyio.lowlevel.checkpoint()
                        assert journal.position <= sink.acknowledged
                tasks.cancel_scope.cancel()
        firsts = list(dict.fromkeys(sink.arrived))
        assert firsts == list(range(size))

    anyio.run(main, backend="trio")
