"""A host in a folder: destinations, a reload that logs what it saw, and a converger that can be started again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versiqiid.agent.converge import Converger, Host, Round
from versiqiid.agent.memory import Memory
from versiqiid.agent.settings import read_settings
from versiqiid.agent.state import StateFolder

if TYPE_CHECKING:
    from pathlib import Path

    from versiqiid.agent.secrets import Resolve
    from versiqiid.agent.settings import TargetSettings

GOOD, BETTER, BAD = b'{"a":1}', b'{"a":2}', b'{"a":"bad"}'


def wanted(value: bytes) -> dict[str, bytes]:
    """The effective config of the binding ``default``."""
    return {"default": value}


@dataclass
class Bench:
    """Everything lies under ``root``. ``files`` are tables as in ``[[agent.targets.files]]``."""

    root: Path
    files: list[dict[str, Any]]
    resolve: Resolve | None = None
    time: float = 1_700_000_000.0
    started: list[Converger] = field(default_factory=list)

    @property
    def settings(self) -> TargetSettings:
        return read_settings({"environment": "prod/eu", "targets": [{"target": "av", "files": self.files}]}).targets[0]

    async def start(self) -> Converger:
        """The agent as after a start of its process."""
        memory = Memory(StateFolder(self.root / "data" / "agent" / "av"))
        converger = Converger(self.settings, Host("h1", "prod/eu"), memory, lambda: self.time, self.resolve)
        await converger.start()
        self.started.append(converger)
        return converger

    async def converge(self, wanted: dict[str, bytes] | None) -> Round:
        """One look of the agent that runs (or is started for it)."""
        converger = self.started[-1] if self.started else await self.start()
        return await converger.converge(wanted)

    async def state(self, wanted: dict[str, bytes] | None) -> tuple[str, str]:
        """State and reason of the first file after one look."""
        status = (await self.converge(wanted)).statuses[0]
        return status.state.value, status.reason

    def path(self, name: str) -> Path:
        return self.root / "etc" / name

    def read(self, name: str) -> str | None:
        return self.path(name).read_text() if self.path(name).exists() else None

    def reloads(self) -> list[str]:
        log = self.root / "reloads"
        return log.read_text().splitlines() if log.exists() else []

    def staged(self) -> list[Path]:
        return list(self.root.rglob("*versiqii-staged"))


def reload_of(root: Path, name: str, *, fails_on: str = "") -> list[str]:
    """A reload that appends what the file holds to ``reloads``, and fails when it holds a word."""
    script = 'l=; read -r l < "$1"; echo "$l" >> "$2"; [ -n "$3" ] || exit 0; case "$l" in *"$3"*) exit 1; esac'
    return ["sh", "-c", script, "reload", str(root / "etc" / name), str(root / "reloads"), fails_on]


def file_table(root: Path, path: str = "a.json", **more: Any) -> dict[str, Any]:
    """One file in ``etc``, raw JSON, binding ``default``."""
    return {"destination": str(root / "etc" / path)} | more
