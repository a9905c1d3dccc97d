"""The agent as a task: one watch and one worker for each target, one session for all reports.

The workers decide when to look; what is done then is ``converge.py``'s business. Nothing here ends the agent: whatever
fails is told and tried again, and the files on this host stay as they are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import anyio
from anyio import TASK_STATUS_IGNORED

from versiqiid.agent.converge import Converger, Host, Round, Status
from versiqiid.agent.inbox import Inbox
from versiqiid.agent.memory import Memory
from versiqiid.agent.plan import State
from versiqiid.agent.report import as_bytes, idle_report, target_report
from versiqiid.agent.reporter import Reporter
from versiqiid.agent.state import StateFolder
from versiqiid.agent.version import discover
from versiqiid.core.retry import Backoff, delay_s
from versiqiid.errors import InvalidSetting
from versiqiid.logs import logger

if TYPE_CHECKING:
    from anyio.abc import TaskStatus

    from versiqiid.agent.secrets import Resolve
    from versiqiid.agent.settings import AgentSettings, TargetSettings
    from versiqiid.ports import KeyValueStore, Locks

Tell: TypeAlias = Callable[[Mapping[str, Any]], None]
"""Is given each new report, as it is written under ``hosts/``, and the idle one."""

FIRST_ANSWER_S: Final = 5.0
"""Arbitrary: how long a start waits for the store before it goes on with the last good copies."""

_BACKOFF: Final = Backoff(first_s=1.0, most_s=300.0)

_log = logger("agent")


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the agent's own files, as given to ``run``."""

    store: KeyValueStore
    locks: Locks
    root: str
    clock: Callable[[], float]
    resolve: Resolve | None
    report: Tell | None

    def tell(self, report: Mapping[str, Any]) -> None:
        if self.report is not None:
            self.report(report)


async def run(
    settings: AgentSettings,
    store: KeyValueStore,
    locks: Locks,
    *,
    root: str = "versiqii",
    clock: Callable[[], float] = time.time,
    resolve: Resolve | None = None,
    report: Tell | None = None,
    task_status: TaskStatus[None] = TASK_STATUS_IGNORED,
) -> None:
    """Keep the files of this host until cancelled. Started after the first look at every target.

    Without environment or targets it is idle, says so once, and stays.

    :param settings: with ``data_dir`` filled in (``AgentSettings.in_folder``).
    :param root: prefix of all keys.
    :param clock: seconds since the epoch, for the times in reports.
    :param resolve: gives secrets; None = configs with references are not rendered.
    :raises InvalidSetting: ``data_dir`` is missing or cannot be used; nothing was touched.
    """
    world = World(store, locks, root, clock, resolve, report)
    if settings.idle_reason:
        world.tell(idle_report(settings.host, settings.idle_reason))
        _log.info("agent_idle", reason=settings.idle_reason)
        task_status.started()
        await anyio.sleep_forever()
    host = Host(settings.host, settings.environment or "")
    folder = _data_folder(settings)
    reporter = Reporter(
        world.locks,
        settings.host,
        f"{world.root}/hosts/{settings.host}",
        ttl_s=settings.session_ttl_s,
        note=folder / ".session",  # no target is named like this
        seed=_seed(settings.host),
    )
    workers = [
        Worker(
            Converger(target, host, Memory(StateFolder(folder / target.target)), world.clock, world.resolve),
            Inbox(world.root, host.environment, target.target),
            reporter,
            world,
            resync_s=settings.resync_s,
        )
        for target in settings.targets
    ]
    for worker in workers:
        await worker.prepare()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reporter.run)
        async with anyio.create_task_group() as starting:
            for worker in workers:
                tasks.start_soon(worker.follow)
                starting.start_soon(tasks.start, worker.work)
        task_status.started()


@dataclass(slots=True)
class Worker:
    """One target: its watch, and the loop that looks at it."""

    converger: Converger
    inbox: Inbox
    reporter: Reporter
    world: World
    resync_s: float
    _last: bytes = b""

    @property
    def target(self) -> TargetSettings:
        return self.converger.settings

    async def prepare(self) -> None:
        """
        Read what was remembered.

        :raises InvalidSetting: the data folder cannot be used.
        """
        try:
            await self.converger.start()
        except OSError as error:
            place = self.converger.memory.folder.path
            raise InvalidSetting(f"agent.data_dir: {place}: {error.strerror}") from error

    async def follow(self) -> None:
        """Watch for ever. A watch that fails, which it never should, is begun again."""
        attempt = 0
        while True:
            try:
                await self.world.store.watch(self.inbox.prefix, self.inbox.observe)
            except Exception:  # noqa: BLE001 - a store must not be able to end the agent
                _log.exception("agent_watch_failed", prefix=self.inbox.prefix)
            attempt += 1
            await anyio.sleep(delay_s(_BACKOFF, attempt, _seed(self.target.target)))

    async def work(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Look whenever something has changed, and every ``resync_s`` for what the store does not tell."""
        if not (self.inbox.seen or self.inbox.trouble):
            with anyio.move_on_after(FIRST_ANSWER_S):
                await self.inbox.arm().wait()
        changed = self.inbox.arm()  # before looking, so that nothing is missed meanwhile
        failures = 1 if await self._look() else 0
        task_status.started()
        while True:
            pause_s = delay_s(_BACKOFF, failures, _seed(self.converger.host.host)) if failures else self.resync_s
            with anyio.move_on_after(min(pause_s, self.resync_s)):
                await changed.wait()
            changed = self.inbox.arm()
            failures = failures + 1 if await self._look() else 0

    async def _look(self) -> bool:
        """One look and its report; whether to look again before long."""
        try:
            round_ = await self.converger.converge(self.inbox.wanted)
        except Exception:  # noqa: BLE001 - one target must not end the others; the log has the details
            _log.exception("agent_target_failed", target=self.target.target)
            statuses = [Status(file, State.FAILED, "internal error, see the agent's log") for file in self.target.files]
            round_ = Round(tuple(statuses), retry=True)
        version, why = await discover(self.target.version) if self.target.version else (None, "")
        memory = self.converger.memory
        warnings = (why, memory.warning)
        report = target_report(
            self.converger.host, self.target.target, round_, memory.state, version=version, warnings=warnings
        )
        raw = as_bytes(report)
        self.reporter.publish(self.target.target, raw)
        if raw != self._last:
            self._last = raw
            _log.info("agent_reported", target=self.target.target, state=report["state"], reason=report["reason"])
            self.world.tell(report)
        return round_.retry


def _data_folder(settings: AgentSettings) -> Path:
    if settings.data_dir is None:
        raise InvalidSetting("agent.data_dir is missing", hint="The daemon fills in a folder of its own.")
    return settings.data_dir


def _seed(text: str) -> float:
    """A stable number from 0 to 1: the same host always waits alike, different hosts differ."""
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big") / 2**32
