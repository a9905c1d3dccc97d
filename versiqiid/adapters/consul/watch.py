"""The watch on one prefix: many blocking queries turned into one row of batches that can be believed.

What to ask is decided in ``mosaic.py``, each query is asked and its answer judged in ``shards.py``, the server is
listened to in ``pulse.py``; this room keeps the queries open, lets what belongs together arrive together, and tells. It
never gives up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

import anyio

from versiqiid.adapters.consul.allowance import Standing
from versiqiid.adapters.consul.mosaic import Answered, Listed, Mosaic, Own, Piece
from versiqiid.adapters.consul.pulse import Beat, Pulse
from versiqiid.adapters.consul.shards import Asker, WatchOptions
from versiqiid.core import cursor as pacing
from versiqiid.core.cursor import UNBLOCKED
from versiqiid.errors import Forbidden, RateLimited, VersiqiiError
from versiqiid.ports import Reached, Trouble

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from versiqiid.adapters.consul.allowance import Allowance
    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.shards import Outcome
    from versiqiid.core.cursor import Pace
    from versiqiid.core.shards import Query
    from versiqiid.ports import Observe

__all__ = ["PrefixWatch", "WatchOptions"]

_BURST_LEAST = 4
"""Queries that a shard may send one after the other, however many shards there are. Arbitrary: a few changes are told
at once."""

_WAIT_MAX_S = 600.0
"""Consul's own limit (``max_query_time``)."""


@dataclass(slots=True, eq=False)
class _Running:
    """A piece with the task that asks for it.

    :ivar resync_at: when the piece is read and told anew.
    :ivar outcome: what it brought, until that has been dealt with; ``arrived_at``: when.
    :ivar arriving: an answer has begun to come.
    :ivar delay_s: how long it waits before it asks.
    """

    piece: Piece
    resync_at: float
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    asking: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    dealt_with: anyio.Event = field(default_factory=anyio.Event)
    outcome: Outcome | None = None
    arriving: bool = False
    arrived_at: float = 0.0
    delay_s: float = 0.0

    @property
    def is_coming(self) -> bool:
        """Whether its answer is sure to come soon: it has begun to, or the query does not block."""
        cursor = self.piece.cursor
        return self.outcome is None and (self.arriving or (cursor.index == UNBLOCKED and not cursor.failures))

    def arrives(self) -> None:
        """An answer has begun to come."""
        self.arriving = True

    def resume(self, delay_s: float) -> None:
        """Let it ask again."""
        self.outcome, self.delay_s = None, delay_s
        self.dealt_with.set()

    def interrupt(self, *, failed: bool) -> None:
        """Let it ask anew, if it is asking.

        :param failed: the server gave no answer. What it holds when it gives one is not sure to follow what it held.
        """
        if self.outcome is None:
            if failed:
                cursor = self.piece.cursor
                self.piece.cursor = replace(cursor, index=UNBLOCKED, failures=cursor.failures + 1)
            self.asking.cancel()

    def doubt(self) -> None:
        """Let it ask anew, without waiting, if all that it does is wait: whoever holds its query may be far behind."""
        if self.piece.cursor.index != UNBLOCKED and not self.arriving:
            self.interrupt(failed=True)


