"""The product as a stranger meets it: ``versiqiid`` and ``versiqii`` as processes, REST over a socket."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from tests.services.server import Entered

EXAMPLE = Path(__file__).parents[2] / "examples" / "scan-engine" / "keys"
DEADLINE_S = 60


def command(name: str) -> list[str]:
    """How ``versiqiid`` or ``versiqii`` is started: its console script where it is installed, else its module."""
    script = Path(sys.executable).parent / name
    if script.exists():
        return [str(script)]
    if name == "versiqiid":
        return [sys.executable, "-m", "versiqiid"]
    return [sys.executable, "-c", "from versiqiid.cli import main; main()"]


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would reach into the product."""
    foreign = ("VERSIQII_", "CONSUL_", "VAULT_", "GITHUB_", "CI_", "NOTIFY_SOCKET")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {"PYTHONWARNINGS": "error"} | more


def until(what: str) -> Iterator[None]:
    """Look again until the caller leaves the loop, or fail saying what did not happen."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.01)
    pytest.fail(f"waited {DEADLINE_S} s: {what}")


@dataclass
class Daemon(Entered):
    """One ``versiqiid run`` in a folder of its own; started by ``start``, ended by ``stop`` or ``kill``."""

    folder: Path
    flags: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    listen: str = "127.0.0.1:0"
    address: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def start(self) -> Self:
        """Start it; return as soon as it says that it has started."""
        self.launch()
        self.address = self.event("started")["listen"]
        return self

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the process and wait for nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["run", "--data-dir", str(self.data_dir), "--listen", self.listen, *self.flags]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command("versiqiid"), *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=clean_environment(**self.environment),
            )
        return self.process

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def text(self) -> str:
        """All that it printed since it was last started."""
        return self._log.read_text(encoding="utf-8")

    def log(self) -> list[dict[str, Any]]:
        """The log lines since it was last started; every line must be JSON."""
        whole, _, _ = self.text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def event(self, name: str) -> dict[str, Any]:
        """The first log line of this event, waited for."""
        for _ in until(f"the log says {name}:\n{self.text()}"):
            for line in self.log():
                if line.get("event") == name:
                    return line
            if self.process is not None and self.process.poll() is not None:
                pytest.fail(f"ended with {self.process.returncode} before {name}:\n{self.text()}")
        raise AssertionError

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(DEADLINE_S)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def restart(self) -> Self:
        """Stop it if it runs and start it again on the same data, perhaps on another port."""
        self.close()
        return self.start()

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()

    # ------------------------------------------------------------------------------------------------ over REST

    def client(self, **headers: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, headers=headers, timeout=DEADLINE_S, trust_env=False)

    def status(self, binding: str) -> dict[str, Any] | None:
        """The status of a binding, None when there is none."""
        with self.client() as client:
            answer = client.get(f"/v1/status/{binding}")
        return answer.json() if answer.status_code == 200 else None

    def until_status(self, binding: str, **wanted: Any) -> dict[str, Any]:
        """The status as soon as all these fields are as wanted."""
        for _ in until(f"status/{binding} has {wanted}, it is {self.status(binding)}"):
            told = self.status(binding)
            if told is not None and all(told.get(name) == value for name, value in wanted.items()):
                return told
        raise AssertionError

    def until_noted(self, beginning: str) -> httpx2.Response:
        """The answer of ``/readyz`` as soon as one of its notes begins so."""
        for _ in until(f"/readyz notes {beginning}"):
            with self.client() as client:
                answer = client.get("/readyz")
            if any(note.startswith(beginning) for note in answer.json()["notes"]):
                return answer
        raise AssertionError

    def entries(self, **query: Any) -> list[dict[str, Any]]:
        """Journal entries, oldest first."""
        with self.client() as client:
            answer = client.get("/v1/events", params={"start": 0, "limit": 10_000, **query})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def load(self, keys: dict[str, bytes], **headers: str) -> None:
        """Write keys in one transaction."""
        operations = [{"op": "set", "key": k, "valueBase64": base64.b64encode(v).decode()} for k, v in keys.items()]
        with self.client(**headers) as client:
            answer = client.post("/v1/txn", json={"operations": operations})
        assert answer.status_code == 200, answer.text

    def cli(self, *arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
        """``versiqii`` against this daemon."""
        return run_cli(*arguments, stdin=stdin, VERSIQII_ADDR=self.url, **environment)


def run_cli(*arguments: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
    """``versiqii`` as a process. No traceback may ever come out of it."""
    done = subprocess.run(
        [*command("versiqii"), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S * 2,
        env=clean_environment(**environment),
    )
    told = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in told.stderr, told.stderr
    return told


def example_keys() -> dict[str, bytes]:
    """The keys of ``examples/scan-engine``."""
    return {p.relative_to(EXAMPLE).as_posix(): p.read_bytes() for p in sorted(EXAMPLE.rglob("*")) if p.is_file()}


def scan_world() -> dict[str, bytes]:
    """A small world without modules: two schemas, a way up and one down, one config, one binding on version 1.4.0."""
    depth = {"type": "integer", "minimum": 0, "maximum": 9}
    old, inner = ({"type": "object", "required": ["depth"], "properties": {"depth": depth}} for _ in range(2))
    new = {"type": "object", "required": ["scan"], "properties": {"scan": inner}}
    for schema in (old, inner, new):
        schema["additionalProperties"] = False
    up = [{"op": "add", "path": "/scan", "value": {}}, {"op": "move", "from": "/depth", "path": "/scan/depth"}]
    down = [{"op": "move", "from": "/scan/depth", "path": "/depth"}, {"op": "remove", "path": "/scan"}]
    documents: dict[str, Any] = {
        "families/scan": {"language": "json-schema"},
        "schemas/scan/1.0.0": old,
        "schemas/scan/2.0.0": new,
        "migrations/scan/1.0.0/2.0.0": {"runtime": "json-patch", "patch": up},
        "migrations/scan/2.0.0/1.0.0": {"runtime": "json-patch", "patch": down},
        "targets/av": {"family": "scan", "schemas": {"1.x": "1.0.0", "2.x": "2.0.0"}},
        "configs/av/1.0.0/default": {"depth": 3},
    }
    texts = {"bindings/prod/av/default": b"", "envs/prod/asia/av/version": b"1.4.0"}
    return {key: json.dumps(value).encode() for key, value in documents.items()} | texts
