"""The daemon as a process: change → effective latency, convergence after one engine bump, memory; SQLite and Consul.

Writes go through REST, and the journal's event stream tells when a change has been settled, so a latency here is what a
user of the API waits for, durable record included.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.passage import Passage
from tests.services.catalogue import CONSUL
from tests.services.consul import Consul
from tests.services.finder import find

Row = tuple[str, float, str]

EXAMPLE = Path(__file__).parents[2] / "examples" / "scan-engine" / "keys"
CHANGES, BINDINGS, AT_ONCE = 200, 1000, 100
ENVIRONMENT = "prod/asia-sg"
AWAY_S = 0.02
"""How far away a second Consul is, as everything that it answers comes so much later."""


class Api:
    """A kept-alive connection to the daemon, and its event stream."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address, timeout=60)

    def txn(self, keys: dict[str, bytes]) -> None:
        operations = [{"op": "set", "key": k, "valueBase64": base64.b64encode(v).decode()} for k, v in keys.items()]
        self._connection.request("POST", "/v1/txn", json.dumps({"operations": operations}))
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(body.decode())

    def events(self) -> Iterator[dict[str, Any]]:
        """Entries from the first one on, as they are recorded."""
        stream = http.client.HTTPConnection(self._address, timeout=120)
        stream.request("GET", "/v1/events?start=0", headers={"Accept": "text/event-stream"})
        answer = stream.getresponse()
        for line in answer:
            if line.startswith(b"data:"):
                yield json.loads(line.removeprefix(b"data:"))


@contextmanager
def daemon(folder: Path, *flags: str) -> Iterator[tuple[Api, int]]:
    command = [sys.executable, "-m", "versiqiid", "run", "--data-dir", str(folder), "--listen", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            told = (json.loads(line) for line in process.stderr if line.startswith("{"))
            yield Api(next(line["listen"] for line in told if line["event"] == "started")), process.pid
        finally:
            process.terminate()


def run() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder)) as (api, pid):
        yield from _measure("SQLite", api, pid)
    found = find(CONSUL)
    with (
        Consul(found) as consul,
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder), "--store", f"consul://{consul.address}") as (api, pid),
    ):
        yield from _measure("Consul", api, pid)
    with (
        Consul(found) as consul,
        Passage(consul.address, delay_s=AWAY_S) as passage,
        tempfile.TemporaryDirectory() as folder,
        daemon(Path(folder), "--store", f"consul://{passage.address}") as (api, pid),
    ):
        events, keys = _begun(api)
        yield from _wave(
            f"Consul {AWAY_S * 1000:.0f} ms away", api, pid, events, keys["configs/av-engine/1.0.0/default"]
        )


def _measure(store: str, api: Api, pid: int) -> Iterator[Row]:
    events, keys = _begun(api)
    yield from _latency(store, api, events, keys["configs/av-engine/1.0.0/default"])
    yield from _wave(store, api, pid, events, keys["configs/av-engine/1.0.0/default"])
    yield f"{store}: memory of the daemon with {BINDINGS} bindings", _resident_mib(pid), "MiB"


def _begun(api: Api) -> tuple[Iterator[str], dict[str, bytes]]:
    """The example is loaded and settled: what is settled from here on, and the example's keys."""
    events = _settlements(api)
    keys = {path.relative_to(EXAMPLE).as_posix(): path.read_bytes() for path in EXAMPLE.rglob("*") if path.is_file()}
    api.txn(keys)
    _take(events, 6)
    return events, keys


def _settlements(api: Api) -> Iterator[str]:
    """Bindings, as they are settled."""
    for entry in api.events():
        if entry["type"] == "EffectiveApplied":
            yield entry["data"]["binding"]


def _latency(store: str, api: Api, events: Iterator[str], config: bytes) -> Iterator[Row]:
    document = json.loads(config)
    took = []
    for number in range(CHANGES):
        document["timeout_ms"] = 1000 + number
        began = time.perf_counter()
        api.txn({"configs/av-engine/1.0.0/default": json.dumps(document).encode()})
        _take(events, 2)
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    yield f"{store}: change to effective and recorded, p50", statistics.median(took), "ms"
    yield f"{store}: change to effective and recorded, p99", took[int(len(took) * 0.99) - 1], "ms"


def _wave(store: str, api: Api, pid: int, events: Iterator[str], config: bytes) -> Iterator[Row]:
    document = json.loads(config)
    for start in range(0, BINDINGS, AT_ONCE // 2):
        keys: dict[str, bytes] = {}
        for number in range(start, start + AT_ONCE // 2):
            document["timeout_ms"] = 1000 + number
            keys[f"configs/av-engine/1.0.0/c{number}"] = json.dumps(document).encode()
            keys[f"bindings/{ENVIRONMENT}/av-engine/c{number}"] = b""
        api.txn(keys)
        _take(events, AT_ONCE // 2)
    began, cpu = time.perf_counter(), _cpu_s(pid)
    api.txn({f"envs/{ENVIRONMENT}/av-engine/version": b"2.1.3"})
    _take(events, BINDINGS + 3)
    took = time.perf_counter() - began
    yield f"{store}: bindings converged per second after one engine bump over {BINDINGS}", (BINDINGS + 3) / took, "1/s"
    yield f"{store}: CPU of the daemon for one binding of it", (_cpu_s(pid) - cpu) * 1000 / (BINDINGS + 3), "ms"


def _take(events: Iterator[str], count: int) -> None:
    for _ in range(count):
        next(events)


def _cpu_s(pid: int) -> float:
    """User and system time of the daemon itself, its validation worker left out."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    for row in run():
        print(row)
