"""Effective keys in a real store become files on a real disk, and stay right over restarts of the agent."""

from __future__ import annotations

import json
import tomllib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.agent.run import run
from versiqiid.agent.settings import read_settings
from versiqiid.core.canonical import digest
from versiqiid.ports import Delete, Set

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

SETTINGS = """
environment = "prod/eu-fr"
host = "web-1"
data-dir = "{root}/data"

[[targets]]
target = "av"
version = {{ command = ["echo", "2.1.3"] }}

[[targets.files]]
destination = "{root}/etc/av.json"
check = ["sh", "-c", '! grep -q unchecked "$1"', "check", "{{staged}}"]
reload = ["sh", "-c", 'echo reload >> {root}/reloads; ! grep -q bad {root}/etc/av.json']

[[targets.files]]
destination = "{root}/etc/av.yaml"
format = "yaml"
reload = ["sh", "-c", 'echo reload >> {root}/reloads; ! grep -q bad {root}/etc/av.json']

[[targets.files]]
name = "rules"
destination = "{root}/etc/rules.conf"
format = "template"
template = "{root}/rules.j2"
"""


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Any]:
    if request.param == "memory":
        yield MemoryStore()
        return
    async with await SqliteStore.open(tmp_path / "keys.sqlite") as opened:
        yield opened


@asynccontextmanager
async def agent(root: Path, store: Any) -> AsyncIterator[None]:
    settings = read_settings(tomllib.loads(SETTINGS.format(root=root)))
    async with anyio.create_task_group() as tasks:

        async def start(*, task_status: anyio.abc.TaskStatus[None]) -> None:
            await run(settings, store, store, task_status=task_status)

        with anyio.fail_after(60):
            await tasks.start(start)
        yield
        tasks.cancel_scope.cancel()


async def reported(store: Any, accept: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The report in the store once it is as expected."""
    found: list[dict[str, Any]] = []
    async with anyio.create_task_group() as tasks:

        async def observe(_: object) -> None:
            entry = await store.get("versiqii/hosts/web-1/av")
            if entry and accept(json.loads(entry.value)):
                found.append(json.loads(entry.value))
                tasks.cancel_scope.cancel()

        with anyio.fail_after(60):
            await store.watch("versiqii/hosts/", observe)
    return found[0]


def key(name: str = "default") -> str:
    return f"versiqii/effective/prod/eu-fr/av/{name}"


def reloads(root: Path) -> int:
    return (root / "reloads").read_text().count("reload")


async def test_from_key_to_file_and_back(tmp_path: Path, store: Any) -> None:
    """Applied in three formats with one reload, refused by a check, restored after a reload, kept without a key."""
    (tmp_path / "rules.j2").write_text("{% for rule in rules %}allow {{ rule }}\n{% endfor %}")
    good, bad, unchecked = b'{"level":"no"}', b'{"level":"bad"}', b'{"level":"unchecked"}'
    await store.commit([Set(key(), good), Set(key("rules"), b'{"rules":["a","b"]}')])
    async with agent(tmp_path, store):
        report = await reported(store, lambda told: told["state"] == "Applied")
        assert (report["version"], report["digest"]) == ("2.1.3", digest(good))
        assert (tmp_path / "etc/av.json").read_bytes() == good
        assert (tmp_path / "etc/av.yaml").read_text() == 'level: "no"\n'
        assert (tmp_path / "etc/rules.conf").read_text() == "allow a\nallow b\n"
        assert reloads(tmp_path) == 1

        await store.commit([Set(key(), bad)])
        report = await reported(store, lambda told: told["state"] == "Restored")
        assert (report["digest"], report["wantedDigest"]) == (digest(good), digest(bad))
        assert (tmp_path / "etc/av.json").read_bytes() == good
        assert (tmp_path / "etc/av.yaml").read_text() == 'level: "no"\n'
        assert reloads(tmp_path) == 3

        await store.commit([Set(key(), unchecked), Set(key("rules"), b"{}")])
        report = await reported(store, lambda told: told["files"][0]["state"] == "CheckFailed")
        assert [file["state"] for file in report["files"]] == ["CheckFailed", "CheckFailed", "RenderFailed"]
        assert (tmp_path / "etc/av.json").read_bytes() == good
        assert (tmp_path / "etc/av.yaml").read_text() == 'level: "no"\n'
        assert (tmp_path / "etc/rules.conf").read_text() == "allow a\nallow b\n"

        await store.commit([Delete(key()), Set(key("rules"), b'{"rules":["c"]}')])
        await reported(store, lambda told: [file["state"] for file in told["files"]] == ["Gone", "Gone", "Applied"])
        assert (tmp_path / "etc/av.json").read_bytes() == good
        assert (tmp_path / "etc/rules.conf").read_text() == "allow c\n"
    assert await store.get("versiqii/hosts/web-1/av") is None


async def test_a_restart_changes_nothing_and_a_missed_change_is_caught_up(tmp_path: Path, store: Any) -> None:
    """The files' inodes and times stay over a restart; what changed meanwhile is applied once."""
    (tmp_path / "rules.j2").write_text("")
    await store.commit([Set(key(), b'{"a":1}'), Set(key("rules"), b"{}")])
    async with agent(tmp_path, store):
        await reported(store, lambda told: told["state"] == "Applied")
    before = (tmp_path / "etc/av.json").stat()
    async with agent(tmp_path, store):
        await reported(store, lambda told: told["state"] == "Applied")
    assert (tmp_path / "etc/av.json").stat() == before
    assert reloads(tmp_path) == 1
    await store.commit([Set(key(), b'{"a":2}')])
    async with agent(tmp_path, store):
        await reported(store, lambda told: told["digest"] == digest(b'{"a":2}'))
    assert (tmp_path / "etc/av.json").read_bytes() == b'{"a":2}'
    assert reloads(tmp_path) == 2
