"""Commands of the operator: an argument list, never a shell, a limit on time and output, and a bare environment.

What a command prints is kept beside the state for the operator of this host and stands in no report: it may quote the
config, secrets included.
"""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anyio.abc import ByteReceiveStream, Process

OUTPUT_BYTES_MAX: Final = 65_536
_TERM_GRACE_S: Final = 2.0  # arbitrary: time to put things in order between SIGTERM and SIGKILL
_DRAIN_S: Final = 1.0  # arbitrary: a grandchild may hold the pipe open for ever

# What commands on a Linux host expect to find. The daemon's own variables (tokens, addresses) are not theirs.
_PASSED: Final = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH"}
    | {"XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"}
)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended.

    :ivar outcome: ``ok``, ``exit``, ``signal``, ``timeout`` or ``not started``.
    :ivar exit_code: of the process; None when it did not start or was killed.
    :ivar output: the first 64 KiB of standard output and error together.
    """

    outcome: str
    exit_code: int | None = None
    output: bytes = b""
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome == "ok"


def environment() -> dict[str, str]:
    """The variables that commands get: those named above and ``LC_*`` of the agent's own."""
    return {name: value for name, value in os.environ.items() if name in _PASSED or name.startswith("LC_")}


def filled(arguments: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """The argument list with ``{staged}`` and ``{destination}`` replaced; nothing else in braces is touched."""
    out = []
    for argument in arguments:
        text = argument
        for place, value in places.items():
            text = text.replace(place, value)
        out.append(text)
    return out


async def run_command(arguments: Sequence[str], *, timeout_s: float) -> Ran:
    """Run it to its end, at most ``timeout_s`` seconds; then it and its children are terminated, after 2 s killed.

    Output after the process ended is not waited for: a daemon that it started must have its own.
    """
    try:
        process = await anyio.open_process(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            cwd="/",
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no such argument list can be run"
        return Ran("not started", reason=f"{arguments[0]}: {why}")
    output = bytearray()
    timed_out = False
    try:
        async with anyio.create_task_group() as tasks:
            if process.stdout is not None:
                tasks.start_soon(_collect, process.stdout, output)
            with anyio.move_on_after(timeout_s) as limit:
                await process.wait()
            timed_out = limit.cancelled_caught
            if timed_out:
                await _end(process)
            tasks.cancel_scope.deadline = anyio.current_time() + _DRAIN_S
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
            await process.aclose()
    return _told(arguments[0], process.returncode, bytes(output), timeout_s if timed_out else None)


async def _collect(stream: ByteReceiveStream, output: bytearray) -> None:
    """Read to the end, so that the command never blocks on a full pipe; only the beginning is kept."""
    try:
        async for piece in stream:
            output += piece[: max(0, OUTPUT_BYTES_MAX - len(output))]
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


async def _end(process: Process) -> None:
    """Terminate the whole process group if it still runs. Bounded, whoever cancels."""
    if process.returncode is not None:
        return
    with anyio.CancelScope(shield=True):
        _signal(process, signal.SIGTERM)
        with anyio.move_on_after(_TERM_GRACE_S):
            await process.wait()
        _signal(process, signal.SIGKILL)
        await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, number)  # its own session, so its pid is the group's
        except ProcessLookupError:
            return


def _told(name: str, code: int | None, output: bytes, timeout_s: float | None) -> Ran:
    if timeout_s is not None:
        return Ran("timeout", None, output, f"{name}: still running after {timeout_s:g} s")
    if code == 0:
        return Ran("ok", 0, output)
    if code is None or code < 0:
        return Ran("signal", None, output, f"{name}: ended by signal {-(code or 0)}")
    return Ran("exit", code, output, f"{name}: exit status {code}")
