"""systemd takes the unit, the daemon takes its settings file, and speaks the protocol that the unit promises."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.processes import DEADLINE_S, Daemon
from tests.services.fixtures import lacking
from versiqiid.settings import Settings, load

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "versiqiid.service"


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Every assignment of a unit file, by name, in order."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(name, []).append(value)
    return found


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With the drop-in too; a program that is there stands for ours, since systemd looks whether it is."""
    if shutil.which("systemd-analyze") is None:
        lacking("no systemd-analyze here: apt-get install systemd")
    unit = tmp_path / UNIT.name
    text = UNIT.read_text().replace("/usr/local/bin/versiqiid", str(Path(sys.executable).resolve()))
    unit.write_text(text)
    drop_in = tmp_path / f"{UNIT.name}.d"
    for extended in (False, True):
        if extended:
            drop_in.mkdir()
            shutil.copy(SYSTEMD / "agent.conf", drop_in)
        command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        ours = [line for line in (done.stdout + done.stderr).splitlines() if UNIT.name in line]
        assert ours == []
        assert done.returncode == 0, done.stderr


def test_the_unit_says_what_the_daemon_does() -> None:
    """Notification, a state folder, no reload, machine code in memory, no restart after a bad setting."""
    found = settings_of(UNIT)
    assert found["Type"] == ["notify"]
    assert found["StateDirectory"] == ["versiqiid"]
    assert found["MemoryDenyWriteExecute"] == ["no"]
    assert found["RestartPreventExitStatus"] == ["64"]
    assert "ExecReload" not in found


def test_the_state_folder_of_systemd_is_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``StateDirectory=`` becomes ``STATE_DIRECTORY``."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert Settings().data_dir == tmp_path


def test_the_settings_file_is_taken(tmp_path: Path) -> None:
    """As it stands, and with everything that is commented out switched on."""
    shown = SYSTEMD / "versiqiid.toml"
    assert load({}, shown).role == ("controller", "api", "agent")
    every = "\n".join(line.removeprefix("# ") for line in shown.read_text().splitlines()[3:] if is_setting(line))
    full = tmp_path / "full.toml"
    full.write_text(every)
    settings = load({}, full)
    assert settings.vault_consul_role == "versiqii"
    assert settings.agent == {"environment": "prod/eu-fr"}


def is_setting(line: str) -> bool:
    words = line.removeprefix("# ")
    return not words.startswith("#") and (" = " in words or words.startswith("["))


# ------------------------------------------------------------------------------------------------------- sd_notify


@pytest.fixture(params=["file", "abstract"])
def channel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """What systemd listens on, and its name in ``NOTIFY_SOCKET``: a file, or ``@`` and an abstract name."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        name = str(tmp_path / "notify") if request.param == "file" else f"@{tmp_path.name}-{id(listener)}"
        listener.bind(name if request.param == "file" else "\0" + name[1:])
        listener.settimeout(DEADLINE_S)
        yield listener, name


def test_the_daemon_tells_systemd(tmp_path: Path, channel: tuple[socket.socket, str]) -> None:
    """Ready once it has read the store, then alive again and again, stopping at the end; exit status 0."""
    listener, name = channel
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "200000"}
    daemon = Daemon(tmp_path / "daemon", ("--role", "controller,api"), environment)
    try:
        daemon.start()
        told = [listener.recv(200).decode() for _ in range(4)]
        assert told == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]
        with daemon.client() as client:
            assert client.get("/readyz").json()["ready"] is True
        assert daemon.stop(signal.SIGTERM) == 0
        last = [listener.recv(200).decode()]
        while last[-1] == "WATCHDOG=1":
            last.append(listener.recv(200).decode())
        assert last[-1] == "STOPPING=1"
    finally:
        daemon.close()
