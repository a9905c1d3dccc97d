"""The storm: 10,000 bindings on three Consul servers that deny what no policy allows, with tokens from a real Vault
that are replaced every few seconds, while one server after the other is stopped. Nothing is lost, blank or stale, and
no query is disturbed by a new token."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import Daemon
from tests.faults.fleet import ROOT, Operators, digest, judge, serials, world
from tests.faults.lookout import Lookout
from tests.faults.passage import Exchange, Passage
from tests.oracle.history import Oracle
from tests.services.consul import ConsulOnDisk
from tests.services.consul.cluster import ConsulClusterWithAcl
from tests.services.vault import Vault

pytestmark = [pytest.mark.consul, pytest.mark.vault, pytest.mark.timeout(1200)]

POLICIES = Path(__file__).parents[2] / "examples" / "consul-acl"
PLACES = [f"prod/r{number:02}" for number in range(100)]
NAMES = [f"c{number:02}" for number in range(100)]
BINDINGS = len(PLACES) * len(NAMES)
CHANGED = frozenset(NAMES[:50])
FIRST, SECOND = b'{"scan":{"serial":1}}', b'{"scan":{"serial":2}}'
LAST = NAMES[-1]
TTL_S = 10
MARGIN_S = 2
"""From the issue of a token to its first use, at most."""

AT_ONCE = 127
WITHIN_S = 900
"""A deadline, no measurement: for a machine that is much slower, and busy."""


@dataclass
class Storm:
    cluster: ConsulClusterWithAcl
    passages: list[Passage]
    operators: Operators
    daemon: Daemon
    lookout: Lookout

    def there(self) -> int:
        """How many effective configs there are, as the second watcher sees it."""
        return len(self.lookout.values)

    def newest(self) -> int:
        """How many of them are what the last change asked for."""
        values = self.lookout.values
        return sum(values[key] == (SECOND if key[-3:] in CHANGED else FIRST) for key in values)

    def exchanges(self) -> list[Exchange]:
        return [one for passage in self.passages for one in tuple(passage.exchanges)]

    def rotations(self) -> int:
        return len(self.daemon.entries(type="TokenRotated"))

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        self.lookout.until(what, lambda _: holds(), WITHIN_S)


def issue(vault: Vault, cluster: ConsulClusterWithAcl, consul_address: str) -> str:
    """What an operator does once, with the policies of ``examples/consul-acl``; the daemon's own Vault token."""
    rules = {"Name": "versiqii", "Rules": (POLICIES / "policy.hcl").read_text()}
    assert cluster.leader().call("PUT", "/v1/acl/policy", rules).status == 200
    vault.demand("POST", "/v1/sys/mounts/consul", {"type": "consul"})
    access = {"address": consul_address, "scheme": "http", "token": cluster.token}
    vault.demand("POST", "/v1/consul/config/access", access)
    role = {"consul_policies": ["versiqii"], "ttl": f"{TTL_S}s", "max_ttl": f"{TTL_S}s"}
    vault.demand("POST", "/v1/consul/roles/versiqii", role)
    policy = {"policy": (POLICIES / "vault-policy.hcl").read_text()}
    vault.demand("PUT", "/v1/sys/policies/acl/versiqii", policy)
    given = vault.demand("POST", "/v1/auth/token/create", {"policies": ["versiqii"], "ttl": "1h"})
    return str(given.json()["auth"]["client_token"])


def bindings() -> dict[str, bytes]:
    return {f"bindings/{place}/av/{name}": b"" for place in PLACES for name in NAMES}


def versions(version: str) -> dict[str, bytes]:
    return {f"envs/{place}/av/version": version.encode() for place in PLACES}


@pytest.fixture
def storm(consul_cluster_acl: ConsulClusterWithAcl, vault: Vault, tmp_path: Path) -> Iterator[Storm]:
    """All of it loaded, the daemon just started."""
    cluster = consul_cluster_acl
    addresses = [server.address for server in cluster.servers]
    with ExitStack() as stack:
        passages = [stack.enter_context(Passage(address)) for address in addresses]
        issuing = stack.enter_context(Passage(*addresses))
        token = issue(vault, cluster, issuing.address)
        operators = Operators(addresses, token=cluster.token)
        operators.put(world() | serials(NAMES, 1) | versions("1.4.0") | bindings(), AT_ONCE)
        store = "consul://" + ",".join(passage.address for passage in passages)
        flags = ("--store", store, "--vault", vault.url, "--vault-consul-role", "versiqii", "--resync-s", "3600")
        daemon = Daemon(tmp_path / "daemon", flags, {"VAULT_TOKEN": token})
        stack.callback(daemon.close)
        daemon.start()
        watched = Lookout(addresses, f"{ROOT}/effective/", judge, token=cluster.token, pause_s=1)
        yield Storm(cluster, passages, operators, daemon, stack.enter_context(watched))


