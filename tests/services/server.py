"""One server process: start, stop, kill, pause, resume, restart, and an end that always comes.

Every service is a subclass that says what to run and when it is ready. What a service can do besides (snapshots, seals,
scrapes) belongs there; nothing here knows one.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from tests.services.finder import Found, find
from tests.services.guard import GRACE_S, end_trees, guard, kill_tree, send, stopped, tree
from tests.services.wire import LOOPBACK, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services.recipes import Recipe

_STARTS = 5
_POLL_S = 0.02
_STOP_WITHIN_S = 30.0
_TAIL_BYTES = 3_000
_CLASHES = ("address already in use", "Address already in use", "could not bind")
_KEPT = ("PATH", "JAVA_HOME", "LD_LIBRARY_PATH", "TZ")


class ServerError(Exception):
    """A server did not start, or did not get ready in time; its log's end is in the message."""


class PortTakenError(ServerError):
    """Somebody else listens on one of the chosen ports."""


class Entered(ABC):
    """Started on entry and closed on exit; a start that fails is cleaned up after."""

    @abstractmethod
    def start(self) -> Self: ...

    @abstractmethod
    def close(self) -> None:
        """End all of it. May be called twice."""

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()


class Server(Entered):
    """A server on loopback, alone in its folder.

    As a context manager it is started on entry; on exit it is ended, with all its descendants, and the folder removed.
    The address stays the same over every stop, kill and restart.

    :ivar folder: holds everything this server writes; `log` in it is its standard output and error.
    :ivar ports: chosen at the first start; the first one is where clients go.
    """

    recipe: ClassVar[Recipe]
    title: ClassVar[str]
    port_count: ClassVar[int] = 1
    ready_within_s: ClassVar[float] = 60.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    """For `stop`: an orderly end."""
    end_signal: ClassVar[signal.Signals] = signal.SIGTERM
    """For when the test is over: the fastest end that leaves nothing behind."""

    def __init__(self, found: Found | None = None, *, user: str | None = None) -> None:
        self.found = found or find(self.recipe)
        self.user = user
        self.folder = Path(tempfile.mkdtemp(prefix=f"versiqii-{self.found.name}-"))
        guard().keep(self.folder)
        if user:
            account = pwd.getpwnam(user)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self.ports: tuple[int, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def _command(self) -> list[str]:
        """What to run. Called at each start, with `ports` chosen; also the place to write configuration files."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Ask the server itself. OSError and broken HTTP mean "not yet"."""

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.ports[0]}"

    @property
    def log(self) -> Path:
        """Where its standard output and error go."""
        return self.folder / "log"

    @property
    def pid(self) -> int:
        """Of the server process.

        :raises RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError(f"{self.title} does not run: start() it first")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, paused or not."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start it and return when it is ready.

        At the first start ports are chosen, and chosen again if somebody was faster; later ones are bound to them.

        :raises ServerError: it ended at once or was not ready in time. Nothing is left running.
        """
        keep = bool(self.ports)
        for left in reversed(range(_STARTS)):
            self.ports = self.ports if keep else free_ports(self.port_count)
            self.launch()
            try:
                self.wait_until_ready()
                break
            except PortTakenError:
                if keep or not left:
                    raise
        return self

    def launch(self) -> None:
        """Start the process and return at once. Usually `start` is what you want.

        :raises RuntimeError: it runs already.
        """
        if self.running:
            raise RuntimeError(f"{self.title} runs already, as process {self.pid}")
        self._end(self.end_signal)
        command = self._command()
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=pwd.getpwnam(self.user).pw_gid if self.user else None,
                extra_groups=[] if self.user else None,
            )
        guard().watch(self._process.pid, self.end_signal)

    def wait_until_ready(self) -> None:
        """Return when the server says that it is ready.

        :raises ServerError: it ended, or `ready_within_s` seconds went by. Nothing is left running.
        """
        deadline = time.monotonic() + self.ready_within_s
        while self.running:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self._is_ready():
                    return
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.title} was not ready within {self.ready_within_s:g} s:\n{self.log_tail()}")
            time.sleep(_POLL_S)
        said = self.log_tail()
        self.kill()
        taken = any(words in said for words in _CLASHES)
        raise (PortTakenError if taken else ServerError)(f"{self.title} ended while starting:\n{said}")

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when the condition holds. While the server does not answer, it does not hold.

        :raises ServerError: it did not within `ready_within_s` seconds. The server is left as it is.
        """
        deadline = time.monotonic() + self.ready_within_s
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if condition():
                    return
            time.sleep(_POLL_S)
        raise ServerError(f"{self.title}: no {what} within {self.ready_within_s:g} s")

    def stop(self) -> None:
        """End it politely and wait for that; killed when it does not follow. Nothing happens when it does not run."""
        self._end(self.stop_signal, grace_s=_STOP_WITHIN_S)

    def kill(self) -> None:
        """End it and all its descendants at once, as kill -9 does. Nothing happens when it does not run."""
        if self.running:
            kill_tree(self.pid)
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals, *, grace_s: float = GRACE_S) -> None:
        if self._process is None:
            return
        if self.running:  # else its number may be somebody else's by now
            end_trees({self._process.pid: number}, grace_s=grace_s)
        self._process.wait()
        guard().forget(self._process.pid)
        self._process = None

    def pause(self) -> None:
        """SIGSTOP: it stands still with its connections open. When this returns, no thread of it runs."""
        pids = tree(self.pid)
        send(pids, signal.SIGSTOP)
        while not all(map(stopped, pids)):
            time.sleep(_POLL_S)

    def resume(self) -> None:
        """SIGCONT: it goes on where it was."""
        send(tree(self.pid), signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start, on the same address."""
        self.stop()
        self.start()

    def environment(self) -> dict[str, str]:
        """The environment of the server: nothing that would let this machine's settings change how it behaves."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return kept | {"HOME": str(self.folder), "TMPDIR": str(self.folder), "LC_ALL": "C"}

    def log_tail(self) -> str:
        """The end of what it said since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(max(self._log_start, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return log.read().decode(errors="replace")

    def close(self) -> None:
        """End it and remove its folder. May be called twice."""
        self._end(self.end_signal)
        shutil.rmtree(self.folder, ignore_errors=True)
        guard().drop(self.folder)
