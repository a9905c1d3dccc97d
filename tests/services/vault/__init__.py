"""A real Vault: in memory and unsealed, or on disk with seal, unseal and restart."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar, Self

from tests.services.recipes import GoModule, Recipe
from tests.services.server import Server
from tests.services.wire import LOOPBACK, Reply, call

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.finder import Found

VAULT = GoModule("vault", "1.21.0", (1, 21), "5 to 10 minutes on 2 cores", package="github.com/hashicorp/vault")

_ALIVE = {200, 429, 472, 473, 501, 503}
"""What `sys/health` answers for active, standby, ..., not initialised, sealed."""


class Vault(Server):
    """One server that keeps everything in memory (`vault server -dev`), with a KV version 2 engine at `secret/`.

    :ivar token: the root token.
    """

    recipe: ClassVar[Recipe] = VAULT
    title: ClassVar[str] = "Vault"
    port_count: ClassVar[int] = 2

    def __init__(self, found: Found | None = None) -> None:
        super().__init__(found)
        self.token = f"root-{secrets.token_hex(12)}"

    @property
    def url(self) -> str:
        """For clients that want a scheme."""
        return f"http://{self.address}"

    def call(self, method: str, path: str, body: object = None, *, timeout_s: float = 10.0) -> Reply:
        """One request to its HTTP API with the root token; `path` begins with `/v1/`."""
        return call(self.address, method, path, body, headers={"X-Vault-Token": self.token}, timeout_s=timeout_s)

    def demand(self, method: str, path: str, body: object = None) -> Reply:
        """As `call`, where anything but success is an error of the test's set-up.

        :raises AssertionError: with Vault's own words.
        """
        answer = self.call(method, path, body)
        assert answer.status in {200, 204}, f"Vault: {method} {path}: {answer.status} {answer.body!r}"
        return answer

    def _command(self) -> list[str]:
        config = self.folder / "config.hcl"
        config.write_text("disable_mlock = true\n")
        return [
            *(str(self.found.path), "server", "-dev", "-dev-no-store-token", f"-dev-root-token-id={self.token}"),
            *(f"-dev-listen-address={self.address}", f"-config={config}", "-log-level=warn"),
        ]

    def _is_ready(self) -> bool:
        if self.call("GET", "/v1/sys/health", timeout_s=1).status != 200:
            return False
        mounts = self.call("GET", "/v1/sys/mounts", timeout_s=1)
        return mounts.status == 200 and "secret/" in mounts.json()["data"]


class VaultOnDisk(Vault):
    """One server with raft storage. Its first start initialises and unseals it; after any later start it is sealed, as
    a Vault is, until `unseal`.

    :ivar unseal_key: the only one.
    """

    def __init__(self, found: Found | None = None) -> None:
        super().__init__(found)
        self.unseal_key = ""

    def start(self) -> Self:
        super().start()
        if not self.unseal_key:
            keys = self.demand("PUT", "/v1/sys/init", {"secret_shares": 1, "secret_threshold": 1}).json()
            self.unseal_key, self.token = keys["keys"][0], keys["root_token"]
            self.unseal()
        return self

    @property
    def sealed(self) -> bool:
        """Whether it answers nothing but questions about its state."""
        return bool(self.call("GET", "/v1/sys/seal-status").json()["sealed"])

    def seal(self) -> None:
        """From the moment this returns, every request is refused with 503."""
        self.demand("PUT", "/v1/sys/seal")

    def unseal(self) -> None:
        """Return when it serves requests again."""
        self.demand("PUT", "/v1/sys/unseal", {"key": self.unseal_key})
        self.wait_until(
            lambda: self.call("GET", "/v1/sys/health", timeout_s=1).status == 200, "answer as the active server"
        )

    def snapshot(self, path: Path) -> None:
        """Write a snapshot of its whole state to a file."""
        path.write_bytes(self.demand("GET", "/v1/sys/storage/raft/snapshot").body)

    def restore(self, path: Path) -> None:
        """Put the state of a snapshot in place of its own; return when it serves requests again."""
        self.demand("POST", "/v1/sys/storage/raft/snapshot-force", path.read_bytes())
        self.wait_until(
            lambda: self.call("GET", "/v1/auth/token/lookup-self", timeout_s=1).status == 200,
            "answer as the active server",
        )

    def _command(self) -> list[str]:
        cluster = f"{LOOPBACK}:{self.ports[1]}"
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        config = self.folder / "config.hcl"
        config.write_text(f"""
disable_mlock = true
api_addr = "http://{self.address}"
cluster_addr = "http://{cluster}"
storage "raft" {{
  path = "{data}"
  node_id = "vault-1"
  performance_multiplier = 1
}}
listener "tcp" {{
  address = "{self.address}"
  cluster_address = "{cluster}"
  tls_disable = true
}}
""")
        return [str(self.found.path), "server", f"-config={config}", "-log-level=warn"]

    def _is_ready(self) -> bool:
        return self.call("GET", "/v1/sys/health", timeout_s=1).status in _ALIVE
