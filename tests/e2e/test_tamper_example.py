"""``examples/tamper`` as its reader runs it: every tampering is found by the check that is said to find it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.e2e.processes import clean_environment

FOLDER = Path(__file__).parents[2] / "examples" / "tamper"

TOLD = {
    "nobody: nothing is done": ("verified", "verified", "verified"),
    "a database user: UPDATE through SQL  [the database: entries only grows]": ("verified", "verified", "verified"),
    "a database user: edits a projection": ("verified", "verified", "refused: projection at key configs/av-engine"),
    "the file's owner: guards off, edits a row": ("refused: entry at", "refused: entry at", "refused: hash at"),
    "the file's owner: guards off, drops a row": ("refused: order at", "refused: order at", "refused: missing at"),
    "the file's owner: edits row and hashes": ("refused: root at", "refused: root at", "verified"),
    "root: puts an older copy back": ("verified", "refused: truncation at earlier checkpoint 1", "verified"),
    "a thief of the key: edits, hashes, signs anew": ("verified", "refused: fork at earlier checkpoint 1", "verified"),
}


def test_each_tampering_is_found_by_the_check_that_is_said_to_find_it() -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / "demo.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env=clean_environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    acts = [act.splitlines() for act in done.stdout.split("\n\n")[1:-1]]
    assert [act[0] for act in acts] == list(TOLD)
    for title, *checks in acts:
        for line, expected in zip(checks, TOLD[title], strict=True):
            assert line[19:].startswith(expected), (title, line)
