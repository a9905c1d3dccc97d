"""Subjects and their versions: listed, read, looked up, registered, judged, deleted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from versiqiid.api.registry import faults
from versiqiid.api.registry.judging import Outcome, considered
from versiqiid.api.registry.registering import Wanted
from versiqiid.api.registry.registry import Registry
from versiqiid.api.registry.state import Here
from versiqiid.api.rest.registry_requests import (
    answer,
    by,
    content,
    document,
    flag,
    manner,
    own_prefix,
    page,
    path,
    subject,
    text,
    whole,
)
from versiqiid.core.registry.records import Numbered
from versiqiid.core.registry.settings import Setting
from versiqiid.core.registry.subjects import ANY_CONTEXT, is_listed, is_subject

NOT_FOUND: Final = 404


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
        own = own_prefix(request)
        prefix = request.query_params.get("subjectPrefix", ANY_CONTEXT if own is None else own)
        deleted, only = flag(request, "deleted"), flag(request, "deletedOnly")
        found = [
            here.subject
            for here in await self._registry.state.everything()
            if is_listed(here.subject, prefix) and (not here.live if only else here.versions(deleted=deleted))
        ]
        return answer(page(request, sorted(found)))

    async def lookup(self, request: Request) -> Response:
        told = await document(request)
        own = await self._registry.state.meant(subject(request))
        deleted = flag(request, "deleted")
        missing = faults.schema_not_found() if own.versions(deleted=deleted) else faults.subject_not_found(own.subject)
        for here in (own, *await self._registry.finding.elsewhere(own.subject)):
            if not here.versions(deleted=deleted):
                continue
            if told.get("schema") == "":
                raise missing
            wanted = content(told, here.subject)
            normalize = flag(request, "normalize") or (await self._registry.policies.setting(here)).normalize
            found = await self._registry.finding.lookup(here, wanted, normalize=normalize, deleted=deleted)
            if found is not None:
                return answer(await self._registry.telling.version(here, found, manner(request)))
        raise missing

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
            told = await self._registry.telling.version(here, version, manner(request))
            properties = told.get("metadata", {}).get("properties")
            if properties is not None and all(
                properties.get(key) == value for key, value in zip(keys, values, strict=False)
            ):
                return answer(told)
        raise faults.schema_not_found()


class _Versions:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def listed(self, request: Request) -> Response:
        here = await self._registry.state.meant(subject(request))
        negative = flag(request, "deletedAsNegative")
        deleted, only = flag(request, "deleted") or negative, flag(request, "deletedOnly") and not negative
        found = here.versions(deleted=deleted, only_deleted=only)
        if not found:
            raise faults.subject_not_found(here.subject)
        return answer(page(request, [-each.number if each.deleted and negative else each.number for each in found]))

    async def register(self, request: Request) -> Response:
        told = await document(request)
        wanted = Wanted(
            content(told, subject(request), empty=True),
            whole(told, "version"),
            whole(told, "id"),
            normalize=flag(request, "normalize"),
        )
        named, how = await self._named(request), manner(request)
        made = await self._registry.writing.register(named, wanted, by(request))
        if not how.full:
            return answer({"id": made.id})
        if not how.style and wanted.content.is_serialized:
            how = replace(how, style="serialized")  # clients keep the answer for readers that know only this form
        return answer(await self._registry.telling.given(await self._registry.state.load(named), made, how))

    async def _named(self, request: Request) -> str:
        """The subject that is meant; one that cannot be is told by whoever is to use it."""
        named = subject(request)
        return (await self._registry.state.meant(named)).subject if is_subject(named) else named

    async def get(self, request: Request) -> Response:
        return answer(await self._told(request))

    async def text(self, request: Request) -> Response:
        return text(str((await self._told(request))["schema"]))

    async def users(self, request: Request) -> Response:
        here, found = await self._found(request, deleted=True)
        finding = self._registry.finding
        users = await finding.referenced_by(here, found, await finding.referring(), deleted=flag(request, "deleted"))
        return answer(page(request, list(users)))

    async def _told(self, request: Request) -> dict[str, Any]:
        here, found = await self._found(request, deleted=flag(request, "deleted"))
        return await self._registry.telling.version(here, found, manner(request))

    async def _found(self, request: Request, *, deleted: bool) -> tuple[Here, Numbered]:
        """The version that the path names, in another context where the default one has no such subject or version."""
        finding, version = self._registry.finding, path(request, "version")
        own = await self._registry.state.meant(subject(request))
        try:
            return own, finding.version(own, version, deleted=deleted)
        except faults.RegistryFault as missing:
            if missing.status != NOT_FOUND:
                raise
            for here in await finding.elsewhere(own.subject):
                with suppress(faults.RegistryFault):
                    return here, finding.version(here, version, deleted=deleted)
            raise

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
        versions: tuple[Numbered, ...] = ()
        if version is None:
            versions = considered(here, setting)
        elif here.live or version not in ("latest", "-1"):
            versions = (registry.finding.one_of(here, version),)
        outcome = await self._judged(request, here, versions, setting, told)
        answered: dict[str, object] = {"is_compatible": outcome.compatible}
        if flag(request, "verbose"):
            answered["messages"] = list(outcome.messages)
        return answer(answered)

    async def _judged(
        self, request: Request, here: Here, versions: tuple[Numbered, ...], setting: Setting, told: dict[str, Any]
    ) -> Outcome:
        """The verdict; who wants to know why is told so of a schema that is none, too."""
        normalize = flag(request, "normalize") or setting.normalize
        try:
            asked = await self._registry.finding.asked(content(told, here.subject), normalize=normalize)
            return await self._registry.judging.against(here, versions, asked, setting)
        except faults.RegistryFault as fault:
            if fault.number == faults.INVALID_SCHEMA and flag(request, "verbose"):
                return Outcome(compatible=False, messages=(fault.message,))
            raise
