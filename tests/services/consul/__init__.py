"""A real Consul: in memory, on disk, with ACLs, and three of them as a cluster (`cluster.py`).

Every kind keeps Consul's own limits (`http_max_conns_per_client` is 200), because the product has to live with them.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, ClassVar

from tests.services.recipes import GoModule, Recipe
from tests.services.server import Server
from tests.services.wire import LOOPBACK, Reply, call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.finder import Found

CONSUL = GoModule("consul", "1.20.6", (1, 20), "about 4 minutes on 2 cores", package="github.com/hashicorp/consul")

_COMMON = """
disable_update_check = true
performance { raft_multiplier = 1 }
"""


class Consul(Server):
    """One server that keeps everything in memory (`consul agent -dev`): a stop, kill or restart empties it.

    :ivar token: sent with every `call`; empty without ACLs.
    """

    recipe: ClassVar[Recipe] = CONSUL
    title: ClassVar[str] = "Consul"
    port_count: ClassVar[int] = 3

    def __init__(self, found: Found | None = None, *, config: str = "", node: str = "consul-1") -> None:
        """:param config: HCL, added to ours."""
        super().__init__(found)
        self.node = node
        self.token = ""
        self._config = config

    def call(self, method: str, path: str, body: object = None, *, timeout_s: float = 10.0) -> Reply:
        """One request to its HTTP API with the right token; `path` begins with `/v1/`."""
        headers = {"X-Consul-Token": self.token} if self.token else {}
        return call(self.address, method, path, body, headers=headers, timeout_s=timeout_s)

    def snapshot(self, path: Path) -> None:
        """Write a snapshot of its whole state to a file."""
        answer = self.call("GET", "/v1/snapshot")
        assert answer.status == 200, f"Consul gave no snapshot: {answer.body!r}"
        path.write_bytes(answer.body)

    def restore(self, path: Path) -> None:
        """Put the state of a snapshot in place of its own. The indexes of keys go back to what they were then."""
        answer = self.call("PUT", "/v1/snapshot", path.read_bytes())
        assert answer.status == 200, f"Consul took no snapshot: {answer.body!r}"

    def _command(self) -> list[str]:
        return [*self._base_command(), "-dev"]

    def _base_command(self) -> list[str]:
        http, server, lan = self.ports
        config = self.folder / "config.hcl"
        config.write_text(_COMMON + self._config)
        flags = {
            "bind": LOOPBACK,
            "client": LOOPBACK,
            "node": self.node,
            "http-port": http,
            "server-port": server,
            "serf-lan-port": lan,
            "serf-wan-port": -1,
            "grpc-port": -1,
            "grpc-tls-port": -1,
            "dns-port": -1,
            "log-level": "warn",
            "config-file": config,
        }
        return [str(self.found.path), "agent", *(f"-{name}={value}" for name, value in flags.items())]

    def _is_ready(self) -> bool:
        """A quorum confirms the leader, and the node has a passing check: sessions can be created from here on."""
        if self.call("GET", "/v1/kv/?keys&consistent", timeout_s=1).status not in {200, 404}:
            return False
        checks = self.call("GET", f"/v1/health/node/{self.node}?consistent", timeout_s=1)
        return checks.status == 200 and any(check["Status"] == "passing" for check in checks.json())


class ConsulOnDisk(Consul):
    """One server that writes to disk with fsync: it comes back from a stop, kill or restart with its state."""

    def __init__(
        self, found: Found | None = None, *, config: str = "", node: str = "consul-1", servers: int = 1
    ) -> None:
        """:param servers: how many have to be there before a leader is elected (`-bootstrap-expect`)."""
        super().__init__(found, config=config, node=node)
        self._servers = servers
        self.join: tuple[str, ...] = ()

    def _command(self) -> list[str]:
        joins = [f"-retry-join={other}" for other in self.join]
        data = f"-data-dir={self.folder / 'data'}"
        return [*self._base_command(), "-server", f"-bootstrap-expect={self._servers}", data, *joins]


def acl(token: str) -> str:
    """Configuration that denies what no policy allows, with this token for everything."""
    return f"""
acl {{
  enabled = true
  default_policy = "deny"
  tokens {{ initial_management = "{token}" agent = "{token}" }}
}}
"""


class ConsulWithAcl(Consul):
    """ACLs are on and deny what no policy allows; `token` may do everything."""

    def __init__(self, found: Found | None = None, *, config: str = "") -> None:
        token = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        super().__init__(found, config=acl(token) + config)
        self.token = token

    def create_token(self, rules: str, *, ttl: str | None = None) -> str:
        """A new token that may do what the rules say.

        :param rules: ACL rules in HCL, as `key_prefix "versiqii/" { policy = "read" }`.
        :param ttl: after which it expires, as `90s`; Consul takes one minute to one day. None: never.
        :returns: its secret id.
        """
        name = f"test-{secrets.token_hex(6)}"
        policy = self.call("PUT", "/v1/acl/policy", {"Name": name, "Rules": rules})
        assert policy.status == 200, f"Consul took no policy: {policy.body!r}"
        wanted = {"Policies": [{"Name": name}]} | ({"ExpirationTTL": ttl} if ttl else {})
        made = self.call("PUT", "/v1/acl/token", wanted)
        assert made.status == 200, f"Consul gave no token: {made.body!r}"
        return str(made.json()["SecretID"])

    def change_rules(self, secret: str, rules: str) -> None:
        """Give a token of `create_token` other rules; open queries keep those that they began with."""
        listed = self.call("GET", "/v1/acl/tokens").json()
        policy = next(each for each in listed if each.get("SecretID") == secret)["Policies"][0]
        body = {"ID": policy["ID"], "Name": policy["Name"], "Rules": rules}
        changed = self.call("PUT", f"/v1/acl/policy/{policy['ID']}", body)
        assert changed.status == 200, f"Consul took no policy: {changed.body!r}"

    def revoke_token(self, secret: str) -> None:
        """From the next request on, the token is unknown."""
        for token in self.call("GET", "/v1/acl/tokens").json():
            if token["SecretID"] == secret:
                self.call("DELETE", f"/v1/acl/token/{token['AccessorID']}")
