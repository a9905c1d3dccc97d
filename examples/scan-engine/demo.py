"""The main job, shown on a terminal: an engine is upgraded, its configs follow, one refuses, and the journal proves it.

Starts ``versiqiid`` with the embedded store in a folder of its own, loads ``keys/``, moves ``prod/asia-sg`` up and
back, verifies the journal, and leaves nothing behind. Everything goes through the daemon's public interfaces.
"""

from __future__ import annotations

import base64
import difflib
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENT, TARGET = "prod/asia-sg", "av-engine"
MOVES = ("2.1.3", "3.0.0", "2.1.3", "1.4.0")
DEADLINE_S = 60


class Api:
    """The few requests that the demo makes."""

    def __init__(self, address: str) -> None:
        self._address = f"http://{address}"

    def json(self, path: str, *, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, data)  # noqa: S310 - an address of our own
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    def values(self, room: str) -> dict[str, Any]:
        items = self.json(f"/v1/{room}/?values=true")["items"]
        return {item["key"].removeprefix(f"{room}/"): json.loads(item["value"]) for item in items}

    def entries(self, start: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json(f"/v1/events?start={start}&limit=10000")["items"]
        return found


@contextmanager
def daemon(folder: Path) -> Iterator[Api]:
    """A daemon of our own on a free port, gone when the block ends."""
    command = [sys.executable, "-m", "versiqiid", "run", "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"]
    log = (folder / "log").open("w+", encoding="utf-8")
    with log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield Api(_address(process, folder / "log"))
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens: it says so in its log when it has started."""
    for _ in until("the daemon starts"):
        if process.poll() is not None:
            raise SystemExit(f"versiqiid ended at once:\n{log.read_text()}")
        for line in log.read_text().splitlines():
            if line.startswith("{") and (told := json.loads(line)).get("event") == "started":
                return str(told["listen"])
    raise AssertionError


def until(what: str) -> Iterator[None]:
    """Try again until the caller leaves the loop, or say what did not happen."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.01)
    raise SystemExit(f"waited {DEADLINE_S} s: {what}")


def load(api: Api) -> None:
    """All keys of the example in one transaction."""
    files = sorted(path for path in (HERE / "keys").rglob("*") if path.is_file())
    operations = [
        {
            "op": "set",
            "key": path.relative_to(HERE / "keys").as_posix(),
            "valueBase64": base64.b64encode(path.read_bytes()).decode(),
        }
        for path in files
    ]
    api.json("/v1/txn", body={"operations": operations})
    say(f"loaded {len(files)} keys: 3 schemas, 4 WASM migrations, 3 configs, 2 regions, 1 engine")
    settled(api, "1.4.0")


def settled(api: Api, version: str) -> dict[str, Any]:
    """The statuses of the region as soon as all speak of this version and are recorded, and its drift is told."""
    for _ in until(f"every binding of {ENVIRONMENT} is decided for {version}"):
        found = {k: v for k, v in api.values("status").items() if k.startswith(f"{ENVIRONMENT}/")}
        drift = api.values("drift").get(f"{ENVIRONMENT}/{TARGET}", {}).get("drifts", [])
        refused = [status for status in found.values() if status["state"] in ("Rejected", "Held")]
        if (
            len(found) == 3
            and all(s["targetVersion"] == version for s in found.values())
            and len(drift) == len(refused)
            and api.json("/v1/events?limit=1")["size"] > max(s["journal"] for s in found.values())
        ):
            return found
    raise AssertionError


def move(api: Api, old: str, new: str) -> None:
    """Move the version key, and tell what became of it."""
    title(f"{ENVIRONMENT}: {TARGET} {old} -> {new}")
    before, start = api.values("effective"), api.json("/v1/events?limit=1")["size"]
    began = time.perf_counter()
    key = f"envs/{ENVIRONMENT}/{TARGET}/version"
    api.json("/v1/txn", body={"operations": [{"op": "set", "key": key, "value": new}]})
    statuses = settled(api, new)
    took_ms = (time.perf_counter() - began) * 1000
    after = api.values("effective")
    for binding, status in sorted(statuses.items()):
        name = binding.rpartition("/")[2]
        say(f"  {name:8} {status['state']:9} schema {status['schemaVersion']}" + steps_of(status))
        if status["state"] == "Rejected":
            pointer = next((v["pointer"] for v in status["violations"]), "") or "/"
            say(f"           refused at {pointer}: {status['reason']}")
            say(f"           the last good config stays: {status['effectiveDigest'][:19]}…")
    show_diff(before, after)
    say(f"  all decided after {took_ms:.0f} ms; the journal says:")
    for entry in api.entries(start):
        say(f"    {entry['position']:4} {entry['type']:21} {entry['stream']}")
    show_matrix(api)


def steps_of(status: dict[str, Any]) -> str:
    path = [
        f"{step['from']} -> {step['to']} ({step['runtime']}, {step.get('fuel', 0):,} fuel)" for step in status["steps"]
    ]
    return "  " + ", ".join(path) if path else "  as written"


def show_diff(before: dict[str, Any], after: dict[str, Any]) -> None:
    key = f"{ENVIRONMENT}/{TARGET}/default"
    lines = partial(json.dumps, indent=2, sort_keys=True, ensure_ascii=False)
    old, new = (lines(tree[key]).splitlines() for tree in (before, after))
    for line in list(difflib.unified_diff(old, new, lineterm="", n=1))[2:]:
        say(f"    {line}")


def show_matrix(api: Api) -> None:
    """Drift by environment and dimension."""
    dimensions = ("target", "schema", "dependency", "environment")
    found = api.values("drift")
    say("  drift          " + "  ".join(dimensions))
    for place in ("prod/asia-sg", "prod/eu-fr"):
        drifts = found.get(f"{place}/{TARGET}", {}).get("drifts", [])
        counts = [str(sum(d["dimension"] == name for d in drifts)).rjust(len(name)) for name in dimensions]
        say(f"  {place:13}  " + "  ".join(counts))


def verify(folder: Path) -> None:
    """The journal, verified by the command line with the daemon gone."""
    title("the journal, verified with the daemon gone")
    command = [
        sys.executable,
        "-c",
        "from versiqiid.cli import main; main()",
        "audit",
        "verify",
        "--data-dir",
        str(folder / "data"),
    ]
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def title(text: str) -> None:
    say("")
    say(text)
    say("-" * len(text))


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="versiqii-demo-") as place:
        folder = Path(place)
        with daemon(folder) as api:
            title("a scan engine in two regions")
            load(api)
            version = "1.4.0"
            for new in MOVES:
                move(api, version, new)
                version = new
        verify(folder)


if __name__ == "__main__":
    main()
