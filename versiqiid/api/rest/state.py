"""``GET /v1/state``: all keys as they were at a time, an id's end, or a position of the journal, page by page."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from versiqiid.api.past import PAGE_SIZE_MAX, PastPage, PastStates, item_json
from versiqiid.errors import InvalidInput

_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["size", "items"],
    "properties": {
        "size": {"type": "integer", "description": "The state after so many entries; give it as `position` to go on."},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["key", "revision", "digest", "position", "created", "updated"],
                "properties": {
                    "key": {"type": "string"},
                    "revision": {"type": "integer"},
                    "digest": {"type": "string"},
                    "position": {"type": "integer", "description": "Of the entry that made it so."},
                    "created": {"type": "string"},
                    "updated": {"type": "string"},
                    "value": {"type": "string"},
                    "valueBase64": {"type": "string"},
                },
            },
        },
        "nextPageToken": {"type": "string"},
    },
}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "One page of keys.", "content": {"application/json": {"schema": _SCHEMA}}}
}


def router(states: PastStates) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["history"])

    @routes.get("/state", summary="All keys as they were at a time", responses=_ANSWER)
    async def read(  # noqa: PLR0917 - FastAPI passes all of them by name
        at: Annotated[str | None, Query(description="An RFC 3339 time, or a correlation id.")] = None,
        position: Annotated[int | None, Query(ge=0, description="The state after so many entries.")] = None,
        prefix: Annotated[str, Query(max_length=512, description="Only keys that begin so.")] = "",
        values: Annotated[bool, Query(description="With the values.")] = False,
        page_size: Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)] = 500,
        page_token: Annotated[str, Query(max_length=512, description="`nextPageToken` of the page before.")] = "",
    ) -> JSONResponse:
        if (at is None) == (position is None):
            raise InvalidInput("give either at or position", hint="Such as ?at=2026-01-31T12:00:00Z.")
        size = await states.size_at(at) if at is not None else position or 0
        page = await states.page(size, prefix, page_size=page_size, page_token=page_token, values=values)
        return JSONResponse(_told(page))

    return routes


def _told(page: PastPage) -> dict[str, Any]:
    items = [item_json(key, known) | _value(raw) for key, known, raw in page.items]
    told: dict[str, Any] = {"size": page.size, "items": items}
    return told if page.next_token is None else told | {"nextPageToken": page.next_token}


def _value(raw: bytes | None) -> dict[str, str]:
    if raw is None:
        return {}
    try:
        return {"value": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"valueBase64": base64.b64encode(raw).decode("ascii")}
