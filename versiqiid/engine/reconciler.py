"""The spine: the path of one change, steps 3 to 10, top to bottom.

1 and 2 bring an item of work here. Steps 3 to 7 (`decide`) say what should be. Then, for as many items as fit into one
transaction: 8 the intent is made durable, 9 one transaction writes everything or nothing under the leader's fence and
only if every input is still what was read, 10 the settlement records it. Several transactions are under way at a time,
none of them built on what another one writes. What fails goes back into the queue; nothing after step 3 talks upward in
any other way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import anyio
from anyio.abc import TaskGroup

from versiqiid.core import keys as k
from versiqiid.core.impact import Impact, Item, everything
from versiqiid.core.retry import Backoff, delay_s
from versiqiid.core.snapshot import Moved, Reads, Snapshot
from versiqiid.core.status import Cause
from versiqiid.engine.changes import Change, Claims, Load
from versiqiid.engine.decide import Decider
from versiqiid.engine.workqueue import Work, WorkQueue
from versiqiid.engine.writer import LANES, RESERVED_OPERATIONS, Superseded, Writer, Written
from versiqiid.errors import FenceLost, Refused, TooLarge, Unavailable, VersiqiiError, first_of
from versiqiid.logs import logger
from versiqiid.ports import Metrics, StoreLimits

log = logger("reconciler")

ITEMS_AT_ONCE = 256
"""How many items may be decided and not yet written: bounds memory. Arbitrary: a few transactions' worth."""

GATHER_S = 0.1
"""How long a decided change may wait for others of its wave: a transaction costs the same for one as for fifty."""

DECISIONS_IN_FLIGHT = 16
"""Decisions wait on guests and validators in other threads and processes; so many keep both busy."""

UNSURE_BACKOFF = Backoff(first_s=0.05, most_s=5.0)
"""Between attempts to find out what became of a transaction. Arbitrary, as short as a busy store can bear."""


