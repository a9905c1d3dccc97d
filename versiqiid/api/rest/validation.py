"""Judge documents without storing anything: one against a registered schema, or many against schemas that come along."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from versiqiid.api.rest.requests import body
from versiqiid.api.service import Service
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.document import read
from versiqiid.core.objects import read_family
from versiqiid.core.violation import Violation
from versiqiid.errors import InvalidInput, UnusableSchema
from versiqiid.ports import ValidationRequest, Validator

CASES_MAX = 10_000


def router(validator: Validator, service: Service) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["validation"])

    @routes.post("/validate/{family}/{version}", summary="Judge a document against a registered schema")
    async def validate(request: Request, family: str, version: str) -> JSONResponse:
        schema = await service.get(f"schemas/{family}/{version}")
        described = read_family((await service.get(f"families/{family}")).raw)
        asked = ValidationRequest(
            read(schema.raw), digest(schema.raw), read(await body(request)), described.formats == "assert"
        )
        found = await validator.validate(asked)
        return JSONResponse({"valid": not found, "schema": f"schemas/{family}/{version}", "violations": _told(found)})

    @routes.post("/validate:batch", summary="Judge many documents against schemas given with them")
    async def batch(request: Request) -> JSONResponse:
        cases, remotes = _cases(read(await body(request)))
        return JSONResponse({"results": [await _judge(validator, case, remotes) for case in cases]})

    return routes


async def _judge(validator: Validator, case: dict[str, Any], remotes: dict[str, Any]) -> dict[str, Any]:
    schema = case["schema"]
    name = digest(canonical([schema, remotes]))
    asked = ValidationRequest(schema, name, case["document"], bool(case.get("formats", False)), remotes)
    try:
        found = await validator.validate(asked)
    except UnusableSchema as error:
        return {"valid": False, "violations": [], "error": error.message}
    return {"valid": not found, "violations": _told(found)}


def _cases(told: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    if not isinstance(told, dict) or not isinstance(told.get("cases"), list) or told.keys() - {"cases", "remotes"}:
        msg = "expected {remotes?: {url: schema}, cases: [{schema, document, formats?}]}"
        raise InvalidInput(msg)
    cases, remotes = told["cases"], told.get("remotes", {})
    if len(cases) > CASES_MAX:
        msg = f"at most {CASES_MAX} cases at once, not {len(cases)}"
        raise InvalidInput(msg)
    for at, case in enumerate(cases):
        if not isinstance(case, dict) or not {"schema", "document"} <= case.keys() <= {"schema", "document", "formats"}:
            msg = f"/cases/{at}: expected the fields schema, document and perhaps formats"
            raise InvalidInput(msg)
    if not isinstance(remotes, dict):
        msg = "/remotes: expected an object of addresses and schemas"
        raise InvalidInput(msg)
    return cases, remotes


def _told(found: tuple[Violation, ...]) -> list[dict[str, str]]:
    return [{"pointer": v.pointer, "keyword": v.keyword, "message": v.message} for v in found]
