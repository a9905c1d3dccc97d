"""A real witness by others (C2SP ``tlog-witness``), with a key and a database of its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, ClassVar

from tests.services.recipes import Recipe
from tests.services.server import Server
from tests.services.tools import AICS_WITNESS
from tests.services.wire import call

if TYPE_CHECKING:
    from tests.services.finder import Found


class Witness(Server):
    """It cosigns for the logs that it was told of, and keeps its state over a stop, kill or restart.

    :ivar name: in its key.
    """

    recipe: ClassVar[Recipe] = AICS_WITNESS
    title: ClassVar[str] = "aics-witness"

    def __init__(self, found: Found | None = None, *, name: str = "witness.test/w1") -> None:
        super().__init__(found)
        self.name = name
        self.vkey = self._tell("init", "--name", name).strip().splitlines()[-1].split()[-1]

    @property
    def url(self) -> str:
        """Its submission prefix."""
        return f"http://{self.address}"

    def trust(self, vkey: str) -> None:
        """Know a log by its verifier key; before the start."""
        self._tell("add-log", "--origin", vkey.partition("+")[0], "--vkey", vkey)

    def check(self, note: bytes, log_vkey: str) -> bool:
        """Whether aics-tlog, its verifier, takes the note as signed by the log and cosigned by this witness."""
        file = self.folder / "note"
        file.write_bytes(note)
        flags = ("--log-key", log_vkey, "--origin", log_vkey.partition("+")[0])
        command = [str(self.found.path), "aics_tlog", "verify-checkpoint", "--note", str(file), *flags]
        done = subprocess.run(
            [*command, "--witness-key", self.vkey, "--quorum", "1"], capture_output=True, check=False, timeout=60
        )
        return done.returncode == 0

    def _tell(self, *words: str) -> str:
        config = ("--config", str(self.folder / "witness.json"))
        command = [str(self.found.path), "aics_witness", *words[:1], *config, *words[1:]]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def _command(self) -> list[str]:
        config = str(self.folder / "witness.json")
        return [str(self.found.path), "aics_witness", "serve", "--config", config, "--listen", self.address]

    def _is_ready(self) -> bool:
        return call(self.address, "GET", "/healthz", timeout_s=1).status == 200
