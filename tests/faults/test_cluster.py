"""A daemon on three Consul servers that are stopped, frozen, cut off, put back, restarted and limited, one after the
other: no effective config is ever blank, stale or lost, and what changed meanwhile is converged to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.processes import Daemon
from tests.faults.fleet import ROOT, Operators, digest, judge, serial_of, serials, world
from tests.faults.lookout import Lookout
from tests.faults.passage import Cut, Passage, crowd
from tests.services.consul import ConsulOnDisk
from tests.services.consul.cluster import ConsulCluster
from tests.services.fixtures import launch

pytestmark = [pytest.mark.consul, pytest.mark.timeout(300)]

NAMES = [f"c{number}" for number in range(40)]
RESYNC_S = 600
"""Longer than any of these tests: what a watch missed must be found without it."""

CONNECTIONS_MAX = 200
"""Consul's default for ``limits.http_max_conns_per_client``."""

PLACE = "prod/asia/av"


@dataclass
class Scene:
    """The cluster, the way to each of its servers, the daemon behind them, and who watches.

    :ivar serial: of the newest configs.
    """

    cluster: ConsulCluster
    passages: list[Passage]
    daemon: Daemon
    operators: Operators
    lookout: Lookout
    serial: int = 0

    def change(self) -> None:
        """Somebody raises every serial number."""
        self.serial += 1
        self.operators.put(serials(NAMES, self.serial))

    def move(self, version: str) -> None:
        """Somebody upgrades or downgrades the engine."""
        self.operators.put({f"envs/{PLACE}/version": version.encode()})

    def converged(self) -> None:
        """Return when every effective config is the newest, as the second watcher sees it."""
        wanted = {f"{PLACE}/{name}" for name in NAMES}
        self.lookout.until(
            f"serial {self.serial} everywhere",
            lambda values: values.keys() == wanted and all(serial_of(v) == self.serial for v in values.values()),
        )

    def in_use(self) -> Passage:
        """The way that the daemon took last."""
        return max(self.passages, key=lambda passage: max((one.began for one in passage.exchanges), default=0.0))

    def at_rest(self) -> None:
        """The end of every scene: a last change arrives, everybody says the same, and nothing was ever wrong."""
        self.cluster.leader()
        self.change()
        self.converged()
        for name in NAMES:
            self.daemon.until_status(f"{PLACE}/{name}", reason="")
        effective = self.operators.tree("effective")
        statuses = {key: json.loads(value) for key, value in self.operators.tree("status").items()}
        assert effective.keys() == statuses.keys() == {f"{PLACE}/{name}" for name in NAMES}
        for key, status in statuses.items():
            assert (key, status["effectiveDigest"]) == (key, digest(effective[key]))
        assert self.lookout.faults == []
        self.recorded()

    def recorded(self) -> None:
        """What the watcher may have missed between two looks, the journal has: each settlement, once and in order."""
        told: dict[str, list[tuple[int, str]]] = {}
        known = {digest(value) for n in range(1, self.serial + 1) for value in _documents(n)}
        start = 0
        while entries := self.daemon.entries(start=start):
            start = entries[-1]["position"] + 1
            for entry in entries:
                assert entry["type"] not in {"EffectiveHeld", "ConfigRejected", "EffectiveRemoved"}, entry
                if entry["type"] == "EffectiveApplied":
                    assert entry["data"]["effectiveDigest"] in known
                    revision = (entry["consul"]["index"], entry["data"]["effectiveDigest"])
                    told.setdefault(entry["data"]["binding"], []).append(revision)
        for binding, revisions in told.items():
            assert len(revisions) == len(set(revisions)), f"{binding}: recorded twice"


def _documents(serial: int) -> tuple[bytes, bytes]:
    return f'{{"serial":{serial}}}'.encode(), f'{{"scan":{{"serial":{serial}}}}}'.encode()


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[ConsulCluster]:
    """One cluster for all scenes: each gives back what it takes away."""
    yield from launch(request, ConsulCluster)


