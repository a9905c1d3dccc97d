"""Commands, probes and versions against real processes and sockets."""

from __future__ import annotations

import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from versiqiid.agent.command import OUTPUT_BYTES_MAX, filled, run_command
from versiqiid.agent.http import get
from versiqiid.agent.probe import probe
from versiqiid.agent.settings import ProbeSettings, VersionSettings
from versiqiid.agent.version import discover
from versiqiid.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_how_commands_end() -> None:
    """Exit status, signal, and a program that is not there."""
    assert (await run_command(["true"], timeout_s=60)).ok
    ran = await run_command(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=60)
    assert (ran.outcome, ran.exit_code, ran.output, ran.reason) == ("exit", 3, b"out\nerr\n", "sh: exit status 3")
    ran = await run_command(["sh", "-c", "kill -9 $$"], timeout_s=60)
    assert (ran.outcome, ran.exit_code, ran.reason) == ("signal", None, "sh: ended by signal 9")
    ran = await run_command(["/no/such/program"], timeout_s=60)
    assert (ran.outcome, ran.reason) == ("not started", "/no/such/program: No such file or directory")


async def test_nothing_goes_through_a_shell(tmp_path: Path) -> None:
    """Braces of other kinds stay; the path is one argument whatever is in it."""
    staged = tmp_path / "a b; rm -rf $(x).json"
    staged.write_text("hello")
    arguments = filled(["cat", "{staged}"], {"{staged}": str(staged)})
    assert (await run_command(arguments, timeout_s=60)).output == b"hello"
    assert filled(["{x} {} %s"], {"{staged}": "y"}) == ["{x} {} %s"]


async def test_the_daemons_variables_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check command has no business with the token of the store."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", "hunter2")
    monkeypatch.setenv("LC_TIME", "C")
    output = (await run_command(["env"], timeout_s=60)).output
    assert b"hunter2" not in output
    assert b"PATH=" in output
    assert b"LC_TIME=C" in output


async def test_output_is_bounded_and_never_blocks() -> None:
    """A command that prints for ever is ended by its time limit, with the beginning kept."""
    ran = await run_command(["sh", "-c", "yes"], timeout_s=0.3)
    assert ran.outcome == "timeout"
    assert len(ran.output) == OUTPUT_BYTES_MAX


async def test_a_timeout_ends_the_children_too(tmp_path: Path) -> None:
    """The whole process group is ended, so that nothing goes on behind the agent's back."""
    pid = tmp_path / "pid"
    ran = await run_command(["sh", "-c", f"sleep 600 & echo $! > {pid}; wait"], timeout_s=0.5)
    assert ran.outcome == "timeout"
    with anyio.fail_after(60):
        while _lives(int(pid.read_text())):
            await anyio.sleep(0.01)


async def test_a_daemon_that_keeps_the_pipe_does_not_hold_the_command() -> None:
    """The command has ended when its process has; who inherited its output is not waited for."""
    with anyio.fail_after(60):
        ran = await run_command(["sh", "-c", "sleep 60 & echo started"], timeout_s=60)
    assert ran.ok
    assert ran.output == b"started\n"


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    """A daemon that stops leaves no reload running."""
    pid = tmp_path / "pid"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: run_command(["sh", "-c", f"echo $$ > {pid}; exec sleep 600"], timeout_s=600))
        with anyio.fail_after(60):
            while not pid.exists() or not pid.read_text():
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert not _lives(int(pid.read_text()))


