"""A store that was put back from a backup: the journal records what is there again, and goes on from it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, scan_world, until
from tests.services.consul import ConsulOnDisk

CONFIG = "configs/av/1.0.0/default"
BINDING = "prod/asia/av/default"
OTHER = "configs/av/1.0.0/other"
GONE = "configs/av/1.0.0/gone"


def history(daemon: Daemon, key: str) -> list[dict[str, Any]]:
    with daemon.client() as client:
        return client.get(f"/v1/history/{key}").json()["items"]


def etag(daemon: Daemon, key: str) -> int:
    """The revision that the store has, 0 when the key is not there."""
    with daemon.client() as client:
        answer = client.get(f"/v1/{key}")
    return int(answer.headers["etag"].strip('"')) if answer.status_code == 200 else 0


def backup(daemon: Daemon, to: Path) -> None:
    """The store as of now, as ``sqlite3 .backup`` makes it."""
    with (
        contextlib.closing(sqlite3.connect(daemon.data_dir / "store.db")) as source,
        contextlib.closing(sqlite3.connect(to)) as target,
    ):
        source.backup(target)


def restore(daemon: Daemon, copy: Path) -> None:
    for suffix in ("-wal", "-shm"):
        (daemon.data_dir / f"store.db{suffix}").unlink(missing_ok=True)
    (daemon.data_dir / "store.db").write_bytes(copy.read_bytes())


def write(daemon: Daemon, key: str, raw: bytes | None) -> None:
    with daemon.client(**{"If-Match": "*"}) as client:
        answer = client.delete(f"/v1/{key}") if raw is None else client.put(f"/v1/{key}", content=raw)
    assert answer.status_code < 300, answer.text


@pytest.fixture
def world(daemon: Daemon) -> Daemon:
    daemon.load(scan_world() | {GONE: b"1"})
    daemon.until_status(BINDING, state="InSync")
    return daemon


def until_newest(daemon: Daemon, *keys: str) -> None:
    """Return when history ends with what the store holds."""
    for _ in until("history ends with what the store holds"):
        if all(history(daemon, key)[-1]["revision"] == etag(daemon, key) for key in keys):
            return


def test_what_is_back_is_recorded_as_such(world: Daemon, tmp_path: Path) -> None:
    """Keys that changed, appeared and vanished since the backup; each has one more revision, with the old content."""
    backup(world, tmp_path / "copy.db")
    first = etag(world, CONFIG)
    write(world, CONFIG, b'{"depth": 4}')
    write(world, OTHER, b'{"depth": 1}')
    write(world, GONE, None)
    lost = etag(world, CONFIG)
    assert world.stop() == 0
    restore(world, tmp_path / "copy.db")
    world.start()
    until_newest(world, CONFIG, GONE)
    assert [r["revision"] for r in history(world, CONFIG)] == [first, lost, first]
    assert history(world, CONFIG)[0]["digest"] == history(world, CONFIG)[2]["digest"]
    for _ in until("the end of what was written after the backup is recorded"):
        if history(world, OTHER)[-1]["digest"] is None:
            break
    assert [r["digest"] is None for r in history(world, GONE)] == [False, True, False]

    write(world, CONFIG, b'{"depth": 5}')
    until_newest(world, CONFIG)
    with world.client() as client:
        assert client.get(f"/v1/show/{CONFIG}", params={"at": str(etag(world, CONFIG))}).content == b'{"depth": 5}'
    done = world.cli("configs", "history", CONFIG, "-o", "json")
    assert done.returncode == 0
    size = len(world.entries())
    world.restart()
    world.until_status(BINDING, state="InSync")
    until_newest(world, CONFIG, GONE)
    kinds = [entry["type"] for entry in world.entries()[size:]]
    assert set(kinds) <= {"LeaderResigned", "LeaderElected", "CheckpointSigned"}, (
        "what is recorded is not recorded again"
    )


def test_a_number_that_the_store_gives_out_twice_is_two_revisions(world: Daemon, tmp_path: Path) -> None:
    """After a restore the store counts on from the backup: the same number may name another content."""
    backup(world, tmp_path / "copy.db")
    write(world, CONFIG, b'{"depth": 4}')
    lost = etag(world, CONFIG)
    assert world.stop() == 0
    restore(world, tmp_path / "copy.db")
    with contextlib.closing(sqlite3.connect(world.data_dir / "store.db")) as database:
        assert database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    world.start()
    until_newest(world, CONFIG)
    write(world, CONFIG, b'{"depth": 4}')  # the lost content again, perhaps under the lost number
    until_newest(world, CONFIG)
    write(world, CONFIG, b'{"depth": 6}')
    until_newest(world, CONFIG)
    known = history(world, CONFIG)
    assert known[1]["revision"] == lost
    assert len(known) == 5
    with world.client() as client:
        assert client.get(f"/v1/show/{CONFIG}", params={"at": str(etag(world, CONFIG))}).content == b'{"depth": 6}'


@pytest.mark.consul
def test_a_consul_that_is_put_back_under_a_running_daemon(
    consul_on_disk: ConsulOnDisk, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    """The watch sees the index go back: what is there again is recorded without a restart, and writing goes on."""
    daemon = start("--store", f"consul://{consul_on_disk.address}")
    daemon.load(scan_world() | {GONE: b"1"})
    daemon.until_status(BINDING, state="InSync")
    consul_on_disk.snapshot(tmp_path / "snapshot")
    first = etag(daemon, CONFIG)
    write(daemon, CONFIG, b'{"depth": 4}')
    write(daemon, GONE, None)
    write(daemon, OTHER, b'{"depth": 1}')
    lost = etag(daemon, CONFIG)
    until_newest(daemon, CONFIG, OTHER)
    consul_on_disk.restore(tmp_path / "snapshot")
    for _ in until("what is back is recorded"):
        known = [[r["revision"] for r in history(daemon, key)] for key in (CONFIG, GONE)]
        if (
            known[0][-1] == first
            and history(daemon, GONE)[-1]["digest"]
            and history(daemon, OTHER)[-1]["digest"] is None
        ):
            break
    assert known[0] == [first, lost, first]
    write(daemon, CONFIG, b'{"depth": 5}')
    until_newest(daemon, CONFIG, GONE)
    daemon.until_status(BINDING, state="InSync")
    with daemon.client() as client:
        assert client.get(f"/v1/effective/{BINDING}").json() == {"depth": 5}
