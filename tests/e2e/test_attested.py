"""Witness and time stamp as an operator has them: by settings of the daemon, and from the command line without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.tsa import Tsa, running
from tests.e2e.processes import Daemon, run_cli, scan_world, until
from tests.services.witness import Witness


@pytest.fixture
def tsa(tmp_path: Path) -> Iterator[Tsa]:
    with running(tmp_path / "tsa") as one:
        yield one


def test_a_daemon_is_witnessed_and_stamped(
    start: Callable[..., Daemon], witness: Callable[[str], Witness], tsa: Tsa, tmp_path: Path
) -> None:
    """First without a witness, whose operator needs the log's key; then with both, and everything verifies offline."""
    daemon = start()
    daemon.load(scan_world())
    daemon.until_status("prod/asia/av/default", state="InSync")
    assert daemon.stop() == 0
    place = ("--data-dir", str(daemon.data_dir))
    assert run_cli("audit", "export", str(tmp_path / "first"), *place).returncode == 0
    server = witness((tmp_path / "first/log.vkey").read_text().strip())
    named = f"{server.url}#{server.vkey}"

    daemon.flags += ("--witness", named, "--witness-interval-s", "0.1", "--timestamp-interval-s", "0.1")
    daemon.flags += ("--timestamp", tsa.url, "--timestamp-ca", str(tsa.ca))
    daemon.start()
    for _ in until("the checkpoint is cosigned and stamped"):
        with daemon.client() as client:
            cosigned = client.get("/v1/checkpoint").text.count("— ") == 2
        if cosigned and daemon.entries(type="CheckpointTimestamped"):
            break
    with daemon.client() as client:
        assert client.get("/readyz").status_code == 200
        assert "versiqii_witnessed_entries" in client.get("/metrics").text
    assert daemon.stop() == 0

    key = tmp_path / "witness.vkey"
    key.write_text(f"{server.vkey}\n")
    done = run_cli("audit", "verify", *place, "--witness", str(key))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds off D: a thief of the signing key" in done.stdout
    done = run_cli("audit", "witness", *place, "--witness", named)
    assert done.returncode == 0, done.stderr
    (tmp_path / "cosigned").write_text(done.stdout)
    exported = tmp_path / "log"
    assert run_cli("audit", "export", str(exported), *place).returncode == 0
    done = run_cli("audit", "verify", str(exported), "--witness", str(key), "--against", str(tmp_path / "cosigned"))
    assert done.returncode == 0, done.stdout + done.stderr
    other = tmp_path / "other.vkey"
    other.write_text(f"{server.vkey}\n".replace("w1", "w2").replace(server.vkey.split("+")[1], "00000000"))
    assert run_cli("audit", "verify", *place, "--witness", str(other)).returncode == 1, "no key: it could not judge"


def test_a_stamp_from_the_command_line(start: Callable[..., Daemon], tsa: Tsa, tmp_path: Path) -> None:
    daemon = start()
    assert daemon.stop() == 0
    place = ("--data-dir", str(daemon.data_dir))
    note, stamp = tmp_path / "checkpoint", tmp_path / "checkpoint.tsr"
    asked = ("--authority", tsa.url, "--ca", str(tsa.ca))
    done = run_cli("audit", "timestamp", str(note), str(stamp), *asked, *place)
    assert (done.returncode, done.stdout) == (0, f"{stamp}\n"), done.stderr
    assert tsa.takes(stamp.read_bytes(), note.read_bytes())
    words = ("audit", "verify", "--timestamp", str(stamp), "--checkpoint", str(note), "--ca", str(tsa.ca))
    done = run_cli(*words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verified: the checkpoint was there at 2")
    note.write_bytes(note.read_bytes() + b" ")
    done = run_cli(*words)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "refused: timestamp at checkpoint.tsr")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--witness", "https://w.test/#nokey"), "witness"),
        (("--witness", "nowhere"), "witness"),
        (("--timestamp", "https://tsa.test"), "timestamp-ca"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, flags: tuple[str, ...], named: str) -> None:
    daemon = Daemon(tmp_path / "d", flags)
    process = daemon.launch()
    assert process.wait(60) == 64, daemon.text()
    assert named in daemon.text()
