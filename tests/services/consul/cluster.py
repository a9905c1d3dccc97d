"""Three Consul servers that elect a leader: for tests that take one away."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import TYPE_CHECKING, Self

from tests.services.consul import ConsulOnDisk, acl
from tests.services.server import Entered, PortTakenError, ServerError
from tests.services.wire import LOOPBACK, free_ports

if TYPE_CHECKING:
    from tests.services.finder import Found

SIZE = 3
_KEPT_VOTES = "autopilot { cleanup_dead_servers = false }\n"
"""A server that is stopped and started again votes at once. By default the others drop it, and it is on trial for ten
seconds when it is back: who stops the next one within those has stopped the cluster."""

_STARTS = 5
_POLL_S = 0.05
_AGREE_WITHIN_S = 60.0


class ConsulCluster(Entered):
    """Three servers on disk, each of them a `ConsulOnDisk` with all its methods.

    :ivar servers: in the order of their node names, `consul-1` to `consul-3`.
    """

    def __init__(self, found: Found | None = None, *, config: str = "") -> None:
        self._found = found
        self._config = config
        self.servers: list[ConsulOnDisk] = []

    token = ""
    """Sent with every call to one of the servers; empty without ACLs."""

    @property
    def found(self) -> Found:
        return self.servers[0].found

    @property
    def address(self) -> str:
        """Of the first server."""
        return self.servers[0].address

    def start(self) -> Self:
        """Start all three; return when each of them answers with the quorum behind it.

        :raises ServerError: nothing is left running.
        """
        for left in reversed(range(_STARTS)):
            self._create()
            try:
                for server in self.servers:
                    server.launch()
                for server in self.servers:
                    server.wait_until_ready()
                break
            except PortTakenError:
                self.close()
                if not left:
                    raise
        return self

    def _create(self) -> None:
        """Three servers that have not run yet, and know one another's ports."""
        ports = free_ports(SIZE * ConsulOnDisk.port_count)
        for number in range(SIZE):
            node = f"consul-{number + 1}"
            server = ConsulOnDisk(self._found, config=_KEPT_VOTES + self._config, node=node, servers=SIZE)
            server.ports = ports[number::SIZE]
            server.token = self.token
            self.servers.append(server)
        for server in self.servers:
            server.join = tuple(f"{LOOPBACK}:{other.ports[2]}" for other in self.servers if other is not server)

    def leader(self) -> ConsulOnDisk:
        """The server that leads now, in the eyes of those that run and answer.

        :raises ServerError: they did not agree on one within a minute.
        """
        deadline = time.monotonic() + _AGREE_WITHIN_S
        while time.monotonic() < deadline:
            if leader := self._agreed():
                return leader
            time.sleep(_POLL_S)
        raise ServerError(f"Consul cluster: no leader within {_AGREE_WITHIN_S:g} s")

    def followers(self) -> list[ConsulOnDisk]:
        """All but the leader."""
        leader = self.leader()
        return [server for server in self.servers if server is not leader]

    def _agreed(self) -> ConsulOnDisk | None:
        named = set()
        for server in self.servers:
            try:
                # A confirmed read: what `status/leader` names may have died a moment ago.
                if server.call("GET", "/v1/kv/?keys&consistent", timeout_s=1).status in {200, 404}:
                    named.add(server.call("GET", "/v1/status/leader", timeout_s=1).json())
            except OSError:
                continue
        leaders = [server for server in self.servers if f"{LOOPBACK}:{server.ports[1]}" in named]
        return leaders[0] if len(named) == 1 and leaders else None

    def log_tail(self) -> str:
        """The end of what each of them said."""
        return "\n".join(f"--- {server.node}\n{server.log_tail()}" for server in self.servers)

    def close(self) -> None:
        """End all of them and remove their folders. May be called twice."""
        for server in self.servers:
            server.close()
        self.servers = []


class ConsulClusterWithAcl(ConsulCluster):
    """ACLs are on and deny what no policy allows; `token` may do everything."""

    def __init__(self, found: Found | None = None) -> None:
        self.token = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        super().__init__(found, config=acl(self.token))
