"""Judge documents over HTTP without storing anything."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from versiqiid.api.judging import Case, Judge
from versiqiid.api.rest import describe
from versiqiid.api.rest.notices import notices
from versiqiid.api.rest.requests import BULK_BYTES_MAX, body
from versiqiid.api.rest.values import json_body
from versiqiid.api.service import Service
from versiqiid.errors import InvalidInput

CASES_MAX = 10_000
_FORM = "{remotes?: {url: schema}, cases: [{schema, document, formats?}]}"
_FIELDS = {"schema", "document", "formats"}


def router(judge: Judge, service: Service) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["validation"])

    @routes.post(
        "/validate/{family}/{version}",
        summary="Judge a document against a registered schema",
        openapi_extra=describe.VALUE_BODY,
        responses=describe.VERDICT,
    )
    async def validate(request: Request, family: str, version: str) -> JSONResponse:
        found, key = await judge.registered(await body(request), family, version), f"schemas/{family}/{version}"
        return JSONResponse({**found.as_json(), "schema": key}, headers=await notices(service, key))

    @routes.post(
        "/validate:batch",
        summary="Judge many documents against schemas given with them",
        openapi_extra=describe.BATCH_BODY,
        responses=describe.VERDICTS,
    )
    async def batch(request: Request) -> JSONResponse:
        cases, remotes = _cases(json_body(await body(request, limit=BULK_BYTES_MAX), _FORM))
        return JSONResponse({"results": [found.as_json() for found in await judge.batch(cases, remotes)]})

    return routes


def _cases(told: Any) -> tuple[list[Case], dict[str, Any]]:
    if not isinstance(told, dict) or not isinstance(told.get("cases"), list) or told.keys() - {"cases", "remotes"}:
        raise InvalidInput(f"expected {_FORM}")
    cases, remotes = told["cases"], told.get("remotes", {})
    if len(cases) > CASES_MAX:
        raise InvalidInput(f"at most {CASES_MAX} cases at once, not {len(cases)}", hint="Split the batch.")
    if not isinstance(remotes, dict):
        raise InvalidInput("/remotes: expected an object of addresses and schemas")
    return [_case(f"/cases/{at}", case) for at, case in enumerate(cases)], remotes


def _case(place: str, told: Any) -> Case:
    if not isinstance(told, dict) or not {"schema", "document"} <= told.keys() <= _FIELDS:
        raise InvalidInput(f"{place}: expected the fields schema, document and perhaps formats")
    formats = told.get("formats", False)
    if type(formats) is not bool:
        raise InvalidInput(f"{place}/formats: expected true or false")
    return Case(told["schema"], told["document"], formats)
