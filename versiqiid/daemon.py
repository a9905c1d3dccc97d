"""The composition root: settings become adapters, adapters the engine, the engine gets its faces. Knows everyone.

Heavy adapters are imported where a setting asks for them, so that the embedded default starts without Consul, Vault or
Kafka clients in memory.
"""

from __future__ import annotations

import random
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup

from versiqiid import __version__
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.systemd import Notifier
from versiqiid.adapters.validation import ProcessComparer, ProcessValidator
from versiqiid.adapters.validation.registrar import ProcessReader
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.api.listening import address, bound
from versiqiid.archives import Archiving
from versiqiid.attestations import Attesting
from versiqiid.core.access import Tell
from versiqiid.core.imports import Import
from versiqiid.diagnosis import own_checks
from versiqiid.engine.access import AccessLog, Append
from versiqiid.engine.checkpoints import CheckpointLoop
from versiqiid.engine.engine import Clocks, Engine, EngineSettings, Ports, Task
from versiqiid.engine.lawcheck import Effort
from versiqiid.engine.leadership import LeaderSettings
from versiqiid.engine.outbox import Outbox
from versiqiid.engine.oversight import Oversight
from versiqiid.errors import InvalidSetting, JournalRefused, Unavailable
from versiqiid.kafka import kafka_settings, source
from versiqiid.logs import logger
from versiqiid.ports import Draft, Journal, Signer
from versiqiid.settings import Settings
from versiqiid.sides import Beside, open_beside
from versiqiid.signers import open_signer
from versiqiid.stores import open_journal, open_store

log = logger("daemon")

STOP_S = 10.0
"""How long a graceful stop may take before it is no longer graceful."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon whose parts are open."""

    settings: Settings
    engine: Engine
    journal: Journal
    metrics: PrometheusMetrics
    validator: ProcessValidator
    comparer: ProcessComparer
    reader: ProcessReader
    store: Any
    signer: Signer | None
    outbox: Outbox | None
    alarms: list[str]
    archiving: Archiving | None
    attesting: Attesting | None
    access: AccessLog
    oversight: Oversight
    beside: Beside
    listener: socket.socket | None


async def run(settings: Settings, *, started: Callable[[str], None] = lambda _: None) -> None:
    """Run until SIGTERM or SIGINT, then stop gracefully: stop serving, hand the lead back, sign what is recorded.

    :param started: called once with the API's address (empty without the api role) when everything runs.
    :raises VersiqiiError: it cannot start; what was opened is closed again.
    """
    async with AsyncExitStack() as opened:
        daemon = await _open(settings, opened)
        async with anyio.create_task_group() as tasks:
            stop = anyio.Event()
            tasks.start_soon(_on_signal, stop, tasks.cancel_scope)
            await _start(daemon, tasks, stop, started)
            await stop.wait()
            log.info("stopping")
            tasks.cancel_scope.cancel()
        if daemon.signer is not None and await daemon.journal.size():
            with anyio.move_on_after(STOP_S, shield=True):
                await daemon.journal.sign_checkpoint(daemon.signer)
    log.info("stopped")


async def _open(settings: Settings, opened: AsyncExitStack) -> Daemon:
    _make_private(settings.data_dir)
    listener = None
    if "api" in settings.role:
        listener = opened.enter_context(bound("listen", settings.listen))
        settings = settings.model_copy(update={"listen": address(listener)})  # the port that 0 has become
    metrics = PrometheusMetrics(version=__version__)
    journal = await opened.enter_async_context(open_journal(settings))
    access = AccessLog(partial(_record, journal.append, journal, settings))
    await opened.enter_async_context(access.running())
    signer = await _signer(settings, journal, opened, access.tell)
    access.begin()  # not before: the key of an empty journal has been made now
    oversight = Oversight(access.tell)
    store = await opened.enter_async_context(open_store(settings, metrics, oversight=oversight))
    validator = ProcessValidator()
    opened.push_async_callback(validator.aclose)
    comparer = ProcessComparer()
    opened.push_async_callback(comparer.aclose)
    reader = ProcessReader()
    opened.push_async_callback(reader.aclose)
    beside = await opened.enter_async_context(open_beside(settings))
    outbox = _outbox(settings, journal, metrics, beside)
    alarms: list[str] = []
    tasks: list[Task] = [outbox.run] if outbox else []
    if signer is not None:
        loop = CheckpointLoop(journal, signer, metrics=metrics, interval_s=settings.checkpoint_interval_s)
        tasks.append(partial(_sign, loop, alarms))
    archiving = None
    if signer is not None and settings.archive:
        archiving = Archiving(settings, journal, signer.vkey, metrics, access.tell)
        tasks.append(archiving.run)
    attesting = Attesting(settings, journal, metrics) if signer and (settings.witness or settings.timestamp) else None
    if attesting is not None:
        tasks.append(attesting.run)
    engine = Engine(
        Ports(store, store, journal, validator, WasmRuntime(folder=settings.data_dir / "compiled"), metrics, comparer),
        EngineSettings(
            LeaderSettings(settings.name, settings.root, settings.session_ttl_s, settings.lock_delay_s),
            settings.resync_s,
            controller="controller" in settings.role,
            imports=tuple(Import(**table) for table in settings.imports),
            laws=Effort(),
        ),
        Clocks(time.time, time.monotonic),
        while_leading=tasks,
    )
    access.append = partial(_record, engine.gate.append, journal, settings)  # so that foretold positions hold
    return Daemon(
        settings,
        engine,
        journal,
        metrics,
        validator,
        comparer,
        reader,
        store,
        signer,
        outbox,
        alarms,
        archiving,
        attesting,
        access,
        oversight,
        beside,
        listener,
    )


