"""What ``versiqii doctor`` asks of Consul: addresses, clock, token, rights on each prefix, version. Changes nothing.

Rights are asked of Consul itself, by the endpoint that its own UI asks (``/v1/internal/acl/authorize``,
agent/http_register.go and acl/authorizer.go in hashicorp/consul): reading policies would need rights of its own, and
trying a write would write.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import anyio

from versiqiid.adapters.consul.transport import AnyioHTTP, Timeouts
from versiqiid.core.findings import Finding, Level, clock, lifetime, missing
from versiqiid.core.keys import DAEMON, DESIRED
from versiqiid.errors import Forbidden, Refused, Unavailable, VersiqiiError

if TYPE_CHECKING:
    from versiqiid.adapters.consul.settings import Address, ConsulSettings
    from versiqiid.adapters.consul.transport import Response, TokenProvider

_POLICY = "Give the token what examples/consul-acl/policy.hcl says."
_TOKEN = "Supply another: vault-consul-role, consul-token-file or CONSUL_HTTP_TOKEN."  # noqa: S105 - words, no token
_ANSWER_S = 5.0
"""Arbitrary: who takes longer to say who leads is no help just now."""
_OLDEST = (1, 14)
"""The first version whose transactions have 128 operations."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the daemon works on.

    :ivar imports: foreign prefixes that are read, and whose ``updated-at`` is written.
    """

    root: str
    imports: tuple[str, ...] = ()


class ConsulProbe:
    """Looks at each address, and at what the token may do at the first one that answers."""

    def __init__(
        self,
        settings: ConsulSettings,
        scope: Scope,
        *,
        token: TokenProvider | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """:param wall: seconds since the epoch."""
        self._settings = settings
        self._scope = scope
        self._token = token
        self._wall = wall

    async def __call__(self) -> Sequence[Finding]:
        addresses = self._settings.addresses
        reached: dict[Address, tuple[bool, list[Finding]]] = {}

        async def reach(address: Address) -> None:
            reached[address] = await self._reach(address)

        async with anyio.create_task_group() as tasks:  # all at once: one that is frozen holds up no other
            for address in addresses:
                tasks.start_soon(reach, address)
        found = [finding for address in addresses for finding in reached[address][1]]
        answering = [address for address in addresses if reached[address][0]]
        if answering:
            http = self._http(answering[0])
            try:
                found += await self._version(http)
                found += await self._credential(http)
            finally:
                await http.aclose()
        return found

    def _http(self, address: Address) -> AnyioHTTP:
        return AnyioHTTP(replace(self._settings, addresses=(address,)), self._token, Timeouts(answer_s=_ANSWER_S))

    # ---------------------------------------------------------------------------------------------- each address

    async def _reach(self, address: Address) -> tuple[bool, list[Finding]]:
        """Whether it answers, and what is to be said about it."""
        http, where = self._http(address), address.socket or address.base
        try:
            asked = self._wall()
            answer = (await http.get(_whole, "/v1/status/leader")).value
            told = clock("consul", answer.headers.get("Date", ""), asked, self._wall())
            if not json.loads(answer.content):
                raise Unavailable("consul has no leader", hint="Look at its servers: consul operator raft list-peers.")
        except VersiqiiError as error:
            hint = error.hint or "Check the address, and that Consul runs there."
            return False, [Finding("consul address", Level.ERROR, error.message, hint)]
        except ValueError:
            return False, [Finding("consul address", Level.ERROR, f"{where} is not Consul", "Check the address.")]
        finally:
            await http.aclose()
        reached = Finding("consul address", Level.OK, f"{where} answers, and has a leader")
        return True, [reached, *([told] if told else [])]

    async def _version(self, http: AnyioHTTP) -> list[Finding]:
        try:
            config = json.loads((await http.get(_whole, "/v1/agent/self")).value.content)["Config"]
        except Refused as error:
            hint = "Give its policy agent read, or live with transactions of 64 operations."
            return [Finding("consul version", Level.WARNING, f"the version is not told: {error.message}", hint)]
        version = str(config["Version"])
        if _numbers(version) < _OLDEST:
            hint = "Upgrade Consul: its transactions have 64 operations, and fixes are missing."
            return [Finding("consul version", Level.WARNING, f"Consul {version} is older than 1.14", hint)]
        kind = "server" if config.get("Server") else "client agent"
        return [Finding("consul version", Level.OK, f"Consul {version}, {kind} {config.get('NodeName', '')}")]

    # ---------------------------------------------------------------------------------------------------- token

    async def _credential(self, http: AnyioHTTP) -> list[Finding]:
        """The token's life and rights; without ACLs there is neither."""
        try:
            told = json.loads((await http.get(_whole, "/v1/acl/token/self")).value.content)
        except Forbidden as error:
            return [Finding("consul token", Level.ERROR, error.message, _TOKEN)]
        except Refused:  # 401 "ACL support disabled"
            hint = 'Enable ACLs: acl { enabled = true, default_policy = "deny" }.'
            return [Finding("consul rights", Level.WARNING, "ACLs are off: whoever reaches Consul may write", hint)]
        return [self._life(told), *await self._rights(http)]

    def _life(self, told: dict[str, Any]) -> Finding:
        ends = told.get("ExpirationTime")
        left = datetime.fromisoformat(ends).timestamp() - self._wall() if ends else None
        whose = f"token {told.get('AccessorID', '')}"
        return lifetime("consul token", whose, left, renewed=False, hint=_TOKEN)

    async def _rights(self, http: AnyioHTTP) -> list[Finding]:
        node = await self._node(http)
        asked = list(self._wanted(node))
        body = [{"Resource": kind, "Segment": where, "Access": access} for _, kind, where, access in asked]
        answer = (await http.post(_whole, "/v1/internal/acl/authorize", data=json.dumps(body))).value
        allowed = [bool(one["Allow"]) for one in json.loads(answer.content)]
        lacking: dict[str, list[str]] = {"read": [], "write": [], "take": [], "lead": []}
        for (what, _, where, _), may in zip(asked, allowed, strict=True):
            if not may:
                lacking[what].append(where)
        return list(_told(lacking, node, len(asked)))

    def _wanted(self, node: str) -> Iterator[tuple[str, str, str, str]]:
        """(what for, resource, segment, access); ``write-prefix`` is also denied by a rule for something deeper."""
        root = self._scope.root
        for room in (*DESIRED, *DAEMON):
            yield "read", "key", f"{root}/{room}/", "read"
        for room in DAEMON:
            yield "write", "key", f"{root}/{room}/", "write-prefix"
        for room in DESIRED:
            yield "take", "key", f"{root}/{room}/", "write-prefix"
        for prefix in self._scope.imports:
            yield "read", "key", f"{prefix.rstrip('/')}/", "read"
            yield "write", "key", f"{prefix.rstrip('/')}/updated-at", "write"
        if node:
            yield "lead", "session", node, "write"

    async def _node(self, http: AnyioHTTP) -> str:
        """The agent's node, which a session belongs to; empty when the token may not know."""
        try:
            told = json.loads((await http.get(_whole, "/v1/agent/self")).value.content)
        except Refused:
            return ""
        return str(told["Config"]["NodeName"])


def _told(lacking: dict[str, list[str]], node: str, asked: int) -> Iterator[Finding]:
    if lacking["read"]:
        yield missing("consul rights", Level.ERROR, "read", lacking["read"], _POLICY)
    if lacking["write"]:
        yield missing("consul rights", Level.ERROR, "write", lacking["write"], _POLICY)
    if lacking["lead"]:
        where = [f"node {node}"]
        yield missing("consul rights", Level.ERROR, "make sessions, so it cannot lead, on", where, _POLICY)
    if lacking["take"]:
        hint = "Right if nobody writes through this API; else " + _POLICY[0].lower() + _POLICY[1:]
        yield missing("consul rights", Level.WARNING, "write what the API is asked to write:", lacking["take"], hint)
    if not node:
        told = "whether the token may make sessions is not known: it may not read the agent"
        yield Finding("consul rights", Level.WARNING, told, _POLICY)
    if not any(lacking.values()):
        yield Finding("consul rights", Level.OK, f"all {asked} rights that are needed are there")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("-", 1)[0].split("+", 1)[0].split(".")[:2] if part.isdigit())


def _whole(response: Response) -> Response:
    return response
