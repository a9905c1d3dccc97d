"""One worker process and the conversation with it. What is asked, and what a failure means, is the pool's business."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread

import versiqiid
from versiqiid.adapters.validation import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

JUDGING: Final = "versiqiid.adapters.validation.worker"
_CHUNK_BYTES: Final = 1 << 18
_STOP_WAIT_S: Final = 5.0


class WorkerGoneError(Exception):
    """The worker ended instead of answering.

    :ivar status: its exit status; negative for the signal that ended it.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status

    @property
    def out_of_time(self) -> bool:
        """Whether the kernel ended it for the CPU time it took."""
        return self.status == -signal.SIGPROF

    @property
    def out_of_room(self) -> bool:
        """Whether it ended itself for lack of memory or stack (Rust aborts, a stack overflow is a fault)."""
        return self.status in (-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT)


class Worker:
    """A running worker. Not for two tasks at once; the pool sees to that.

    :ivar known: keys of schemas that were sent to it.
    """

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self.known: set[str] = set()
        self._process = process
        self._connection = connection
        self._id = 0

    @classmethod
    async def start(cls, *, cpu_s: float, memory_bytes: int, module: str = JUDGING) -> Worker:
        """A new worker; it takes some tenths of a second until it answers, and what is sent meanwhile waits for it.

        :param module: what runs there; see ``worker.run``.
        :raises OSError: the system starts no further process.
        """
        ours, theirs = socket.socketpair()
        with theirs, anyio.CancelScope(shield=True):
            try:
                process = await anyio.to_thread.run_sync(_spawn, theirs.fileno(), module, cpu_s, memory_bytes)
            except OSError:
                ours.close()
                raise
        ours.settimeout(0)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The results, one for each item. Leaves the conversation in order, or the worker dead.

        :raises WorkerGoneError: it ended.
        """
        self._id += 1
        try:
            await self._send(wire.pack({"id": self._id, "items": items}))
            answer = wire.unpack(await self._receive(wire.length(await self._receive(wire.HEADER_BYTES))))
        except (OSError, anyio.ClosedResourceError):
            raise WorkerGoneError(await self.stop()) from None
        except BaseException:
            self.kill()  # cancelled between question and answer: the next one would get this answer
            raise
        results: list[dict[str, Any]] = answer["results"]
        return results

    async def _send(self, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._connection)

    async def _receive(self, size: int) -> bytes:
        buffer = bytearray()
        while len(buffer) < size:
            try:
                chunk = self._connection.recv(min(size - len(buffer), _CHUNK_BYTES))
            except BlockingIOError:
                await anyio.wait_readable(self._connection)
                continue
            if not chunk:
                raise ConnectionResetError
            buffer += chunk
        return bytes(buffer)

    def kill(self) -> None:
        """End it now. Twice is the same as once; a question that waits for its answer ends with WorkerGoneError."""
        self._close()
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    async def stop(self) -> int:
        """End it (it does so itself when the conversation is closed) and return its exit status."""
        self._close()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(_wait, self._process)
        return int(self._process.returncode)

    def _close(self) -> None:
        if self._connection.fileno() >= 0:
            anyio.notify_closing(self._connection)
            self._connection.close()


def _spawn(connection: int, module: str, cpu_s: float, memory_bytes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(cpu_s), str(memory_bytes)],
        stdin=connection,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(_environment()),
        close_fds=True,
    )


def _environment() -> Iterator[tuple[str, str]]:
    """What an interpreter needs to find this package, and nothing else: tokens stay out of the worker."""
    root = str(Path(versiqiid.__file__).resolve().parent.parent)
    yield "PYTHONPATH", os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG"):
        if name in os.environ:
            yield name, os.environ[name]


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
