"""The daemon as a process: it starts or says by name why not, stops in order, dies without loss, and stands by."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.e2e.processes import DEADLINE_S, Daemon, clean_environment, command, run_cli, scan_world, until
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.ports import Holding

Start = Callable[..., Daemon]
BINDING = "prod/asia/av/default"


def refused(folder: Path, *arguments: str, code: int = 64, under: Sequence[str] = (), **environment: str) -> str:
    """What it says when it does not start.

    :param under: a command that starts it.
    """
    started = [*under, *command("versiqiid"), *arguments]
    done = subprocess.run(
        started,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
        cwd=folder,
        env=clean_environment(HOME=str(folder), **environment),
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


def leader(daemon: Daemon) -> dict[str, Any]:
    with daemon.client() as client:
        told: dict[str, Any] = client.get("/v1/leader").json()
    return told


def leads(daemon: Daemon) -> bool:
    return bool(leader(daemon)["self"])


def holder(daemon: Daemon) -> Holding | None:
    """Who holds the lead, by the store's own file."""

    async def look() -> Holding | None:
        async with await SqliteStore.open(daemon.data_dir / "store.db") as store:
            return await store.holder("versiqii/_system/leader")

    return anyio.run(look)


def verify(daemon: Daemon) -> str:
    """What `versiqii audit verify` says of the journal, with the daemon gone."""
    done = run_cli("audit", "verify", "--data-dir", str(daemon.data_dir))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ------------------------------------------------------------------------------------------------ not starting


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["run", "--no-such-flag", "1"], "--no-such-flag"),
        (["no-such-command"], "no-such-command"),
        ([], "Usage"),
        (["run", "extra"], "extra"),
        (["run", "--session-ttl-s", "soon"], "session-ttl-s"),
        (["run", "--session-ttl-s", "-1"], "session-ttl-s"),
        (["run", "--role", "controller,boss"], "role"),
        (["run", "--root", "a//b"], "root"),
        (["run", "--log-level", "loud"], "log-level"),
        (["run", "--store", "redis://localhost"], "store"),
        (["run", "--journal", "mysql://localhost"], "journal"),
        (["run", "--listen", "0.0.0.0:0"], "listen"),
        (["run", "--listen", "127.0.0.1:99999"], "listen"),
        (["run", "--listen", "nowhere"], "listen"),
        (["run", "--listen", "127.0.0.1:0", "--api-token-file", "absent"], "api-token-file"),
        (["run", "--config", "absent.toml"], "absent.toml"),
        (["run", "--data-dir", "/dev/null/x"], "data-dir"),
        (["run", "--data-dir", "file"], "data-dir"),
        (["run", "--store", "sqlite:////no/such/folder/store.db"], "/no/such/folder"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, arguments: list[str], named: str) -> None:
    """Exit 64, one sentence with the setting's name, no traceback."""
    (tmp_path / "file").write_text("not a folder")
    more = [] if "--data-dir" in arguments or "run" not in arguments else ["--data-dir", str(tmp_path / "data")]
    assert named in refused(tmp_path, *arguments, *more)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("no-such-setting = 1\n", "no-such-setting"),
        ("session-ttl-s = 'x'\n", "session-ttl-s"),
        ("[agent]\nno-such = 1\n", "agent.no"),
        ("session-ttl-s = \n", "line 1"),
        ("[nothing]\na = 1\n", "nothing"),
    ],
)
def test_an_unknown_name_in_the_file(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "versiqiid.toml").write_text(text)
    told = refused(tmp_path, "run", "--config", "versiqiid.toml", "--data-dir", "data", "--listen", "127.0.0.1:0")
    assert named in told


@pytest.mark.parametrize("name", ["VERSIQII_NO_SUCH_SETTING", "VERSIQII_SESION_TTL_S"])
def test_an_unknown_name_in_the_environment(tmp_path: Path, name: str) -> None:
    """A typo does not choose a default."""
    assert name in refused(tmp_path, "run", "--data-dir", "data", **{name: "1"})


def test_names_in_the_environment_that_are_no_settings(start: Start) -> None:
    """The command line's, and what Kubernetes sets for a Service called versiqii."""
    names = ("ADDR", "TOKEN", "FORMAT", "SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_8080_TCP_ADDR")
    start(**{f"VERSIQII_{name}": "x" for name in names})


