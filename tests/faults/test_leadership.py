"""Who leads on a real Consul: one at a time, taken over after a crash, at once after a stop, never the past."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon
from tests.engine.world import raw, scan_world
from tests.waiting import wait

pytestmark = pytest.mark.consul

WHERE = "prod/asia/av/default"
TAKEOVER_S = 60
"""A deadline, no measurement: at the defaults Consul ends a dead session within 20 s, and the lock waits 1 s more."""


class Pair:
    """Two controllers on one Consul, sharing one journal on this host."""

    def __init__(self, consul: Any, folder: Path, stack: ExitStack) -> None:
        self.consul = consul
        self._folder = folder
        self._stack = stack

    def start(self, name: str, role: str = "controller,api") -> Daemon:
        where = ("--store", f"consul://{self.consul.address}", "--data-dir", str(self._folder / "data"))
        daemon = Daemon(self._folder / name, (*where, "--name", name, "--role", role, "--resync-s", "3600"))
        self._stack.callback(daemon.close)
        return daemon.start()

    def put(self, keys: dict[str, Any]) -> None:
        for key, value in keys.items():
            assert self.consul.call("PUT", f"/v1/kv/versiqii/{key}", raw(value)).status == 200

    def get(self, key: str) -> bytes | None:
        answer = self.consul.call("GET", f"/v1/kv/versiqii/{key}?raw&consistent")
        return answer.body if answer.status == 200 else None

    def leader(self) -> str | None:
        answer = self.consul.call("GET", "/v1/kv/versiqii/_system/leader?consistent")
        entry = json.loads(answer.body)[0] if answer.status == 200 else {}
        return json.loads(self.get("_system/leader") or b"{}").get("leader") if entry.get("Session") else None

    def end_session(self) -> None:
        """What Consul does by itself when the time to live of the leader's session is over."""
        session = self.consul.call("GET", "/v1/kv/versiqii/_system/leader").json()[0]["Session"]
        assert self.consul.call("PUT", f"/v1/session/destroy/{session}").status == 200

    def effective(self) -> Any:
        return json.loads(self.get(f"effective/{WHERE}") or b"null")


def _signal(daemon: Daemon, number: int) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(number)


@pytest.fixture
def pair(consul: Any, tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(consul, tmp_path / "shared", stack)


def test_standby_takes_over_after_a_crash(pair: Pair) -> None:
    """kill -9 of the leader: the standby leads, and what changed meanwhile is done."""
    first = pair.start("first")
    wait("first leads", lambda: pair.leader() == "first")
    pair.start("second")
    pair.put(scan_world())
    wait("converged", lambda: pair.effective() == {"depth": 3})
    first.kill()
    pair.put({"envs/prod/asia/av/version": "2.1.3"})
    wait("second leads", lambda: pair.leader() == "second", TAKEOVER_S)
    wait("converged", lambda: pair.effective() == {"scan": {"depth": 3}})


def test_standby_takes_over_at_once_after_a_stop(pair: Pair) -> None:
    """SIGTERM hands the lead back. That nobody waits then is shown in virtual time, how long it takes by the bench."""
    first = pair.start("first")
    wait("first leads", lambda: pair.leader() == "first")
    pair.start("second")
    pair.put(scan_world())
    wait("converged", lambda: pair.effective() == {"depth": 3})
    assert first.stop() == 0
    wait("second leads", lambda: pair.leader() == "second")


def told(daemon: Daemon) -> dict[str, Any]:
    """What the daemon's API says of the lead."""
    with daemon.client() as client:
        answer: dict[str, Any] = client.get("/v1/leader").json()
    return answer


def test_who_leads_is_what_the_lock_says_and_not_what_its_key_still_says(pair: Pair) -> None:
    """After a stop and after a crash nobody leads, and the API of another process says so."""
    first = pair.start("first")
    wait("first leads", lambda: told(first)["self"])
    other = pair.start("other", role="api")
    assert told(other) == told(first) | {"self": False}
    assert told(other)["leader"] == "first"
    assert told(other)["epoch"] == 1
    assert first.stop() == 0
    nobody = {"leader": None, "since": None, "epoch": None, "self": False}
    assert told(other) == nobody, "handed back"
    assert json.loads(pair.get("_system/leader") or b"")["leader"] == "first", "the key keeps its value"
    second = pair.start("second")
    wait("second leads", lambda: told(second)["self"] and told(other)["epoch"] == 2)
    second.kill()
    assert told(other)["leader"] == "second", "its session lives on, and with it the lock"
    pair.end_session()
    assert told(other) == nobody, "and over it is"


def test_frozen_leader_cannot_write_when_it_wakes(pair: Pair) -> None:
    """A leader stopped for longer than its session lives is deposed; what it had in mind is refused by the store."""
    first = pair.start("first")
    wait("first leads", lambda: pair.leader() == "first")
    second = pair.start("second")
    pair.put(scan_world())
    wait("converged", lambda: pair.effective() == {"depth": 3})
    _signal(first, signal.SIGSTOP)
    pair.put({"configs/av/1.0.0/default": {"depth": 4}})
    wait("second leads", lambda: pair.leader() == "second", TAKEOVER_S)
    wait("converged", lambda: pair.effective() == {"depth": 4})
    _signal(first, signal.SIGCONT)
    for depth in range(5, 9):
        pair.put({"configs/av/1.0.0/default": {"depth": depth}})
        wait(f"depth {depth}", lambda depth=depth: pair.effective() == {"depth": depth})  # type: ignore[misc]
    assert pair.leader() == "second"
    assert told(first) == told(second) | {"self": False}
    epochs = [e["data"]["epoch"] for e in second.entries() if e["type"] == "LeaderElected"]
    assert epochs == sorted(set(epochs))
    applied = [e["data"]["effectiveDigest"] for e in second.entries() if e["type"] == "EffectiveApplied"]
    assert len(applied) == len(set(applied)), "an effective config was recorded twice"
