"""Errors as RFC 9457 problems. One table says which error is which HTTP status."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from versiqiid import errors as e
from versiqiid.api.guards import Immutable
from versiqiid.api.service import PreconditionRequired
from versiqiid.core.violation import Violation
from versiqiid.logs import logger

log = logger("rest")

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


def status_of(error: e.VersiqiiError) -> int:
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(error: e.VersiqiiError, *, status: int | None = None) -> JSONResponse:
    """The error as a problem document; it names places and never quotes a value."""
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
    if isinstance(error, e.ValidationFailed):
        body["violations"] = [
            {"pointer": v.pointer, "keyword": v.keyword, "message": v.message}
            for v in error.violations
            if isinstance(v, Violation)
        ]
    headers = {"Retry-After": "1"} if error.retryable and status in (429, 503) else None
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


def plain_problem(status: int, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": detail, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of the application leaves as a problem document."""

    async def ours(_: Request, error: Exception) -> JSONResponse:
        return problem(error) if isinstance(error, e.VersiqiiError) else plain_problem(500, "internal error")

    async def theirs(_: Request, error: Exception) -> JSONResponse:
        if isinstance(error, HTTPException):
            return plain_problem(error.status_code, str(error.detail))
        return plain_problem(500, "internal error")

    async def parameters(_: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        named = "; ".join(f"{'.'.join(str(p) for p in item['loc'][1:])}: {item['msg']}" for item in found)
        return problem(e.InvalidInput(f"request: {named}"))

    async def bug(_: Request, error: Exception) -> JSONResponse:
        log.error("internal_error", kind=type(error).__name__, exc_info=error)
        return problem(e.Internal("internal error; the daemon's log has the details"))

    app.add_exception_handler(e.VersiqiiError, ours)
    app.add_exception_handler(HTTPException, theirs)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(Exception, bug)
