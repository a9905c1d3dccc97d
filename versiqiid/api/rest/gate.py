"""What every request passes before it reaches a route: who asks, from where, HEAD, counting, and bugs caught.

Streams pass here too, so nothing is buffered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from versiqiid.api.rest.problems import internal, plain_problem
from versiqiid.core.provenance import traceparent
from versiqiid.logs import logger
from versiqiid.ports import Metrics

log = logger("rest")

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json", "/asyncapi.json"})
OPEN_PREFIXES = ("/docs/", "/events/schemas/")
"""Reached without a token: probes, and documents that say nothing about anybody's data."""

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH"})


class Gate:
    """An application around the application.

    :param tokens: SHA-256 digests of the bearer tokens that are taken; empty = no authentication, loopback only.
    :param basic_under: paths that begin with this take a token as the password of basic authentication, too.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tokens: frozenset[bytes], *, basic_under: str) -> None:
        self._app = app
        self._metrics = metrics
        self._tokens = tokens
        self._basic_under = basic_under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False
        head = scope["method"] == "HEAD"
        traced = _traced(scope)

        async def counted(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                method = scope["method"] if scope["method"] in METHODS else "OTHER"
                self._metrics.count("versiqii_http_requests_total", method=method, status=str(message["status"]))
                message = {**message, "headers": [*message.get("headers", ()), *traced]}
            await send({**message, "body": b""} if head and "body" in message else message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, counted)
            return
        try:
            named = scope["path"].startswith(self._basic_under)  # the registry's protocol names what it answers
            await self._app(_as_get(scope, as_asked=named) if head else scope, receive, counted)
        except Exception as error:  # the last net: what is not ours becomes "internal"
            log.error("internal_error", kind=type(error).__name__, path=scope["path"], exc_info=error)
            if not started:
                await internal()(scope, receive, counted)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        """Why this request goes no further, or None."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if self._tokens:
            if _is_open(scope["path"]) or self._admit(scope, headers.get("authorization", "")):
                return None
            wanted = {"WWW-Authenticate": "Bearer"}
            hint = "Send Authorization: Bearer <token>; versiqii reads VERSIQII_TOKEN or --token-file."
            return plain_problem(401, "unauthenticated", "a bearer token is needed", hint=hint, headers=wanted)
        if not _is_local(headers):
            detail = "without tokens only this machine's own programs are served"
            hint = "Ask for 127.0.0.1 or localhost, or start the daemon with --api-token-file."
            return plain_problem(403, "forbidden", detail, hint=hint)
        return None

    def _admit(self, scope: Scope, given: str) -> bool:
        kind, _, token = given.partition(" ")
        if kind.lower() == "basic" and scope["path"].startswith(self._basic_under):
            kind, token = "bearer", _password(token)
        digest = hashlib.sha256(token.strip().encode("latin-1")).digest()
        known = kind.lower() == "bearer" and any(hmac.compare_digest(digest, taken) for taken in self._tokens)
        if known:
            scope["versiqii.actor"] = f"token-{digest.hex()[:8]}"
        return known


def _password(given: str) -> str:
    """The password of basic authentication, in which clients of the registry's protocol send a token."""
    try:
        return base64.b64decode(given, validate=True).partition(b":")[2].decode("latin-1")
    except binascii.Error:
        return ""


def _traced(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The trace that a request belongs to, for its answer: absent when unknown, never empty."""
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
    trace = traceparent(given[0]) if len(given) == 1 else None
    return [] if trace is None else [(b"traceparent", trace.encode())]


def _as_get(scope: Scope, *, as_asked: bool) -> Scope:
    """The same request as GET, never as an endless stream; the body is left out on the way back.

    :param as_asked: whether nothing here streams, so that the reader's own choice of a media type can be kept.
    """
    if as_asked:
        return {**scope, "method": "GET"}
    headers = [(name, value) for name, value in scope["headers"] if name != b"accept"]
    return {**scope, "method": "GET", "headers": [*headers, (b"accept", b"application/json")]}


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def _is_local(headers: Mapping[str, str]) -> bool:
    """Whether a request to a daemon without tokens comes from a program, or from a page that the daemon served.

    A web page of somebody else can make a browser on this machine send requests here: by its own name (``Origin``), or
    by a name of its own that it lets point here (``Host``, DNS rebinding).
    """
    host = headers.get("host", "")
    if host and not _is_loopback(urlsplit(f"//{host}").hostname or ""):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == host


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
