"""Schemas by their ids, lists of all of them, and what the registry says of itself."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from versiqiid import __version__
from versiqiid.api.registry.faults import schema_not_found
from versiqiid.api.registry.finding import described
from versiqiid.api.registry.registry import Registry
from versiqiid.api.registry.resolving import Resolver
from versiqiid.api.rest.registry_requests import answer, flag, page, path, text
from versiqiid.core.registry.subjects import ANY_CONTEXT, DEFAULT_CONTEXT, is_listed, plain, split

TYPES = ["JSON", "PROTOBUF", "AVRO"]


def routes(registry: Registry) -> list[Route]:
    """The paths of this page."""
    face = _Schemas(registry)
    return [
        Route("/", _root, methods=["GET"]),
        Route("/schemas", face.listed, methods=["GET"]),
        Route("/schemas/types", _types, methods=["GET"]),
        Route("/schemas/ids/{id}", face.get, methods=["GET"]),
        Route("/schemas/ids/{id}/schema", face.text, methods=["GET"]),
        Route("/schemas/ids/{id}/subjects", face.subjects, methods=["GET"]),
        Route("/schemas/ids/{id}/versions", face.versions, methods=["GET"]),
        Route("/contexts", face.contexts, methods=["GET"]),
        Route("/v1/metadata/id", face.cluster, methods=["GET"]),
        Route("/v1/metadata/version", _version, methods=["GET"]),
    ]


async def _root(_: Request) -> Response:
    return answer({})


async def _types(_: Request) -> Response:
    return answer(TYPES)


async def _version(_: Request) -> Response:
    return answer({"version": __version__, "commitId": ""})


class _Schemas:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, request: Request) -> Response:
        told = await self._told(request)
        if flag(request, "fetchMaxId"):
            entry = await self._registry.state.keys.get("_system/registry/last-id")
            told["maxId"] = int(entry.value) if entry else 0
        return answer(told)

    async def text(self, request: Request) -> Response:
        return text(str((await self._told(request))["schema"]))

    async def subjects(self, request: Request) -> Response:
        uses = await self._uses(request)
        return answer(page(request, list(dict.fromkeys(subject for subject, _ in uses))))

    async def versions(self, request: Request) -> Response:
        uses = await self._uses(request)
        return answer(page(request, [{"subject": subject, "version": version} for subject, version in uses]))

    async def listed(self, request: Request) -> Response:
        """Every version of every subject, or the newest of each."""
        prefix = request.query_params.get("subjectPrefix", ANY_CONTEXT)
        found: list[dict[str, Any]] = []
        for here in await self._registry.state.everything():
            versions = here.versions(deleted=flag(request, "deleted"))
            if flag(request, "latestOnly"):
                versions = versions[-1:]
            if is_listed(here.subject, prefix):
                style = request.query_params.get("format", "")
                found += [await self._registry.finding.told(here, version, style) for version in versions]
        return answer(page(request, found))

    async def contexts(self, request: Request) -> Response:
        found = {split(here.subject)[0] for here in await self._registry.state.everything()}
        return answer(page(request, [DEFAULT_CONTEXT, *sorted(found - {DEFAULT_CONTEXT})]))

    async def cluster(self, _: Request) -> Response:
        scope = {"kafka-cluster": "", "schema-registry-cluster": self._registry.state.keys.root}
        return answer({"scope": {"path": [], "clusters": scope}})

    async def _told(self, request: Request) -> dict[str, Any]:
        registry = self._registry
        _, here, version = await registry.finding.by_id(_id(request))
        content = await Resolver(registry.state).stored(here, version)
        style = request.query_params.get("format", "")
        return described(content, await registry.finding.styled(content, style))

    async def _uses(self, request: Request) -> list[tuple[str, int]]:
        """Subject and version of all that hold the id.

        :raises RegistryFault: nothing holds it, or nothing that is not deleted.
        """
        number = _id(request)
        await self._registry.finding.by_id(number)
        wanted = request.query_params.get("subject")
        uses = await self._registry.finding.uses(number, deleted=flag(request, "deleted"))
        found = [(here.subject, version.number) for here, version in uses]
        return sorted(each for each in found if not wanted or each[0] == plain(wanted))


def _id(request: Request) -> int:
    given = path(request, "id")
    if not given.isascii() or not given.isdigit():
        raise HTTPException(404, "Not Found")
    if len(given) > len(str(2**31)):
        raise schema_not_found()
    return int(given)
