"""``/v1/<key>``: every key of the layout with its raw value as body and its revision as entity tag."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from sse_starlette import ServerSentEvent
from starlette.responses import JSONResponse, Response

from versiqiid.api.rest import describe
from versiqiid.api.rest.notices import notices
from versiqiid.api.rest.problems import problem
from versiqiid.api.rest.requests import BULK_BYTES_MAX, author, body, expectation, has
from versiqiid.api.rest.streams import Send, Streams
from versiqiid.api.rest.values import item_json, media_type, operations, written_json
from versiqiid.api.service import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Service, Written, check_prefix
from versiqiid.api.watching import KeyEvent, changes
from versiqiid.errors import Conflict, InvalidInput

Key = Annotated[str, Path(description="A key of the layout, relative to the root; its slashes are part of the path.")]
PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)]
PageToken = Annotated[str, Query(description="`nextPageToken` of the page before.")]
ValidateOnly = Annotated[bool, Query(description="Check everything, write nothing.")]
IfMatch = Annotated[
    str | None, Header(description="The quoted revision that is written over, or `*` for whatever is there.")
]
IfNoneMatch = Annotated[str | None, Header(description="`*` to create only; on reads, what the reader has already.")]


def router(service: Service, streams: Streams) -> APIRouter:
    """Routes over one service; mounted last, because ``/v1/{key}`` takes every path."""
    routes = APIRouter(prefix="/v1", tags=["keys"])
    _lists(routes, service)
    _reads(routes, service, streams)
    _writes(routes, service)
    return routes


def _lists(routes: APIRouter, service: Service) -> None:
    @routes.get("/status", summary="The status of every binding", responses=describe.LISTING)
    async def status(
        page_size: PageSize = PAGE_SIZE_DEFAULT, page_token: PageToken = "", *, values: bool = True
    ) -> JSONResponse:
        return await _listing(service, "status/", page_size, page_token, values=values)

    @routes.get("/drifts", summary="The open drifts of every environment and target", responses=describe.LISTING)
    async def drifts(
        page_size: PageSize = PAGE_SIZE_DEFAULT, page_token: PageToken = "", *, values: bool = True
    ) -> JSONResponse:
        return await _listing(service, "drift/", page_size, page_token, values=values)


def _reads(routes: APIRouter, service: Service, streams: Streams) -> None:
    @routes.get(
        "/{key:path}",
        summary="Read one key, list a prefix that ends with /, or watch it with Accept: text/event-stream",
        response_class=Response,
        responses=describe.KEY,
    )
    async def get(
        request: Request,
        key: Key,
        page_size: PageSize = PAGE_SIZE_DEFAULT,
        page_token: PageToken = "",
        if_none_match: IfNoneMatch = None,
        *,
        values: bool = False,
    ) -> Response:
        del if_none_match  # documented; read where all of its forms are understood
        lists = not key or key.endswith("/")
        if lists and "text/event-stream" in request.headers.get("accept", ""):
            check_prefix(key)
            return streams.response(partial(_watch, service, key))
        if lists:
            return await _listing(service, key, page_size, page_token, values=values)
        item = await service.get(key)
        headers = {"ETag": f'"{item.revision}"', "X-Content-Type-Options": "nosniff"} | await notices(service, key)
        if item.created is not None:
            headers |= {"X-Created": item.created, "X-Updated": item.updated or item.created}
        if has(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(item.raw, headers=headers | {"Content-Type": media_type(key, item.raw)})


def _writes(routes: APIRouter, service: Service) -> None:
    @routes.post(
        "/txn",
        summary="Several keys at once, all or nothing",
        openapi_extra=describe.TXN_BODY,
        responses=describe.WRITTEN,
    )
    async def txn(request: Request, *, validate_only: ValidateOnly = False) -> JSONResponse:
        by = author(request)
        asked = operations(await body(request, limit=BULK_BYTES_MAX))
        try:
            written = await service.transact(asked, by=by, validate_only=validate_only)
        except Conflict as conflict:
            return problem(conflict, status=409)
        return JSONResponse(written_json(written), headers={"X-Correlation-Id": written.correlation_id})

    @routes.put(
        "/{key:path}",
        summary="Write one desired key",
        openapi_extra=describe.VALUE_BODY,
        responses=describe.WRITTEN | describe.CREATED,
    )
    async def put(
        request: Request,
        key: Key,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
        *,
        validate_only: ValidateOnly = False,
    ) -> JSONResponse:
        del if_match, if_none_match  # documented; read where all of their forms are understood
        by, expect = author(request), expectation(request)
        written = await service.put(key, await body(request), expect=expect, by=by, validate_only=validate_only)
        return _written(written, 201 if written.created and not validate_only else 200)

    @routes.delete("/{key:path}", summary="Remove one desired key", responses=describe.WRITTEN)
    async def delete(
        request: Request, key: Key, if_match: IfMatch = None, *, validate_only: ValidateOnly = False
    ) -> JSONResponse:
        del if_match
        if "if-none-match" in request.headers:
            raise InvalidInput("If-None-Match means nothing on DELETE", hint="Send If-Match.")
        by, expect = author(request), expectation(request)
        return _written(await service.delete(key, expect=expect, by=by, validate_only=validate_only), 200)


async def _watch(service: Service, prefix: str, send: Send) -> None:
    async def tell(found: list[KeyEvent]) -> None:
        if not found:
            await send(ServerSentEvent(comment="watching"))
        for event in found:
            told = {"event": event.event, "key": event.key, "revision": event.revision}
            await send(ServerSentEvent(json.dumps(told), event=event.event))

    await changes(service, prefix, tell)


async def _listing(service: Service, prefix: str, page_size: int, page_token: str, *, values: bool) -> JSONResponse:
    page = await service.list(prefix, page_size=page_size, page_token=page_token)
    told: dict[str, Any] = {"items": [item_json(item, values=values) for item in page.items]}
    if page.next_token is not None:
        told["nextPageToken"] = page.next_token
    return JSONResponse(told)


def _written(written: Written, status: int) -> JSONResponse:
    headers = {"X-Correlation-Id": written.correlation_id}
    if written.revision and written.revisions:
        headers["ETag"] = f'"{written.revision}"'
    return JSONResponse(written_json(written), status, headers=headers)
