"""The REST application put together: routes, problems, documents, and the gate that every request passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
from fastapi import FastAPI
from starlette.types import ASGIApp

from versiqiid import __version__
from versiqiid.api.diagnosis import Diagnosis
from versiqiid.api.differences import Differences
from versiqiid.api.graphs import Graphs
from versiqiid.api.health import Health
from versiqiid.api.history import History
from versiqiid.api.judging import Judge
from versiqiid.api.maps import Maps
from versiqiid.api.migrations import Migrations
from versiqiid.api.past import PastStates
from versiqiid.api.registry.registry import Registry
from versiqiid.api.rest import (
    describe,
    diagnosis,
    events,
    graphs,
    history,
    keys,
    migrations,
    pages,
    problems,
    registry,
    schemas,
    search,
    state,
    system,
    trace,
    validation,
)
from versiqiid.api.rest.gate import Gate
from versiqiid.api.rest.registry import Rooms
from versiqiid.api.rest.streams import Streams
from versiqiid.api.rollback import Rollback
from versiqiid.api.schema_rules import SchemaRules
from versiqiid.api.schemas import Schemas
from versiqiid.api.search import Search
from versiqiid.api.service import Service
from versiqiid.api.trace import Trace
from versiqiid.core.events import Described
from versiqiid.engine.past import Past
from versiqiid.ports import Journal, Metrics, MigrationRuntime, Validator
from versiqiid.ports.comparing import Comparer


@dataclass(frozen=True, slots=True)
class Parts:
    """What the faces stand on.

    :ivar tokens: SHA-256 digests of the bearer tokens that are taken; empty = no authentication (loopback only).
    :ivar render: ``Accept`` header → metrics body and content type.
    :ivar events: how they are sent, for the document that describes them.
    :ivar stopping: set when the daemon stops serving, so that streams end.
    """

    service: Service
    health: Health
    journal: Journal
    validator: Validator
    comparer: Comparer
    registry: Registry
    runtime: MigrationRuntime
    metrics: Metrics
    render: Callable[[str], tuple[bytes, str]]
    leader_key: str
    trace: Trace
    search: Search
    past: Past
    stopping: anyio.Event
    tokens: frozenset[bytes] = frozenset()
    events: Described = field(default_factory=Described)
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis(()))


def build(parts: Parts) -> ASGIApp:
    """The application, ready to be served."""
    app = FastAPI(
        title="Versiqii",
        version=__version__,
        summary="Configuration that always fits the version that is actually running.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=describe.operation_id,
    )
    problems.install(app)
    pages.install(app, parts.events)
    migrating = Migrations(parts.service, parts.validator, parts.runtime)
    checking = Schemas(parts.service, parts.validator, parts.comparer)
    parts.service.inspections += [migrating.check, SchemaRules(parts.service, checking).check]
    past, streams = History(parts.journal), Streams(parts.stopping)
    states = PastStates(parts.journal, past, parts.past)
    routers = (
        system.router(parts.health, parts.render, leader_key=parts.leader_key),
        diagnosis.router(parts.diagnosis),
        events.router(parts.journal, streams),
        history.router(past, Rollback(parts.service, past), Differences(past, parts.service)),
        state.router(states),
        trace.router(parts.trace),
        search.router(parts.search),
        validation.router(Judge(parts.validator, parts.service), parts.service),
        schemas.router(checking),
        graphs.router(Graphs(parts.service)),
        migrations.router(migrating, Maps(parts.service, migrating)),
        keys.router(parts.service, streams),  # the last: it takes every path under /v1
    )
    for router in routers:
        app.include_router(router, responses=describe.PROBLEMS)
    describe.install(app, authenticated=bool(parts.tokens))
    return Gate(
        Rooms(app, registry.build(parts.registry)), parts.metrics, parts.tokens, basic_under=f"{registry.PREFIX}/"
    )


def build_registry(parts: Parts) -> ASGIApp:
    """The Schema-Registry protocol alone, for an address of its own."""
    return Gate(registry.build(parts.registry), parts.metrics, parts.tokens, basic_under="/")
