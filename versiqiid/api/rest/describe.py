"""What OpenAPI says about bodies, answers, problems and tokens: the parts that no function signature tells."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from versiqiid.api.rest.shapes import SCHEMAS, TEXT, array

_JSON, _PROBLEM = "application/json", "application/problem+json"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, schema: Any, media_type: str = _JSON, **headers: str) -> dict[str, Any]:
    told: dict[str, Any] = {"description": description, "content": {media_type: {"schema": schema}}}
    if headers:
        told["headers"] = {
            name.replace("_", "-"): {"description": text, "schema": {"type": "string"}}
            for name, text in headers.items()
        }
    return told


_ETAG, _CORRELATION = "The key's revision, quoted.", "Goes through all layers."
_RAW_SCHEMA: Final = {"type": "string", "description": "The value, byte for byte."}

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": _answer("Refused; nothing was changed.", _ref("Problem"), _PROBLEM),
    "5XX": _answer("Failed; `maybeWritten` tells whether something may have been changed.", _ref("Problem"), _PROBLEM),
}
LISTING: Final[dict[int | str, dict[str, Any]]] = {200: _answer("One page, in byte order of keys.", _ref("Listing"))}
WRITTEN: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("Written.", _ref("Written"), ETag=_ETAG, X_Correlation_Id=_CORRELATION)
}
CREATED: Final[dict[int | str, dict[str, Any]]] = {
    201: _answer("Created.", _ref("Written"), ETag=_ETAG, X_Correlation_Id=_CORRELATION)
}
KEY: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The value as it is stored; a page, for a prefix; a stream of changes, where one is asked for.",
        "headers": {"ETag": {"description": _ETAG, "schema": {"type": "string"}}},
        "content": {
            "application/octet-stream": {"schema": _RAW_SCHEMA},
            "text/plain": {"schema": _RAW_SCHEMA},
            _JSON: {"schema": {"anyOf": [_ref("Listing"), {}]}},
            "text/event-stream": {"schema": {"type": "string", "description": "events: created, updated, deleted"}},
        },
    },
    304: {"description": "The reader has it already."},
}
RAW: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("The value as it was.", _RAW_SCHEMA, "application/octet-stream", ETag=_ETAG)
}
NOTE: Final[dict[int | str, dict[str, Any]]] = {200: _answer("A signed note.", {"type": "string"}, "text/plain")}
EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Entries, oldest first.",
        "content": {
            "text/event-stream": {"schema": {"type": "string", "description": "`id` is the journal position."}},
            _JSON: {"schema": _ref("Entries")},
        },
    }
}
HISTORY: Final[dict[int | str, dict[str, Any]]] = {200: _answer("Revisions.", _ref("Revisions"))}
PATCH: Final[dict[int | str, dict[str, Any]]] = {200: _answer("RFC 6902.", array({"type": "object"}))}
MOVED: Final[dict[int | str, dict[str, Any]]] = {200: _answer("What was moved, or would be.", _ref("Moved"))}
VERDICT: Final[dict[int | str, dict[str, Any]]] = {200: _answer("The verdict.", _ref("Verdict"))}
VERDICTS: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("A verdict for each case.", {"type": "object", "properties": {"results": array(_ref("Verdict"))}})
}

TESTED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("What was tried, how each step is classified, and the documents that break a law.", {"type": "object"})
}
GRAPH: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("The edges, what runs, and which edges do not hold.", {"type": "object"})
}
GRAPH_CHECKED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("For each environment the links that do not hold, and circles.", {"type": "object"})
}
GRAPH_PLANNED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("Steps in order, what moving alone would break, or the demands that conflict.", {"type": "object"})
}
LINKED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("What was written, and the links of this target that do not hold now.", {"type": "object"})
}
CHECKED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer(
        "Every judgement with rules, witnesses and fixes, and the live configs that would break.", _ref("Check")
    )
}
PLANNED: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("The path, its lossy steps, missing steps, and hubs that would spare some.", {"type": "object"})
}
ACCOUNT: Final[dict[int | str, dict[str, Any]]] = {
    200: _answer("Result, RFC 6902 patch, steps, stash, losses, conflicts, verdict.", {"type": "object"})
}


def _body(schema: Any, media_type: str = _JSON) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


VALUE_BODY: Final = _body(_RAW_SCHEMA, "application/octet-stream")
SCHEMA_BODY: Final = {
    "requestBody": {
        "required": False,
        "description": "The schema's text; empty = the registered text of `version`.",
        "content": {"application/octet-stream": {"schema": _RAW_SCHEMA}},
    }
}
GRAPH_PLAN_BODY: Final = _body(
    {
        "type": "object",
        "required": ["environment", "goals"],
        "additionalProperties": False,
        "properties": {
            "environment": {"type": "string"},
            "goals": {"type": "object", "additionalProperties": {"type": "string"}, "description": "Target: version."},
        },
    }
)
LINK_BODY: Final = _body(
    {
        "type": "object",
        "required": ["target", "kind", "other", "range"],
        "additionalProperties": False,
        "properties": {
            "target": {"type": "string"},
            "version": {"type": ["string", "null"], "description": "Only this version says it."},
            "kind": {"enum": ["requires", "accepts"]},
            "other": {"type": "string"},
            "range": {"type": ["string", "null"], "description": "null takes the link away."},
        },
    }
)
TXN_BODY: Final = _body(_ref("Transaction"))
BATCH_BODY: Final = _body(_ref("Batch"))
ROLLBACK_BODY: Final = _body(
    {
        "type": "object",
        "required": ["to"],
        "additionalProperties": False,
        "properties": {"to": {"type": "string", "description": "A revision, an RFC 3339 time, or a correlation id."}},
    }
)
_STASH = {"type": "array", "items": {"type": "object"}, "description": "As an earlier answer gave it."}
TEST_BODY: Final = {
    "requestBody": {
        "required": False,
        "content": {
            _JSON: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "count": {"type": "integer", "description": "Documents per direction."},
                        "seed": {"type": "integer", "description": "Decides which."},
                        "budgetSeconds": {"type": "number", "description": "Per direction."},
                        "extras": array({"type": "string"}),
                    },
                }
            }
        },
    }
}
RUN_BODY: Final = _body(
    {"type": "object", "required": ["config"], "properties": {"config": {}, "stash": _STASH}},
)
MAP_BODY: Final = _body(
    {
        "type": "object",
        "required": ["target", "from", "to", "config"],
        "properties": {
            "target": {"type": "string"},
            "from": {"type": "string", "description": "Environment."},
            "to": {"type": "string", "description": "Environment."},
            "config": {},
            "stash": _STASH,
        },
    }
)

_CORRELATION_HEADER: Final = {
    "name": "X-Correlation-Id",
    "in": "header",
    "required": False,
    "description": "Goes through all layers; else the trace id of `traceparent`, else made here.",
    "schema": TEXT,
}


def operation_id(route: APIRoute) -> str:
    """The name that generated clients use: the function's own word and its group."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def install(app: FastAPI, *, authenticated: bool) -> None:
    """Let the application describe itself completely: problems, shared schemas, tokens."""

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(app, authenticated=authenticated)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign] # FastAPI's documented way


def _completed(app: FastAPI, *, authenticated: bool) -> dict[str, Any]:
    told = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        license_info=app.license_info,
        routes=app.routes,
    )
    told["components"] = {"schemas": dict(SCHEMAS)}
    if authenticated:
        told["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        told["security"] = [{"bearer": []}]
    for methods in told["paths"].values():
        for method, operation in methods.items():
            operation["responses"].pop("422", None)  # FastAPI's own form of it, which is never sent
            if method in ("put", "post", "delete"):
                operation.setdefault("parameters", []).append(_CORRELATION_HEADER)
    return told
