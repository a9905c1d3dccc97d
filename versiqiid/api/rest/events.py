"""The journal over HTTP: one page of entries as JSON, or a live stream as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.responses import JSONResponse, Response

from versiqiid.errors import InvalidInput, NotFound
from versiqiid.ports import Journal, Recorded
from versiqiid.ports import Query as Entries

PAGE_MAX = 10_000
STREAM_PAGE = 500


def router(journal: Journal) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["events"])

    @routes.get("/events", summary="Journal entries: JSON page, or a stream with Accept: text/event-stream")
    async def events(
        request: Request,
        start: Annotated[int | None, Query(ge=0)] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 1000,
        type: str | None = None,  # noqa: A002 - the query parameter's name
        stream: str | None = None,
        correlation_id: str | None = None,
        key: str | None = None,
        last_event_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        asked = Entries(start=start or 0, limit=limit, type=type, stream=stream, correlation_id=correlation_id, key=key)
        if "text/event-stream" in request.headers.get("accept", ""):
            first = await _first(journal, start, last_event_id)
            return EventSourceResponse(_follow(journal, asked, first), ping=15)
        found = await journal.read(asked)
        told: dict[str, Any] = {"items": [entry_json(entry) for entry in found], "size": await journal.size()}
        if len(found) == limit:
            told["nextStart"] = found[-1].position + 1
        return JSONResponse(told)

    @routes.get("/checkpoint", summary="The newest signed checkpoint", response_class=Response)
    async def checkpoint() -> Response:
        note = await journal.checkpoint()
        if note is None:
            msg = "no checkpoint has been signed yet"
            raise NotFound(msg)
        return Response(note, media_type="text/plain; charset=utf-8")

    @routes.get("/documents/{digest}", summary="A value that the journal keeps, by sha256:<hex>", response_class=Response)
    async def document(digest: str) -> Response:
        raw = await journal.document(digest)
        if raw is None:
            msg = f"the journal keeps no document {digest[:80]}"
            raise NotFound(msg)
        return Response(raw, media_type="application/octet-stream")

    return routes


def entry_json(entry: Recorded) -> Any:
    """The entry as it is stored; the stored bytes are the truth, this is for reading."""
    return json.loads(entry.entry)


async def _first(journal: Journal, start: int | None, last_event_id: str | None) -> int:
    """Where a stream begins: after the last event seen, else at ``start``, else with what comes next."""
    if last_event_id:
        if not last_event_id.isdigit():
            msg = "Last-Event-ID must be a journal position"
            raise InvalidInput(msg)
        return int(last_event_id) + 1
    return await journal.size() if start is None else start


async def _follow(journal: Journal, asked: Entries, first: int) -> AsyncIterator[ServerSentEvent]:
    position = first
    while True:
        await journal.wait_beyond(position)
        size = await journal.size()
        page = Entries(
            start=position,
            limit=STREAM_PAGE,
            type=asked.type,
            stream=asked.stream,
            correlation_id=asked.correlation_id,
            key=asked.key,
        )
        found = [entry for entry in await journal.read(page) if entry.position < size]
        for entry in found:
            yield ServerSentEvent(entry.entry.decode("utf-8"), event=entry.type, id=str(entry.position))
        position = found[-1].position + 1 if len(found) == STREAM_PAGE else size
