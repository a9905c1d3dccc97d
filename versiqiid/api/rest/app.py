"""The REST application put together: routes, problems, documents, and what every request passes through."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from versiqiid import __version__
from versiqiid.api.health import Health
from versiqiid.api.history import History
from versiqiid.api.rest import events, history, keys, pages, problems, system, validation
from versiqiid.api.rest.problems import plain_problem
from versiqiid.api.service import Service
from versiqiid.core.events import asyncapi, event_schema
from versiqiid.ports import Journal, Metrics, Validator

OPEN_PATHS = ("/healthz", "/readyz")
"""Reached without a token, so that probes need none."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the faces stand on.

    :ivar tokens: SHA-256 digests of the bearer tokens that are taken; empty = no authentication (loopback only).
    :ivar render: ``Accept`` header → metrics body and content type.
    """

    service: Service
    history: History
    health: Health
    journal: Journal
    validator: Validator
    metrics: Metrics
    render: Callable[[str], tuple[bytes, str]]
    leader_key: str
    tokens: frozenset[bytes] = frozenset()


def build(parts: Parts) -> ASGIApp:
    """The application, ready to be served."""
    app = FastAPI(
        title="Versiqii",
        version=__version__,
        summary="Configuration that always fits the version that is actually running.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    pages.install(app, asyncapi=asyncapi, event_schema=_schema_or_none)
    app.include_router(system.router(parts.service, parts.health, parts.render, leader_key=parts.leader_key))
    app.include_router(events.router(parts.journal))
    app.include_router(history.router(parts.history))
    app.include_router(validation.router(parts.validator, parts.service))
    app.include_router(keys.router(parts.service))
    return _Gate(app, parts.metrics, parts.tokens)


def _schema_or_none(name: str) -> Any:
    from versiqiid.errors import VersiqiiError  # noqa: PLC0415

    try:
        return event_schema(name)
    except (KeyError, VersiqiiError):
        return None


class _Gate:
    """Authentication and counting for every request, streams included."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tokens: frozenset[bytes]) -> None:
        self._app = app
        self._metrics = metrics
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else "OTHER"
                self._metrics.count("versiqii_http_requests_total", method=method, status=str(message["status"]))
            await send(message)

        if self._tokens and scope["path"] not in OPEN_PATHS and not self._admit(scope):
            response = plain_problem(401, "a bearer token is needed")
            response.headers["WWW-Authenticate"] = "Bearer"
            await response(scope, receive, counted)
            return
        await self._app(scope, receive, counted)

    def _admit(self, scope: MutableMapping[str, Any]) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        kind, _, token = given.partition(b" ")
        digest = hashlib.sha256(token.strip()).digest()
        known = kind.lower() == b"bearer" and any(hmac.compare_digest(digest, taken) for taken in self._tokens)
        if known:
            scope["versiqii.actor"] = f"token-{digest.hex()[:8]}"
        return known


_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"})
