"""The outbox: journal entries, in order, to an event sink. What an event looks like is the sink's business.

Invariant: the stored position moves only over entries that the sink has acknowledged, each after all before it. So
nothing is lost over a crash; what was sent and not yet noted is sent again, byte for byte the same.
A sink that is away costs disk and nothing else: the daemon starts, serves and stops without it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from anyio import TASK_STATUS_IGNORED, create_task_group, move_on_after, sleep

from versiqiid.core.retry import Backoff, delay_s
from versiqiid.errors import JournalRefused, VersiqiiError
from versiqiid.ports import Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskStatus

    from versiqiid.ports import EventSink, Journal, Metrics, Recorded

_BACKOFF = Backoff(first_s=0.5, most_s=30.0)
_CLOSE_S = 15.0  # arbitrary: the bound for sinks that keep none themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """Sizes and waits; the numbers are arbitrary but bounded.

    :ivar batch_entries: entries per publish, 1 to 10,000; also the most that is repeated after a crash.
    :ivar backoff: waits after failures in a row.
    :ivar measure_s: how often backlog and age are measured.
    """

    batch_entries: int = 500
    backoff: Backoff = _BACKOFF
    measure_s: float = 5.0


@dataclass(frozen=True, slots=True)
class OutboxState:
    """Where it stands, for ``/readyz`` and the operator.

    :ivar position: the first entry that is not acknowledged.
    :ivar attempt: failures in a row; 0 = it works, or there was nothing to do.
    :ivar trouble: the last failure's sentence while ``attempt`` is not 0.
    """

    position: int = 0
    attempt: int = 0
    trouble: str = ""


class Outbox:
    """Relays one journal to one sink for as long as it runs."""

    def __init__(
        self,
        journal: Journal,
        sink: EventSink,
        metrics: Metrics,
        *,
        dice: Callable[[], float],
        settings: OutboxSettings | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """:param dice: gives numbers from 0 to under 1.

        :param now: wall clock in seconds since the epoch; only the age metric looks at it.
        """
        self._journal = journal
        self._sink = sink
        self._metrics = metrics
        self._dice = dice
        self._settings = settings or OutboxSettings()
        self._now = now
        self._state = OutboxState()
        self._oldest: Recorded | None = None

    @property
    def state(self) -> OutboxState:
        return self._state

    async def run(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Relay until cancelled, then close the sink. Ready at once: a sink or journal that is away is waited for."""
        try:
            async with create_task_group() as tasks:
                tasks.start_soon(self._measure)
                task_status.started()
                await self._relay()
        finally:
            with move_on_after(_CLOSE_S, shield=True):
                await self._sink.aclose()

    async def _relay(self) -> None:
        position: int | None = None
        while True:
            try:
                if position is None:
                    position = await self._journal.outbox_position(self._sink.name)
                    self._state = replace(self._state, position=position)
                position = await self._step(position)
            except VersiqiiError as error:
                await self._back_off(error.message)
                position = None  # whatever happened, the journal knows where we stand

    async def _step(self, position: int) -> int:
        """Publish what comes next and note how far it got; waits when there is nothing."""
        entries = await self._journal.read(Query(start=position, limit=self._settings.batch_entries))
        if not entries:
            self._oldest, self._state = None, OutboxState(position)
            await self._journal.wait_beyond(position)
            return position
        if any(entry.position != position + offset for offset, entry in enumerate(entries)):
            raise JournalRefused("order", f"position {position}", "the journal did not give the entries that follow")
        self._oldest = entries[0]
        count = await self._sink.publish(entries)
        position += count
        await self._journal.advance_outbox(self._sink.name, position)
        self._metrics.count("versiqii_outbox_published_total", count)
        if count == len(entries):
            self._state = OutboxState(position)
        else:
            self._oldest = entries[count]
            self._state = OutboxState(position)
            await self._back_off(f"{self._sink.name} acknowledged {count} of {len(entries)} entries")
        return position

    async def _back_off(self, trouble: str) -> None:
        attempt = self._state.attempt + 1
        self._state = OutboxState(self._state.position, attempt, trouble)
        await sleep(delay_s(self._settings.backoff, attempt, self._dice()))

    async def _measure(self) -> None:
        while True:
            try:
                backlog = await self._journal.size() - self._state.position
            except VersiqiiError:
                pass  # the relay meets the same journal and says so
            else:
                self._metrics.gauge("versiqii_outbox_backlog", max(0, backlog))
                self._metrics.gauge("versiqii_outbox_age_seconds", self._age_s())
            await sleep(self._settings.measure_s)

    def _age_s(self) -> float:
        if self._oldest is None:
            return 0.0
        return max(0.0, self._now() - datetime.fromisoformat(self._oldest.time).timestamp())
