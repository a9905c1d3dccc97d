"""How long nobody leads: a standby's takeover after kill -9, after SIGTERM, and after SIGTERM while Kafka is away.

Two controllers as processes on a real Consul, every setting at its default, sharing the journal of this host. The time
runs from the signal until the lock's key, read from Consul itself, is held by the standby with an epoch of its own.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.services.catalogue import CONSUL
from tests.services.consul import Consul
from tests.services.finder import find

Row = tuple[str, float, str]

STOPS, CRASHES = 20, 6
PATIENCE_S = 120.0
NOWHERE = "127.0.0.1:9"
"""Nothing listens on the port of the discard protocol."""


class Fleet:
    """Two controllers; who is ended is started again, so that there is always a standby."""

    def __init__(self, consul: Consul, folder: Path, stack: ExitStack, *flags: str) -> None:
        self._consul = consul
        self._folder = folder
        self._flags = flags
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0
        stack.callback(self._end)
        self.start()
        self._until(lambda told: told is not None)
        self.start()

    def start(self) -> None:
        """One more; returns when it says that it has started."""
        self._started += 1
        name = f"c{self._started}"
        log = self._folder / f"{name}.log"
        where = ("--store", f"consul://{self._consul.address}", "--data-dir", str(self._folder / "data"))
        command = [sys.executable, "-m", "versiqiid", "run", "--role", "controller", "--name", name, *where]
        with log.open("wb") as out:
            self._running[name] = subprocess.Popen([*command, *self._flags], stderr=out)
        while b'"event": "started"' not in log.read_bytes():
            if self._running[name].poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.01)
        time.sleep(1.0)  # it stands by: waiting is no part of what is measured

    def takeover_s(self, number: int) -> float:
        """Send the signal to the leader; how long until the other one leads. Then there is a new standby."""
        name = self._until(lambda told: told is not None)
        began = time.perf_counter()
        self._running[name].send_signal(number)
        self._until(lambda told: told not in (None, name))
        took = time.perf_counter() - began
        self._running.pop(name).wait()
        self.start()
        return took

    def _until(self, holds: Any) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self._leader()
            if holds(found):
                return str(found)
            time.sleep(0.002)
        raise SystemExit("nobody takes over")

    def _leader(self) -> str | None:
        answer = self._consul.call("GET", "/v1/kv/versiqii/_system/leader?consistent")
        if answer.status != 200 or not answer.json()[0].get("Session"):
            return None
        told = json.loads(self._consul.call("GET", "/v1/kv/versiqii/_system/leader?raw&consistent").body)
        return str(told["leader"]) if told["epoch"] else None

    def _end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@contextmanager
def fleet(*flags: str) -> Iterator[Fleet]:
    with Consul(find(CONSUL)) as consul, tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        yield Fleet(consul, Path(folder), stack, *flags)


def run() -> Iterator[Row]:
    with fleet() as pair:
        yield from _rows("a graceful stop", [pair.takeover_s(signal.SIGTERM) for _ in range(STOPS)])
        yield from _rows("a crash (kill -9)", [pair.takeover_s(signal.SIGKILL) for _ in range(CRASHES)])
    with fleet("--kafka", NOWHERE) as pair:
        yield from _rows("a graceful stop, Kafka away", [pair.takeover_s(signal.SIGTERM) for _ in range(STOPS // 2)])


def _rows(what: str, took: list[float]) -> Iterator[Row]:
    yield f"takeover after {what}, median of {len(took)}", statistics.median(took), "s"
    yield f"takeover after {what}, worst of {len(took)}", max(took), "s"


if __name__ == "__main__":
    for row in run():
        print(row)
