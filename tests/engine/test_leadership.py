"""Who leads, in virtual time: one at a time, handed over at once, taken over in time, given up before it is taken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.engine.leadership import END_S, LOOK_S, TRY_MOST_S, LeaderSettings, Leadership
from versiqiid.engine.writer import Term
from versiqiid.errors import Forbidden, Unavailable
from versiqiid.ports import SessionId

ROOT = "versiqii"


class Epochs:
    """As much of a journal as leading asks for."""

    origin = "test"

    def __init__(self) -> None:
        self.given = 0

    async def next_epoch(self) -> int:
        await anyio.lowlevel.checkpoint()
        self.given += 1
        return self.given


class Cut:
    """The locks of a store, for one process.

    :ivar away: it does not reach the store any more. :ivar forbidden: its token is refused.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.away = self.forbidden = False

    def __getattr__(self, name: str) -> Any:
        async def asked(*given: Any, **named: Any) -> Any:
            await anyio.lowlevel.checkpoint()
            if self.away:
                raise Unavailable("the store does not answer")
            if self.forbidden:
                raise Forbidden("the token is not known")
            return await getattr(self._store, name)(*given, **named)

        return asked


@dataclass
class World:
    """Controllers of one root, and what they did when."""

    ttl_s: float = 10.0
    delay_s: float = 1.0
    store: MemoryStore = field(default_factory=MemoryStore)
    epochs: Epochs = field(default_factory=Epochs)
    began: list[tuple[float, str]] = field(default_factory=list)
    ended: list[tuple[float, str]] = field(default_factory=list)
    ending_s: float = 0.0

    def controller(self, name: str) -> tuple[Leadership, Cut]:
        async def lead(_term: Term) -> None:
            self.began.append((anyio.current_time(), name))
            try:
                await anyio.sleep_forever()
            finally:
                self.ended.append((anyio.current_time(), name))
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(self.ending_s)

        cut = Cut(self.store)
        made = Leadership(
            cut,  # type: ignore[arg-type]
            cut,  # type: ignore[arg-type]
            self.epochs,  # type: ignore[arg-type]
            LeaderSettings(name, ROOT, self.ttl_s, self.delay_s),
            lead=lead,
            now=lambda: "now",
            metrics=PrometheusMetrics(version="0"),
        )
        return made, cut

    async def until(self, holds: Callable[[], bool], within_s: float, look_s: float = 0.01) -> float:
        """How long it took, in virtual seconds."""
        begin = anyio.current_time()
        with anyio.fail_after(within_s):
            while not holds():
                await anyio.sleep(look_s)
        return anyio.current_time() - begin


@asynccontextmanager
async def led_and_waited_for(world: World) -> AsyncIterator[tuple[Leadership, Leadership, anyio.CancelScope]]:
    """One controller leads and another one waits for it: both, and what ends the first. At the end both stop."""
    first, _ = world.controller("first")
    second, _ = world.controller("second")
    leading = anyio.CancelScope()

    async def lead_first() -> None:
        with leading:
            await first.run()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lead_first)
        await world.until(lambda: first.term is not None, 10)
        tasks.start_soon(second.run)
        await anyio.sleep(1)
        yield first, second, leading
        tasks.cancel_scope.cancel()


def in_virtual_time(story: Callable[[], Awaitable[None]]) -> None:
    anyio.run(story, backend="trio", backend_options={"clock": trio.testing.MockClock(autojump_threshold=0)})


def test_a_standby_writes_nothing_and_takes_over_at_once_when_the_leader_stops() -> None:
    """For an hour the store's index does not move; then the lead changes hands within a virtual tenth of a second."""

    async def story() -> None:
        world = World()
        async with led_and_waited_for(world) as (first, second, leading):
            assert first.term is not None
            before = (await world.store.scan("")).index
            await anyio.sleep(3600)
            assert (await world.store.scan("")).index == before
            leading.cancel()
            assert await world.until(lambda: second.term is not None, 10) <= 0.1
        assert [name for _, name in world.began] == ["first", "second"]
        assert world.epochs.given == 2

    in_virtual_time(story)


def test_the_lead_is_not_held_by_what_takes_long_to_end() -> None:
    """A task of the term that needs a minute to close, such as an outbox whose Kafka is away: nobody waits for it."""

    async def story() -> None:
        world = World(ending_s=60.0)
        async with led_and_waited_for(world) as (first, second, leading):
            leading.cancel()
            assert await world.until(lambda: second.term is not None, 10) <= 0.1
            assert first.term is None

    in_virtual_time(story)


@settings(max_examples=25, deadline=None)
@given(ttl_s=st.floats(1, 60), delay_s=st.floats(0, 60), cut_at=st.floats(0, 90))
def test_who_is_cut_off_gives_up_before_another_one_leads(ttl_s: float, delay_s: float, cut_at: float) -> None:
    """Whenever it happens: the leader stops leading before its session is over, the standby leads after the delay, and
    no later than the delay, a look and a try behind it.
    """

    async def story() -> None:
        world = World(ttl_s, delay_s)
        async with anyio.create_task_group() as tasks:
            first, cut = world.controller("first")
            tasks.start_soon(first.run)
            await world.until(lambda: first.term is not None, 10)
            second, _ = world.controller("second")
            tasks.start_soon(second.run)
            await anyio.sleep(cut_at)
            cut.away = True
            begin = anyio.current_time()
            most = ttl_s + delay_s + LOOK_S + TRY_MOST_S + END_S
            await world.until(lambda: len(world.began) == 2, most + 5, look_s=1.0)
            tasks.cancel_scope.cancel()
        (given_up, _), (taken, name) = world.ended[0], world.began[1]
        took = taken - begin
        assert name == "second"
        assert given_up <= taken - delay_s + 1e-6, "it gave up when its session was over, at the latest"
        assert took <= most

    in_virtual_time(story)


def test_a_token_that_is_refused_for_a_moment_costs_no_lead() -> None:
    """For less than the session lives; refused for longer, the leader gives up like one that is cut off."""

    async def story() -> None:
        world = World(ttl_s=10.0)
        async with anyio.create_task_group() as tasks:
            first, cut = world.controller("first")
            tasks.start_soon(first.run)
            await world.until(lambda: first.term is not None, 10)
            term = first.term
            for _ in range(20):
                await anyio.sleep(20)
                cut.forbidden = True
                await anyio.sleep(5)
                cut.forbidden = False
            assert first.term is term
            cut.forbidden = True
            assert await world.until(lambda: first.term is None, 60) <= 10.1
            tasks.cancel_scope.cancel()

    in_virtual_time(story)


def test_a_delayed_lock_is_tried_often_enough_and_not_more() -> None:
    """With a delay of a minute, some sixty tries; with one of a tenth of a second, a twentieth of one each."""
    made = [World(delay_s=delay).controller("x")[0]._between_tries_s() for delay in (0.0, 0.1, 1.0, 60.0)]
    assert made == [0.05, 0.05, 0.1, 1.0]


def test_leads_is_the_holder_in_the_present_term_only() -> None:
    """Another session, or none, is not this process leading."""
    leader, _ = World().controller("x")
    assert not leader.leads(SessionId("s"))
    leader.term = Term(SessionId("s"), 1)
    assert leader.leads(SessionId("s"))
    assert not leader.leads(SessionId("t"))
