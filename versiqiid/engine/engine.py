"""The controller as one thing: watch, lead, reconcile, resynchronise. Built from ports by ``daemon.py``."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio

from versiqiid.core.impact import Item
from versiqiid.core.imports import Import
from versiqiid.core.keys import DriftKey
from versiqiid.core.snapshot import Snapshot
from versiqiid.core.status import Cause
from versiqiid.core.times import rfc3339
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.compute import Computer
from versiqiid.engine.decide import Decider
from versiqiid.engine.facts import DAEMON
from versiqiid.engine.gate import JournalGate
from versiqiid.engine.gauges import measure
from versiqiid.engine.imports import Importer
from versiqiid.engine.lastgood import LastGood
from versiqiid.engine.lawcheck import Effort, LawCheck
from versiqiid.engine.lawwatch import LawWatch
from versiqiid.engine.leadership import LeaderSettings, Leadership
from versiqiid.engine.measured import MeasuredRuntime, MeasuredValidator
from versiqiid.engine.observer import Observer, Watched, cause_of
from versiqiid.engine.promisewatch import PromiseWatch
from versiqiid.engine.reconciler import Reconciler
from versiqiid.engine.workqueue import WorkQueue
from versiqiid.engine.writer import Term, Writer
from versiqiid.ports import (
    Coverage,
    Covering,
    Draft,
    Journal,
    KeyValueStore,
    Locks,
    Metrics,
    MigrationRuntime,
    Validator,
)
from versiqiid.ports.comparing import Comparer

Task: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Ports:
    """What the engine is given.

    :ivar comparer: judges schemas that were written as raw keys; None = nobody does.
    """

    store: KeyValueStore
    locks: Locks
    journal: Journal
    validator: Validator
    runtime: MigrationRuntime
    metrics: Metrics
    comparer: Comparer | None = None


@dataclass(frozen=True, slots=True)
class Clocks:
    """:ivar wall: seconds since the epoch. :ivar monotonic: seconds that never go back."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """:ivar resync_s: how often everything is decided again though nothing seems to have changed, in seconds.
    :ivar laws: how hard the leader tries the laws of migrations that are there; None = not at all.
    """

    leader: LeaderSettings
    resync_s: float = 300.0
    controller: bool = True
    imports: tuple[Import, ...] = ()
    laws: Effort | None = None


class Engine:
    """Watches always; writes only while leading."""

    def __init__(
        self, ports: Ports, settings: EngineSettings, clocks: Clocks, *, while_leading: Sequence[Task] = ()
    ) -> None:
        """:param while_leading: tasks that run in each term of leadership, such as the outbox: one at a time leads."""
        self._while_leading = while_leading
        self._ports = ports
        self._settings = settings
        self._clocks = clocks
        self.snapshot = Snapshot()
        self.gate = JournalGate(ports.journal, ports.metrics)
        self.attributions = Attributions(_writer_name(settings.leader.name))
        self._computer = Computer(
            MeasuredValidator(ports.validator, ports.metrics),
            MeasuredRuntime(ports.runtime, ports.metrics, clocks.monotonic),
        )
        self._reconciler: Reconciler | None = None
        self._election: Cause | None = None
        self.observer = Observer(
            self.snapshot,
            self.gate,
            self.attributions,
            Watched(settings.leader.root, ports.store.scan, settings.imports),
            metrics=ports.metrics,
            clock=clocks.monotonic,
        )
        self.leadership = Leadership(
            ports.store,
            ports.locks,
            ports.journal,
            settings.leader,
            lead=self._lead,
            now=self.now,
            metrics=ports.metrics,
            resigned=self._record_resignation,
        )

    @property
    def runtime(self) -> MigrationRuntime:
        """Who runs guests."""
        return self._ports.runtime

    @property
    def locks(self) -> Locks:
        """Where leading is decided."""
        return self._ports.locks

    def reached_age_s(self) -> float | None:
        """Seconds since the store last answered the watch, None before the first answer."""
        reached = self.observer.reached_at
        return None if reached is None else self._clocks.monotonic() - reached

    def coverage(self) -> Coverage:
        """How the store's watches stand; empty where it does not tell."""
        store = self._ports.store
        return store.coverage() if isinstance(store, Covering) else Coverage()

    def monotonic(self) -> float:
        """Seconds on the engine's own clock."""
        return self._clocks.monotonic()

    def now(self) -> str:
        return rfc3339(self._clocks.wall())

    def idle(self) -> bool:
        """Whether this process leads and has decided and written everything that it has seen."""
        return self._reconciler is not None and self._reconciler.idle()

    async def run(self) -> None:
        """Until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ports.store.watch, f"{self._settings.leader.root}/", self.observer.observe)
            tasks.start_soon(measure, self.snapshot, self._ports.metrics, self.reached_age_s, self.coverage)
            for setting in self._settings.imports:
                importer = Importer(setting, self._ports.store, self.snapshot, self.observer, self.now)
                tasks.start_soon(importer.run)
            if self._settings.controller:
                tasks.start_soon(self.leadership.run)

    async def _lead(self, term: Term) -> None:
        """One term: recover, record, decide, write; until the lead is lost."""
        ports, root = self._ports, self._settings.leader.root
        last_good = LastGood(ports.journal)
        writer = Writer(ports.store, self.gate, last_good, self.snapshot, root=root, term=term, metrics=ports.metrics)
        await self.observer.complete.wait()
        await writer.recover()
        elected = await self.gate.append((self._term_fact("LeaderElected", term),), epoch=term.epoch)
        self._election = cause_of(elected[0])
        queue: WorkQueue[Item] = WorkQueue(self._clocks.monotonic, patient=lambda item: isinstance(item, DriftKey))
        reconciler = Reconciler(
            self.snapshot,
            queue,
            Decider(self._computer, last_good, self.now),
            writer,
            limits=lambda: ports.store.limits,
            metrics=ports.metrics,
        )
        try:
            await self.observer.lead(reconciler, term.epoch)
            self._reconciler = reconciler
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(reconciler.run)
                tasks.start_soon(self._resync, reconciler)
                if ports.comparer is not None:
                    watch = PromiseWatch(self.snapshot, ports.store, ports.comparer, root=root, term=term)
                    tasks.start_soon(watch.run)
                if self._settings.laws is not None:
                    tasks.start_soon(self._law_watch(term, self._settings.laws).run)
                for task in self._while_leading:
                    tasks.start_soon(task)
        finally:
            self.observer.stand_by()
            self._reconciler = None

    def _law_watch(self, term: Term, effort: Effort) -> LawWatch:
        ports, root = self._ports, self._settings.leader.root
        return LawWatch(
            self.snapshot,
            ports.store,
            LawCheck(ports.validator, ports.runtime),
            root=root,
            term=term,
            effort=effort,
            idle=self.idle,
        )

    async def _resync(self, reconciler: Reconciler) -> None:
        """Decide everything again now and then, even if the watch looks healthy."""
        while True:
            await anyio.sleep(self._settings.resync_s)
            reconciler.all_again(Cause(str(uuid.uuid4())))

    async def _record_resignation(self, term: Term) -> None:
        if self._election is not None:
            await self.gate.append((self._term_fact("LeaderResigned", term, self._election),), epoch=term.epoch)

    def _term_fact(self, kind: str, term: Term, cause: Cause | None = None) -> Draft:
        """What happened to the lead. The end of a term follows from its beginning, and belongs to it."""
        data = {"leader": self._settings.leader.name, "epoch": term.epoch}
        cause = cause or Cause(str(uuid.uuid4()))
        stream = f"leader/{self._settings.leader.root}"
        return Draft(kind, stream, data, DAEMON, cause.correlation_id, cause.causation_id)


def _writer_name(name: str) -> str:
    """The process's name as part of a key, whatever characters it has."""
    return hashlib.sha256(name.encode()).hexdigest()[:8]
