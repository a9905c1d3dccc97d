"""Hub versions on a daemon: what `migrations plan` advises is registered, and every version reaches every other.

The oracle of the paths is the shape of the advice: a star for each major line, and a chain of their hubs. That is a
tree, so there is one way between two versions, and the rule of the key layout has nothing to choose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, until

LINES = (("1.0.0", "1.1.0", "1.2.0"), ("2.0.0", "2.1.0"), ("3.0.0", "3.1.0"))
HUBS = ("1.2.0", "2.1.0", "3.1.0")
VERSIONS = tuple(version for line in LINES for version in line)


def member(version: str) -> str:
    """What the one member of a config is called in that version."""
    return "v" + version.replace(".", "_")


def place(version: str) -> str:
    return "to/v" + version.replace(".", "-")


def world() -> dict[str, bytes]:
    """A config for each version, each bound in seven environments; in each of them another version runs."""
    keys: dict[str, Any] = {
        "families/hub": {},
        "targets/t": {"family": "hub", "schemas": {version: version for version in VERSIONS}},
    }
    texts: dict[str, bytes] = {}
    for version in VERSIONS:
        schema = {"type": "object", "properties": {member(version): {"type": "integer"}}, "required": [member(version)]}
        keys[f"schemas/hub/{version}"] = schema | {"additionalProperties": False}
        keys[f"configs/t/{version}/from-{version}"] = {member(version): VERSIONS.index(version)}
        texts[f"bindings/to/t/from-{version}"] = b""
        texts[f"envs/{place(version)}/t/version"] = version.encode()
    return {key: json.dumps(value).encode() for key, value in keys.items()} | texts


def patch_of(source: str, destination: str) -> list[dict[str, str]]:
    return [{"op": "move", "from": f"/{member(source)}", "path": f"/{member(destination)}"}]


def step(source: str, destination: str) -> bytes:
    """The value of one step's key."""
    return json.dumps({"runtime": "json-patch", "patch": patch_of(source, destination)}).encode()


def plan(daemon: Daemon, source: str, destination: str) -> Any:
    with daemon.client() as client:
        answer = client.post(f"/v1/migrations/hub/{source}/{destination}:plan")
    assert answer.status_code == 200, answer.text
    return answer.json()


def advised(told: Any) -> list[tuple[str, str]]:
    """Every step that the advice names."""
    missing = [each for line in told["hubs"]["lines"] for each in line["missing"]] + told["hubs"]["missingBetween"]
    return [(each["from"], each["to"]) for each in missing]


def way(source: str, destination: str) -> list[str]:
    """The one way: to the hub of its line, from hub to hub, from the hub of the other line."""
    if source == destination:
        return [source]
    one, other = int(source[0]) - 1, int(destination[0]) - 1
    chain = HUBS[one : other + 1] if one <= other else HUBS[other : one + 1][::-1]
    return list(dict.fromkeys((source, *chain, destination)))


