"""Subjects and their versions: listed, read, looked up, registered, judged, deleted."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from versiqiid.api.registry import faults
from versiqiid.api.registry.judging import Outcome, considered
from versiqiid.api.registry.registry import Registry
from versiqiid.api.registry.writing import Wanted
from versiqiid.api.rest.registry_requests import answer, by, content, document, flag, page, path, subject, text, whole
from versiqiid.core.registry.records import Numbered
from versiqiid.core.registry.subjects import ANY_CONTEXT, is_listed, is_subject


def routes(registry: Registry) -> list[Route]:
    """The paths of this page."""
    return [
        Route("/subjects", _Subjects(registry).listed, methods=["GET"]),
        Route("/subjects/{subject}", _Subjects(registry).lookup, methods=["POST"]),
        Route("/subjects/{subject}", _Subjects(registry).delete, methods=["DELETE"]),
        Route("/subjects/{subject}/metadata", _Subjects(registry).newest_with, methods=["GET"]),
        Route("/subjects/{subject}/versions", _Versions(registry).listed, methods=["GET"]),
        Route("/subjects/{subject}/versions", _Versions(registry).register, methods=["POST"]),
        Route("/subjects/{subject}/versions/{version}", _Versions(registry).get, methods=["GET"]),
        Route("/subjects/{subject}/versions/{version}", _Versions(registry).delete, methods=["DELETE"]),
        Route("/subjects/{subject}/versions/{version}/schema", _Versions(registry).text, methods=["GET"]),
        Route("/subjects/{subject}/versions/{version}/referencedby", _Versions(registry).users, methods=["GET"]),
        Route("/compatibility/subjects/{subject}/versions", _Verdicts(registry).against_all, methods=["POST"]),
        Route("/compatibility/subjects/{subject}/versions/{version}", _Verdicts(registry).against, methods=["POST"]),
    ]


class _Subjects:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def listed(self, request: Request) -> Response:
        context = request.scope.get("versiqii.context")
        own = ANY_CONTEXT if context is None else "" if context == "." else f":{context}:"
        prefix = request.query_params.get("subjectPrefix", own)
        deleted, only = flag(request, "deleted"), flag(request, "deletedOnly")
        found = [
            here.subject
            for here in await self._registry.state.everything()
            if is_listed(here.subject, prefix) and (not here.live if only else here.versions(deleted=deleted))
        ]
        return answer(page(request, sorted(found)))

    async def lookup(self, request: Request) -> Response:
        told = await document(request)
        here = await self._registry.state.meant(subject(request))
        deleted = flag(request, "deleted")
        if not here.versions(deleted=deleted):
            raise faults.subject_not_found(here.subject)
        if told.get("schema") == "":
            raise faults.schema_not_found()
        wanted = content(told, subject(request))
        normalize = flag(request, "normalize") or (await self._registry.policies.setting(here)).normalize
        found = await self._registry.finding.lookup(here, wanted, normalize=normalize, deleted=deleted)
        return answer(await self._registry.finding.told(here, found, request.query_params.get("format", "")))

    async def delete(self, request: Request) -> Response:
        writing = self._registry.writing
        return answer(await writing.delete_subject(subject(request), by(request), permanent=flag(request, "permanent")))

    async def newest_with(self, request: Request) -> Response:
        """The newest version whose metadata has all these properties."""
        here = await self._registry.state.meant(subject(request))
        keys, values = request.query_params.getlist("key"), request.query_params.getlist("value")
        deleted = flag(request, "deleted")
        if not here.versions(deleted=deleted):
            raise faults.subject_not_found(here.subject)
        for version in reversed(here.versions(deleted=deleted)):
            told = await self._registry.finding.told(here, version, request.query_params.get("format", ""))
            properties = told.get("metadata", {}).get("properties", {})
            if all(properties.get(key) == value for key, value in zip(keys, values, strict=False)):
                return answer(told)
        raise faults.schema_not_found()


class _Versions:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def listed(self, request: Request) -> Response:
        here = await self._registry.state.meant(subject(request))
        found = here.versions(deleted=flag(request, "deleted"), only_deleted=flag(request, "deletedOnly"))
        if not found:
            raise faults.subject_not_found(here.subject)
        return answer(page(request, [each.number for each in found]))

    async def register(self, request: Request) -> Response:
        told = await document(request)
        wanted = Wanted(
            content(told, subject(request)),
            whole(told, "version"),
            whole(told, "id"),
            normalize=flag(request, "normalize"),
        )
        given, _ = await self._registry.writing.register(await self._named(request), wanted, by(request))
        return answer({"id": given})

    async def _named(self, request: Request) -> str:
        """The subject that is meant; one that cannot be is told by whoever is to use it."""
        named = subject(request)
        return (await self._registry.state.meant(named)).subject if is_subject(named) else named

    async def get(self, request: Request) -> Response:
        here = await self._registry.state.meant(subject(request))
        found = self._registry.finding.version(here, path(request, "version"), deleted=flag(request, "deleted"))
        return answer(await self._registry.finding.told(here, found, request.query_params.get("format", "")))

    async def text(self, request: Request) -> Response:
        here = await self._registry.state.meant(subject(request))
        found = self._registry.finding.version(here, path(request, "version"), deleted=flag(request, "deleted"))
        told = await self._registry.finding.told(here, found, request.query_params.get("format", ""))
        return text(str(told["schema"]))

    async def users(self, request: Request) -> Response:
        here = await self._registry.state.meant(subject(request))
        found = self._registry.finding.version(here, path(request, "version"), deleted=True)
        finding = self._registry.finding
        users = await finding.referenced_by(here, found, await finding.referring(), deleted=flag(request, "deleted"))
        return answer(page(request, users))

    async def delete(self, request: Request) -> Response:
        writing, version = self._registry.writing, path(request, "version")
        permanent = flag(request, "permanent")
        return answer(await writing.delete_version(subject(request), version, by(request), permanent=permanent))


class _Verdicts:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def against_all(self, request: Request) -> Response:
        return await self._told(request, None)

    async def against(self, request: Request) -> Response:
        return await self._told(request, path(request, "version"))

    async def _told(self, request: Request, version: str | None) -> Response:
        """``version``: None = every version that the level asks for."""
        registry = self._registry
        told = await document(request)
        here = await registry.state.meant(subject(request))
        setting = await registry.policies.setting(here)
        asked = await registry.finding.asked(
            content(told, subject(request)),
            normalize=flag(request, "normalize") or setting.normalize,
        )
        versions: tuple[Numbered, ...] = ()
        if version is None:
            versions = considered(here, setting)
        elif here.live or version not in ("latest", "-1"):
            versions = (registry.finding.one_of(here, version),)
        outcome: Outcome = await registry.judging.against(here, versions, asked.content, setting)
        answered: dict[str, object] = {"is_compatible": outcome.compatible}
        if flag(request, "verbose"):
            answered["messages"] = list(outcome.messages)
        return answer(answered)
