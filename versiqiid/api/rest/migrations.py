"""Migrations over HTTP: test, plan, dry run, and the mapper. Bodies are JSON; nothing is written."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from versiqiid.api.maps import Maps
from versiqiid.api.migrations import Migrations
from versiqiid.api.rest import describe
from versiqiid.api.rest.requests import body
from versiqiid.core.document import read
from versiqiid.core.limits import Limits
from versiqiid.core.stash import Stash, parse_stashes
from versiqiid.engine.lawcheck import Effort
from versiqiid.errors import InvalidInput

COUNT_MAX = 20_000
BUDGET_S_MAX = 60.0
SEED_MAX = 2**53 - 1
EXTRAS_MAX = 50
BODY_BYTES_MAX = 4 * 1024 * 1024
"""A config with a stash of many steps. Arbitrary."""
_BODY = Limits(bytes_max=BODY_BYTES_MAX, depth_max=104, values_max=1_000_000)

_STEP = "/migrations/{family}/{source}/{destination}"
_TEST_FORM = "{count?, seed?, budgetSeconds?, extras?}"
_RUN_FORM = "{config, stash?}"
_MAP_FORM = "{target, from, to, config, stash?}"


def router(migrations: Migrations, maps: Maps) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["migrations"])

    @routes.post(
        _STEP + ":test",
        summary="Try the laws of a migration and its opposite on thousands of documents",
        openapi_extra=describe.TEST_BODY,
        responses=describe.TESTED,
    )
    async def test(request: Request, family: str, source: str, destination: str) -> JSONResponse:
        effort = _effort(await _json(request, _TEST_FORM))
        report = await migrations.test(family, source, destination, effort)
        return JSONResponse({"family": family, "from": source, "to": destination, **report.as_json()})

    @routes.post(
        _STEP + ":plan", summary="The way that the rule chooses, and what would help", responses=describe.PLANNED
    )
    async def plan(family: str, source: str, destination: str) -> JSONResponse:
        return JSONResponse((await migrations.plan(family, source, destination)).as_json())

    @routes.post(
        _STEP + ":run",
        summary="A dry run on one config",
        openapi_extra=describe.RUN_BODY,
        responses=describe.ACCOUNT,
    )
    async def run(request: Request, family: str, source: str, destination: str) -> JSONResponse:
        told = await _object(request, _RUN_FORM, needed={"config"}, allowed={"stash"})
        account = await migrations.run(family, source, destination, told["config"], _stashes(told))
        return JSONResponse({"family": family, "from": source, "to": destination, **account.as_json()})

    @routes.post(
        "/map",
        summary="A config written for the version in one environment, as the version in another needs it",
        openapi_extra=describe.MAP_BODY,
        responses=describe.ACCOUNT,
    )
    async def map_(request: Request) -> JSONResponse:
        told = await _object(request, _MAP_FORM, needed={"target", "from", "to", "config"}, allowed={"stash"})
        for name in ("target", "from", "to"):
            if not isinstance(told[name], str):
                raise InvalidInput(f"/{name}: expected text")
        mapped = await maps.map(told["target"], told["from"], told["to"], told["config"], _stashes(told))
        return JSONResponse(mapped.as_json())

    return routes


async def _json(request: Request, form: str) -> Any:
    """The body as a value; an empty one is ``{}``."""
    raw = await body(request, limit=BODY_BYTES_MAX)
    if not raw.strip():
        return {}
    try:
        return read(raw, limits=_BODY, by_rule=True)
    except InvalidInput as error:
        raise InvalidInput(f"the body is no document: {error.message}; expected {form}") from error


async def _object(request: Request, form: str, *, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    told = await _json(request, form)
    if not isinstance(told, dict) or not needed <= told.keys() <= needed | allowed:
        raise InvalidInput(f"expected {form}")
    return told


def _stashes(told: dict[str, Any]) -> tuple[Stash, ...]:
    return parse_stashes(told.get("stash"))


def _effort(told: Any) -> Effort:
    if not isinstance(told, dict) or told.keys() - {"count", "seed", "budgetSeconds", "extras"}:
        raise InvalidInput(f"expected {_TEST_FORM}")
    usual = Effort()
    budget = told.get("budgetSeconds", usual.budget_s)
    if isinstance(budget, bool) or not isinstance(budget, int | float) or not 0 < budget <= BUDGET_S_MAX:
        raise InvalidInput(f"/budgetSeconds: expected seconds, more than 0 and at most {BUDGET_S_MAX:g}")
    extras = told.get("extras", [])
    if not isinstance(extras, list) or len(extras) > EXTRAS_MAX or not all(isinstance(each, str) for each in extras):
        raise InvalidInput(f"/extras: expected at most {EXTRAS_MAX} names of members")
    return Effort(
        count=_whole(told, "count", usual.count, 1, COUNT_MAX),
        seed=_whole(told, "seed", usual.seed, 0, SEED_MAX),
        budget_s=float(budget),
        extras=tuple(extras),
    )


def _whole(told: dict[str, Any], name: str, usual: int, least: int, most: int) -> int:
    value = told.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"/{name}: expected a whole number from {least} to {most}")
    return value
