"""Health, leader, metrics: what machines ask of the daemon itself."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from versiqiid.api.health import Health

KEYS_MAX = 1000

Render = Callable[[str], tuple[bytes, str]]
"""``Accept`` header → body and content type of the metrics."""


def router(health: Health, metrics: Render, *, leader_key: str) -> APIRouter:
    """:param leader_key: the full store key of the leader lock."""
    routes = APIRouter(tags=["system"])

    @routes.get("/healthz", summary="200 while the process lives")
    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @routes.get("/readyz", summary="200 when the snapshot is complete and the store was reached recently")
    async def readyz() -> JSONResponse:
        found = health.readiness()
        age = health.store_age_s()
        told = {
            "ready": found.ready,
            "reasons": list(found.reasons),
            "notes": list(found.notes),
            "storeAgeSeconds": None if age is None else round(age, 3),
            "watch": health.watch(),
        }
        return JSONResponse(told, 200 if found.ready else 503)

    @routes.get("/v1/leader", summary="Who leads this root now; null when nobody does")
    async def leader() -> JSONResponse:
        return JSONResponse(health.leader(await health.engine.locks.holder(leader_key)))

    @routes.get("/v1/unknown-keys", summary="Keys under the root that are outside the key layout")
    async def unknown_keys() -> JSONResponse:
        return JSONResponse({"items": sorted(health.engine.snapshot.unknown)[:KEYS_MAX]})

    @routes.get("/metrics", summary="Prometheus metrics", response_class=Response)
    async def scrape(request: Request) -> Response:
        raw, content_type = metrics(request.headers.get("accept", ""))
        return Response(raw, media_type=None, headers={"Content-Type": content_type})

    return routes
