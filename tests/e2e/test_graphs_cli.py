"""``versiqii graphs`` and its endpoints on a running daemon; the example's page is played by ``test_readme.py``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, scan_world, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "upgrade" / "keys.json"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The example's services; tests here only look."""
    with Daemon(tmp_path_factory.mktemp("shop")) as daemon:
        with daemon.client() as client:
            client.post("/v1/txn", content=EXAMPLE.read_bytes()).raise_for_status()
        yield daemon


def plan(daemon: Daemon, environment: str, **goals: str) -> dict[str, Any]:
    with daemon.client() as client:
        answer = client.post("/v1/graphs:plan", json={"environment": environment, "goals": goals})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def moves(told: dict[str, Any]) -> list[list[str]]:
    return [[f"{m['target']} {m['from']}>{m['to']}" for m in step] for step in told["steps"]]


def test_a_plan_orders_a_set_of_upgrades(shop: Daemon) -> None:
    told = plan(shop, "prod", auth="2.0.0")
    assert (told["possible"], told["added"], told["circles"]) == (True, ["api", "db", "web"], [["api", "web", "api"]])
    assert moves(told) == [
        ["db 2024-11-30>2025-07-15"],
        ["api 1.8.0>2.0.0", "web 3.0.0>4.0.0"],
        ["auth 1.5.2>2.0.0"],
    ]
    assert [breach["reason"] for breach in told["wouldBreak"]] == [
        "api 1.8.0 requires auth '^1.4', but auth 2.0.0 runs",
        "auth 2.0.0 accepts api '>=2', but api 1.8.0 runs",
    ]


def test_each_step_of_the_plan_can_be_made_and_breaks_nothing(start: Any) -> None:
    """The promise of a plan, on the running daemon: after every step all links hold in that environment."""
    daemon = start()
    with daemon.client() as client:
        client.post("/v1/txn", content=EXAMPLE.read_bytes()).raise_for_status()
    for step in plan(daemon, "prod", auth="2.0.0")["steps"]:
        daemon.load({f"envs/prod/{move['target']}/version": move["to"].encode() for move in step})
        with daemon.client() as client:
            told = client.post("/v1/graphs:check").json()
        (prod,) = [place for place in told["environments"] if place["environment"] == "prod"]
        assert prod["breaches"] == [], step
    assert prod["running"] == {"api": "2.0.0", "auth": "2.0.0", "db": "2025-07-15", "web": "4.0.0"}
    assert plan(daemon, "prod", auth="2.0.0")["steps"] == []


def test_environments_below_are_looked_at_too(shop: Daemon) -> None:
    """``prod/eu`` keeps a version of its own, and what it inherits moves under it."""
    (below,) = plan(shop, "prod", auth="2.0.0")["below"]
    assert (below["environment"], below["step"], below["target"]) == ("prod/eu", 2, "web")
    told = plan(shop, "prod/eu", web="4.0.0")
    assert moves(told)[-1] == ["api 1.8.0>2.0.0", "web 3.0.0>4.0.0"]
    assert told["below"] == []


def test_a_conflict_is_explained(shop: Daemon) -> None:
    told = plan(shop, "prod", auth="3.0.0")
    assert (told["possible"], told["steps"]) == (False, [])
    assert told["conflict"] == [
        {
            "target": "api",
            "demand": ">=3",
            "by": "auth 3.0.0",
            "known": ["1.8.0", "2.0.0"],
            "reason": "auth 3.0.0 needs api '>=3'",
        }
    ]
    both = plan(shop, "prod", auth="2.0.0", web="3.0.0")
    assert {cause["reason"] for cause in both["conflict"]} >= {"web 3.0.0 needs api '^1'"}
    done = shop.cli("graphs", "plan", "prod", "auth@2.0.0", "web", "3.0.0")
    assert (done.returncode, "cannot be met together" in done.stdout) == (3, True)


