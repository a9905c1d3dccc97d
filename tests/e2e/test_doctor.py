"""``versiqii doctor`` against real servers: each thing that can be wrong is found, named, and has a way out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_journal_postgres import admin, ready
from tests.e2e.processes import Daemon, run_cli, until
from tests.e2e.test_vault_consul import POLICIES, prepare
from tests.services.consul import Consul, ConsulWithAcl
from tests.services.kafka import Kafka
from tests.services.postgres import Postgres
from tests.services.vault import Vault, VaultOnDisk

POLICY = (POLICIES / "policy.hcl").read_text()

Told = dict[str, list[dict[str, Any]]]


def doctor(daemon: Daemon, *, code: int | None = None, **environment: str) -> Told:
    """Findings by what was looked at. Whatever is not well has a hint."""
    done = daemon.cli("doctor", "--detailed-exitcode", "-o", "json", **environment)
    found = json.loads(done.stdout)
    assert all(item["hint"] for item in found if item["level"] != "ok"), done.stdout
    if code is not None:
        assert done.returncode == code, done.stdout
    told: Told = {}
    for item in found:
        told.setdefault(item["check"], []).append(item)
    return told


def levels(told: Told, check: str) -> list[str]:
    return [item["level"] for item in told.get(check, [])]


def leads(daemon: Daemon) -> None:
    for _ in until("it leads"):
        with daemon.client() as client:
            if client.get("/v1/leader").json()["self"]:
                return


@pytest.mark.consul
@pytest.mark.vault
def test_all_is_well(vault: Vault, consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """The policies of ``examples/consul-acl`` are enough for every right; versions, clocks and lives are told."""
    token = prepare(vault, consul_acl, ttl="1h", max_ttl="2h")
    flags = ("--store", f"consul://{consul_acl.address}", "--vault", vault.url, "--vault-consul-role", "versiqii")
    daemon = start(*flags, VAULT_TOKEN=token)
    leads(daemon)
    told = doctor(daemon, code=0)
    assert {item["level"] for items in told.values() for item in items} == {"ok"}
    assert told["consul version"][0]["message"].startswith("Consul 1.")
    assert told["vault version"][0]["message"].startswith("Vault 1.")
    assert "rights that are needed are there" in told["consul rights"][0]["message"]
    assert "unless it is renewed" in told["vault token"][0]["message"]
    assert {"consul clock", "vault clock", "daemon clock", "vault login", "vault rights", "journal version"} <= set(
        told
    )
    assert "consul tls" in told
    everything = json.dumps(told)
    secrets = [t["SecretID"] for t in consul_acl.call("GET", "/v1/acl/tokens").json()]
    assert not [secret for secret in (*secrets, token, vault.token) if secret in everything]


@pytest.mark.consul
def test_rights_are_looked_at_prefix_by_prefix(consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """What is missing is named, also a denial of something deeper; what only API writes need is a warning."""
    consul = consul_acl
    narrow = (
        'key_prefix "versiqii/effective/prod/" { policy = "read" }\nkey_prefix "versiqii/envs/" { policy = "read" }\n'
    )
    token = consul.create_token(POLICY + narrow, ttl="1h")
    daemon = start("--store", f"consul://{consul.address}", CONSUL_HTTP_TOKEN=token)
    leads(daemon)
    told = doctor(daemon, code=1)
    error, warning = told["consul rights"]
    assert (error["level"], warning["level"]) == ("error", "warning")
    assert error["message"] == "the token may not write versiqii/effective/"
    assert warning["message"].endswith("versiqii/envs/")
    assert "policy.hcl" in error["hint"]
    assert levels(told, "consul token") == ["warning"], "it ends in an hour, and nobody renews it"


@pytest.mark.consul
def test_a_reader_and_a_token_that_is_gone(consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """No sessions, no writes, no version; later nothing at all."""
    consul = consul_acl
    token = consul.create_token('key_prefix "versiqii/" { policy = "read" }')
    daemon = start("--store", f"consul://{consul.address}", CONSUL_HTTP_TOKEN=token)
    told = doctor(daemon, code=1)
    assert [item["message"] for item in told["consul rights"] if item["message"].startswith("the token may not write")]
    assert levels(told, "consul version") == ["warning"]
    assert levels(told, "leader") == ["error"]
    consul.revoke_token(token)
    told = doctor(daemon, code=1)
    assert levels(told, "consul token") == ["error"]
    assert "ACL not found" in told["consul token"][0]["message"]


@pytest.mark.consul
@pytest.mark.vault
def test_a_sealed_vault_and_one_that_forbids(
    vault_on_disk: VaultOnDisk, consul_acl: ConsulWithAcl, start: Callable[..., Daemon]
) -> None:
    """The seal is told with its remedy; a right that was taken away too, before it is missed."""
    vault, consul = vault_on_disk, consul_acl
    token = prepare(vault, consul, ttl="1h", max_ttl="2h")
    flags = ("--store", f"consul://{consul.address}", "--vault", vault.url, "--vault-consul-role", "versiqii")
    daemon = start(*flags, VAULT_TOKEN=token)
    leads(daemon)
    vault.demand("PUT", "/v1/sys/policies/acl/versiqii", {"policy": 'path "consul/creds/other" { capabilities = [] }'})
    told = doctor(daemon, code=1)
    assert levels(told, "vault rights") == ["error"]
    assert "consul/creds/versiqii" in told["vault rights"][0]["message"]
    vault.seal()
    told = doctor(daemon, code=1)
    assert levels(told, "vault address") == ["error"]
    assert told["vault address"][0]["hint"] == "vault operator unseal"


@pytest.mark.consul
def test_each_address_is_looked_at(consul: Consul, start: Callable[..., Daemon]) -> None:
    """Several, of which one is frozen and one is not there: each has its finding; without ACLs that is told too."""
    frozen = Consul()
    with frozen:
        frozen.pause()
        daemon = start("--store", f"consul://{consul.address},{frozen.address},127.0.0.1:9")
        leads(daemon)
        told = doctor(daemon, code=1)
        frozen.resume()
    assert levels(told, "consul address") == ["ok", "error", "error"]
    assert levels(told, "consul rights") == ["warning"]
    assert "ACLs are off" in told["consul rights"][0]["message"]


def test_what_does_not_answer(start: Callable[..., Daemon]) -> None:
    """Consul and Kafka at ports where nothing listens; a daemon that is not there; one that does not know us."""
    daemon = start("--store", "consul://127.0.0.1:9", "--kafka", "127.0.0.1:9")
    told = doctor(daemon, code=1)
    assert levels(told, "consul address") == ["error"]
    assert levels(told, "kafka address") == ["error"]
    assert set(levels(told, "ready")) == {"error"}
    assert daemon.stop() == 0
    done = daemon.cli("doctor", "-o", "json")
    assert done.returncode == 1
    assert [item["check"] for item in json.loads(done.stdout)] == ["daemon"]


def test_who_may_not_look(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """Without a token that the daemon takes, exit 4, as everywhere."""
    tokens = tmp_path / "tokens"
    tokens.write_text("right\n")
    daemon = start("--api-token-file", str(tokens))
    assert daemon.cli("doctor", VERSIQII_TOKEN="wrong").returncode == 4
    assert daemon.cli("doctor", VERSIQII_TOKEN="right").returncode == 0


def test_an_address_that_is_not_encrypted_is_told() -> None:
    """A name that is not this machine's, over plain HTTP: told although nothing answers there."""
    done = run_cli("doctor", "-o", "json", VERSIQII_ADDR="http://versiqii.invalid:8080")
    assert done.returncode == 1
    found = {item["check"]: item["level"] for item in json.loads(done.stdout)}
    assert found == {"daemon tls": "warning", "daemon": "error"}