class PrefixWatch:
    """One run of a watch; ``run`` ends only by cancellation or by what ``observe`` raises."""

    def __init__(
        self, endpoints: Endpoints, prefix: str, observe: Observe, options: WatchOptions, allowance: Allowance
    ) -> None:
        self._observe = observe
        self._options = options
        self._allowance = allowance
        self._mosaic = Mosaic(prefix, options.sizes)
        self._own = Own(allowance.fenced, options.own)
        self._asker = Asker(endpoints, self._mosaic, options, allowance.tripped)
        self._pulse = Pulse(endpoints, prefix, options, picture=self._mosaic, news=self._wake)
        self._running: dict[Query, _Running] = {}
        self._news = anyio.Event()
        self._failures = 0
        self._complained: dict[type, int] = {}
        self._seen_up_to = 0

    async def run(self) -> None:
        self._allowance.join(self, self._standing)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._pulse.run)
                await self._tell_for_ever(tasks)
        except ExceptionGroup as group:  # only the observer raises in there; its error is its caller's, unwrapped
            raise group.exceptions[0] from group.exceptions[0].__cause__
        finally:
            self._allowance.leave(self)

    # ------------------------------------------------------------------------------------------------- asking

    def _follow_mosaic(self, tasks: TaskGroup) -> None:
        """Ask for the pieces that there are now, and for no others."""
        options, now = self._options, anyio.current_time()
        for query, running in list(self._running.items()):
            if self._mosaic.pieces.get(query) is not running.piece:
                running.scope.cancel()
                del self._running[query]
        for query, piece in self._mosaic.pieces.items():
            if query not in self._running:
                # Spread over the time, so that pieces that were made together are not read again together.
                resync_at = now + options.resync_s * (0.5 + options.dice() / 2)
                self._running[query] = running = _Running(piece, resync_at)
                tasks.start_soon(self._ask_for_ever, running)

    async def _ask_for_ever(self, running: _Running) -> None:
        with running.scope:
            while True:
                await anyio.sleep(running.delay_s)
                await self._pulse.up()
                with anyio.CancelScope() as running.asking:
                    await self._ask(running)
                if running.outcome is None:  # interrupted
                    running.delay_s = 0.0
                    continue
                running.dealt_with = anyio.Event()
                self._wake()
                await running.dealt_with.wait()

    def _wake(self) -> None:
        self._news.set()

    async def _ask(self, running: _Running) -> None:
        piece, now = running.piece, anyio.current_time()
        if running.resync_at <= now:
            piece.cursor, piece.whole_again = replace(piece.cursor, index=UNBLOCKED), True
        options = self._options
        most_s = options.wait_s if self._mosaic.cover.is_whole else options.part_wait_s
        wait_s = min(most_s, running.resync_at - now, _WAIT_MAX_S)
        running.arriving = False
        outcome = await self._asker.ask(piece, wait_s, running.arrives)
        running.outcome, running.arrived_at, running.arriving = outcome, anyio.current_time(), False

    # ------------------------------------------------------------------------------------------------- telling

    async def _tell_for_ever(self, tasks: TaskGroup) -> None:
        while True:
            self._news = anyio.Event()
            await self._deal_with_pulse()
            await self._deal_with_errors()
            await self._deal_with_names()
            self._follow_mosaic(tasks)
            wave = [each for each in self._running.values() if isinstance(each.outcome, Answered)]
            left_s = self._until(wave) - anyio.current_time()
            if left_s <= 0:
                await self._tell(wave)
                continue
            with anyio.move_on_after(left_s):
                await self._news.wait()

    def _current(self) -> list[_Running]:
        """Those whose piece is still in the picture."""
        return [each for each in self._running.values() if self._mosaic.pieces.get(each.piece.query) is each.piece]

    def _until(self, wave: list[_Running]) -> float:
        """When these answers are told: once others of the same commit have had the time to arrive. What wakes their
        queries is small, and is on its way at the same moment.
        """
        if not wave:
            return inf
        first, last = min(each.arrived_at for each in wave), max(each.arrived_at for each in wave)
        if self._mosaic.cover.is_whole:
            return first
        most = first + self._options.hold_s
        if any(each.is_coming for each in self._running.values()):
            return most
        return min(most, last + self._options.settle_s)

    async def _tell(self, wave: list[_Running]) -> None:
        options, now = self._options, anyio.current_time()
        again = [each for each in wave if each.piece.whole_again]
        answers = [(each.piece, each.outcome) for each in wave if isinstance(each.outcome, Answered)]
        pace = self._shared(options.pace)
        events, delays = self._mosaic.take(answers, pace, now=now, dice=options.dice(), own=self._own)
        for event in events:
            await self._observe(event)
        for each in again:
            each.resync_at = now + options.resync_s
        for each in wave:
            each.resume(delays.get(each.piece.query, 0.0))
        if events:  # otherwise it has started over
            self._seen_up_to = self._mosaic.index
            self._recovered()
            self._mosaic.replan(self._allowance.room(self))

    def _shared(self, pace: Pace) -> Pace:
        """One query's part of the pace: many that change together ask no more often, all in all, than one would."""
        count = len(self._mosaic.pieces)
        burst = min(pace.burst, max(_BURST_LEAST, pace.burst // count))
        return replace(pace, burst=burst, refill_per_s=pace.refill_per_s / count)

    async def _deal_with_names(self) -> None:
        """Let the shards follow the names. Each answer may change who else is asked."""
        options = self._options
        while listed := [(each, each.outcome) for each in self._current() if isinstance(each.outcome, Listed)]:
            each, answer = listed[0]
            now, room = anyio.current_time(), self._allowance.room(self)
            if each.piece.whole_again:
                each.resync_at = now + options.resync_s
            pace, dice = self._shared(options.names), options.dice()
            events, delay_s = self._mosaic.listed(
                each.piece, answer, pace, now=now, dice=dice, queries_max=room, own=self._own
            )
            for event in events:
                await self._observe(event)
            each.resume(delay_s)

    # ------------------------------------------------------------------------------------------------- trouble

    async def _deal_with_errors(self) -> None:
        """Tell what is wrong; once for all the queries that went wrong together."""
        options, now = self._options, anyio.current_time()
        for each in self._current():
            error = each.outcome
            if not isinstance(error, VersiqiiError):
                continue
            step = pacing.failed(each.piece.cursor, now=now, seed=options.dice(), pace=options.pace)
            each.piece.cursor = step.cursor
            each.resume(step.delay_s)
            if not isinstance(error, Forbidden | RateLimited):
                self._pulse.missed()
            if step.cursor.failures > self._complained.get(type(error), 0):
                await self._complain(error)

    async def _deal_with_pulse(self) -> None:
        found = self._pulse.take()
        if isinstance(found, VersiqiiError):
            for each in self._current():
                each.interrupt(failed=True)
            await self._complain(found)
        elif isinstance(found, Beat):
            await self._heard(found)

    async def _heard(self, beat: Beat) -> None:
        if beat.older:
            self._mosaic.start_over()
        elif beat.moved:
            for each in self._current():
                each.interrupt(failed=False)
        elif beat.silent:
            for each in self._current():
                each.doubt()
        elif not any(each.is_coming or each.piece.cursor.failures for each in self._running.values()):
            if not any(each.outcome for each in self._running.values()):
                self._seen_up_to = max(self._mosaic.index, beat.index)  # whatever was news would have come by now
            await self._observe(Reached(self._mosaic.index))
            self._recovered()

    async def _complain(self, error: VersiqiiError) -> None:
        self._failures += 1
        self._complained[type(error)] = self._complained.get(type(error), 0) + 1
        await self._observe(Trouble(error, self._failures, alarm=isinstance(error, Forbidden)))

    def _recovered(self) -> None:
        """Forget the troubles, once no query has any."""
        if self._failures and not any(each.piece.cursor.failures for each in self._current()):
            self._failures = 0
            self._complained.clear()

    def _standing(self) -> Standing:
        store_index = max(self._pulse.newest, self._mosaic.index)
        return Standing(tuple(self._mosaic.pieces.values()), self._seen_up_to, store_index)
