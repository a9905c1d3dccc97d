"""The registry endpoint where it is more than one process: a second API, a restart, Consul, its own address, tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.e2e.processes import DEADLINE_S, Daemon
from tests.services.consul import Consul

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"


def register(url: str, subject: str, schema: str) -> int:
    path = f"{url}/subjects/{subject}/versions"
    headers = {"Content-Type": MEDIA_TYPE}
    answer = httpx2.post(path, content=json.dumps({"schema": schema}), headers=headers, timeout=DEADLINE_S)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def record(name: str) -> str:
    return json.dumps({"type": "record", "name": name, "fields": []})


def race(urls: list[str]) -> None:
    """Both register the same and different schemas at once: ids agree, none is given twice, no version is lost."""

    def one(at: int) -> tuple[str, int]:
        name = f"R{at // 2}"
        return name, register(urls[at % 2], f"subject-{at % 3}", record(name))

    httpx2.put(f"{urls[0]}/config", content='{"compatibility": "NONE"}', headers={"Content-Type": MEDIA_TYPE})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(24)))
    ids: dict[str, set[int]] = {}
    for name, number in found:
        ids.setdefault(name, set()).add(number)
    assert all(len(each) == 1 for each in ids.values())
    assert len(set.union(*ids.values())) == len(ids)
    for subject in range(3):
        told = [httpx2.get(f"{url}/subjects/subject-{subject}/versions", timeout=DEADLINE_S).json() for url in urls]
        assert told[0] == told[1]
        assert told[0] == list(range(1, len(told[0]) + 1))


def test_two_processes_over_one_file_agree(start: Callable[..., Daemon]) -> None:
    """Two APIs on one host share the embedded store, and what they gave survives both."""
    first = start()
    files = ("--store", f"sqlite:///{first.data_dir}/store.db", "--journal", f"sqlite:///{first.data_dir}/journal.db")
    second = start("--role", "api", *files)
    urls = [f"{first.url}/registry", f"{second.url}/registry"]
    race(urls)
    number = register(urls[1], "kept", record("Kept"))
    second.stop()
    first.restart()
    again = f"{first.url}/registry"
    assert httpx2.get(f"{again}/subjects/kept/versions/1", timeout=DEADLINE_S).json()["id"] == number
    assert register(again, "other", record("Kept")) == number
    assert register(again, "other", record("Fresh")) > number


@pytest.mark.consul
def test_two_processes_over_consul_agree(consul: Consul, start: Callable[..., Daemon]) -> None:
    """The same over Consul, each with its own port; only one of them leads."""
    store = f"consul://{consul.address.removeprefix('http://')}"
    first = start("--store", store)
    second = start("--store", store, "--journal", f"sqlite:///{first.data_dir}/journal.db", "--role", "api")
    race([f"{first.url}/registry", f"{second.url}/registry"])
    assert consul.call("GET", "/v1/kv/versiqii/schemas/subject-0/1?raw").status == 200


def test_an_address_of_its_own(start: Callable[..., Daemon]) -> None:
    """The protocol at the root there, and the API nowhere near."""
    daemon = start("--registry-listen", "127.0.0.1:0")
    url = f"http://{daemon.event('registry')['listen']}"
    number = register(url, "own", record("Own"))
    assert httpx2.get(f"{daemon.url}/registry/schemas/ids/{number}").status_code == 200
    assert httpx2.get(f"{url}/v1/families/own").status_code == 404
    assert httpx2.get(f"{url}/registry/subjects").status_code == 404


def test_tokens(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """As bearer, or as the password of basic authentication; without one nothing is told."""
    tokens = tmp_path / "tokens"
    tokens.write_text("s3cret\n", encoding="utf-8")
    daemon = start("--api-token-file", str(tokens))
    url = f"{daemon.url}/registry/subjects"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, headers={"Authorization": "Bearer s3cret"}).json() == []
    assert httpx2.get(url, auth=("anybody", "s3cret")).json() == []
    assert httpx2.get(url, auth=("s3cret", "wrong")).status_code == 401
    assert httpx2.get(f"{daemon.url}/v1/status", auth=("anybody", "s3cret")).status_code == 401
