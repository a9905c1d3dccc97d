"""Settings and modes, of all subjects and of one."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from versiqiid.api.registry import faults
from versiqiid.api.registry.registry import Registry
from versiqiid.api.rest.registry_requests import answer, by, document, flag, setting_of
from versiqiid.core.registry.subjects import is_context, is_subject


def routes(registry: Registry) -> list[Route]:
    """The paths of this page."""
    settings, modes = _Settings(registry), _Modes(registry)
    return [
        Route(f"/{name}{tail}", handler, methods=[method])
        for name, face in (("config", settings), ("mode", modes))
        for tail in ("", "/{subject}")
        for method, handler in (("GET", face.get), ("PUT", face.put), ("DELETE", face.delete))
    ]


class _Settings:
    def __init__(self, registry: Registry) -> None:
        self._policies = registry.policies

    async def get(self, request: Request) -> Response:
        subject = setting_of(request)
        inherited = flag(request, "defaultToGlobal")
        return answer(await self._policies.told(subject, inherited=inherited))

    async def put(self, request: Request) -> Response:
        subject = _checked(setting_of(request))
        told = await document(request)
        await self._policies.set(subject, told, by(request))
        if not told:
            setting = await self._policies.told(subject, inherited=True)
            told = {
                ("compatibility" if name == "compatibilityLevel" else name): value for name, value in setting.items()
            }
        if isinstance(told.get("compatibility"), str):
            told["compatibility"] = told["compatibility"].upper()
        return answer(told)

    async def delete(self, request: Request) -> Response:
        subject = setting_of(request)
        return answer(await self._policies.unset(subject, by(request)))


class _Modes:
    def __init__(self, registry: Registry) -> None:
        self._policies = registry.policies

    async def get(self, request: Request) -> Response:
        subject = setting_of(request)
        inherited = flag(request, "defaultToGlobal")
        return answer({"mode": await self._policies.mode(subject, inherited=inherited)})

    async def put(self, request: Request) -> Response:
        subject = _checked(setting_of(request))
        told: dict[str, Any] = await document(request)
        mode = told.get("mode")
        if mode is None:
            await self._policies.set_mode(subject, None, by(request))
            return answer({"mode": None})
        if not isinstance(mode, str):
            raise faults.invalid_mode()
        await self._policies.set_mode(subject, mode.upper(), by(request), force=flag(request, "force"))
        return answer({"mode": mode.upper()})

    async def delete(self, request: Request) -> Response:
        recursive = flag(request, "recursive")
        return answer({"mode": await self._policies.unset_mode(setting_of(request), by(request), recursive=recursive)})


def _checked(subject: str | None) -> str | None:
    """
    :raises RegistryFault: nothing can be called like this.
    """
    if subject is not None and not is_subject(subject) and not is_context(subject):
        raise faults.invalid_subject(subject)
    return subject
