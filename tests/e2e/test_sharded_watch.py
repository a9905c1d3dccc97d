"""A daemon over a tree that is too large for one query: what operators see, and what it does when it may not see all."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, until
from tests.engine.world import raw, scan_world
from tests.services.consul import ConsulWithAcl
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.ports import Set

pytestmark = [pytest.mark.consul, pytest.mark.anyio]

POLICY = (Path(__file__).parents[2] / "examples" / "consul-acl" / "policy.hcl").read_text()
WHERE = "prod/asia/av/default"
BALLAST = 1_500


def gauge(text: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else -1.0


async def test_what_operators_see_of_a_tree_in_shards(consul_acl: ConsulWithAcl, start: Callable[..., Daemon]) -> None:
    """Rights lost on a part: an alarm that stays while other parts go on, and nothing is deleted."""
    consul = consul_acl
    where = ConsulSettings(parse_addresses(consul.address), token=consul.token)
    keys = [f"versiqii/ballast/{number % 10}/{number:04}" for number in range(BALLAST)]
    async with ConsulStore.connect(where) as store:
        for at in range(0, BALLAST, 100):
            await store.commit([Set(key, b"x" * 2000) for key in keys[at : at + 100]])
        await store.commit([Set(f"versiqii/{key}", raw(value)) for key, value in scan_world().items()])
    token = consul.create_token(POLICY)
    daemon = start("--store", f"consul://{consul.address}", CONSUL_HTTP_TOKEN=token)
    daemon.until_status(WHERE, state="InSync")
    with daemon.client() as client:

        def metrics() -> str:
            return client.get("/metrics").text

        def ready() -> dict[str, Any]:
            answer = client.get("/readyz")
            assert answer.status_code == 200
            told: dict[str, Any] = answer.json()
            return told

        for _ in until("the tree is cut"):
            if gauge(metrics(), "versiqii_watch_shards") > 5:
                break
        watch, text = ready()["watch"], metrics()
        assert sum(query["keys"] for query in watch["queries"]) >= BALLAST
        assert len(watch["queries"]) <= 64
        assert watch["index"] > 0
        assert not any("ballast" in str(value) for query in watch["queries"] for value in query.values())
        numbered = re.findall(r'^versiqii_watch_shard_age_seconds\{shard="(\d+)"\} \d', text, re.MULTILINE)
        assert len(numbered) > 5
        assert gauge(text, "versiqii_watch_queries_failing") == gauge(text, "versiqii_guard_trips_total") == 0
        for _ in until("nothing is left to be told"):
            if ready()["watch"]["lag"] == 0:
                break

        change_rules(consul, token, POLICY + 'key_prefix "versiqii/ballast/3/" { policy = "deny" }')
        for number, _ in enumerate(until("the alarm")):  # an open query still has the rights that it began with
            consul.call("PUT", f"/v1/kv/{keys[3]}", b"unseen %d" % number)
            if gauge(metrics(), "versiqii_watch_queries_failing") > 0 and any("ballast" in n for n in ready()["notes"]):
                break
        consul.call("PUT", "/v1/kv/versiqii/envs/prod/asia/av/version", b"2.1.3")
        daemon.until_status(WHERE, state="Migrated")
        assert any("ballast" in note for note in ready()["notes"]), "another part that is well is no end of the alarm"
        assert gauge(metrics(), "versiqii_guard_trips_total") > 0
        assert len(client.get("/v1/unknown-keys").json()["items"]) == 1000, "the first thousand of them"
        assert gauge(metrics(), "versiqii_unknown_keys") == BALLAST

        change_rules(consul, token, POLICY)
        for _ in until("the end of the alarm"):
            if not any("ballast" in n for n in ready()["notes"]) and not ready()["watch"]["failing"]:
                break


def change_rules(consul: ConsulWithAcl, token: str, rules: str) -> None:
    listed = consul.call("GET", "/v1/acl/tokens").json()
    policy = next(each for each in listed if each.get("SecretID") == token)["Policies"][0]
    body = {"ID": policy["ID"], "Name": policy["Name"], "Rules": rules}
    assert consul.call("PUT", f"/v1/acl/policy/{policy['ID']}", body).status == 200
