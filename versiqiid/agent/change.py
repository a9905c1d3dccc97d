"""One change of one or more files, top to bottom: stage, check, swap, reload, probe, then keep, or restore and say so.

Files come here together when they share a reload. Which files and why is decided elsewhere. Any step may be the last
one of this process: everything after ``begin`` is found again at the next start and finished by the same ``conclude``.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from versiqiid.agent import disk
from versiqiid.agent.command import Ran, filled, run_command
from versiqiid.agent.plan import Desired, Failure, Kind, Known, Leave, OnDisk, State
from versiqiid.agent.probe import probe
from versiqiid.agent.settings import DESTINATION, STAGED, FileSettings
from versiqiid.agent.state import FileRecord, Generation, Pending, PendingFile, Phase, Told
from versiqiid.core.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from versiqiid.agent.memory import Memory

ATTEMPTS_MAX: Final = 3
"""Arbitrary. A config whose reload takes this process down with it is given up after so many starts."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """One file that is to be changed."""

    settings: FileSettings
    desired: Desired
    data: bytes
    present: OnDisk
    repair: bool = False

    @property
    def destination(self) -> str:
        return str(self.settings.destination)


@dataclass(frozen=True, slots=True)
class Change:
    """What every step needs.

    :ivar files: settings by destination, of all files of the target.
    :ivar clock: seconds since the epoch.
    """

    memory: Memory
    files: Mapping[str, FileSettings]
    clock: Callable[[], float]

    def now(self) -> str:
        return rfc3339(self.clock())


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a staged file must not be swapped.

    :ivar lasting: a verdict on the config, which is remembered; otherwise something about the host, tried again.
    """

    leave: Leave
    lasting: bool


async def change(batch: Sequence[Prepared], context: Change) -> dict[str, Leave]:
    """Bring the files to their desired content; on return they are kept or restored, and remembered so.

    :return: files that were not even tried, and that may succeed without a change (a check that cannot be started).
    :raises OSError: the disk refuses. Before the first swap nothing was changed; after it the change is pending.
    """
    begun = False
    try:
        refusals = {file.destination: await _stage_and_check(file, context) for file in batch}
        _hold_back(batch, refusals)
        put_off = {}
        for file in batch:
            refusal = refusals[file.destination]
            if refusal is not None and refusal.lasting:
                await _remember(file, refusal.leave, context)
            elif refusal is not None:
                put_off[file.destination] = refusal.leave
        passed = [file for file in batch if refusals[file.destination] is None]
        if passed:
            pending = Pending(tuple([await _pending_file(file, context) for file in passed]))
            await context.memory.begin(pending)
            begun = True
            await conclude(pending, context)
    finally:
        for file in batch:  # no staged file with a secret in it is left lying about
            if not (begun and refusals[file.destination] is None):
                disk.discard(_staging(file.settings))
    return put_off


async def conclude(pending: Pending, context: Change) -> None:
    """Take a change from wherever it stands to its end. Doing a part of it twice does no harm.

    :raises OSError: the disk refuses; the change stays pending.
    """
    if pending.phase is Phase.SWAP:
        verdict = await _swap_and_judge(pending, context)
        if verdict is None:
            return
        pending = verdict
    changed = [await _restore(file, context) for file in pending.files]
    if pending.refused:  # by the disk: nothing is known against the config, so it is not remembered as bad
        if any(changed):
            await _reload(_settings(pending, context), context)
        await context.memory.settle(pending, {})
        raise OSError(errno.EIO, pending.reason)
    again = await _reload(_settings(pending, context), context)
    reason = pending.reason + ("" if again.ok else f"; the reload after restoring failed too: {again.reason}")
    await context.memory.settle(
        pending, {f.destination: _restored(f, replace(pending, reason=reason), context) for f in pending.files}
    )


async def _swap_and_judge(pending: Pending, context: Change) -> Pending | None:
    """None when the change is settled and its files stay; otherwise the change to be undone, remembered as such."""
    try:
        swapped = [file for file in pending.files if file.destination in context.files and await _swap(file)]
    except OSError as error:
        undone = replace(pending, phase=Phase.RESTORE, refused=True, reason=f"cannot swap: {error.strerror}")
        await context.memory.advance(pending, undone)
        return undone
    tried = replace(pending, files=tuple(swapped), attempts=pending.attempts + 1)
    if not swapped:
        await context.memory.settle(pending, {})
        return None
    await context.memory.advance(pending, tried)
    verdict = await _reload_and_probe(tried, context)
    if verdict.reason and _restorable(verdict):
        await context.memory.advance(tried, verdict)
        return verdict
    await context.memory.settle(tried, {f.destination: _kept(f, verdict, context) for f in verdict.files})
    return None


