"""The Schema-Registry protocol over HTTP: paths, media type and errors as its clients know them.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html is the public description. Served under
``/registry`` of the API and at the root of an address of its own. A subject may hold any character, also an encoded
slash, so that paths are matched as they were sent and decoded afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from versiqiid.api.registry import faults
from versiqiid.api.registry.registry import Registry
from versiqiid.api.rest import registry_policies, registry_schemas, registry_subjects
from versiqiid.api.rest.problems import status_of
from versiqiid.api.rest.registry_requests import GIVEN, MEDIA_TYPE, answer
from versiqiid.core.registry.subjects import context_of
from versiqiid.errors import TooLarge, Unavailable, VersiqiiError
from versiqiid.logs import logger

log = logger("registry")

PREFIX: Final = "/registry"
NOT_ALLOWED: Final = 405
_CONTEXTS: Final = "/contexts/"


def build(registry: Registry) -> ASGIApp:
    """The protocol's application, with paths from its own root."""
    routes = (
        *registry_subjects.routes(registry),
        *registry_schemas.routes(registry),
        *registry_policies.routes(registry),
    )
    handlers = {VersiqiiError: _fault, HTTPException: _theirs}
    return _Paths(Starlette(routes=routes, exception_handlers=handlers))  # type: ignore[arg-type] # each its own error


class Rooms:
    """Requests below ``/registry`` go to the protocol, all others to the API."""

    def __init__(self, api: ASGIApp, registry: ASGIApp) -> None:
        self._api = api
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and (path == PREFIX or path.startswith(f"{PREFIX}/")):
            raw = _raw(scope)[len(PREFIX) :]
            await self._registry({**scope, "path": unquote(raw) or "/", "raw_path": raw.encode()}, receive, send)
            return
        await self._api(scope, receive, send)


class _Paths:
    """Paths as they were sent: an encoded slash is part of a name. A context may stand before any path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = _raw(scope).rstrip("/") or "/"
            context, _, rest = path.removeprefix(_CONTEXTS).partition("/")
            if path.startswith(_CONTEXTS) and rest:
                try:
                    scope = {**scope, "versiqii.context": context_of(unquote(context))}
                except ValueError:
                    message = f"Context name '{unquote(context)[:200]}' cannot contain a colon"
                    await answer({"error_code": 400, "message": message}, 400)(scope, receive, send)
                    return
                path = f"/{rest}"
            scope = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
            await self._named(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _named(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the answer what the reader asks for; all that it can be called is JSON."""
        asked = Headers(scope=scope).get("accept", "*/*")
        kind = _chosen(asked)
        if kind is None:
            await answer({"error_code": 406, "message": "HTTP 406 Not Acceptable"}, 406)(scope, receive, send)
            return

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start" and kind != MEDIA_TYPE:
                MutableHeaders(scope=message)["content-type"] = kind
            await send(message)

        await self._app(scope, receive, named)


def _chosen(accept: str) -> str | None:
    """The media type of the answer, None when the reader takes none of them (RFC 9110, section 12.5.1)."""
    found: list[tuple[float, int, str]] = []
    for part in accept.split(","):
        kind, *parameters = (each.strip() for each in part.split(";"))
        weight = next((each.partition("=")[2] for each in parameters if each.startswith("q=")), "1")
        quality = float(weight) if weight.replace(".", "", 1).isdigit() else 0.0
        for at, given in enumerate(GIVEN):
            if kind.lower() in ("*/*", "application/*", given) and quality > 0:
                found.append((-quality, at, given))
    return min(found)[2] if found else None


def _raw(scope: Mapping[str, Any]) -> str:
    raw = scope.get("raw_path") or scope["path"].encode()
    return str(bytes(raw).partition(b"?")[0].decode("ascii", "replace"))


async def _fault(request: Request, error: VersiqiiError) -> Response:
    if isinstance(error, faults.RegistryFault):
        return answer({"error_code": error.number, "message": error.message}, error.status)
    status = status_of(error)
    number = status if isinstance(error, TooLarge) else 50003 if isinstance(error, Unavailable) else status * 100 + 1
    if status >= 500:  # noqa: PLR2004 - ours, and clients try again
        log.warning("registry_error", code=error.code, reason=error.message, path=request.url.path)
    return answer({"error_code": number, "message": error.message}, status)


async def _theirs(request: Request, error: HTTPException) -> Response:
    headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == NOT_ALLOWED else {}
    if request.method == "OPTIONS" and headers:
        return Response(headers=headers)
    told = json.dumps(error.detail) if not isinstance(error.detail, str) else error.detail
    return answer(
        {"error_code": error.status_code, "message": f"HTTP {error.status_code} {told}"}, error.status_code, headers
    )


def _allowed(request: Request) -> list[str]:
    """The methods that the path takes."""
    routes = (each for each in request.app.routes if isinstance(each, Route))
    found = {m for each in routes if each.matches(request.scope)[0] is not Match.NONE for m in each.methods or ()}
    return sorted({*found, "OPTIONS"})
