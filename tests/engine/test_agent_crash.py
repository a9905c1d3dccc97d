"""Killed before each of its system calls, and again while it recovers: the same end, and never half of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("agent_crash.py")
REPOSITORY = PROGRAM.parents[2]
OLD = ('{"a":"old"}', "A=old\n")
NEW = ('{"a":"new"}', "A=new\n")
NONE = (None, None)

OUTCOMES = {
    # scenario: what was there, what is there in the end, what is remembered as failed
    "better": (OLD, NEW, []),
    "bad": (OLD, OLD, ["Restored", "Restored"]),
    "first": (NONE, NEW, []),
}
STRIDES = {"better": 1, "bad": 1, "first": 3}  # "first" has the calls of "better" but for the copy of the old file


def points(folder: Path, scenario: str) -> list[dict[str, Any]]:
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(PROGRAM), str(folder), scenario, str(STRIDES[scenario])],
        cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"}, capture_output=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in ran.stdout.splitlines()]


def check_point(told: dict[str, Any], scenario: str) -> None:
    before, end, failures = OUTCOMES[scenario]
    for moment in ("crashed", "twice"):
        for name, old, new in (("a", before[0], NEW[0]), ("b", before[1], NEW[1])):
            assert told[moment][name] in (old, new), f"{moment}: a torn or missing file"
    assert told["statuses"] == [0, 0]
    for moment, allowed in (("away", (before, end)), ("end", (end,))):
        seen = told[moment]
        assert (seen["a"], seen["b"]) in allowed, f"{moment}: files that do not belong together"
        assert (seen["staged"], seen["pending"]) == (0, 0)
        assert seen["reloads"][-1:] == ([seen["a"]] if seen["a"] else []), (
            f"{moment}: the engine runs on something else"
        )
    assert told["end"]["failures"] == failures


@pytest.mark.parametrize("scenario", list(OUTCOMES))
def test_killed_at_every_call(tmp_path: Path, scenario: str) -> None:
    """After the crash every file is whole. A start without the store finishes what was begun: files that belong
    together and an engine that was reloaded with them. A start with the store reaches the same end as without a crash.
    """
    told = points(tmp_path, scenario)
    assert told[-1]["point"] > 40  # staging, check, memory, swaps, reload, probe and verdict have their calls
    assert any(point["again"] for point in told)
    for point in told:
        check_point(point, scenario)
