"""``GET /v1/trace/{id}``: the five layers of one correlation id, side by side."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse

from versiqiid.api.trace import LIMIT_MAX, Trace


def _rows(**members: Any) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "required": list(members), "properties": members}}


_TEXT, _INT, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_MAYBE, _MAYBE_INT = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
_SCHEMA: Final = {
    "type": "object",
    "required": ["correlationId", "code", "configuration", "state", "events", "decision"],
    "properties": {
        "correlationId": _TEXT,
        "code": _rows(repository=_MAYBE, commit=_MAYBE, path=_MAYBE, positions={"type": "array", "items": _INT}),
        "configuration": _rows(position=_INT, key=_TEXT, revision=_MAYBE_INT, digest=_MAYBE),
        "state": {
            "type": "object",
            "properties": {
                "exemplar": {"type": "object", "properties": {"metric": _TEXT, "label": _TEXT}},
                "bindings": _rows(binding=_TEXT, position=_INT, current=_FLAG, state=_MAYBE),
            },
        },
        "events": {
            "type": "object",
            "properties": {
                "kafka": _FLAG,
                "entries": _rows(
                    position=_INT,
                    ceId=_TEXT,
                    ceType=_TEXT,
                    key=_TEXT,
                    topics={"type": "array", "items": _TEXT},
                    deliveries=_rows(topic=_TEXT, partition=_INT, offset=_INT),
                ),
            },
        },
        "decision": {
            "type": "object",
            "properties": {
                "origin": _TEXT,
                "checkpoint": {"type": ["object", "null"], "properties": {"size": _INT, "root": _TEXT}},
                "entries": _rows(position=_INT, time=_TEXT, type=_TEXT, stream=_TEXT, covered=_FLAG),
            },
        },
        "nextStart": {"type": "integer", "description": "There may be more from this position on."},
    },
}
_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The five layers.", "content": {"application/json": {"schema": _SCHEMA}}}
}


def router(trace: Trace) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["trace"])

    @routes.get("/trace/{correlation_id}", summary="One correlation id through all layers", responses=_ANSWER)
    async def read(
        correlation_id: Annotated[str, Path()],
        start: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 1000,
    ) -> JSONResponse:
        return JSONResponse(await trace.of(correlation_id, start=start, limit=limit))

    return routes
