"""Transcripts in Markdown, run for real: what a page shows after ``$`` is typed into a shell, and the shell must answer
what the page shows.

A block counts when ``<!-- executed: NAME -->`` stands on the line before it; all blocks of one name are one session, in
their order. ``> `` continues a command. A line ``…`` stands for any lines, ``…`` inside a line for any text. Times, ids
and digests differ from run to run and are compared by their form only.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

DEADLINE_S = 60
_MARK = re.compile(r"<!-- executed: (\w+) -->\s*\Z")
_ENDS = "--end-of-answer--"

_FORMS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"versiqii\.local/[0-9a-f]{16}"), "<origin>"),
    (re.compile(r'("(?:revision|journal|fuel)": ?)\d+'), r"\1<n>"),
    (re.compile(r"root [0-9a-f]{64}"), "root <digest>"),
    (re.compile(r"\b\d+ of \d+ entries"), "<n> of <n> entries"),
    (re.compile(r"\bof \d+ signed entries"), "of <n> signed entries"),
    (re.compile(r"\b\d+ ms\b"), "<n> ms"),
    (re.compile(r"revision \d+"), "revision <n>"),
    (re.compile(r" {2,}"), " "),  # the width of a column is that of what stands in it
    (re.compile(r"^ ?\d+ (?=[A-Z][a-z]+[A-Z]|<time>)", re.MULTILINE), "<position> "),
    (re.compile(r"^((?:envs|configs|bindings)/\S+) (?:\d+|-) (?:\d+|-)$", re.MULTILINE), r"\1 <n> <n>"),
)
_LOOKS = re.compile(
    r"(consul kv get|cat|grep|versiqii (status|drifts|doctor|kv (get|ls)|audit checkpoint|\w+ (list|history|show)))\b"
    r"|curl -s http"
)
"""Commands that change nothing: a person looks again when the answer is not there yet, and so does the test."""


@dataclass(frozen=True, slots=True)
class Step:
    """:ivar line: of the command in the page, from 1."""

    line: int
    command: str
    answer: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    line: int
    command: list[str]
    answer: list[str] = field(default_factory=list)


def sessions(page: str) -> dict[str, list[Step]]:
    """Every executed session of a page by its name."""
    found: dict[str, list[Step]] = {}
    lines = page.splitlines()
    for at, line in enumerate(lines):
        if (marked := _MARK.match(line)) and at + 1 < len(lines) and lines[at + 1] == "```console":
            found.setdefault(marked[1], []).extend(_steps(lines, at + 2))
    return found


def _steps(lines: list[str], start: int) -> list[Step]:
    steps: list[_Open] = []
    for number, line in enumerate(lines[start:], start=start + 1):
        if line == "```":
            break
        if line.startswith("$ "):
            steps.append(_Open(number, [line[2:]]))
        elif steps and not steps[-1].answer and line.startswith("> "):
            steps[-1].command.append(line[2:])
        elif steps:
            steps[-1].answer.append(line)
        else:
            raise ValueError(f"line {number}: a transcript begins with a command, `$ …`")
    return [Step(step.line, "\n".join(step.command), tuple(step.answer)) for step in steps]


def plain(text: str) -> str:
    """The text with everything that differs from run to run replaced by the name of its form."""
    for form, name in _FORMS:
        text = form.sub(name, text)
    return text


def matches(shown: tuple[str, ...], answered: str) -> bool:
    """Whether what was answered is what the page shows, as far as it shows it."""
    pattern = ""
    for line in shown:
        if line.strip() == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*?".join(re.escape(part) for part in plain(line.rstrip()).split("…")) + r"[ \t]*\n"
    text = plain(answered).rstrip("\n")
    return re.fullmatch(pattern, text and f"{text}\n") is not None


def missing(shown: tuple[str, ...], answered: str) -> str:
    """The first line of the page that the answer does not have in its place."""
    for count in range(1, len(shown) + 1):
        if not matches((*shown[:count], "…"), answered):
            return shown[count - 1]
    return "(its end: the shell says more)"


class Shell:
    """One bash for a whole session, with its descendants in one process group that ends with it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, command: str) -> str:
        """Type a command; all it says, on both channels.

        :raises AssertionError: it did not end in time.
        """
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null\nprintf '\\n{_ENDS}\\n'\n".encode())
        self._bash.stdin.flush()
        said, deadline, end = b"", time.monotonic() + DEADLINE_S, f"\n{_ENDS}\n".encode()
        while not said.endswith(end):
            ready, _, _ = select.select([self._bash.stdout], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no end of {command!r} within {DEADLINE_S} s: {said.decode()}"
            piece = os.read(self._bash.stdout.fileno(), 65_536)
            assert piece, f"the shell ended in {command!r}: {said.decode()}"
            said += piece
        return said.removesuffix(end).decode()

    def close(self) -> None:
        """End what the session left running. Nothing graceful: a good transcript stops what it began."""
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate()


def perform(step: Step, shell: Shell, names: dict[str, str]) -> None:
    """Run one step and hold its answer against the page; what only looks is looked at again until it is there.

    :param names: text in the page → what it is in this run, such as addresses.
    :raises AssertionError: the page shows something else, with both.
    """
    command = step.command
    for shown, real in names.items():
        command = command.replace(shown, real)
    deadline = time.monotonic() + DEADLINE_S / 2
    while True:
        answered = shell.run(command)
        for shown, real in names.items():
            answered = answered.replace(real, shown)
        if matches(step.answer, answered):
            return
        if time.monotonic() > deadline or not _LOOKS.match(step.command):
            wanted = "\n".join(step.answer)
            where = f"line {step.line}: $ {step.command}\n--- not there: {missing(step.answer, answered)}"
            raise AssertionError(f"{where}\n--- the page\n{wanted}\n--- the shell\n{answered}")
        time.sleep(0.05)