@pytest.mark.kafka
@pytest.mark.postgres
def test_kafka_and_postgresql(shared_kafka: Kafka, shared_postgres: Postgres, start: Callable[..., Daemon]) -> None:
    """The cluster and its topics, the database's version, and a guard that a superuser has taken away."""
    admin_url = shared_postgres.create_database()
    journal = ready(admin_url)
    prefix = f"doctor-{time.monotonic_ns()}"
    daemon = start("--journal", journal, "--kafka", shared_kafka.address, "--kafka-topic-prefix", prefix)
    leads(daemon)
    for _ in until("the topics are there"):
        told = doctor(daemon)
        if "kafka topics" not in told:
            break
    assert levels(told, "kafka address") == ["ok"]
    cluster = told["kafka address"][0]["message"]
    assert f"brokers 1 at {shared_kafka.address};" in cluster, "each broker by number and address"
    assert re.search(r"cluster [\w-]{22},", cluster), "the cluster by its id"
    assert "librdkafka" in told["kafka version"][0]["message"]
    assert "brokers tell none (4.0 or newer)" in told["kafka version"][0]["message"]
    assert told["journal version"][0]["message"].startswith("PostgreSQL 1")
    assert "journal guards" not in told
    with admin(admin_url) as connection:
        for (name,) in connection.execute("SELECT evtname FROM pg_event_trigger").fetchall():
            connection.execute(f'DROP EVENT TRIGGER "{name}"')
    told = doctor(daemon, code=2)
    assert levels(told, "journal guards") == ["warning"]
    assert "superuser" in told["journal guards"][0]["hint"]
    assert "service" not in json.dumps(told["journal version"]), "no word of the address"