async def _stage_and_check(file: Prepared, context: Change) -> _Refusal | None:
    """None when the staged file may take the destination's place."""
    try:
        await to_thread.run_sync(disk.make_parents, file.settings.destination)
        await to_thread.run_sync(disk.write_staged, _staging(file.settings), file.data, file.desired.attributes)
    except OSError as error:  # a folder that one file cannot be written to does not stop the others
        return _Refusal(Leave(State.FAILED, f"cannot stage {file.destination}: {error.strerror}"), lasting=False)
    ran = await _check(file.settings)
    if ran.ok:
        return None
    reason = f"check: {ran.reason}{await _tell(context, file.settings, 'check', ran)}"
    # A check that cannot be started says nothing about the config: it may be there the next time.
    return _Refusal(Leave(State.CHECK_FAILED, reason), lasting=ran.outcome != "not started")


def _hold_back(batch: Sequence[Prepared], refusals: dict[str, _Refusal | None]) -> None:
    """Files made from one config stand or fall together; files from other configs go on."""
    causes: dict[str, tuple[str, _Refusal]] = {}
    for file in batch:
        refusal = refusals[file.destination]
        if refusal is not None:
            causes.setdefault(file.settings.name, (file.destination, refusal))
    for file in batch:
        if refusals[file.destination] is None and file.settings.name in causes:
            path, refusal = causes[file.settings.name]
            reason = f"held back with {path}, which is made from the same config and was refused"
            refusals[file.destination] = _Refusal(Leave(refusal.leave.state, reason), lasting=refusal.lasting)


async def _remember(file: Prepared, leave: Leave, context: Change) -> None:
    known, desired = context.memory.state.record(file.destination).known, file.desired
    failure = Failure(desired.trial, desired.digest, leave.state, leave.reason, context.now())
    await context.memory.set_known(file.destination, replace(known, failure=failure))


async def _check(settings: FileSettings) -> Ran:
    if settings.check is None:
        return Ran("ok")
    places = {STAGED: str(_staging(settings).staged), DESTINATION: str(settings.destination)}
    return await run_command(filled(settings.check, places), timeout_s=settings.check_timeout_s)


async def _pending_file(file: Prepared, context: Change) -> PendingFile:
    """Keep what is needed to go back, and say what is about to be done."""
    previous = await _generation(file, context) if file.settings.generations else None
    if file.settings.generations:
        await context.memory.keep(file.desired.content, file.data)
    return PendingFile(
        destination=file.destination,
        desired_digest=file.desired.digest,
        content=file.desired.content,
        trial=file.desired.trial,
        attributes=file.desired.attributes,
        previous=previous,
        absent_before=file.present.kind is Kind.ABSENT,
        repair=file.repair,
    )


async def _generation(file: Prepared, context: Change) -> Generation | None:
    """What lies at the destination now, kept; None when nothing does."""
    present, path = file.present, file.settings.destination
    if present.attributes is None or present.content is None:
        return None
    known = context.memory.state.record(file.destination).known
    digest = known.digest if known.content == present.content else None
    if present.kind is Kind.LINK:
        text = str(await to_thread.run_sync(path.readlink))
        return Generation(present.content, None, present.attributes, context.now(), link=text)
    data = await to_thread.run_sync(disk.read_regular, path)
    if data is None:
        return None
    content = disk.content_of(data)
    await context.memory.keep(content, data)
    return Generation(content, digest, present.attributes, context.now())


async def _swap(file: PendingFile) -> bool:
    """Swap unless it is done; False when neither the destination nor the staged file holds the content any more."""
    staging = disk.Staging(Path(file.destination))
    if (await to_thread.run_sync(disk.inspect, staging.staged)).content == file.content:
        await to_thread.run_sync(disk.swap, staging)
        return True
    return (await to_thread.run_sync(disk.inspect, staging.destination)).content == file.content


async def _reload_and_probe(pending: Pending, context: Change) -> Pending:
    """The verdict: ``reason`` is empty when reload and probes succeeded."""
    if pending.attempts > ATTEMPTS_MAX:
        reason = f"reload: given up, the agent was ended {ATTEMPTS_MAX} times while it reloaded this config"
        return replace(pending, phase=Phase.RESTORE, reason=reason)
    settings = _settings(pending, context)
    reload = await _reload(settings, context)
    told = Told(context.now(), reload.outcome, reload.exit_code) if any(s.reload for s in settings) else None
    pending = replace(pending, reload=told)
    if not reload.ok:
        return replace(pending, phase=Phase.RESTORE, reason=f"reload: {reload.reason}")
    probes = {s.probe.model_dump_json(): (s, s.probe) for s in settings if s.probe is not None}
    for owner, wanted in probes.values():
        ran = await probe(wanted)
        pending = replace(pending, probe=Told(context.now(), ran.outcome, ran.exit_code))
        if not ran.ok:
            where = await _tell(context, owner, "probe", ran)
            return replace(pending, phase=Phase.RESTORE, reason=f"probe: {ran.reason}{where}")
    return pending