def test_a_plan_says_which_configs_could_not_follow(start: Any) -> None:
    """What the rule tells before any migration is run: no schema for that version, no way to it."""
    daemon = start()
    daemon.load(scan_world())
    daemon.until_status("prod/asia/av/default", state="InSync")
    (stuck,) = plan(daemon, "prod/asia", av="3.0.0")["configs"]
    assert (stuck["binding"], stuck["state"]) == ("prod/asia/av/default", "Held")
    assert "no range names a schema for version 3.0.0" in stuck["reason"]
    assert plan(daemon, "prod/asia", av="2.4.0")["configs"] == []
    with daemon.client() as client:
        client.delete("/v1/migrations/scan/1.0.0/2.0.0", headers={"If-Match": "*"}).raise_for_status()
    (refused,) = plan(daemon, "prod/asia", av="2.4.0")["configs"]
    assert (refused["state"], "no migration path" in refused["reason"]) == ("Rejected", True)
    assert daemon.status("prod/asia/av/default")["targetVersion"] == "1.4.0"  # type: ignore[index]


def test_links_are_written_into_the_keys_of_the_layout(shared: Daemon) -> None:
    """By command and by REST, over what stands there; another's write in between is no loss."""
    shared.load(
        {"families/l": b"{}", "targets/l-web": b'{"family": "l", "owner": "shop"}', "targets/l-api": b'{"family": "l"}'}
    )
    assert shared.cli("graphs", "link", "l-web", "l-api", ">=1.5,<2").stdout == "targets/l-web\n"
    assert shared.cli("graphs", "link", "l-api@2.0.0", "l-web", ">=2", "--accepts").stdout == "targets/l-api/2.0.0\n"
    with shared.client() as client:
        web, api = (client.get(f"/v1/targets/{key}").json() for key in ("l-web", "l-api/2.0.0"))
        assert web == {"family": "l", "owner": "shop", "requires": {"l-api": ">=1.5,<2"}}
        assert api == {"accepts": {"l-web": ">=2"}}
        body = {"target": "l-web", "kind": "requires", "other": "l-api", "range": None}
        assert client.post("/v1/graphs:link?validate_only=true", json=body).status_code == 200
        assert client.get("/v1/targets/l-web").json() == web
        client.post("/v1/graphs:link", json=body).raise_for_status()
        assert client.get("/v1/targets/l-web").json()["requires"] == {}
        assert client.post("/v1/graphs:link", json=body).status_code == 404


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("l2-web", "l2-api", "latest"), 3, "'latest' is no semver range"),
        (("l2-web", "l2-web", "*"), 3, "no link to itself"),
        (("l2-nobody", "l2-api", "*"), 6, "targets/l2-nobody does not exist"),
        (("l2-nobody@1.0.0", "l2-api", "*"), 6, "targets/l2-nobody does not exist"),
        (("l2-web", "l2-api"), 64, "give a RANGE"),
        (("l2-web", "l2-api", "*", "--remove"), 64, "give a RANGE"),
        (("l2-web", "l2-api", "--remove"), 6, "says nothing about requires l2-api"),
        (("l2-web", "_api", "*"), 64, "no segment of a key"),
    ],
)
def test_a_link_that_cannot_be_is_refused(shared: Daemon, words: tuple[str, ...], code: int, told: str) -> None:
    shared.load({"targets/l2-web": b'{"family": "l"}'})
    done = shared.cli("graphs", "link", *words)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr


def test_a_link_says_what_it_breaks_and_which_circle_it_closes(start: Any) -> None:
    daemon = start()
    daemon.load({"targets/a": b'{"family": "f", "requires": {"b": "*"}}', "targets/b": b'{"family": "f"}'})
    daemon.load({"envs/prod/a/version": b"1.0.0", "envs/prod/b/version": b"1.0.0"})
    done = daemon.cli("graphs", "link", "b", "a", ">=2")
    assert "does not hold in prod: b 1.0.0 requires a '>=2', but a 1.0.0 runs" in done.stderr
    assert "a circle" in done.stderr
    checked = daemon.cli("graphs", "check")
    assert (checked.returncode, "requirements go in a circle" in checked.stderr) == (3, True)


