"""One look at everything of one target: finish what is pending, see what is wanted, decide for each file, act.

Called again and again with whatever is known of the store; a second call with nothing new touches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from anyio import to_thread

from versiqiid.agent import disk
from versiqiid.agent.change import Change, Prepared, change, conclude
from versiqiid.agent.plan import Desired, Kind, Known, Leave, OnDisk, Record, SetAttributes, State, Swap, decide
from versiqiid.agent.render import Source, read_effective, render
from versiqiid.agent.secrets import Resolve, resolved
from versiqiid.core.canonical import digest
from versiqiid.errors import VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from versiqiid.agent.memory import Memory
    from versiqiid.agent.settings import FileSettings, TargetSettings


@dataclass(frozen=True, slots=True)
class Status:
    """How one file stands after a look.

    :ivar wanted: digest of the effective config as it is now, None when there is none or the store was never reached.
    """

    file: FileSettings
    state: State
    reason: str = ""
    wanted: str | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one look.

    :ivar retry: something failed that may succeed without any change, so look again before long.
    """

    statuses: tuple[Status, ...]
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """Where this is: what templates and reports say of it."""

    host: str
    environment: str


@dataclass(frozen=True, slots=True)
class _Ready:
    """A file that was looked at and rendered: enough to decide."""

    file: FileSettings
    desired: Desired | None
    data: bytes
    present: OnDisk


@dataclass(frozen=True, slots=True)
class _Stuck:
    """A file that nothing can be decided for, and why."""

    state: State
    reason: str
    retry: bool


_UNMADE = (State.RENDER_FAILED, State.FAILED)


