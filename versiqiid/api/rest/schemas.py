"""Check a schema over HTTP without storing it: may it follow those that are there, and what would break."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from versiqiid.api.rest import describe
from versiqiid.api.rest.requests import body
from versiqiid.api.schemas import Schemas

Asked = Annotated[str | None, Query(description="Instead of what the family says.")]
Version = Annotated[str | None, Query(description="Its version; without one it comes after all that are there.")]


def router(schemas: Schemas) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["schemas"])

    @routes.post(
        "/schemas/{family}:check",
        summary="Whether a schema may follow those that are there, and the live configs that would break",
        openapi_extra=describe.SCHEMA_BODY,
        responses=describe.CHECKED,
    )
    async def check(  # noqa: PLR0917 - each is a parameter of the query
        request: Request,
        family: str,
        version: Version = None,
        level: Asked = None,
        policy: Asked = None,
        defaults: Asked = None,
        formats: Asked = None,
        group: Asked = None,
    ) -> JSONResponse:
        asked = {"level": level, "policy": policy, "defaults": defaults, "formats": formats, "group": group}
        raw = await body(request)
        report = await schemas.check(family, raw or None, version=version, asked=asked)
        return JSONResponse(report.as_json())

    return routes