def test_flag_environment_file_default(start: Start, tmp_path: Path) -> None:
    """In this order of precedence."""
    config = tmp_path / "versiqiid.toml"
    config.write_text('name = "file"\nroot = "file"\nlog_level = "warning"\n[agent]\n')
    daemon = start("--name", "flag", "--config", str(config), VERSIQII_NAME="env", VERSIQII_LOG_LEVEL="info")
    assert daemon.event("started")["root"] == "file"
    for _ in until("it leads"):
        if leads(daemon):
            break
    assert leader(daemon)["leader"] == "flag"


def test_a_port_in_use(start: Start, tmp_path: Path) -> None:
    """Named with the setting; what was opened is closed again, so that the same data start elsewhere."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = refused(tmp_path, "run", "--data-dir", str(tmp_path / "x" / "data"), "--listen", f"127.0.0.1:{port}")
    assert "listen" in told
    assert str(port) in told
    start(folder=tmp_path / "x")


def test_a_journal_that_cannot_be_opened(tmp_path: Path) -> None:
    """Exit 75: a folder may be mounted late; the path is named."""
    journal = "sqlite:////no/such/folder/journal.db"
    told = refused(tmp_path, "run", "--journal", journal, "--data-dir", "data", "--listen", "127.0.0.1:0", code=75)
    assert "/no/such/folder/journal.db" in told


def test_a_folder_without_rights(tmp_path: Path) -> None:
    """Exit 64 with the setting's name. Root has no right to it either once it may not override what a folder says."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o000)
    under = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    flags = ("--data-dir", str(locked / "data"), "--listen", "127.0.0.1:0")
    assert "data-dir" in refused(tmp_path, "run", *flags, under=under)


# ------------------------------------------------------------------------------------------------------ stopping


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_graceful(daemon: Daemon, how: int) -> None:
    """Exit 0; the lead is handed back; a checkpoint covers every entry; the log says so, and nothing else."""
    daemon.load(scan_world())
    daemon.until_status(BINDING, state="InSync")
    size = len(daemon.entries())
    assert daemon.stop(how) == 0
    assert [line["event"] for line in daemon.log()][-2:] == ["stopping", "stopped"]
    assert not [line for line in daemon.log() if line["level"] in ("warning", "error")]
    signed = re.search(r"(\d+) of \1 entries signed", verify(daemon))
    assert signed is not None
    assert int(signed[1]) >= size
    assert holder(daemon) is None, "the lead is handed back, so that nobody waits for the session's end"
    daemon.start()
    for _ in until("it leads again"):
        if leads(daemon):
            break


def test_a_request_under_way_is_answered(daemon: Daemon) -> None:
    """A stop lets it finish."""
    host, _, port = daemon.address.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"PUT /v1/configs/a/1/b HTTP/1.1\r\nHost: {daemon.address}\r\nContent-Length: 4\r\n\r\n"
        connection.sendall(head.encode() + b"ab")
        daemon.entries()  # a whole request later, this one has been read as far as it was sent
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGTERM)
        daemon.event("stopping")
        connection.sendall(b"cd")
        connection.settimeout(DEADLINE_S)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201")
    assert daemon.process.wait(DEADLINE_S) == 0
    assert daemon.restart().entries(key="configs/a/1/b")


def test_a_second_signal_ends_it_at_once(daemon: Daemon) -> None:
    """Whatever it was waiting for; nothing that was answered is lost."""
    daemon.load(scan_world())
    host, _, port = daemon.address.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"PUT /v1/configs/a/1/b HTTP/1.1\r\nHost: {daemon.address}\r\nContent-Length: 4\r\n\r\n".encode()
        )
        daemon.entries()
        assert daemon.process is not None
        daemon.process.send_signal(signal.SIGTERM)
        daemon.event("stopping")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(DEADLINE_S)
    assert "Traceback" not in daemon.text()
    daemon.start()
    daemon.until_status(BINDING, state="InSync")
    daemon.stop()
    verify(daemon)


