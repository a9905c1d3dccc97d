"""The API served: sockets, uvicorn and a graceful end. Routes are ``rest/``'s business."""

from __future__ import annotations

import hashlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import cast

import anyio
import uvicorn
from anyio.abc import TaskStatus
from starlette.types import ASGIApp

from versiqiid.api.diagnosis import Diagnosis
from versiqiid.api.health import Health
from versiqiid.api.listening import address, bound
from versiqiid.api.registry.registry import open_registry
from versiqiid.api.registry.state import Reader
from versiqiid.api.rest.app import Parts, build, build_registry
from versiqiid.api.rest.witness import Witness
from versiqiid.api.search import Search
from versiqiid.api.service import Service
from versiqiid.api.trace import Trace
from versiqiid.core.access import Tell
from versiqiid.core.cloudevent import Mode
from versiqiid.core.events import Described
from versiqiid.core.findings import Check
from versiqiid.engine.audit import AuditedJournal
from versiqiid.engine.engine import Engine
from versiqiid.engine.past import Past
from versiqiid.engine.writer import LEADER
from versiqiid.errors import InvalidSetting
from versiqiid.logs import logger
from versiqiid.ports import Journal, KeyValueStore, Metrics, Validator
from versiqiid.ports.comparing import Comparer
from versiqiid.settings import Settings
from versiqiid.sides import Beside

log = logger("api")

GRACE_S = 3
"""How long open requests may finish when the daemon stops; streams end at once."""

HEAD_BYTES_MAX = 32 * 1024
"""The largest request line with headers. Arbitrary: keys have at most 512 characters, tokens some kilobytes."""


@dataclass(frozen=True, slots=True)
class Faces:
    """What the API is built from."""

    engine: Engine
    store: KeyValueStore
    journal: Journal
    validator: Validator
    comparer: Comparer
    reader: Reader
    metrics: Metrics
    render: Callable[[str], tuple[bytes, str]]
    beside: Beside
    notes: tuple[Callable[[], str | None], ...] = ()
    tell: Tell = lambda _: None
    checks: tuple[Check, ...] = ()


BACKLOG = 2048
"""Connections that may wait to be taken. Arbitrary: as uvicorn's own."""


class _Server(uvicorn.Server):
    """Signals are the daemon's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    faces: Faces, settings: Settings, listener: socket.socket, stop: anyio.Event, *, task_status: TaskStatus[None]
) -> None:
    """Serve until cancelled or ``stop`` is set; started when it listens.

    :param listener: where; bound, and listened on from now on.
    :raises InvalidSetting: the registry's address cannot be listened on, or the token file cannot be used.
    """
    listener.listen(BACKLOG)
    parts = _parts(faces, settings, stop)
    witnessed = partial(Witness, tell=faces.tell, clock=faces.engine.monotonic)
    servers = [(_server(witnessed(build(parts))), listener)]
    if settings.registry_listen:
        beside = bound("registry-listen", settings.registry_listen)
        beside.listen(BACKLOG)
        servers.append((_server(witnessed(build_registry(parts))), beside))
        log.info("registry", listen=address(beside))
    with _logged():
        async with anyio.create_task_group() as tasks:
            for server, _ in servers:
                tasks.start_soon(_end, server, stop)
            task_status.started()
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as serving:
                    for server, sock in servers:
                        serving.start_soon(_serve, server, sock)
            tasks.cancel_scope.cancel()


def _server(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        )
    )


async def _serve(server: _Server, listener: socket.socket) -> None:
    await server.serve(sockets=[listener])


async def _end(server: uvicorn.Server, stop: anyio.Event) -> None:
    """Let the server end by itself, also when this task is cancelled: it is bounded by its own grace."""
    try:
        await stop.wait()
    finally:
        server.should_exit = True
        stop.set()


class _Forward(logging.Handler):
    """What the server's own logger says, as a line of our log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.warning("http_server", reason=record.getMessage()[:500], level=record.levelname.lower())


@contextmanager
def _logged() -> Iterator[None]:
    """Warnings of the server go where all log lines go; nothing of a request is in them."""
    theirs, handler = logging.getLogger("uvicorn"), _Forward(logging.WARNING)
    before, theirs.propagate = theirs.propagate, False
    theirs.addHandler(handler)
    try:
        yield
    finally:
        theirs.removeHandler(handler)
        theirs.propagate = before


def _parts(faces: Faces, settings: Settings, stop: anyio.Event) -> Parts:
    engine = faces.engine
    service = Service(faces.store, engine.gate, engine.attributions, root=settings.root)
    health = Health(engine, settings.name, engine.monotonic, settings.unready_after_s, list(faces.notes))
    return Parts(
        service=service,
        health=health,
        journal=faces.journal,
        validator=faces.validator,
        comparer=faces.comparer,
        registry=open_registry(faces.store, engine.gate, engine.attributions, faces.reader, root=settings.root),
        runtime=engine.runtime,
        metrics=faces.metrics,
        render=faces.render,
        leader_key=f"{settings.root}/{LEADER}",
        trace=Trace(
            faces.journal,
            faces.store,
            settings.root,
            settings.kafka_topic_prefix if settings.kafka else None,
            faces.beside.deliveries,
        ),
        search=Search(cast("AuditedJournal", faces.journal), faces.beside.index),
        past=Past(cast("AuditedJournal", faces.journal), faces.beside.snapshots),
        stopping=stop,
        diagnosis=Diagnosis(faces.checks),
        tokens=_tokens(settings),
        events=Described(settings.kafka_topic_prefix, Mode(settings.kafka_mode)),
    )


def _tokens(settings: Settings) -> frozenset[bytes]:
    """Digests of the API's tokens: the tokens themselves are not kept."""
    if settings.api_token_file is None:
        return frozenset()
    try:
        lines = settings.api_token_file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"setting 'api-token-file': {settings.api_token_file} cannot be read") from error
    if not lines:
        raise InvalidSetting(f"setting 'api-token-file': {settings.api_token_file} holds no token")
    return frozenset(hashlib.sha256(line.encode()).digest() for line in lines)
