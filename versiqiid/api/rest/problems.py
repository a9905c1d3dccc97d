"""Errors as RFC 9457 problems. One table says which error is which HTTP status."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from versiqiid import errors as e
from versiqiid.api.expectation import PreconditionRequired
from versiqiid.api.guards import Immutable
from versiqiid.api.schema_report import IncompatibleSchema
from versiqiid.core.laws import LawBroken
from versiqiid.core.violation import Violation

MEDIA_TYPE = "application/problem+json"

# The first class that fits decides: special ones stand before their parents.
_STATUS: tuple[tuple[type[e.VersiqiiError], int], ...] = (
    (PreconditionRequired, 428),
    (Immutable, 409),
    (e.InvalidKey, 400),
    (e.TooLarge, 413),
    (e.InvalidInput, 422),
    (e.ValidationFailed, 422),
    (e.NotFound, 404),
    (e.Conflict, 412),
    (e.Forbidden, 403),
    (e.Refused, 409),
    (e.RateLimited, 429),
    (e.Unavailable, 503),
    (e.MigrationFailed, 422),
)
_UNAVAILABLE = (429, 503)


def status_of(error: e.VersiqiiError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(error: e.VersiqiiError, *, status: int | None = None) -> JSONResponse:
    """The error as a problem document; its sentence names places and never quotes a value."""
    status = status or status_of(error)
    body: dict[str, Any] = {
        "type": f"urn:versiqii:error:{error.code}",
        "title": error.code.replace("_", " "),
        "status": status,
        "detail": error.message,
        "code": error.code,
        "retryable": error.retryable,
    }
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, e.Conflict):
        body |= {"key": error.key, "expected": error.expected, "found": error.found}
    if isinstance(error, e.TooLarge):
        body |= {"size": error.size, "limit": error.limit}
    if isinstance(error, e.Unreadable) and error.line:
        body |= {"line": error.line, "column": error.column}
    if isinstance(error, e.UnusableSchema):
        body["pointer"] = error.pointer
    if isinstance(error, e.Unavailable):
        body["maybeWritten"] = error.maybe_written
    if isinstance(error, e.ValidationFailed):
        body["violations"] = [
            {"pointer": v.pointer, "keyword": v.keyword, "message": v.message}
            for v in error.violations
            if isinstance(v, Violation)
        ]
    if isinstance(error, IncompatibleSchema):
        body["verdict"] = error.report
    if isinstance(error, LawBroken):
        body["findings"] = [finding.as_json() for finding in error.findings]
    return JSONResponse(body, status, headers=_retry_after(error, status), media_type=MEDIA_TYPE)


def _retry_after(error: e.VersiqiiError, status: int) -> dict[str, str] | None:
    if status not in _UNAVAILABLE:
        return None
    wanted = error.retry_after_s if isinstance(error, e.RateLimited) else None
    return {"Retry-After": str(max(1, math.ceil(wanted or 1)))}


def plain_problem(
    status: int, code: str, detail: str, *, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """A problem of HTTP itself, which no error of ours stands for."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "retryable": False,
    }
    return JSONResponse(body | ({"hint": hint} if hint else {}), status, headers=headers, media_type=MEDIA_TYPE)


def internal() -> JSONResponse:
    """A bug of ours: whoever asked learns nothing but where to look."""
    return problem(e.Internal("internal error; the daemon's log has the details"))


def install(app: FastAPI) -> None:
    """Every error of the application leaves as a problem document."""
    app.add_exception_handler(e.VersiqiiError, _ours)
    app.add_exception_handler(HTTPException, _theirs)
    app.add_exception_handler(RequestValidationError, _parameters)


async def _ours(_: Request, error: Exception) -> JSONResponse:
    return problem(error) if isinstance(error, e.VersiqiiError) else internal()


async def _theirs(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return internal()
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
        detail = f"{request.method[:20]} is not allowed here"
        return plain_problem(405, "method_not_allowed", detail, hint=f"Use {headers['Allow']}.", headers=headers)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return plain_problem(404, "not_found", "there is nothing at this path", hint="See /docs.", headers=headers)
    return plain_problem(error.status_code, "http", str(error.detail), headers=headers)


def _methods(request: Request) -> list[str]:
    """Every method that some route takes at this path."""
    asked = {"type": "http", "path": request.scope["path"], "root_path": "", "headers": []}
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
        if any(
            route.matches({**asked, "method": "GET" if method == "HEAD" else method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _parameters(_: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    named = "; ".join(f"{'.'.join(str(part) for part in item['loc'][1:])}: {item['msg']}" for item in found)
    return problem(e.InvalidInput(f"request: {named}"))