async def _reload(settings: Sequence[FileSettings], context: Change) -> Ran:
    """Run each different reload once; the first failure ends it. Without any: a success."""
    longest: dict[tuple[str, ...], FileSettings] = {}
    for file in sorted(settings, key=lambda file: file.reload_timeout_s):
        if file.reload is not None:
            longest[file.reload] = file
    for command, file in longest.items():
        ran = await run_command(command, timeout_s=file.reload_timeout_s)
        if not ran.ok:
            return replace(ran, reason=ran.reason + await _tell(context, file, "reload", ran))
    codes = [0] if longest else [None]
    return Ran("ok", codes[0])


def _restorable(pending: Pending) -> bool:
    """Whether there is an earlier state of the whole to go back to.

    On a new host there is none: then the files stay, so that an engine that was not running yet can start with them.
    """
    back = all(file.previous is not None or file.absent_before for file in pending.files)
    return back and any(file.previous is not None for file in pending.files)


async def _restore(file: PendingFile, context: Change) -> bool:
    """Put back what was there, and whether anything had to be done for it.

    Somebody else's edit made since the swap is overwritten: it was an edit of a bad file.

    :raises OSError: the disk refuses, or the kept content is gone.
    """
    path, earlier = Path(file.destination), file.previous
    staging, present = disk.Staging(path), await to_thread.run_sync(disk.inspect, path)
    await to_thread.run_sync(disk.discard, staging)
    if earlier is None:
        if not file.absent_before or present.content != file.content:
            return False
        await to_thread.run_sync(disk.remove, path)
    elif present.content == earlier.content and (present.kind is Kind.LINK) == (earlier.link is not None):
        return False
    elif earlier.link is not None:
        await to_thread.run_sync(disk.swap_link, staging, earlier.link)
    else:
        data = await context.memory.kept(earlier.content)
        if data is None:
            raise FileNotFoundError(errno.ENOENT, "the kept content is gone", str(path))
        await to_thread.run_sync(disk.write_staged, staging, data, earlier.attributes)
        await to_thread.run_sync(disk.swap, staging)
    return True


def _kept(file: PendingFile, pending: Pending, context: Change) -> FileRecord:
    """The record of a file that stays: because all went well, or because there is nothing to go back to."""
    old, now = context.memory.state.record(file.destination), context.now()
    failure = None
    if pending.reason:
        failure = Failure(file.trial, file.desired_digest, State.RELOAD_FAILED, pending.reason, now)
    repairs = old.known.repairs + 1 if file.repair else 0
    count = context.files[file.destination].generations
    earlier = [file.previous] if file.previous else []
    earlier += [g for g in old.generations if g.content not in (file.content, *(e.content for e in earlier))]
    return FileRecord(
        known=Known(file.desired_digest, file.content, file.trial, failure, repairs),
        applied_at=now,
        current=Generation(file.content, file.desired_digest, file.attributes, now) if count else None,
        generations=tuple(earlier[:count]),
        last_reload=pending.reload or old.last_reload,
        last_probe=pending.probe or old.last_probe,
    )


def _restored(file: PendingFile, pending: Pending, context: Change) -> FileRecord:
    old = context.memory.state.record(file.destination)
    failure = Failure(file.trial, file.desired_digest, State.RESTORED, pending.reason, context.now())
    return replace(
        old,
        known=replace(old.known, failure=failure),
        last_reload=pending.reload or old.last_reload,
        last_probe=pending.probe or old.last_probe,
    )


def _settings(pending: Pending, context: Change) -> list[FileSettings]:
    return [context.files[file.destination] for file in pending.files if file.destination in context.files]


def _staging(settings: FileSettings) -> disk.Staging:
    return disk.Staging(settings.destination)


async def _tell(context: Change, settings: FileSettings, step: str, ran: Ran) -> str:
    label = sha256(str(settings.destination).encode()).hexdigest()[:8]  # two files may have one name
    return await context.memory.tell(f"{settings.name}-{label}.{step}.txt", ran.output)
