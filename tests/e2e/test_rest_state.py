"""The whole store at a time, over REST and the command line, on both journals."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.places import PostgresPlace
from tests.e2e.processes import Daemon, clean_environment, command, scan_world, until
from tests.services.postgres import Postgres

BINDING = "prod/asia/av/default"
ROOMS = ("families", "schemas", "migrations", "targets", "envs", "configs", "bindings", "effective")


def ask(daemon: Daemon, **query: Any) -> Any:
    with daemon.client() as client:
        answer = client.get("/v1/state", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def present(daemon: Daemon) -> dict[str, tuple[int, str]]:
    """Key → revision and value of everything that has a past."""
    with daemon.client() as client:
        pages = [client.get(f"/v1/{room}/", params={"values": "true"}).json() for room in ROOMS]
    return {item["key"]: (item["revision"], item["value"]) for page in pages for item in page["items"]}


def told(daemon: Daemon, **query: Any) -> dict[str, tuple[int, str]]:
    return {item["key"]: (item["revision"], item["value"]) for item in ask(daemon, values="true", **query)["items"]}


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def flags(request: pytest.FixtureRequest) -> tuple[str, ...]:
    if request.param == "sqlite":
        return ()
    server: Postgres = request.getfixturevalue("shared_postgres")
    return ("--journal", PostgresPlace(server.create_database()).url)


def test_the_state_at_a_time_an_id_and_a_position(start: Callable[..., Daemon], flags: tuple[str, ...]) -> None:
    daemon = start(*flags)
    daemon.load(scan_world(), **{"X-Correlation-Id": "setup"})
    daemon.until_status(BINDING, targetVersion="1.4.0")
    first = present(daemon)
    time = daemon.entries()[-1]["time"]
    size = len(daemon.entries())
    daemon.load({"envs/prod/asia/av/version": b"2.0.0", "configs/av/1.0.0/more": b"\xff"}, **{"X-Correlation-Id": "up"})
    daemon.until_status(BINDING, targetVersion="2.0.0")
    for point in ({"at": time}, {"at": "setup"}, {"position": size}):
        assert told(daemon, **point) == first
    for _ in until("the effective config of the new version is recorded"):
        found = {item["key"]: item["revision"] for item in ask(daemon, at="up")["items"]}
        if found.get(f"effective/{BINDING}", 0) > first[f"effective/{BINDING}"][0]:
            break
    (row,) = ask(daemon, at="up", values="true", prefix="configs/av/1.0.0/more")["items"]
    assert row["valueBase64"] == "/w=="
    assert ask(daemon, at="1999-01-01T00:00:00Z")["items"] == ask(daemon, position=0)["items"] == []
    whole = ask(daemon, position=size)["items"]
    pages = [ask(daemon, position=size, page_size=4)]
    while "nextPageToken" in pages[-1]:
        pages.append(ask(daemon, position=size, page_size=4, page_token=pages[-1]["nextPageToken"]))
    assert [item for page in pages for item in page["items"]] == whole
    done = daemon.cli("state", "envs/", "--at", time, "-o", "json")
    assert [row["key"] for row in json.loads(done.stdout)] == ["envs/prod/asia/av/version"]
    assert f"after {size} entries" in done.stderr
    assert daemon.cli("state").returncode == 64
    assert daemon.stop() == 0
    rebuilt = subprocess.run(
        [*command("versiqiid"), "journal", "rebuild", "--data-dir", str(daemon.data_dir), *flags],
        capture_output=True,
        check=False,
        text=True,
        env=clean_environment(),
    )
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert "all as stored" in rebuilt.stdout


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 422), ({"at": "17"}, 422), ({"at": "nobody"}, 404), ({"position": 10**9}, 422),
     ({"at": "a", "position": 1}, 422),
     ({"position": 0, "page_size": 1001}, 422), ({"position": -1}, 422)],
)  # fmt: skip
def test_a_point_that_is_none(shared: Daemon, query: dict[str, Any], status: int) -> None:
    with shared.client() as client:
        assert client.get("/v1/state", params=query).status_code == status