async def test_probe_by_command_has_a_window(tmp_path: Path) -> None:
    """It tries again until the window is over, and one success is enough."""
    count = tmp_path / "count"
    command = ("sh", "-c", 'echo x >> "$1"; [ $(wc -l < "$1") -ge 3 ]', "p", str(count))
    assert (await probe(ProbeSettings(command=command, window_s=30, interval_s=0.01))).ok
    count.unlink()
    ran = await probe(ProbeSettings(command=command, window_s=0))
    assert (ran.outcome, ran.exit_code) == ("exit", 1)
    assert count.read_text() == "x\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/ok": (200, b'{"app":{"version":"2.1.3"}}'),
            "/text": (200, b"\nav engine 2.1.3 (x86)\n"),
            "/teapot": (418, b""),
            "/away": (302, b""),
        }.get(self.path, (500, b""))
        self.send_response(status)
        self.send_header("Location", "/ok")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[str]:
    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> str:
    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as listening:
        return f"127.0.0.1:{listening.server_address[1]}"


async def test_probe_by_http_and_tcp(server: str, closed_port: str) -> None:
    """A status from 200 to 299, or the one that was asked for; redirects are not followed; a port that accepts."""
    assert (await probe(ProbeSettings(http=f"http://{server}/ok"))).ok
    assert (await probe(ProbeSettings(http=f"http://{server}/teapot", status=418))).ok
    assert (await probe(ProbeSettings(tcp=server))).ok
    ran = await probe(ProbeSettings(http=f"http://{server}/away?token=hunter2"))
    assert (ran.outcome, ran.reason) == ("status", f"http://{server}/away: HTTP status 500")
    ran = await probe(ProbeSettings(http=f"http://{server}/away"))
    assert ran.reason == f"http://{server}/away: HTTP status 302"
    assert (await probe(ProbeSettings(http=f"http://{closed_port}/ok"))).outcome == "no answer"
    assert (await probe(ProbeSettings(tcp=closed_port))).outcome == "no answer"


async def test_http_errors_hide_secrets_of_the_address(closed_port: str) -> None:
    """Neither user nor query stands in the message."""
    with pytest.raises(Unavailable) as raised:
        await get(f"http://user:hunter2@{closed_port}/x?token=hunter2", timeout_s=5)
    assert "hunter2" not in str(raised.value)


async def test_versions_are_found(tmp_path: Path, server: str) -> None:
    """By command, by file (also behind a link), by HTTP with and without a pointer; a pattern cuts it out."""
    (tmp_path / "v2").write_text("\n  2.1.3 \nbuilt today\n")
    (tmp_path / "current").symlink_to("v2")
    cases = [
        VersionSettings(command=("echo", "2.1.3")),
        VersionSettings(command=("echo", "av 2.1.3 (build 7)"), pattern=r"av (\S+)"),
        VersionSettings(file=tmp_path / "current"),
        VersionSettings(http=f"http://{server}/ok", pointer="/app/version"),
        VersionSettings(http=f"http://{server}/text", pattern=r"engine ([0-9.]+)"),
    ]
    for case in cases:
        assert await discover(case) == ("2.1.3", "")


async def test_versions_that_are_not_found_say_why(tmp_path: Path, server: str) -> None:
    """Without quoting what was read."""
    cases = [
        (VersionSettings(command=("false",)), "exit status 1"),
        (VersionSettings(command=("echo",)), "blank"),
        (VersionSettings(command=("echo", "x" * 200)), "200 characters"),
        (VersionSettings(command=("echo", "hunter2"), pattern="v([0-9])"), "pattern"),
        (VersionSettings(file=tmp_path / "none"), "no such file"),
        (VersionSettings(http=f"http://{server}/ok", pointer="/app/nope"), "/app/nope"),
        (VersionSettings(http=f"http://{server}/ok", pointer="/app"), "neither"),
        (VersionSettings(http=f"http://{server}/text", pointer="/app"), "/app"),
        (VersionSettings(http=f"http://{server}/none"), "500"),
    ]
    for settings, why in cases:
        version, reason = await discover(settings)
        assert version is None
        assert why in reason
        assert "hunter2" not in reason


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as status:  # noqa: PTH123
            return status.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_liveness_helper_tells_the_truth() -> None:
    """This process lives."""
    assert _lives(os.getpid())
