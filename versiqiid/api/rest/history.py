"""History, past states, differences and rollback over HTTP."""

from __future__ import annotations

import json

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from versiqiid.api.history import History
from versiqiid.api.rest.requests import author, body
from versiqiid.errors import InvalidInput


def router(history: History) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["history"])

    @routes.get("/history/{key:path}", summary="Every revision of a key, oldest first")
    async def revisions(key: str) -> JSONResponse:
        return JSONResponse({"items": [revision.as_json() for revision in await history.revisions(key)]})

    @routes.get("/show/{key:path}", summary="A key's value at a revision, time or correlation id", response_class=Response)
    async def show(key: str, at: str = Query()) -> Response:
        revision = await history.at(key, at)
        headers = {"ETag": f'"{revision.revision}"'}
        return Response(await history.content(revision, key), headers=headers, media_type="text/plain; charset=utf-8")

    @routes.get("/diff/{key:path}", summary="The RFC 6902 patch between two points of a key")
    async def diff(key: str, first: str = Query(alias="from"), second: str = Query(alias="to")) -> JSONResponse:
        return JSONResponse(await history.diff(key, first, second))

    @routes.post("/{subject:path}:rollback", summary="Move a config, a binding or an environment back")
    async def rollback(request: Request, subject: str, *, validate_only: bool = False) -> JSONResponse:
        by, point = author(request), _point(await body(request))
        if validate_only:
            moves = await history.plan(subject, point)
            return JSONResponse({"plan": [move.as_json() for move in moves], "correlationId": by.correlation_id})
        written, moves = await history.rollback(subject, point, by=by)
        told = {"revision": written.revision, "correlationId": by.correlation_id}
        return JSONResponse(told | {"moved": [move.as_json() for move in moves]})

    return routes


def _point(raw: bytes) -> str:
    try:
        told = json.loads(raw)
    except ValueError:
        told = None
    if not isinstance(told, dict) or told.keys() != {"to"} or not isinstance(told["to"], str):
        msg = 'expected {"to": "<revision | time | correlation id>"}'
        raise InvalidInput(msg)
    return told["to"]
