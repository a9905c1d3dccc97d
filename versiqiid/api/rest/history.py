"""History, past states, differences and rollback over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse, Response

from versiqiid.api.differences import Differences
from versiqiid.api.history import PAGE_SIZE_DEFAULT, History
from versiqiid.api.rest import describe
from versiqiid.api.rest.keys import Key, PageSize, PageToken, ValidateOnly
from versiqiid.api.rest.problems import problem
from versiqiid.api.rest.requests import author, body
from versiqiid.api.rest.values import json_body, media_type
from versiqiid.api.rollback import Move, Rollback
from versiqiid.api.service import Written
from versiqiid.errors import Conflict, InvalidInput

Point = Annotated[str, Query(description="A revision, an RFC 3339 time, or a correlation id.")]
_TO_FORM = '{"to": "<revision | time | correlation id>"}'


def router(history: History, rollback: Rollback, compared: Differences) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["history"])
    _past(routes, history)
    _between(routes, compared)
    _back(routes, rollback)
    return routes


def _past(routes: APIRouter, history: History) -> None:
    @routes.get("/history/{key:path}", summary="Revisions of a key, oldest first", responses=describe.HISTORY)
    async def revisions(key: Key, page_size: PageSize = PAGE_SIZE_DEFAULT, page_token: PageToken = "") -> JSONResponse:
        page = await history.page(key, page_size=page_size, page_token=page_token)
        told: dict[str, Any] = {"items": [revision.as_json() for revision in page.items]}
        return JSONResponse(told if page.next_token is None else told | {"nextPageToken": page.next_token})

    @routes.get(
        "/show/{key:path}",
        summary="A key's value at a revision, time or correlation id",
        response_class=Response,
        responses=describe.RAW,
    )
    async def show(key: Key, at: Point) -> Response:
        revision = await history.at(key, at)
        raw = await history.content(key, revision)
        headers = {"ETag": f'"{revision.revision}"', "X-Content-Type-Options": "nosniff"}
        return Response(raw, headers=headers | {"Content-Type": media_type(key, raw)})


def _between(routes: APIRouter, compared: Differences) -> None:
    @routes.get(
        "/diff/{key:path}",
        summary="What changed between two points of a key: an RFC 6902 patch, or changes for people",
        responses=describe.PATCH,
    )
    async def diff(
        key: Key,
        first: Annotated[str, Query(alias="from")],
        second: Annotated[str, Query(alias="to")],
        form: Annotated[
            Literal["patch", "changes"], Query(description="`changes`: item by item, for people.")
        ] = "patch",
    ) -> JSONResponse:
        if form == "changes":
            return JSONResponse(await compared.changes(key, first, second))
        return JSONResponse(await compared.patch(key, first, second))


def _back(routes: APIRouter, rollback: Rollback) -> None:
    @routes.post(
        "/correlations/{correlation_id}:undo",
        summary="Undo everything that was done under one correlation id",
        responses=describe.MOVED,
    )
    async def undo(
        request: Request, correlation_id: Annotated[str, Path()], *, validate_only: ValidateOnly = False
    ) -> JSONResponse:
        by = author(request)
        try:
            moves = await rollback.plan_undo(correlation_id)
            if validate_only:
                return _planned(moves, by.correlation_id)
            return _moved(moves, await rollback.carry_out(moves, by=by, told={"undo": correlation_id}))
        except Conflict as conflict:
            return problem(conflict, status=409)

    @routes.post(
        "/{subject:path}:rollback",
        summary="Move a config, a binding or an environment back",
        openapi_extra=describe.ROLLBACK_BODY,
        responses=describe.MOVED,
    )
    async def back(
        request: Request,
        subject: Annotated[str, Path(description="A desired key, or an environment path.")],
        *,
        validate_only: ValidateOnly = False,
    ) -> JSONResponse:
        by, point = author(request), _point(await body(request))
        moves = await rollback.plan(subject, point)
        if validate_only:
            return _planned(moves, by.correlation_id)
        try:
            return _moved(moves, await rollback.carry_out(moves, by=by, told={"subject": subject, "to": point}))
        except Conflict as conflict:
            return problem(conflict, status=409)


def _planned(moves: tuple[Move, ...], correlation_id: str) -> JSONResponse:
    told: dict[str, Any] = {"plan": [move.as_json() for move in moves], "correlationId": correlation_id}
    return JSONResponse(told)


def _moved(moves: tuple[Move, ...], written: Written) -> JSONResponse:
    told: dict[str, Any] = {"revision": written.revision, "correlationId": written.correlation_id}
    headers = {"X-Correlation-Id": written.correlation_id}
    return JSONResponse(told | {"moved": [move.as_json() for move in moves]}, headers=headers)


def _point(raw: bytes) -> str:
    told = json_body(raw, _TO_FORM)
    if not isinstance(told, dict) or told.keys() != {"to"} or not isinstance(told["to"], str):
        raise InvalidInput(f"expected {_TO_FORM}")
    return told["to"]
