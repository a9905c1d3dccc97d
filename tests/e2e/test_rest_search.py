"""Full-text search through a running daemon, over REST and the command line, on both journals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.places import PostgresPlace
from tests.e2e.processes import Daemon, scan_world
from tests.services.postgres import Postgres

BINDING = "prod/asia/av/default"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def filled(request: pytest.FixtureRequest, start: Callable[..., Daemon]) -> Daemon:
    """A daemon on either journal, in which something has happened."""
    flags: tuple[str, ...] = ()
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("shared_postgres")
        flags = ("--journal", PostgresPlace(server.create_database()).url)
    daemon = start(*flags)
    daemon.load(scan_world(), **{"X-Correlation-Id": "setup-7"})
    daemon.until_status(BINDING, targetVersion="1.4.0")
    for depth in (4, 5, 6):
        daemon.load({"configs/av/1.0.0/default": b'{"depth": %d}' % depth}, **{"X-Correlation-Id": "edit"})
    daemon.load({"configs/av/1.0.0/other": "# Prüfstand\ndepth: 1\n".encode()}, **{"X-Correlation-Id": "edit"})
    return daemon


def ask(daemon: Daemon, **query: Any) -> Any:
    with daemon.client() as client:
        answer = client.get("/v1/search", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_was_written_is_found_at_once_page_by_page(filled: Daemon) -> None:
    told = ask(filled, q="prufstand")
    (row,) = told["items"]
    assert (row["data"]["key"], row["foundIn"]) == ("configs/av/1.0.0/other", ["document"])
    assert told["indexed"] == told["size"] == len(filled.entries())
    every = [e["position"] for e in filled.entries() if e["correlationId"] == "edit"]
    found: list[int] = []
    query: dict[str, Any] = {"q": "edit", "in": "entry", "page_size": 2}
    while True:
        page = ask(filled, **query)
        found += [row["position"] for row in page["items"]]
        if "nextPageToken" not in page:
            break
        query["page_token"] = page["nextPageToken"]
    assert found == sorted(every, reverse=True)
    assert "configs/av/1.0.0/default" in {row["data"].get("key") for row in ask(filled, q='"depth 5"')["items"]}
    assert ask(filled, q="5 depth")["items"] == ask(filled, q="depth 5")["items"]
    assert ask(filled, q='"5 depth"')["items"] == []


def test_the_command_asks_the_daemon(filled: Daemon) -> None:
    done = filled.cli("search", "prufstand", "-o", "json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["data"]["key"] == "configs/av/1.0.0/other"
    assert len(json.loads(filled.cli("search", "edit", "--limit", "3", "-o", "json").stdout)) == 3
    assert filled.cli("search", "depth 5", "-o", "name").returncode == 0
    assert filled.cli("search", "nothing-of-that", "-o", "json").stdout.strip() == "[]"
    assert filled.cli("search", "--rebuild", "edit").returncode == 64


@pytest.mark.parametrize(
    "query", [{}, {"q": ""}, {"q": "--"}, {"q": "a", "in": "x"}, {"q": "a", "page_size": 0},
              {"q": "a", "page_size": 1001}, {"q": "a", "page_token": "x"}, {"q": "a", "page_token": "9" * 30},
              {"q": "a " * 33}, {"q": "a" * 9000}]
)  # fmt: skip
def test_a_question_that_is_none(shared: Daemon, query: dict[str, Any]) -> None:
    with shared.client() as client:
        answer = client.get("/v1/search", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text
