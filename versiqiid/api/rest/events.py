"""The journal over HTTP: a live stream of its entries, one page of them as JSON, checkpoints, kept documents."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from sse_starlette import ServerSentEvent
from starlette.responses import JSONResponse, Response

from versiqiid.api.entries import about, entry_json
from versiqiid.api.rest import describe
from versiqiid.api.rest.streams import Send, Streams
from versiqiid.core import keys as k
from versiqiid.errors import InvalidInput, NotFound
from versiqiid.ports import Journal
from versiqiid.ports import Query as Entries

PAGE_MAX = 10_000
PAGE_DEFAULT = 1000
STREAM_PAGE = 500


Start = Annotated[int | None, Query(ge=0, description="First position; a stream begins with what comes next.")]
Limit = Annotated[int | None, Query(ge=1, le=PAGE_MAX, description="At most so many entries, as one page.")]


def _asked(
    type: str | None = None,  # noqa: A002 - the query parameter's name
    stream: str | None = None,
    correlation_id: str | None = None,
    key: str | None = None,
) -> Entries:
    """Which entries the query parameters mean."""
    asked = about(key) if key and k.is_desired(key) else Entries(key=key)
    return replace(asked, type=type, stream=stream or asked.stream, correlation_id=correlation_id)


def router(journal: Journal, streams: Streams) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["events"])

    @routes.get(
        "/events",
        summary="Journal entries: a stream of server-sent events; one JSON page with limit or Accept: application/json",
        responses=describe.EVENTS,
    )
    async def events(
        request: Request,
        asked: Annotated[Entries, Depends(_asked)],
        start: Start = None,
        limit: Limit = None,
        last_event_id: Annotated[str | None, Header(description="The stream goes on after this position.")] = None,
    ) -> Response:
        if limit is None and "application/json" not in request.headers.get("accept", ""):
            first = await _first(journal, start, last_event_id)
            return streams.response(partial(_follow, journal, asked, first))
        return await _page(journal, replace(asked, start=start or 0, limit=limit or PAGE_DEFAULT))

    @routes.get("/checkpoint", summary="The newest signed checkpoint", response_class=Response, responses=describe.NOTE)
    async def checkpoint() -> Response:
        note = await journal.checkpoint()
        if note is None:
            raise NotFound("no checkpoint has been signed yet", hint="One is signed soon after the first entry.")
        return Response(note, media_type="text/plain; charset=utf-8")

    @routes.get(
        "/documents/{digest}",
        summary="A value that the journal keeps, by sha256:<hex>",
        response_class=Response,
        responses=describe.RAW,
    )
    async def document(digest: Annotated[str, Path(description="`sha256:` and 64 hexadecimal digits.")]) -> Response:
        raw = await journal.document(digest)
        if raw is None:
            raise NotFound(f"the journal keeps no document {digest[:80]!r}")
        headers = {"X-Content-Type-Options": "nosniff"}
        return Response(raw, headers=headers, media_type="application/octet-stream")

    return routes


async def _page(journal: Journal, asked: Entries) -> JSONResponse:
    found = await journal.read(asked)
    told: dict[str, Any] = {"items": [entry_json(entry) for entry in found], "size": await journal.size()}
    if len(found) == asked.limit:
        told["nextStart"] = found[-1].position + 1
    return JSONResponse(told)


async def _first(journal: Journal, start: int | None, last_event_id: str | None) -> int:
    """Where a stream begins: after the last event seen, else at ``start``, else with what comes next."""
    if last_event_id:
        if not (last_event_id.isascii() and last_event_id.isdigit()):
            raise InvalidInput("Last-Event-ID must be a journal position", hint="Send the last event's id.")
        first = int(last_event_id[:18]) + 1
        if first > await journal.size():
            hint = "It is another journal, or one put back: ask with start=0 for what it holds."
            raise InvalidInput("Last-Event-ID is a position behind the journal's end", hint=hint)
        return first
    return await journal.size() if start is None else start


async def _follow(journal: Journal, asked: Entries, first: int, send: Send) -> None:
    """Every entry from ``first`` on that matches, in order, without a gap; for ever."""
    position = first
    while True:
        await journal.wait_beyond(position)
        size = await journal.size()
        page = await journal.read(replace(asked, start=position, before=size, limit=STREAM_PAGE))
        for entry in page:
            await send(ServerSentEvent(entry.entry.decode("utf-8"), event=entry.type, id=str(entry.position)))
        position = page[-1].position + 1 if len(page) == STREAM_PAGE else size