@dataclass(slots=True)
class Converger:
    """The files of one target on this host.

    :ivar clock: seconds since the epoch.
    :ivar resolve: gives secrets; None = configs with references are not rendered.
    """

    settings: TargetSettings
    host: Host
    memory: Memory
    clock: Callable[[], float]
    resolve: Resolve | None = None

    async def start(self) -> None:
        """Read what an earlier run remembered, and remove what it staged and never swapped.

        :raises OSError: the data folder cannot be made or read.
        """
        await self.memory.load()
        owed = {file.destination for pending in self.memory.state.pending for file in pending.files}
        for file in self.settings.files:
            if str(file.destination) not in owed:
                await to_thread.run_sync(disk.discard, disk.Staging(file.destination))

    async def converge(self, wanted: Mapping[str, bytes] | None) -> Round:
        """Bring every file as near to what is wanted as it can be brought now.

        :param wanted: the effective configs by binding name. None = the store was not reached yet: pending changes are
            finished and missing files are put back from the last good copy, nothing else.
        """
        context = Change(self.memory, {str(file.destination): file for file in self.settings.files}, self.clock)
        stuck = await self._finish_pending(context)
        groups: dict[tuple[str, ...], list[Prepared]] = {}
        for file in self.settings.files:
            path = str(file.destination)
            if path in stuck:
                continue
            outcome = await self._look_and_act(file, wanted)
            if isinstance(outcome, Prepared):
                groups.setdefault(file.reload or (path,), []).append(outcome)
            elif outcome is not None:
                stuck[path] = outcome
        for batch in groups.values():
            held = self._held_back(batch, stuck)
            stuck |= held | await _changed([file for file in batch if file.destination not in held], context)
        return self._round(wanted, stuck)

    def _held_back(self, batch: Sequence[Prepared], stuck: Mapping[str, _Stuck]) -> dict[str, _Stuck]:
        """Files whose config could not be made into another file of the same reload: they stand or fall together."""
        failed: dict[tuple[Sequence[str] | None, str], str] = {
            (file.reload, file.name): str(file.destination)
            for file in self.settings.files
            if file.reload and str(file.destination) in stuck and stuck[str(file.destination)].state in _UNMADE
        }
        held = {}
        for file in batch:
            cause = failed.get((file.settings.reload, file.settings.name))
            if cause is not None:
                reason = f"held back with {cause}, which is made from the same config and failed"
                held[file.destination] = _Stuck(stuck[cause].state, reason, retry=stuck[cause].retry)
        return held

    async def _finish_pending(self, context: Change) -> dict[str, _Stuck]:
        stuck: dict[str, _Stuck] = {}
        for pending in self.memory.state.pending:
            try:
                await conclude(pending, context)
            except OSError as error:
                reason = f"a change is not finished yet: {_told(error)}"
                stuck |= {file.destination: _Stuck(State.FAILED, reason, retry=True) for file in pending.files}
        return stuck

    async def _look_and_act(self, file: FileSettings, wanted: Mapping[str, bytes] | None) -> Prepared | _Stuck | None:
        """Everything but a swap is done at once; a swap is prepared, so that files can share a reload."""
        path, known = str(file.destination), self.memory.state.record(str(file.destination)).known
        try:
            present = await to_thread.run_sync(disk.inspect, file.destination)
            if wanted is None:
                return await self._look_without_store(file, present)
            ready = await self._ready(file, wanted, present)
            match decide(known, ready.present, ready.desired, repairs=file.on_edit == "repair"):
                case Leave(state, reason):
                    return None if state is State.APPLIED else _Stuck(state, reason, retry=False)
                case Swap(repair) if ready.desired is not None:
                    return Prepared(file, ready.desired, ready.data, ready.present, repair)
                case SetAttributes() if ready.desired is not None:
                    await to_thread.run_sync(disk.set_attributes, file.destination, ready.desired.attributes)
                    await self._record(path, known, ready)
                case Record():
                    await self._record(path, known, ready)
        except VersiqiiError as error:
            return _Stuck(State.RENDER_FAILED, error.message, retry=error.retryable)
        except OSError as error:
            return _Stuck(State.FAILED, _told(error), retry=True)
        return None

    async def _ready(self, file: FileSettings, wanted: Mapping[str, bytes], present: OnDisk) -> _Ready:
        raw = wanted.get(file.name)
        if raw is None:
            return _Ready(file, None, b"", present)
        value, secret = await resolved(read_effective(raw), self.resolve)
        facts = {"host": self.host.host, "environment": self.host.environment}
        source = Source(raw, value, secret, facts | {"target": self.settings.target, "name": file.name})
        data = await to_thread.run_sync(partial(render, file.format, source, template=file.template))
        attributes = await to_thread.run_sync(
            partial(disk.wanted_attributes, present, mode=file.mode, owner=file.owner, group=file.group, secret=secret)
        )
        content, name = disk.content_of(data), digest(raw)
        return _Ready(file, Desired(name, content, self._trial(name, content, file), attributes), data, present)

    def _trial(self, name: str, content: str, file: FileSettings) -> str:
        """Another check, reload or probe is another trial, also that of a file that stands or falls with this one."""
        together = [file]
        if file.reload:
            together = [f for f in self.settings.files if (f.reload, f.name) == (file.reload, file.name)]
        settings = "\n".join(f.model_dump_json() for f in together)
        return sha256(f"{name}\n{content}\n{settings}".encode()).hexdigest()

    async def _look_without_store(self, file: FileSettings, present: OnDisk) -> Prepared | _Stuck | None:
        """Put a missing file back as it was applied last; everything that is there stays as it is."""
        record = self.memory.state.record(str(file.destination))
        copy, known = record.current, record.known
        if known.digest is None or known.trial is None:
            return _Stuck(State.WAITING, "the store was not reached yet, and no config was ever applied", retry=False)
        if copy is None or present.kind is not Kind.ABSENT or known.content != copy.content:
            return None
        data = await self.memory.kept(copy.content)
        if data is None:
            return None
        return Prepared(file, Desired(known.digest, copy.content, known.trial, copy.attributes), data, present)

    async def _record(self, path: str, known: Known, ready: _Ready) -> None:
        desired = ready.desired
        if desired is None:
            return
        record = self.memory.state.record(path)
        now_known = Known(desired.digest, desired.content, desired.trial, repairs=known.repairs)
        at = record.applied_at if known.digest == desired.digest else None
        applied_at = at or Change(self.memory, {}, self.clock).now()
        await self.memory.remember(
            self.memory.state.with_record(path, replace(record, known=now_known, applied_at=applied_at))
        )

    def _round(self, wanted: Mapping[str, bytes] | None, stuck: Mapping[str, _Stuck]) -> Round:
        statuses = []
        for file in self.settings.files:
            raw = wanted.get(file.name) if wanted is not None else None
            name = digest(raw) if raw is not None else None
            problem = stuck.get(str(file.destination))
            if problem is None:
                failure = self.memory.state.record(str(file.destination)).known.failure
                state, reason = (failure.state, failure.reason) if failure else (State.APPLIED, "")
            else:
                state, reason = problem.state, problem.reason
            statuses.append(Status(file, state, reason, name))
        return Round(tuple(statuses), retry=any(problem.retry for problem in stuck.values()))


async def _changed(batch: Sequence[Prepared], context: Change) -> dict[str, _Stuck]:
    if not batch:
        return {}
    try:
        put_off = await change(batch, context)
    except OSError as error:
        return {file.destination: _Stuck(State.FAILED, _told(error), retry=True) for file in batch}
    return {path: _Stuck(leave.state, leave.reason, retry=True) for path, leave in put_off.items()}


def _told(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or type(error).__name__}"
