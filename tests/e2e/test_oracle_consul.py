"""The oracle's worlds on the real thing: a daemon as a process, a real Consul, edits as anybody's client makes them.

``tests/engine/test_oracle.py`` runs many worlds in one process. Here a handful show that nothing of it is lost on the
way through a real store, a real watch and a real validator.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.e2e.processes import Daemon
from tests.oracle import focus
from tests.oracle.drive import Beside, Disagreement
from tests.oracle.worlds import ALL_MODULES, Edit, histories
from tests.services.consul import Consul
from versiqiid.ports import Delete, Entry, Operation, Set

pytestmark = [pytest.mark.anyio, pytest.mark.consul, pytest.mark.timeout(600)]

STRATEGIES: dict[str, Callable[[], st.SearchStrategy[list[Edit]]]] = {
    "mixed": partial(histories, most=14),
    "paths": focus.paths,
    "bytes": focus.bytes_,
    "places": focus.places,
}
EDITS_MAX = 16
WITHIN_S = 60
MODULES_AT_ONCE = 4


class PlainKv:
    """Consul as ``curl`` sees it; also what is compared: everything under the rooms of one root."""

    def __init__(self, consul: Consul, root: str) -> None:
        self._consul = consul
        self._root = root

    async def commit(self, operations: Sequence[Operation]) -> None:
        """One key is written plainly, several are written in one transaction."""
        told = [operation for operation in operations if isinstance(operation, Set | Delete)]
        await anyio.to_thread.run_sync(self._put if len(told) == 1 and _is_plain(told[0].key) else self._txn, told)

    def _put(self, told: list[Set | Delete]) -> None:
        (one,) = told
        method, value = ("PUT", one.value) if isinstance(one, Set) else ("DELETE", None)
        assert self._consul.call(method, f"/v1/kv/{quote(self._rooted(one.key))}", value).status == 200

    def _txn(self, told: list[Set | Delete]) -> None:
        body = [{"KV": {"Verb": "delete", "Key": self._rooted(one.key)}} for one in told if isinstance(one, Delete)]
        body += [
            {"KV": {"Verb": "set", "Key": self._rooted(one.key), "Value": base64.b64encode(one.value).decode()}}
            for one in told
            if isinstance(one, Set)
        ]
        answer = self._consul.call("PUT", "/v1/txn", body)
        assert answer.status == 200, answer.body

    async def get(self, key: str) -> Entry | None:
        answer = self._consul.call("GET", f"/v1/kv/{quote(self._rooted(key))}?consistent")
        return _entry(answer.json()[0]) if answer.status == 200 else None

    async def tree(self, room: str) -> dict[str, bytes]:
        prefix = f"{self._root}/{room}/"
        answer = await anyio.to_thread.run_sync(
            partial(self._consul.call, "GET", f"/v1/kv/{prefix}?recurse&consistent")
        )
        entries = [_entry(one) for one in answer.json()] if answer.status == 200 else []
        return {entry.key.removeprefix(prefix): entry.value for entry in entries}

    def _rooted(self, key: str) -> str:
        """The oracle's driver writes under the root of its own tests."""
        return self._root + key.removeprefix("versiqii")


def _entry(told: dict[str, Any]) -> Entry:
    return Entry(told["Key"], base64.b64decode(told["Value"] or ""), told["ModifyIndex"])


def _is_plain(key: str) -> bool:
    """Whether a URL carries the key as it is."""
    return "//" not in key and not {".", "..", ""} & set(key.split("/"))


class Outside(Beside):
    """The comparison from outside, where nobody says when the engine is at rest: it must come to the oracle's end."""

    async def compare(self, world: Any) -> None:
        self.oracle.settle()
        differences: list[str] = []
        with anyio.move_on_after(WITHIN_S):
            while True:
                before, fresh = self.before, set(self.fresh)
                try:
                    differences = [one async for one in self._differences(world)]
                except ValueError as error:  # somebody's rubbish under status/, not healed yet
                    differences = [f"a status is no JSON: {error}"]
                if not differences:
                    return
                self.before, self.fresh = before, fresh
                await anyio.sleep(0.05)
        raise Disagreement("\n".join([*differences, "after:", *map(repr, self.history)]))


def drawn(strategy: st.SearchStrategy[list[Edit]], number: int) -> list[Edit]:
    """One history, the same for the same number."""
    found: list[list[Edit]] = []

    @seed(number)
    @settings(max_examples=4, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(history: list[Edit]) -> None:
        found.append(history)

    collect()
    return max(found, key=len)[:EDITS_MAX]  # the first ones drawn are the smallest there are


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """One for all worlds: each has a root of its own."""
    from tests.services.fixtures import launch  # noqa: PLC0415 - a plugin of pytest, imported by it first

    yield from launch(request, Consul)


@pytest.mark.parametrize(("what", "number"), [("mixed", 1), ("mixed", 2), ("paths", 1), ("bytes", 1), ("places", 2)])
async def test_a_world_on_consul_comes_to_the_oracles_end(
    server: Consul, tmp_path: Path, what: str, number: int
) -> None:
    """After every edit, and after one that is made while no daemon runs: the same keys, states, steps and bytes."""
    history = drawn(STRATEGIES[what](), number)
    root = f"{what}-{number}"
    kv = PlainKv(server, root)
    daemon = Daemon(tmp_path / "daemon", ("--store", f"consul://{server.address}", "--root", root))
    outside = Outside(kv)
    names = list(ALL_MODULES)
    for start in range(0, len(names), MODULES_AT_ONCE):
        await outside.edit({name: ALL_MODULES[name] for name in names[start : start + MODULES_AT_ONCE]})
    try:
        await anyio.to_thread.run_sync(daemon.start)
        for at, edit in enumerate(history):
            if at == len(history) // 2:
                daemon.stop()
                await outside.edit(edit)
                await anyio.to_thread.run_sync(daemon.start)
            else:
                await outside.edit(edit)
            await outside.compare(kv)
    finally:
        daemon.close()
