"""The daemon on a Consul that denies what no policy allows, its tokens from Vault: the chain, a rotation, the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, example_keys, until
from tests.services.consul import ConsulWithAcl
from tests.services.vault import Vault, VaultOnDisk
from tests.services.wire import call

pytestmark = [pytest.mark.vault, pytest.mark.consul]

POLICIES = Path(__file__).parents[2] / "examples" / "consul-acl"
PLACE = "prod/asia-sg/av-engine"


def prepare(vault: Vault, consul: ConsulWithAcl, *, ttl: str, max_ttl: str) -> str:
    """Everything an operator does once, with the policies of ``examples/consul-acl``; a token for the daemon."""
    made = consul.call("PUT", "/v1/acl/policy", {"Name": "versiqii", "Rules": (POLICIES / "policy.hcl").read_text()})
    assert made.status == 200, made.body
    vault.demand("POST", "/v1/sys/mounts/consul", {"type": "consul"})
    access = {"address": consul.address, "scheme": "http", "token": consul.token}
    vault.demand("POST", "/v1/consul/config/access", access)
    role = {"consul_policies": ["versiqii"], "ttl": ttl, "max_ttl": max_ttl}
    vault.demand("POST", "/v1/consul/roles/versiqii", role)
    policy = {"policy": (POLICIES / "vault-policy.hcl").read_text()}
    vault.demand("PUT", "/v1/sys/policies/acl/versiqii", policy)
    given = vault.demand("POST", "/v1/auth/token/create", {"policies": ["versiqii"], "ttl": "1h"})
    return str(given.json()["auth"]["client_token"])


def tokens(consul: ConsulWithAcl) -> set[str]:
    """Accessors of the tokens that Vault has made in Consul and not yet taken back."""
    found: list[dict[str, Any]] = consul.call("GET", "/v1/acl/tokens").json()
    return {token["AccessorID"] for token in found if token["Description"].startswith("Vault ")}


def put(consul: ConsulWithAcl, key: str, value: bytes) -> None:
    """What ``consul kv put`` does."""
    answer = consul.call("PUT", f"/v1/kv/versiqii/{key}", value)
    assert answer.status == 200, answer.body


def raw(consul: ConsulWithAcl, key: str) -> bytes:
    return consul.call("GET", f"/v1/kv/versiqii/{key}?raw").body


def test_tokens_from_vault(vault: Vault, consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """Tokens of a few seconds: the daemon works through several of them, leads all the time, and leaves none behind."""
    consul = consul_acl
    token = prepare(vault, consul, ttl="4s", max_ttl="8s")
    store = ("--store", f"consul://{consul.address}")
    flags = ("--vault", vault.url, "--vault-consul-role", "versiqii", "--log-level", "debug")
    daemon = start(*store, *flags, VAULT_TOKEN=token)
    for key, value in example_keys().items():
        put(consul, key, value)
    daemon.until_status(f"{PLACE}/default", state="InSync", targetVersion="1.4.0")
    first = tokens(consul)
    assert len(first) == 1

    for _ in until("the first token is gone and another one is there"):
        now = tokens(consul)
        if now and not now & first:
            break
    put(consul, f"envs/{PLACE}/version", b"2.1.3")
    status = daemon.until_status(f"{PLACE}/default", state="Migrated", targetVersion="2.1.3")
    assert status["schemaVersion"] == "2.0.0"
    assert b'"limits":{"depth":8' in raw(consul, f"effective/{PLACE}/default")

    types = [entry["type"] for entry in daemon.entries()]
    assert types.count("TokenRotated") >= 1
    assert types.count("TokenIssued") >= 2
    assert types.count("TokenRevoked") >= 1
    assert types.count("LoggedIn") == types.count("TokenUsed") == 1
    assert types.count("LeaderElected") == 1, "a new token is no reason to lose the lead"
    with daemon.client() as client:
        assert client.get("/readyz").status_code == 200
        metrics = client.get("/metrics").text
        assert 'versiqii_token_lifetime_seconds{use="store"}' in metrics
        assert 'versiqii_token_lifetime_seconds{use="vault"}' in metrics
        assert "versiqii_vault_up 1" in metrics
    told = daemon.text() + str(daemon.entries())
    accessors = {e["data"]["accessor"] for e in daemon.entries() if e["type"] == "TokenIssued"}
    assert tokens(consul) <= accessors, "Consul's own names of its tokens"
    secrets = {t["SecretID"] for t in consul.call("GET", "/v1/acl/tokens").json()} | {token, vault.token}
    assert not [secret for secret in secrets if secret in told], "a secret is told to nobody"

    assert daemon.stop() == 0
    assert tokens(consul) == set(), "what was fetched is handed back"
    assert vault.call("POST", "/v1/auth/token/lookup", {"token": token}).status == 200, "what was given is not"
    leader = consul.call("GET", "/v1/kv/versiqii/_system/leader").json()[0]
    assert "Session" not in leader, "the lead is handed back too"


def test_credentials_of_systemd(
    vault: Vault, consul_acl: ConsulWithAcl, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    """``LoadCredential=vault-secret-id`` is all it needs to log in: found by name, in no setting and no environment."""
    consul = consul_acl
    prepare(vault, consul, ttl="1h", max_ttl="2h")
    vault.demand("POST", "/v1/sys/auth/approle", {"type": "approle"})
    vault.demand("POST", "/v1/auth/approle/role/daemon", {"token_policies": ["versiqii"], "token_ttl": "1h"})
    role = vault.demand("GET", "/v1/auth/approle/role/daemon/role-id").json()["data"]["role_id"]
    secret = vault.demand("POST", "/v1/auth/approle/role/daemon/secret-id").json()["data"]["secret_id"]
    (tmp_path / "vault-secret-id").write_text(secret + "\n")
    flags = ("--store", f"consul://{consul.address}", "--vault", vault.url, "--vault-consul-role", "versiqii")
    login = ("--vault-auth", "approle", "--vault-role", role)
    daemon = start(*flags, *login, CREDENTIALS_DIRECTORY=str(tmp_path))
    for key, value in example_keys().items():
        put(consul, key, value)
    daemon.until_status(f"{PLACE}/default", state="InSync")
    (entry,) = [entry for entry in daemon.entries() if entry["type"] == "LoggedIn"]
    assert entry["data"]["method"] == "vault/auth/approle"
    assert secret not in daemon.text() + str(daemon.entries())
    assert daemon.stop() == 0
    assert tokens(consul) == set()


def test_a_token_file_without_vault(consul_acl: ConsulWithAcl, start: Callable[..., Daemon], tmp_path: Path) -> None:
    """The systemd credential ``consul-token``: written anew, the next token is used, and the old one may be revoked."""
    consul, rules = consul_acl, (POLICIES / "policy.hcl").read_text()
    first, second = consul.create_token(rules), consul.create_token(rules)
    file = tmp_path / "consul-token"
    file.write_text(first)
    daemon = start("--store", f"consul://{consul.address}", CREDENTIALS_DIRECTORY=str(tmp_path))
    for key, value in example_keys().items():
        put(consul, key, value)
    daemon.until_status(f"{PLACE}/default", state="InSync")
    file.write_text(second)
    for _ in until("the other token is used"):
        if any(entry["type"] == "TokenRotated" for entry in daemon.entries()):
            break
    consul.revoke_token(first)
    put(consul, f"envs/{PLACE}/version", b"2.1.3")
    daemon.until_status(f"{PLACE}/default", state="Migrated")
    types = [entry["type"] for entry in daemon.entries()]
    assert types.count("LeaderElected") == 1, "a new token is no reason to lose the lead"
    assert not [token for token in (first, second) if token in daemon.text() + str(daemon.entries())]


def test_a_sealed_vault_is_an_alarm_and_nothing_stops(
    vault_on_disk: VaultOnDisk, consul_acl: ConsulWithAcl, start: Callable[..., Daemon]
) -> None:
    """Beyond the end of its token's lease: ``/readyz`` and a metric say so, configs are carried on, it recovers."""
    vault, consul = vault_on_disk, consul_acl
    token = prepare(vault, consul, ttl="4s", max_ttl="8s")
    flags = ("--store", f"consul://{consul.address}", "--vault", vault.url, "--vault-consul-role", "versiqii")
    daemon = start(*flags, VAULT_TOKEN=token)
    for key, value in example_keys().items():
        put(consul, key, value)
    daemon.until_status(f"{PLACE}/default", state="InSync")
    vault.seal()

    def notes() -> list[str]:
        with daemon.client() as client:
            answer = client.get("/readyz")
        return [note for note in answer.json()["notes"] if note.startswith("vault: ")]

    def metric(line: str) -> bool:
        with daemon.client() as client:
            return line in client.get("/metrics").text

    for _ in until("it is told, and its lease is over"):
        if notes() and metric("versiqii_vault_up 0") and metric('lifetime_seconds{use="store"} 0.0'):
            break
    assert "503" in notes()[0]
    put(consul, f"envs/{PLACE}/version", b"2.1.3")
    daemon.until_status(f"{PLACE}/default", state="Migrated")
    vault.unseal()
    for _ in until("it has recovered"):
        if not notes() and metric("versiqii_vault_up 1"):
            break
    put(consul, f"envs/{PLACE}/version", b"1.4.0")
    daemon.until_status(f"{PLACE}/default", state="InSync")
    assert {"vault_trouble", "vault_recovered"} <= {line["event"] for line in daemon.log()}
    assert daemon.stop() == 0
    assert tokens(consul) == set()


