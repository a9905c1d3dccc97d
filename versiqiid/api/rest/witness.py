"""Who was let in and who was turned away, told to the access log. Looks on from outside and changes no answer.

A token is told when it is first used from an address, and again after an hour without it: every request as an entry
would bury what a person looks for. Paths are keys; query strings, bodies and tokens are told to nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from versiqiid.core.access import Access, Tell

IDLE_S = 3600.0
"""After so long without a request, the next one is told again. Arbitrary."""
KNOWN_MAX = 1024
"""Tokens and addresses that are remembered. Arbitrary: one more is told once too often."""

_STREAM = "access/api"
_PATH_CHARACTERS_MAX = 512
_REASON_CHARACTERS_MAX = 500


class Witness:
    """An application around the application.

    :param tell: takes the facts; one that strangers can cause as often as they like must be bounded by it.
    :param clock: seconds that never go back.
    """

    def __init__(self, app: ASGIApp, tell: Tell, clock: Callable[[], float]) -> None:
        self._app = app
        self._tell = tell
        self._clock = clock
        self._seen: dict[tuple[str, str], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def looked_at(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._answered(scope, status)
            elif status == 403 and message["type"] == "http.response.body":  # noqa: PLR2004 - Forbidden
                status = 0
                self._denied(scope, message.get("body", b""))
            await send(message)

        await self._app(scope, receive, looked_at)

    def _answered(self, scope: Scope, status: int) -> None:
        actor = scope.get("versiqii.actor")
        if status == 401:  # noqa: PLR2004 - Unauthorized
            sent = any(name == b"authorization" for name, _ in scope["headers"])
            reason = "the bearer token is not known" if sent else "no bearer token was sent"
            self._tell(self._fact("LoginFailed", scope, {"reason": reason}))
        elif actor is not None and self._is_new(str(actor), _address(scope)):
            self._tell(self._fact("LoggedIn", scope, {"subject": actor}))

    def _denied(self, scope: Scope, body: bytes) -> None:
        what = {"action": scope["method"][:20], "resource": scope["path"][:_PATH_CHARACTERS_MAX]}
        self._tell(self._fact("PolicyDenied", scope, {**what, "reason": _detail(body)}))

    def _fact(self, kind: str, scope: Scope, data: dict[str, Any]) -> Access:
        data |= {"method": "api", "address": _address(scope)}
        return Access(kind, _STREAM, data, str(scope.get("versiqii.actor") or "anonymous"))

    def _is_new(self, actor: str, address: str) -> bool:
        now, name = self._clock(), (actor, address)
        before = self._seen.pop(name, None)
        self._seen[name] = now
        if len(self._seen) > KNOWN_MAX:
            del self._seen[next(iter(self._seen))]
        return before is None or now - before > IDLE_S


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _detail(body: bytes) -> str:
    """The sentence of the problem that was answered: it quotes no value and no secret."""
    try:
        return str(json.loads(body)["detail"])[:_REASON_CHARACTERS_MAX]
    except (ValueError, LookupError, TypeError):
        return "answered 403"
