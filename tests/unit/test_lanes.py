"""The lanes run every test once, and what one of them says is heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import lanes

TESTS = Path(lanes.__file__).parent


def test_every_file_with_tests_is_in_one_lane() -> None:
    """However deep it lies: pytest looks into every folder below those that it is given, but for those left out."""
    there = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    runs: list[Path] = []
    for lane in lanes.lanes():
        left_out = [TESTS / folder for folder in lane.left_out()]
        for folder in lane.folders:
            found = (TESTS / folder).rglob("test_*.py")
            runs += [path.relative_to(TESTS) for path in found if not any(map(path.is_relative_to, left_out))]
    assert sorted(runs) == sorted(path for path in there if path.parts[0] not in lanes.LEFT_OUT)


def test_a_lane_that_fails_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """Its code is the end's, what it says stands whole, and the last line counts all."""
    one, two = lanes.Lane(1, ("unit/test_lanes.py",)), lanes.Lane(2, ("unit/no_such.py",))
    assert lanes.main(["-k", "every_file"], [one, two]) == 4
    told = capsys.readouterr().out
    assert "no_such.py" in told
    assert told.splitlines()[-1].startswith("==== 1 deselected, 1 passed in ")