@pytest.fixture(scope="module")
def stage(cluster: ConsulCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ExitStack() as stack:
        passages = [stack.enter_context(Passage(server.address)) for server in cluster.servers]
        addresses = [server.address for server in cluster.servers]
        operators = Operators(addresses)
        operators.put(
            world() | {f"envs/{PLACE}/version": b"1.4.0"} | {f"bindings/{PLACE}/{name}": b"" for name in NAMES}
        )
        operators.put(serials(NAMES, 1))
        store = "consul://" + ",".join(passage.address for passage in passages)
        flags = ("--store", store, "--resync-s", str(RESYNC_S))
        daemon = Daemon(tmp_path_factory.mktemp("cluster"), flags)
        stack.callback(daemon.close)
        daemon.start()
        lookout = stack.enter_context(Lookout(addresses, f"{ROOT}/effective/", judge))
        scene = Scene(cluster, passages, daemon, operators, lookout, serial=1)
        scene.converged()
        yield scene


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    """At rest before and after; whatever a failed scene left broken is mended."""
    yield stage
    for passage in stage.passages:
        passage.cut = Cut.NO
    for server in stage.cluster.servers:
        if not server.running:
            server.start()
        server.resume()
    stage.operators.avoided = ""


def test_leader_stopped(scene: Scene) -> None:
    """The leader is killed; the two others elect one, and the fleet goes on before it is back."""
    leader = scene.cluster.leader()
    scene.change()
    leader.kill()
    scene.move("2.0.0")
    scene.change()
    scene.converged()
    leader.start()
    scene.at_rest()


def test_leader_frozen(scene: Scene) -> None:
    """The leader stands still with its connections open, and wakes when another one leads."""
    leader = scene.cluster.leader()
    scene.change()
    scene.operators.avoided = leader.address
    leader.pause()
    scene.change()
    scene.move("1.5.0")
    scene.converged()
    leader.resume()
    scene.operators.avoided = ""
    scene.at_rest()


@pytest.mark.parametrize("how", [Cut.REFUSED, Cut.SILENT])
def test_network_cut(scene: Scene, how: Cut) -> None:
    """The way to one server is cut, then the way to all of them; refused or swallowed."""
    one_by_one = scene.passages if how is Cut.REFUSED else [scene.in_use()]  # silence takes a time limit each
    for passage in one_by_one:
        passage.cut = how
        scene.change()
        scene.converged()
        passage.cut = Cut.NO
    for passage in scene.passages:
        passage.cut = how
    scene.change()
    scene.move("2.0.0" if how is Cut.REFUSED else "1.4.0")
    for passage in scene.passages:
        passage.cut = Cut.NO
    scene.converged()
    scene.at_rest()


def test_restored_from_a_snapshot(scene: Scene, tmp_path: Path) -> None:
    """The cluster is put back to an older state, indexes included: that is the truth now, and followed from there."""
    before = scene.serial
    scene.cluster.leader().snapshot(tmp_path / "snapshot")
    scene.change()
    scene.change()
    scene.converged()
    index = scene.lookout.index
    scene.lookout.expect_restore()
    scene.cluster.leader().restore(tmp_path / "snapshot")
    scene.serial = before
    scene.converged()
    assert scene.lookout.index < index, "this restore put no index back"
    newest = before + 2
    scene.serial = newest
    scene.at_rest()


def test_rolling_restart(scene: Scene) -> None:
    """Each server is stopped in an orderly way and started again, while the fleet changes."""
    for version, server in zip(("2.0.0", "1.6.0", "2.1.0"), scene.cluster.servers, strict=True):
        scene.change()
        server.stop()
        scene.move(version)
        scene.change()
        server.start()
        scene.cluster.leader()
        scene.converged()
    scene.at_rest()


def test_no_leader_storm(scene: Scene) -> None:
    """Again and again a majority is away and nobody leads: every answer is "No cluster leader", and then none is."""
    for _ in range(3):
        followers = scene.cluster.followers()
        scene.change()
        for server in followers:
            server.pause()
        _until_no_leader(next(server for server in scene.cluster.servers if server not in followers))
        for server in followers:
            server.resume()
        scene.cluster.leader()
    scene.converged()
    scene.at_rest()


def _until_no_leader(alone: ConsulOnDisk) -> None:
    """The server that is left has noticed that it leads nobody."""

    def noticed() -> bool:
        answer = alone.call("GET", "/v1/kv/any", timeout_s=30)
        return answer.status == 500 and b"No cluster leader" in answer.body

    alone.wait_until(noticed, "500 No cluster leader")


def test_too_many_connections(scene: Scene) -> None:
    """Every server has as many connections as it takes from one address, and answers 429 to each new one."""
    with ExitStack() as crowds:
        for passage, server in zip(scene.passages, scene.cluster.servers, strict=True):
            passage.cut = Cut.REFUSED
            crowds.enter_context(crowd(server.address, CONNECTIONS_MAX))
            passage.cut = Cut.NO
        scene.change()
        scene.move("1.9.0")
        scene.lookout.until("the daemon is told 429 again and again", lambda _: told_429(scene) >= 5)
    scene.converged()
    scene.at_rest()


def told_429(scene: Scene) -> int:
    return sum(one.status == 429 for passage in scene.passages for one in tuple(passage.exchanges))
