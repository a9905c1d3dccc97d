"""``/v1/<key>``: every key of the layout with its raw value as body and its revision as entity tag."""

from __future__ import annotations

import base64
import json
from typing import Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from versiqiid.api.rest.problems import problem
from versiqiid.api.rest.requests import author, body, correlation_id, expectation
from versiqiid.api.service import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Item, Service, Write, Written
from versiqiid.errors import Conflict, InvalidInput


def router(service: Service) -> APIRouter:
    """Routes over one service; mounted last, because ``/v1/{key}`` takes every path."""
    routes = APIRouter(prefix="/v1", tags=["keys"])

    @routes.get("/status", summary="The status of every binding")
    async def status(
        page_size: int = Query(PAGE_SIZE_DEFAULT, ge=1, le=PAGE_SIZE_MAX), page_token: str = "", *, values: bool = True
    ) -> JSONResponse:
        return await _listing(service, "status/", page_size, page_token, values=values)

    @routes.get("/drifts", summary="The open drifts of every environment and target")
    async def drifts(
        page_size: int = Query(PAGE_SIZE_DEFAULT, ge=1, le=PAGE_SIZE_MAX), page_token: str = "", *, values: bool = True
    ) -> JSONResponse:
        return await _listing(service, "drift/", page_size, page_token, values=values)

    @routes.post("/txn", summary="Several keys at once, all or nothing")
    async def txn(request: Request, *, validate_only: bool = False) -> JSONResponse:
        by = author(request)
        try:
            written = await service.transact(_operations(await body(request)), by=by, validate_only=validate_only)
        except Conflict as conflict:
            return problem(conflict, status=409)
        return _written(written, 200)

    @routes.get("/{key:path}", summary="Read one key, or list a prefix that ends with /", response_class=Response)
    async def get(
        request: Request,
        key: str,
        page_size: int = Query(PAGE_SIZE_DEFAULT, ge=1, le=PAGE_SIZE_MAX),
        page_token: str = "",
        *,
        values: bool = False,
    ) -> Response:
        if key.endswith("/"):
            return await _listing(service, key, page_size, page_token, values=values)
        item = await service.get(key)
        headers = {"ETag": f'"{item.revision}"', "X-Correlation-Id": correlation_id(request)}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(item.raw, headers=headers, media_type=_media_type(key, item.raw))

    @routes.put("/{key:path}", summary="Write one desired key", status_code=200)
    async def put(request: Request, key: str, *, validate_only: bool = False) -> JSONResponse:
        by, expect = author(request), expectation(request)
        written = await service.put(key, await body(request), expect=expect, by=by, validate_only=validate_only)
        return _written(written, 201 if written.created and not validate_only else 200)

    @routes.delete("/{key:path}", summary="Remove one desired key", status_code=200)
    async def delete(request: Request, key: str, *, validate_only: bool = False) -> JSONResponse:
        by, expect = author(request), expectation(request)
        return _written(await service.delete(key, expect=expect, by=by, validate_only=validate_only), 200)

    return routes


async def _listing(service: Service, prefix: str, page_size: int, page_token: str, *, values: bool) -> JSONResponse:
    page = await service.list(prefix, page_size=page_size, page_token=page_token)
    told: dict[str, Any] = {"items": [_item(item, values=values) for item in page.items]}
    if page.next_token is not None:
        told["nextPageToken"] = page.next_token
    return JSONResponse(told)


def _item(item: Item, *, values: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"key": item.key, "revision": item.revision, "created": item.created, "updated": item.updated}
    if values:
        try:
            told["value"] = item.raw.decode("utf-8")
        except UnicodeDecodeError:
            told["valueBase64"] = base64.b64encode(item.raw).decode("ascii")
    return told


def _written(written: Written, status: int) -> JSONResponse:
    headers = {"X-Correlation-Id": written.correlation_id}
    if written.revision:
        headers["ETag"] = f'"{written.revision}"'
    told = {"revision": written.revision, "keys": list(written.keys), "correlationId": written.correlation_id}
    return JSONResponse(told, status, headers=headers)


def _operations(raw: bytes) -> list[Write]:
    try:
        told = json.loads(raw)
        operations = told["operations"]
        return [_operation(at, operation) for at, operation in enumerate(operations)]
    except (ValueError, KeyError, TypeError) as error:
        msg = "expected {operations: [{op, key, value? | valueBase64?, revision?}]}"
        raise InvalidInput(msg) from error


def _operation(at: int, told: dict[str, Any]) -> Write:
    unknown = told.keys() - {"op", "key", "value", "valueBase64", "revision"}
    if unknown:
        msg = f"/operations/{at}: unknown field {sorted(unknown)[0]!r}"
        raise InvalidInput(msg)
    revision = told.get("revision")
    if revision is not None and (type(revision) is not int or revision < 0):
        msg = f"/operations/{at}/revision: expected a revision, 0 for absent"
        raise InvalidInput(msg)
    if not isinstance(told.get("op"), str) or not isinstance(told.get("key"), str):
        msg = f"/operations/{at}: 'op' and 'key' must be text"
        raise InvalidInput(msg)
    raw = _value(at, told) if told["op"] == "set" else None
    if told["op"] == "check" and revision is None:
        msg = f"/operations/{at}: a check needs 'revision'"
        raise InvalidInput(msg)
    return Write(told["op"], told["key"], raw, revision)


def _value(at: int, told: dict[str, Any]) -> bytes:
    if isinstance(told.get("value"), str) and "valueBase64" not in told:
        return str(told["value"]).encode("utf-8")
    try:
        return base64.b64decode(told["valueBase64"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"/operations/{at}: a set needs 'value' as text or 'valueBase64'"
        raise InvalidInput(msg) from error


def _media_type(key: str, raw: bytes) -> str:
    if key.startswith("modules/"):
        return "application/wasm" if raw.startswith(b"\0asm") else "application/json"
    if key.endswith("/version") and key.startswith("envs/"):
        return "text/plain; charset=utf-8"
    stripped = raw.lstrip()
    return "application/json" if stripped[:1] in (b"{", b"[", b'"') else "text/plain; charset=utf-8"