def test_what_cannot_be_read_is_told_by_check(start: Any) -> None:
    """One bad range makes the whole target unreadable: its bindings are Held, and the graph says so too."""
    daemon = start()
    world = scan_world()
    world["targets/av"] = json.dumps(json.loads(world["targets/av"]) | {"requires": {"db": "latest"}}).encode()
    daemon.load(world)
    status = daemon.until_status("prod/asia/av/default", state="Held")
    assert "targets/av is unreadable" in status["reason"]
    assert "'latest' for target 'db'" in status["reason"]
    done = daemon.cli("graphs", "check")
    assert (done.returncode, "targets/av is unreadable" in done.stderr) == (3, True)


def test_what_is_asked_wrongly_is_told(shop: Daemon) -> None:
    with shop.client() as client:
        for path, body, status in (
            ("plan", {"environment": "prod", "goals": {}}, 422),
            ("plan", {"environment": "prod", "goals": {"auth": 2}}, 422),
            ("plan", {"environment": "prod//x", "goals": {"auth": "2.0.0"}}, 400),
            ("plan", {"environment": "prod", "goals": {"nobody": "2.0.0"}}, 404),
            ("plan", {"environment": "prod", "goals": {"auth": "two"}}, 422),
            ("plan", {"goals": {"auth": "2.0.0"}}, 422),
            ("link", {"target": "web"}, 422),
            ("link", {"target": "web", "kind": "needs", "other": "api", "range": "*"}, 422),
        ):
            answer = client.post(f"/v1/graphs:{path}", json=body)
            assert answer.status_code == status, (path, body, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        assert client.get("/v1/graphs", params={"environment": "a b"}).status_code == 400
    assert shop.cli("graphs", "plan", "prod", "auth").returncode == 64
    assert shop.cli("graphs", "plan", "prod", "auth@1.0.0", "auth@2.0.0").returncode == 64


def test_the_graph_is_shown_in_forms_that_others_draw(shop: Daemon) -> None:
    chart = shop.cli("graphs", "show", "prod", "--format", "mermaid").stdout
    assert chart.startswith("flowchart LR\n")
    assert '-->|"requires ^1.4"|' in chart
    assert shop.cli("graphs", "show", "--format", "dot").stdout.startswith("digraph versions {\n")
    told = json.loads(shop.cli("graphs", "show", "prod", "-o", "json").stdout)
    assert told["running"]["auth"] == "1.5.2"
    assert {(e["target"], e["other"], e["broken"]) for e in told["edges"]} == {
        ("api", "auth", False),
        ("web", "api", False),
    }


def test_a_version_that_violates_the_graph_is_dependency_drift_until_it_holds(start: Any) -> None:
    """For whoever said so and for whoever refuses; where the target says block, its bindings are Held meanwhile."""
    daemon = start()
    with daemon.client() as client:
        client.post("/v1/txn", content=EXAMPLE.read_bytes()).raise_for_status()
    daemon.load(
        {
            "schemas/shop/1.0.0": b"{}",
            "targets/api": b'{"family": "shop", "schemas": {"*": "1.0.0"}, "onDependencyConflict": "block"}',
            "configs/api/1.0.0/default": b"{}",
            "bindings/prod/api/default": b"",
        }
    )
    daemon.until_status("prod/api/default", state="InSync")
    daemon.load({"envs/prod/auth/version": b"2.0.0"})
    told = daemon.until_status("prod/api/default", state="Held")
    assert told["reason"] == "dependency: requires auth '^1.4', but 2.0.0 runs"

    def drifts() -> dict[str, list[str]]:
        with daemon.client() as client:
            items = client.get("/v1/drifts").json()["items"]
        found = {item["key"]: json.loads(item["value"])["drifts"] for item in items}
        return {key: [d["reason"] for d in each if d["dimension"] == "dependency"] for key, each in found.items()}

    wanted = {
        "drift/prod/api": ["requires auth '^1.4', but 2.0.0 runs"],
        "drift/prod/auth": ["accepts api '>=2', but 1.8.0 runs"],
    }
    for _ in until("both sides are told"):
        if drifts() == wanted:
            break
    daemon.load({"envs/prod/auth/version": b"1.6.0"})
    daemon.until_status("prod/api/default", state="InSync")
    for _ in until("the drift is over"):
        if drifts() == {}:
            break