def test_killed_and_started_again(daemon: Daemon) -> None:
    """Nothing that was answered is lost or doubled, however often; the end is the same."""
    daemon.load(scan_world())
    for depth in (5, 6, 7, 8, 9):
        with daemon.client() as client:
            answer = client.put(
                "/v1/configs/av/1.0.0/default", content=json.dumps({"depth": depth}), headers={"If-Match": "*"}
            )
        assert answer.status_code == 200, answer.text
        daemon.kill()
        daemon.start()
    for _ in until("the last write is in effect"):
        with daemon.client() as client:
            if client.get(f"/v1/effective/{BINDING}").content == b'{"depth":9}':
                break
    entries = daemon.entries()
    assert [entry["position"] for entry in entries] == list(range(len(entries)))
    revised = [entry for entry in entries if entry["type"] == "ConfigRevised"]
    assert len(revised) == 6
    assert len({entry["data"]["digest"] for entry in revised}) == 6
    assert {entry["actor"]["via"] for entry in revised} == {"api"}
    daemon.stop()
    verify(daemon)


# --------------------------------------------------------------------------------------------- several processes


def test_two_daemons_on_one_store(start: Start, tmp_path: Path) -> None:
    """One leads, the other stands by ready and takes over, after a stop at once and after a kill soon."""
    shared = tmp_path / "shared"
    flags = ("--session-ttl-s", "1", "--lock-delay-s", "0")
    first = start(*flags, "--name", "first", folder=shared)
    for _ in until("the first leads"):
        if leads(first):
            break
    second = Daemon(tmp_path / "second", (*flags, "--name", "second", "--data-dir", str(first.data_dir)))
    try:
        second.start()
        with second.client() as client:
            for _ in until("the standby is ready"):
                if client.get("/readyz").status_code == 200:
                    break
        told = leader(second)
        assert (told["leader"], told["self"]) == ("first", False)
        second.load(scan_world(), **{"X-Correlation-Id": "through-the-standby"})
        assert second.until_status(BINDING, state="InSync")["correlationId"] == "through-the-standby"
        facts = first.entries(correlation_id="through-the-standby")
        assert {fact["actor"]["via"] for fact in facts if fact["type"] == "ConfigRevised"} == {"api"}
        first.kill()
        for _ in until("the second leads"):
            if leads(second):
                break
        assert leader(second)["leader"] == "second"
        with second.client() as client:
            client.put("/v1/envs/prod/asia/av/version", content=b"2.0.0", headers={"If-Match": "*"})
        second.until_status(BINDING, state="Migrated")
        first.start()
        assert second.stop() == 0
        for _ in until("the first leads again"):
            if leads(first):
                break
        assert leader(first)["epoch"] > told["epoch"]
    finally:
        second.close()
    first.stop()
    verify(first)


def test_an_api_alone_and_a_controller_alone(start: Start, tmp_path: Path) -> None:
    """Two processes of one role each do what one of both does; a controller alone listens nowhere."""
    controller = Daemon(tmp_path / "controller", ("--role", "controller"))
    try:
        controller.launch()
        assert controller.event("started")["listen"] == ""
        controller.event("leading")
        api = start("--role", "api", "--data-dir", str(controller.data_dir))
        with api.client() as client:
            for _ in until("the api is ready"):
                if client.get("/readyz").status_code == 200:
                    break
        assert leader(api)["self"] is False
        for number in range(20):
            keys = {"configs/av/1.0.0/default": b'{"depth": %d}' % (number % 9)}
            api.load(scan_world() if number == 0 else keys, **{"X-Correlation-Id": f"write-{number}"})
        api.until_status(BINDING, state="InSync", correlationId="write-19")
        with api.client(**{"X-Correlation-Id": "removal"}) as client:
            client.delete("/v1/configs/av/1.0.0/default", headers={"If-Match": "*"})
        api.until_status(BINDING, state="Held", correlationId="removal")
        (removal,) = api.entries(type="ConfigDeleted")
        assert (removal["correlationId"], removal["actor"]["via"]) == ("removal", "api")
        facts = api.entries(type="ConfigRevised")
        assert [fact["correlationId"] for fact in facts] == [f"write-{number}" for number in range(20)]
        assert {fact["actor"]["via"] for fact in facts} == {"api"}
    finally:
        controller.close()
    assert "listen" not in controller.text().replace('"listen": ""', "")