class Reconciler:
    """Converges items until cancelled. One instance per term of leadership.

    :param limits: asked before each wave: a store may learn from its server what it takes.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        queue: WorkQueue[Item],
        decider: Decider,
        writer: Writer,
        *,
        limits: Callable[[], StoreLimits],
        metrics: Metrics,
    ) -> None:
        self._snapshot = snapshot
        self._queue = queue
        self._decider = decider
        self._writer = writer
        self._limits = limits
        self._metrics = metrics
        self.impact = Impact()
        self._room = anyio.Semaphore(ITEMS_AT_ONCE)
        self._ready: list[Change] = []
        self._claims = Claims()
        self._lanes = anyio.Semaphore(LANES)
        self._asking = anyio.Lock()
        self._deciding = 0
        self._bell = anyio.Event()

    def touched(self, keys: Sequence[str], cause: Cause) -> None:
        """Step 2: keys changed; ask for the items that they may move."""
        self._queue.add(self.impact.touched(self._snapshot, keys), cause)

    def all_again(self, cause: Cause) -> None:
        """Ask for every item there is."""
        self._queue.add(sorted(everything(self._snapshot), key=str), cause)

    def idle(self) -> bool:
        """Whether nothing waits and nothing is being decided or written."""
        return self._queue.idle

    async def run(self) -> None:
        """Take work, oldest first, until cancelled. What is decided is written while more is being decided.

        :raises FenceLost: this process no longer leads; what was being written was not written.
        """
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(DECISIONS_IN_FLIGHT):
                    tasks.start_soon(self._decide_on)
                await self._write_on(tasks)
        except* VersiqiiError as group:
            raise first_of(group) from None

    async def _decide_on(self) -> None:
        """Steps 3 to 7, one item after the other; several of these run, so one slow item holds up no other."""
        while True:
            await self._room.acquire()
            work = await self._queue.take()
            self._metrics.gauge("versiqii_queue_depth", len(self._queue))
            self._deciding += 1
            change = await self._decide(work)
            self._deciding -= 1
            if change is None:
                self._release(work)
            else:
                self._ready.append(change.within(self._limits().operations_max - RESERVED_OPERATIONS))
            self._bell.set()

    async def _write_on(self, tasks: TaskGroup) -> None:
        """Steps 8 to 10 for whatever is ready, in as few transactions as it fits into."""
        while True:
            await self._bell.wait()
            await self._gather()
            await self._lanes.acquire()
            chunk = self._cut()
            if chunk:
                tasks.start_soon(self._fly, chunk)
            else:
                self._lanes.release()

    def _cut(self) -> list[Change]:
        """What goes into the next transaction: as much as it holds of what is ready and in nobody's way.

        What relies on something that is being written stays until that is done; what has gone stale is decided again.
        """
        load = Load(root=self._writer.root, limits=self._limits(), reserved=RESERVED_OPERATIONS)
        chunk: list[Change] = []
        kept: list[Change] = []
        for change in self._ready:
            if self._stale(change.guards):
                self._queue.ensure(change.work.item, change.work.cause)
                self._release(change.work)
            elif load.full or not self._claims.free(change) or not load.takes(change):
                kept.append(change)
            else:
                self._claims.add(change)
                chunk.append(change)
        self._ready = kept
        if load.full:
            self._bell.set()
        return chunk

    async def _fly(self, chunk: list[Change]) -> None:
        """One transaction under way, from take-off to landing."""
        try:
            await self._write(chunk)
        finally:
            self._lanes.release()
            for change in chunk:
                self._claims.remove(change)
                self._release(change.work)
            self._bell.set()

    async def _gather(self) -> None:
        """Let a wave fill a transaction: wait for what is still being decided, but not long, and not for ever more."""
        with anyio.move_on_after(GATHER_S):
            while self._deciding and len(self._ready) < ITEMS_AT_ONCE // 2:
                self._bell = anyio.Event()
                await self._bell.wait()
        self._bell = anyio.Event()

    def _release(self, work: Work[Item]) -> None:
        self._queue.release(work.item)
        self._room.release()

    async def _decide(self, work: Work[Item]) -> Change | None:
        began = anyio.current_time()
        try:
            change, reads = await self._decider.decide(self._snapshot, work)
        except Moved:
            self._queue.add((work.item,), work.cause)
            return None
        except Unavailable as error:
            log.warning("decision_waits", item=str(work.item), code=error.code, reason=error.message)
            self._queue.retry(work)
            return None
        except Exception:
            # A bug of ours in one binding must not take the others down: it is told, and tried again later.
            log.exception("decision_failed", item=str(work.item))
            self._queue.retry(work)
            return None
        self._metrics.observe("versiqii_reconcile_seconds", anyio.current_time() - began)
        self._remember(work, reads)
        if change is None:
            self._queue.done(work.item)
        return change

    def _remember(self, work: Work[Item], reads: Reads) -> None:
        """Keep what the decision looked at. What moved while it was being made may have touched nobody then."""
        self.impact.remember(work.item, reads)
        if self._stale(reads.guards):
            self._queue.ensure(work.item, work.cause)

    def _stale(self, guards: dict[str, int]) -> bool:
        """Whether a key is known to have moved. Parts of imported trees are not ours to watch: their config is."""
        return any(self._revision(key) != at for key, at in guards.items() if not key.startswith("//"))

    def _revision(self, key: str) -> int:
        value = self._snapshot.get(key)
        return value.revision if value else 0

    async def _write(self, chunk: list[Change]) -> None:
        """Steps 8 to 10 for one transaction's worth of changes."""
        try:
            written = await self._writer.write(chunk)
        except Superseded as outcome:
            self._metrics.count("versiqii_conflicts_total")
            self._again(chunk, outcome.key)
            return
        except FenceLost:
            raise
        except (Unavailable, Refused) as error:
            log.warning("write_failed", code=error.code, reason=error.message, items=len(chunk))
            await self._until_sure()
            for change in chunk:
                self._queue.retry(change.work)
            return
        except TooLarge as error:
            self._too_large(chunk, error)
            return
        self._follow(chunk, written)

    async def _until_sure(self) -> None:
        """Return when it is known whether what was tried has happened.

        Only then are its items decided again: else a status could be left pointing at where its settlement is not.
        """
        async with self._asking:  # one asks for all
            for attempt in count(1):
                try:
                    await self._writer.make_sure()
                    break
                except FenceLost:
                    raise
                except (Unavailable, Refused) as error:
                    log.warning("outcome_unknown", code=error.code, reason=error.message)
                    await anyio.sleep(delay_s(UNSURE_BACKOFF, attempt, seed=0.0))  # one leads: nobody is in step

    def _follow(self, chunk: list[Change], written: Written) -> None:
        """What was written may move others, in the same transaction or not: drifts are told from statuses."""
        for change in chunk:
            item = change.work.item
            self._queue.done(item)
            self._queue.add(self.impact.touched(self._snapshot, written.keys[item]) - {item}, change.work.cause)
            if written.misplaced:
                self._queue.add((item,), change.work.cause)
            if isinstance(item, k.BindingId):
                age_s, cause = self._queue.age_s(change.work), change.work.cause
                self._metrics.observe("versiqii_convergence_seconds", age_s, correlation_id=cause.correlation_id)

    def _again(self, chunk: list[Change], key: str | None) -> None:
        """Somebody moved a key: its items wait a moment for the watch, the others go again at once."""
        for change in chunk:
            if key is None or change.touches(key):
                self._queue.retry(change.work)
            else:
                self._queue.add((change.work.item,), change.work.cause)

    def _too_large(self, chunk: list[Change], error: TooLarge) -> None:
        """Divide; a single change that no transaction can carry waits and is told: something must be made smaller."""
        if len(chunk) == 1:
            log.error("change_too_large", item=str(chunk[0].work.item), size=error.size, limit=error.limit)
            self._queue.retry(chunk[0].work)
            return
        for change in chunk:
            self._queue.add((change.work.item,), change.work.cause)
