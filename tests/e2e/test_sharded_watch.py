"""A daemon over a tree too large for one query: what operators see, and what it does when it may not see all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.processes import Daemon, until
from tests.engine.world import raw, scan_world
from tests.services.consul import ConsulWithAcl
from tests.waiting import wait
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.ports import Set

pytestmark = [pytest.mark.consul, pytest.mark.anyio]

POLICY = (Path(__file__).parents[2] / "examples" / "consul-acl" / "policy.hcl").read_text()
WHERE = "prod/asia/av/default"
BALLAST = 1_500


class Sight:
    """What an operator sees of a daemon."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def _get(self, path: str) -> httpx2.Response:
        with self._daemon.client() as client:
            return client.get(path)

    def metrics(self) -> str:
        return self._get("/metrics").text

    def gauge(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found else -1.0

    def ready(self) -> dict[str, Any]:
        answer = self._get("/readyz")
        assert answer.status_code == 200
        told: dict[str, Any] = answer.json()
        return told

    def is_alarmed(self) -> bool:
        told = self.ready()
        return told["watch"]["failing"] > 0 and any("ballast" in note for note in told["notes"])

    def is_well(self) -> bool:
        told = self.ready()
        return not told["watch"]["failing"] and not any("ballast" in note for note in told["notes"])


@pytest.fixture
async def tree(consul_acl: ConsulWithAcl) -> list[str]:
    """The keys of a ballast in ten folders; the example is there too."""
    where = ConsulSettings(parse_addresses(consul_acl.address), token=consul_acl.token)
    keys = [f"versiqii/ballast/{number % 10}/{number:04}" for number in range(BALLAST)]
    async with ConsulStore.connect(where) as store:
        for at in range(0, BALLAST, 100):
            await store.commit([Set(key, b"x" * 2000) for key in keys[at : at + 100]])
        await store.commit([Set(f"versiqii/{key}", raw(value)) for key, value in scan_world().items()])
    return keys


async def test_operators_see_how_a_tree_is_watched(
    consul_acl: ConsulWithAcl, tree: list[str], start: Callable[..., Daemon]
) -> None:
    daemon = start("--store", f"consul://{consul_acl.address}", CONSUL_HTTP_TOKEN=consul_acl.create_token(POLICY))
    daemon.until_status(WHERE, state="InSync")
    sight = Sight(daemon)
    wait("the tree is cut", lambda: sight.gauge("versiqii_watch_shards") > 5)
    watch = sight.ready()["watch"]
    assert sum(query["keys"] for query in watch["queries"]) >= len(tree)
    assert len(watch["queries"]) <= 64
    assert watch["index"] > 0
    assert not any("ballast" in str(value) for query in watch["queries"] for value in query.values())
    numbered = re.findall(r'^versiqii_watch_shard_age_seconds\{shard="\d+"\} \d', sight.metrics(), re.MULTILINE)
    assert len(numbered) > 5
    assert sight.gauge("versiqii_watch_queries_failing") == sight.gauge("versiqii_guard_trips_total") == 0
    wait("nothing is left to be told", lambda: sight.ready()["watch"]["lag"] == 0)


async def test_rights_lost_on_a_part_are_an_alarm_that_stays(
    consul_acl: ConsulWithAcl, tree: list[str], start: Callable[..., Daemon]
) -> None:
    """While other parts go on; and nothing is deleted."""
    consul, token = consul_acl, consul_acl.create_token(POLICY)
    daemon = start("--store", f"consul://{consul.address}", CONSUL_HTTP_TOKEN=token)
    sight = Sight(daemon)
    wait("the tree is cut", lambda: sight.gauge("versiqii_watch_shards") > 5)
    consul.change_rules(token, POLICY + 'key_prefix "versiqii/ballast/3/" { policy = "deny" }')
    for number, _ in enumerate(until("the alarm")):  # an open query still has the rights that it began with
        consul.call("PUT", f"/v1/kv/{tree[3]}", b"unseen %d" % number)
        if sight.is_alarmed():
            break
    consul.call("PUT", "/v1/kv/versiqii/envs/prod/asia/av/version", b"2.1.3")
    daemon.until_status(WHERE, state="Migrated")
    assert sight.is_alarmed(), "another part that is well is no end of the alarm"
    assert sight.gauge("versiqii_guard_trips_total") > 0
    assert sight.gauge("versiqii_unknown_keys") == len(tree)
    consul.change_rules(token, POLICY)
    wait("the end of the alarm", sight.is_well)
