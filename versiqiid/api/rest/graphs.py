"""The version graph over HTTP: show, check, plan, link."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from versiqiid.api.graphs import Graphs, Link
from versiqiid.api.rest import describe
from versiqiid.api.rest.requests import author, body
from versiqiid.api.rest.values import json_body
from versiqiid.errors import InvalidInput

_PLAN_FORM = "{environment, goals: {target: version}}"
_LINK_FORM = "{target, version?, kind: requires | accepts, other, range}"
Environment = Annotated[str | None, Query(description="An environment such as `prod/eu-fr`; without one all of them.")]
ValidateOnly = Annotated[bool, Query(description="Check everything, write nothing.")]


def router(graphs: Graphs) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["graphs"])

    @routes.get("/graphs", summary="Which target versions require and accept which", responses=describe.GRAPH)
    async def show(environment: Environment = None) -> JSONResponse:
        return JSONResponse(await graphs.show(environment))

    @routes.post(
        "/graphs:check",
        summary="Which links do not hold where things run, and circles of requirements",
        responses=describe.GRAPH_CHECKED,
    )
    async def check(environment: Environment = None) -> JSONResponse:
        return JSONResponse(await graphs.check(environment))

    @routes.post(
        "/graphs:plan",
        summary="The order of a set of upgrades, or the demands that conflict",
        openapi_extra=describe.GRAPH_PLAN_BODY,
        responses=describe.GRAPH_PLANNED,
    )
    async def plan(request: Request) -> JSONResponse:
        told = _object(await body(request), _PLAN_FORM, needed={"environment", "goals"})
        goals = told["goals"]
        if not isinstance(goals, dict) or not all(isinstance(version, str) for version in goals.values()):
            raise InvalidInput("/goals: expected an object of targets and versions as text")
        return JSONResponse(await graphs.plan(_text(told, "environment"), goals))

    @routes.post(
        "/graphs:link",
        summary="Add, change or remove one link of a target or of one of its versions",
        openapi_extra=describe.LINK_BODY,
        responses=describe.LINKED,
    )
    async def link(request: Request, *, validate_only: ValidateOnly = False) -> JSONResponse:
        needed = {"target", "kind", "other", "range"}
        told = _object(await body(request), _LINK_FORM, needed=needed, allowed={"version"})
        version = _text(told, "version") if told.get("version") is not None else None
        range_text = _text(told, "range") if told["range"] is not None else None
        asked = Link(_text(told, "target"), version, _text(told, "kind"), _text(told, "other"), range_text)
        return JSONResponse(await graphs.link(asked, by=author(request), validate_only=validate_only))

    return routes


def _object(raw: bytes, form: str, *, needed: set[str], allowed: frozenset[str] | set[str] = frozenset()) -> Any:
    told = json_body(raw, form)
    if not isinstance(told, dict) or not needed <= told.keys() <= needed | allowed:
        raise InvalidInput(f"expected {form}")
    return told


def _text(told: dict[str, Any], name: str) -> str:
    if not isinstance(told[name], str):
        raise InvalidInput(f"/{name}: expected text")
    return str(told[name])
