"""Schemas by their ids, lists of all of them, and what the registry says of itself."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from versiqiid import __version__
from versiqiid.api.registry.faults import context_not_empty, schema_not_found
from versiqiid.api.registry.registry import Registry
from versiqiid.api.rest.registry_requests import answer, flag, manner, own_prefix, page, path, text
from versiqiid.core.registry.rules import types as rule_types
from versiqiid.core.registry.subjects import DEFAULT_CONTEXT, is_listed, plain, split

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
        Route("/schemas/guids/{guid}", face.of_guid, methods=["GET"]),
        Route("/schemas/guids/{guid}/ids", face.ids_of_guid, methods=["GET"]),
        Route("/contexts", face.contexts, methods=["GET"]),
        Route("/contexts/{context}", face.delete_context, methods=["DELETE"]),
        Route("/v1/metadata/id", face.cluster, methods=["GET"]),
        Route("/v1/metadata/version", _version, methods=["GET"]),
        Route("/v1/metadata/deployment", _deployment, methods=["GET"]),
    ]


async def _root(_: Request) -> Response:
    return answer({})


async def _types(_: Request) -> Response:
    return answer(TYPES)


async def _version(_: Request) -> Response:
    return answer({"version": __version__, "commitId": ""})


async def _deployment(_: Request) -> Response:
    return answer({"attributes": []})


class _Schemas:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def get(self, request: Request) -> Response:
        told = await self._told(request, _id(request))
        if flag(request, "fetchMaxId"):
            entry = await self._registry.state.keys.get("_system/registry/last-id")
            told["maxId"] = int(entry.value) if entry else 0
        return answer(told)

    async def text(self, request: Request) -> Response:
        return text(str((await self._told(request, _id(request)))["schema"]))

    async def of_guid(self, request: Request) -> Response:
        return answer(await self._told(request, await self._registry.telling.of_guid(path(request, "guid"))))

    async def ids_of_guid(self, request: Request) -> Response:
        """The id in every context that holds the content; ids are common to all of them."""
        number = await self._registry.telling.of_guid(path(request, "guid"))
        contexts = {split(here.subject)[0] for here, _ in await self._registry.finding.uses(number, deleted=True)}
        return answer([{"context": context, "id": number} for context in sorted(contexts)])

    async def subjects(self, request: Request) -> Response:
        uses = await self._uses(request)
        return answer(page(request, list(dict.fromkeys(subject for subject, _ in uses))))

    async def versions(self, request: Request) -> Response:
        uses = await self._uses(request)
        return answer(page(request, [{"subject": subject, "version": version} for subject, version in uses]))

    async def listed(self, request: Request) -> Response:
        """Every version of every subject of one context, or the newest of each."""
        prefix = request.query_params.get("subjectPrefix") or own_prefix(request) or ""
        rule = request.query_params.get("ruleType")
        found: list[dict[str, Any]] = []
        for here in await self._registry.state.everything():
            versions = here.versions(deleted=flag(request, "deleted"))
            if flag(request, "latestOnly"):
                versions = versions[-1:]
            if is_listed(here.subject, prefix):
                found += [await self._registry.telling.version(here, version, manner(request)) for version in versions]
        return answer(page(request, [told for told in found if not rule or rule in rule_types(told.get("ruleSet"))]))

    async def contexts(self, request: Request) -> Response:
        found = {split(here.subject)[0] for here in await self._registry.state.everything()}
        contexts = [DEFAULT_CONTEXT, *sorted(found - {DEFAULT_CONTEXT})]
        prefix = request.query_params.get("contextPrefix", "")
        return answer(page(request, [context for context in contexts if context.startswith(prefix)]))

    async def delete_context(self, request: Request) -> Response:
        """A context is there as long as it has subjects, so that an empty one is gone already."""
        given = path(request, "context")
        context = split(given)[0] if given.startswith(":.") else given
        if any(split(here.subject)[0] == context for here in await self._registry.state.everything()):
            raise context_not_empty(given)
        return Response(status_code=204)

    async def cluster(self, _: Request) -> Response:
        scope = {"kafka-cluster": "", "schema-registry-cluster": self._registry.state.keys.root}
        return answer({"scope": {"path": [], "clusters": scope}, "id": ""})

    async def _told(self, request: Request, number: int) -> dict[str, Any]:
        wanted, how = request.query_params.get("subject"), manner(request)
        _, here, version = await self._registry.finding.by_id(number, wanted)
        told = await self._registry.telling.schema(here, version, how)
        if how.full and wanted:
            told = {"subject": here.subject, "version": version.number, **told}
        return told

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
