"""What the daemon finds when it looks at everything it depends on: for ``versiqii doctor``."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from versiqiid.api.diagnosis import Diagnosis


def router(diagnosis: Diagnosis) -> APIRouter:
    routes = APIRouter(tags=["system"])

    @routes.get("/v1/diagnosis", summary="Look at Consul, Vault, Kafka and the journal, as this daemon reaches them")
    async def diagnose() -> JSONResponse:
        found = await diagnosis.run()
        items = [{"check": f.check, "level": f.level, "message": f.message, "hint": f.hint} for f in found]
        return JSONResponse({"items": items}, headers={"Cache-Control": "no-store"})

    return routes
