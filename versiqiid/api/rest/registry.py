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
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from versiqiid.api.registry import faults
from versiqiid.api.registry.registry import Registry
from versiqiid.api.rest import registry_policies, registry_schemas, registry_subjects
from versiqiid.api.rest.problems import status_of
from versiqiid.api.rest.registry_requests import answer
from versiqiid.errors import TooLarge, Unavailable, VersiqiiError
from versiqiid.logs import logger

log = logger("registry")

PREFIX: Final = "/registry"
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
                named = unquote(context).strip(":") or "."
                scope = {**scope, "versiqii.context": named}
                path = f"/{rest}"
            scope = {**scope, "path": path, "raw_path": path.encode(), "root_path": ""}
        await self._app(scope, receive, send)


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


async def _theirs(_: Request, error: HTTPException) -> Response:
    told = json.dumps(error.detail) if not isinstance(error.detail, str) else error.detail
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    return answer(
        {"error_code": error.status_code, "message": f"HTTP {error.status_code} {told}"}, error.status_code, headers
    )