def until_settled(daemon: Daemon, wanted: set[tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Every status by its binding, as soon as all of them are of these states and versions."""
    found: dict[str, dict[str, Any]] = {}
    with daemon.client() as client:
        for _ in until(f"all statuses are {wanted}"):
            answer = client.get("/v1/status/", params={"values": "true", "page_size": 1000}).json()
            found = {item["key"].removeprefix("status/"): json.loads(item["value"]) for item in answer["items"]}
            if {(each["state"], each["targetVersion"]) for each in found.values()} == wanted:
                return found
    raise AssertionError(found)


@pytest.fixture(scope="module")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The world, with no migrations yet."""
    with Daemon(tmp_path_factory.mktemp("hubs")) as daemon:
        daemon.load(world())
        yield daemon


def test_the_advice_is_enough_and_nothing_of_it_is_too_much(hubs: Daemon) -> None:
    """12 converters instead of 42: then each of 7 versions is read as each of 7, over exactly the steps of the tree."""
    first = plan(hubs, "1.0.0", "3.0.0")
    assert first["path"] is None
    assert [(line["line"], line["hub"]) for line in first["hubs"]["lines"]] == list(zip("123", HUBS, strict=True))
    assert [line["converters"]["withHub"] for line in first["hubs"]["lines"]] == [4, 2, 2]
    steps = advised(first)
    assert len(steps) == len(set(steps)) == 4 + 2 + 2 + 4
    with hubs.client() as client:
        for source, destination in steps:
            put = client.put(f"/v1/migrations/hub/{source}/{destination}", content=step(source, destination))
            assert put.status_code == 201, put.text
    assert advised(plan(hubs, "1.0.0", "3.0.0")) == []
    states = {("Migrated", version) for version in VERSIONS} | {("InSync", version) for version in VERSIONS}
    statuses = until_settled(hubs, states)
    assert len(statuses) == 49
    with hubs.client() as client:
        for source, destination in product(VERSIONS, VERSIONS):
            binding = f"{place(destination)}/t/from-{source}"
            status, path = statuses[binding], way(source, destination)
            assert [step["from"] for step in status["steps"]] == path[:-1], binding
            assert [step["to"] for step in status["steps"]] == path[1:]
            assert status["state"] == ("InSync" if source == destination else "Migrated")
            assert status["source"]["key"] == f"configs/t/{source}/from-{source}"
            effective = client.get(f"/v1/effective/{binding}").json()
            assert effective == {member(destination): VERSIONS.index(source)}
            told = plan(hubs, source, destination)
            assert told["path"] == path
            assert [(step["from"], step["to"]) for step in told["steps"]] == list(pairwise(path))


def test_without_any_one_of_the_advised_steps_somebody_is_cut_off(hubs: Daemon) -> None:
    """Each of them is needed: a bridge of the tree, in its direction."""
    steps = [step for line in LINES for other in line[:-1] for step in ((other, line[-1]), (line[-1], other))]
    steps += [step for one, other in pairwise(HUBS) for step in ((one, other), (other, one))]
    with hubs.client() as client:
        for source, destination in steps:
            key = f"/v1/migrations/hub/{source}/{destination}"
            value = client.get(key).content
            assert client.delete(key, headers={"If-Match": "*"}).status_code in (200, 204)
            told = plan(hubs, source, destination)
            assert told["path"] is None
            assert advised(told) == [(source, destination)]
            assert client.put(key, content=value).status_code == 201


def test_the_rule_chooses_where_there_is_more_than_one_way(hubs: Daemon, tmp_path: Path) -> None:
    """Fewest lossy steps, then fewest steps, then the way whose versions come first: a hub has no privilege."""
    asked = ("1.0.0", "3.0.0")
    binding = f"{place(asked[1])}/t/from-{asked[0]}"

    def taken(*path: str) -> None:
        assert plan(hubs, *asked)["path"] == list(path)
        for _ in until(f"{binding} goes over {path}"):
            status = hubs.status(binding)
            if status and [step["to"] for step in status["steps"]] == list(path[1:]):
                break

    def add(source: str, destination: str, *options: str) -> None:
        patch = tmp_path / f"{source}-{destination}.json"
        patch.write_text(json.dumps(patch_of(source, destination)))
        done = hubs.cli("migrations", "add", "hub", source, destination, "--patch", str(patch), *options)
        assert done.returncode == 0, done.stderr

    taken("1.0.0", "1.2.0", "2.1.0", "3.1.0", "3.0.0")
    add("1.0.0", "3.0.0", "--lossy", "/nothing")
    taken("1.0.0", "1.2.0", "2.1.0", "3.1.0", "3.0.0")
    add("1.0.0", "2.1.0")
    taken("1.0.0", "2.1.0", "3.1.0", "3.0.0")
    add("1.2.0", "3.1.0")
    taken("1.0.0", "1.2.0", "3.1.0", "3.0.0")
    add("1.1.0", "3.0.0")
    add("1.0.0", "1.1.0")
    taken("1.0.0", "1.1.0", "3.0.0")


def test_the_terminal_names_the_hubs_and_the_missing_steps(start: Any) -> None:
    """Exit 6 while there is no way, and every step that the advice holds; once there is a way, nothing is missing."""
    daemon: Daemon = start()
    daemon.load(world())
    ask = ("migrations", "plan", "hub", "1.0.0", "2.0.0")
    done = daemon.cli(*ask)
    assert done.returncode == 6
    assert done.stderr.splitlines()[:4] == [
        "no path leads from 1.0.0 to 2.0.0",
        "missing: 1.0.0 to 1.1.0",
        "missing: 1.1.0 to 1.2.0",
        "missing: 1.2.0 to 2.0.0",
    ]
    hubs = "".join(line for line in done.stderr.splitlines(keepends=True) if "hub" in line)
    assert "hub of line 1: 1.2.0, 4 converters instead of 6; missing:" in hubs
    steps = advised(plan(daemon, "1.0.0", "2.0.0"))
    assert all(f"{source} to {destination}" in hubs for source, destination in steps)
    daemon.load({f"migrations/hub/{source}/{destination}": step(source, destination) for source, destination in steps})
    done = daemon.cli(*ask)
    assert done.returncode == 0
    assert [line.rpartition("missing: ")[2] for line in done.stderr.splitlines() if "missing" in line] == ["none"] * 3