def test_ten_thousand_bindings_converge_through_everything(storm: Storm) -> None:
    """Loaded, changed and upgraded while servers go and tokens change: in the end every key is the oracle's.

    Each server is away while a thousand bindings converge, whatever time that takes.
    """
    first, second, third = (storm.cluster.leader(), *storm.cluster.followers())
    storm.until("the first ones are effective", lambda: storm.there() >= 1000)
    with stopped(first):
        storm.until("it goes on without one server", lambda: storm.there() >= 2500)
    storm.cluster.leader()
    storm.operators.put(serials(sorted(CHANGED), 2) | versions("2.1.0"), AT_ONCE)
    for server, done in ((second, 1000), (third, 5000)):
        storm.until("some are of the newest version", lambda done=done: storm.newest() >= done)  # type: ignore[misc]
        with stopped(server):
            storm.until("it goes on", lambda done=done: storm.newest() >= done + 1500)  # type: ignore[misc]
        storm.cluster.leader()
    storm.until("every effective config is of the newest version", lambda: storm.newest() == BINDINGS)
    storm.until("three tokens have been replaced", lambda: storm.rotations() >= 3)
    compare(storm)
    undisturbed(storm)


@contextmanager
def stopped(server: ConsulOnDisk) -> Iterator[None]:
    """An orderly stop, and a start when the block ends."""
    server.stop()
    try:
        yield
    finally:
        server.start()


def compare(storm: Storm) -> None:
    """Every key under ``effective/`` and ``status/`` against a computation that shares nothing with the product."""
    storm.until("the daemon is at rest", lambda: at_rest(storm))
    effective = storm.operators.tree("effective")
    statuses = {key: json.loads(value) for key, value in storm.operators.tree("status").items()}
    desired = world() | serials(NAMES, 1) | serials(sorted(CHANGED), 2)
    wanted: dict[str, bytes] = {}
    for place in PLACES:  # one by one: they do not know each other, and the oracle is naive
        oracle = Oracle()
        here = {f"bindings/{place}/av/{name}": b"" for name in NAMES} | {f"envs/{place}/av/version": b"2.1.0"}
        oracle.edit({**desired, **here})
        oracle.settle()
        wanted |= oracle.effective
        for key, expected in oracle.expected.items():
            status = statuses.pop(key)
            found = (status["state"], status["targetVersion"], status["schemaVersion"], status["source"]["key"])
            assert (key, *found) == (key, expected.state, expected.version, expected.schema, expected.source)
            assert (key, status["effectiveDigest"]) == (key, digest(oracle.effective[key]))
    assert effective == wanted
    assert len(wanted) == BINDINGS == 10_000
    assert statuses == {}
    assert storm.lookout.faults == []


def at_rest(storm: Storm) -> bool:
    with storm.daemon.client() as client:
        return "versiqii_queue_depth 0.0" in client.get("/metrics").text and all(
            json.loads(value)["schemaVersion"] == "2.0.0" for value in storm.operators.tree("status").values()
        )


def undisturbed(storm: Storm) -> None:
    """With nothing but tokens changing, no query is refused, given up or cut short; those that block when the next
    change comes bring it, whatever has become of the tokens that they were asked with."""
    storm.until("the watch has settled", lambda: settled_for(storm, 5))
    mark, rotations = time.monotonic(), storm.rotations()
    storm.until("three more tokens", lambda: storm.rotations() >= rotations + 3)
    storm.until("a query waited from its beginning to its end", lambda: any(waits(storm, mark)))
    since = [one for one in storm.exchanges() if one.began >= mark]
    assert len({one.token for one in since}) >= 3
    assert refused_early(storm, since) == []
    assert [one for one in waits(storm, mark) if one.is_cut_short] == []
    waiting = [one for one in storm.exchanges() if one.wait_s and not one.ended]
    storm.operators.put(serials([LAST], 3))
    third = b'{"scan":{"serial":3}}'
    storm.until("the change", lambda: list(storm.lookout.values.values()).count(third) == len(PLACES))
    assert {one.status for one in waiting if one.ended and not one.given_up} <= {200, 404}
    assert storm.lookout.faults == []


def waits(storm: Storm, mark: float) -> list[Exchange]:
    """Blocking queries that began after that moment and have ended."""
    return [one for one in storm.exchanges() if one.began >= mark and one.wait_s and one.ended]


def refused_early(storm: Storm, exchanges: list[Exchange]) -> list[Exchange]:
    """Requests that were refused although their token had yet time to live: not for its age, but for a rotation."""
    seen: dict[str, float] = {}
    for one in sorted(storm.exchanges(), key=lambda one: one.began):
        seen.setdefault(one.token, one.began)
    return [one for one in exchanges if one.status == 403 and one.began - seen[one.token] < TTL_S - MARGIN_S]


def settled_for(storm: Storm, seconds: float) -> bool:
    """Whether no query has been given up, broken or answered with news for so long."""
    ends = [one.ended for one in storm.exchanges() if one.wait_s and one.ended and one.is_cut_short]
    return not ends or time.monotonic() - max(ends) > seconds