def test_an_engine_reads_its_own_environment_only(consul_acl: ConsulWithAcl) -> None:
    """The reader's policy of the example, for engines that read straight from Consul."""
    put(consul_acl, "effective/prod/eu-fr/av-engine/default", b"{}")
    put(consul_acl, "effective/prod/asia-sg/av-engine/default", b"{}")
    reader = consul_acl.create_token((POLICIES / "reader-policy.hcl").read_text())

    def status(method: str, key: str) -> int:
        headers = {"X-Consul-Token": reader}
        return call(consul_acl.address, method, f"/v1/kv/versiqii/{key}", b"{}", headers=headers).status

    assert status("GET", "effective/prod/eu-fr/av-engine/default") == 200
    assert status("PUT", "effective/prod/eu-fr/av-engine/default") == 403
    assert status("GET", "effective/prod/asia-sg/av-engine/default") == 403


def test_rights_that_are_missing_are_told(consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """A token that may only read: the daemon stays, does not lead, and says that it is forbidden."""
    reader = consul_acl.create_token('key_prefix "versiqii/" { policy = "read" }')
    daemon = start("--store", f"consul://{consul_acl.address}", CONSUL_HTTP_TOKEN=reader)
    assert daemon.until_noted("does not lead").status_code == 200, "reading works"
    with daemon.client() as client:
        assert client.get("/v1/leader").json()["self"] is False
        refused = client.put("/v1/envs/prod/eu/av/version", content=b"1.0.0")
    assert refused.status_code == 403, refused.text
    assert daemon.stop() == 0
