"""Runs the commands that build a service, and says on the terminal how far they are. It decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_TERMINAL_EVERY_S = 1.0
_LOG_EVERY_S = 30.0


class CommandError(Exception):
    """A command ended with an error. The message is one line: what it said last, and where the rest is."""


@dataclass(slots=True)
class Progress:
    """One line per thing that happens; on a terminal a running one besides.

    :ivar label: stands before every line.
    :ivar log: the commands' whole output.
    """

    label: str
    log: Path
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def say(self, words: str) -> None:
        """One line that stays."""
        print(f"{self.label}: {words}", file=self.stream, flush=True)

    def run(
        self,
        command: list[str],
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        must_succeed: bool = True,
    ) -> None:
        """Run a command to its end.

        :param env: added to the environment.
        :raises CommandError: its exit status was not 0, and `must_succeed`.
        """
        shown = " ".join([Path(command[0]).name, *command[1:2]])
        began = time.monotonic()
        tty = self.stream.isatty()
        every_s = _TERMINAL_EVERY_S if tty else _LOG_EVERY_S
        with self.log.open("ab") as log:
            start = log.tell()
            process = subprocess.Popen(
                command, cwd=cwd, env=os.environ | (env or {}), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            while True:
                try:
                    status = process.wait(every_s)
                    break
                except subprocess.TimeoutExpired:
                    self._tick(f"{shown}: {time.monotonic() - began:.0f} s, {len(self._lines(start))} lines", tty=tty)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            if tty:
                print(end="\r\033[K", file=self.stream, flush=True)
        if status and must_succeed:
            last = next((line for line in reversed(self._lines(start)) if line.strip()), "it said nothing")
            raise CommandError(f"`{shown}` failed: {last.strip()[:300]} (all of it: {self.log})")

    def _tick(self, words: str, *, tty: bool) -> None:
        if tty:
            print(f"\r\033[K{self.label}: {words}", end="", file=self.stream, flush=True)
        else:
            self.say(words)

    def _lines(self, start: int) -> list[str]:
        return self.log.read_bytes()[start:].decode(errors="replace").splitlines()
