"""OpenAPI 3.1 and Swagger UI, served from this machine alone: no content delivery network is asked."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from versiqiid import __version__
from versiqiid.core.events import Described, asyncapi, event_schema

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Versiqii API</title>
  <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/assets/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"""
_START = 'window.ui = SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true});\n'
_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'; "
    "font-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self' 'unsafe-inline'"
)


def install(app: FastAPI, described: Described) -> None:
    """Mount the API's documents: ``/docs``, ``/asyncapi.json`` and ``/events/schemas/<Type>.v1.json``."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs() -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})

    @routes.get("/docs/start.js")
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    @routes.get("/asyncapi.json")
    async def events(request: Request) -> JSONResponse:
        base = f"{request.base_url}events/schemas"
        return JSONResponse(asyncapi(described, schema_base=base, version=__version__))

    @routes.get("/events/schemas/{name}.v1.json")
    async def schema(request: Request, name: str) -> JSONResponse:
        return JSONResponse(event_schema(name, schema_base=f"{request.base_url}events/schemas"))

    app.include_router(routes)
    app.mount("/docs/assets", StaticFiles(directory=_assets()), name="swagger-ui")


def _assets() -> Path:
    """Where the packaged Swagger UI 5 lies (4 cannot show OpenAPI 3.1)."""
    return Path(str(resources.files("fastapi_swagger"))) / "resources"
