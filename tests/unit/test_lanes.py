"""The lanes run every test once, and what one of them says is heard."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import lanes

TESTS = Path(lanes.__file__).parent


def test_every_folder_with_tests_is_in_one_lane() -> None:
    """However deep the tests lie in it: pytest looks into every folder below."""
    there = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")} - lanes.LEFT_OUT
    named = [folder for lane in lanes.lanes() for folder in lane.folders]
    assert sorted(named) == sorted(there)
    assert not list(TESTS.glob("test_*.py"))


def test_a_lane_that_fails_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """Its code is the end's, what it says stands whole, and the last line counts all."""
    one, two = lanes.Lane(1, ("unit/test_lanes.py",)), lanes.Lane(2, ("unit/no_such.py",))
    assert lanes.main(["-k", "every_folder"], [one, two]) == 4
    told = capsys.readouterr().out
    assert "no_such.py" in told
    assert told.splitlines()[-1].startswith("==== 1 deselected, 1 passed in ")