async def _record(append: Append, journal: Journal, settings: Settings, drafts: Sequence[Draft]) -> None:
    """Append facts of access. Only a controller begins a journal: it makes the key that the log is signed with.

    :raises Unavailable: the journal is away, or has not begun.
    """
    if "controller" not in settings.role and not await journal.size():
        raise Unavailable("the journal has no entry yet; a controller makes the first")
    await append(drafts)


async def _signer(settings: Settings, journal: Journal, opened: AsyncExitStack, tell: Tell) -> Signer | None:
    """Controllers sign; they share one key where they share one journal."""
    if "controller" not in settings.role:
        return None
    return await opened.enter_async_context(open_signer(settings, journal, tell=tell))


def _outbox(settings: Settings, journal: Journal, metrics: PrometheusMetrics, beside: Beside) -> Outbox | None:
    if not settings.kafka or "controller" not in settings.role:
        return None
    from versiqiid.adapters.kafka import KafkaEventSink  # noqa: PLC0415

    sink = KafkaEventSink(
        kafka_settings(settings), source(settings, journal.origin), metrics=metrics, keep=beside.deliveries.keep
    )
    return Outbox(journal, sink, metrics, dice=random.random)


async def _start(daemon: Daemon, tasks: TaskGroup, stop: anyio.Event, started: Callable[[str], None]) -> None:
    settings = daemon.settings
    tasks.start_soon(daemon.engine.run)
    if "agent" in settings.role:
        await _start_agent(daemon, tasks)
    if daemon.listener is not None:
        await _start_api(daemon, daemon.listener, tasks, stop)
    listen = "" if daemon.listener is None else settings.listen
    told = {"version": __version__, "roles": list(settings.role), "root": settings.root, "listen": listen}
    log.info("started", **told, origin=daemon.journal.origin)
    started(listen)
    notifier = Notifier.from_environment()
    if notifier is not None:
        tasks.start_soon(notifier.run, daemon.engine.observer.complete.wait)


async def _sign(loop: CheckpointLoop, alarms: list[str]) -> None:
    """Sign checkpoints. A log that is no extension of what was signed is never signed again, and never hidden."""
    try:
        await loop.run()
    except JournalRefused as refusal:
        log.error("journal_refused", reason=refusal.message, hint="Run `versiqii audit verify`; a person must look.")
        alarms.append(f"journal: {refusal.message}")


async def _start_agent(daemon: Daemon, tasks: TaskGroup) -> None:
    from versiqiid.agent.run import run  # noqa: PLC0415
    from versiqiid.agent.settings import read_settings  # noqa: PLC0415

    settings = read_settings(daemon.settings.agent).in_folder(daemon.settings.data_dir / "agent")

    def told(report: Mapping[str, Any]) -> None:
        outcome = (report.get("lastReload") or {}).get("outcome")
        if outcome:
            daemon.metrics.count("versiqii_host_reload_total", outcome=str(outcome).lower())

    async def follow() -> None:
        await run(settings, daemon.store, daemon.store, root=daemon.settings.root, report=told)

    tasks.start_soon(follow)


async def _start_api(daemon: Daemon, listener: socket.socket, tasks: TaskGroup, stop: anyio.Event) -> None:
    from versiqiid.api.server import Faces, serve  # noqa: PLC0415

    faces = Faces(
        engine=daemon.engine,
        store=daemon.store,
        journal=daemon.journal,
        validator=daemon.validator,
        comparer=daemon.comparer,
        reader=daemon.reader,
        metrics=daemon.metrics,
        beside=daemon.beside,
        render=lambda accept: daemon.metrics.render(openmetrics="application/openmetrics-text" in accept),
        tell=daemon.access.tell_some,
        checks=(*daemon.oversight.checks, *own_checks(daemon.settings, daemon.journal)),
        notes=(
            *daemon.oversight.notes,
            lambda: _outbox_note(daemon),
            lambda: daemon.archiving.note() if daemon.archiving else None,
            lambda: daemon.attesting.note() if daemon.attesting else None,
            lambda: "; ".join(daemon.alarms) or None,
        ),
    )
    await tasks.start(serve, faces, daemon.settings, listener, stop)


def _outbox_note(daemon: Daemon) -> str | None:
    trouble = daemon.outbox.state.trouble if daemon.outbox else ""
    return f"kafka: {trouble}" if trouble else None


async def _on_signal(stop: anyio.Event, scope: anyio.CancelScope) -> None:
    """The first signal stops gracefully, the second at once."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            if stop.is_set():
                scope.cancel()
                return
            stop.set()


def _make_private(folder: Path) -> None:
    """The data folder: it holds the signing key, so nobody else may look inside.

    :raises InvalidSetting: it cannot be made or used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        msg = f"setting 'data-dir': {folder}: {error.strerror}"
        raise InvalidSetting(msg) from error
