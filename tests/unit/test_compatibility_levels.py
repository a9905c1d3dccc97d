"""Which versions are judged, which way, and how the judgements add up."""

from __future__ import annotations

import pytest

from versiqiid.core.compatibility import Basis, Direction, Judgement, Level, Version, check, in_group


def no_smaller(old: int, new: int) -> Judgement:
    """Reads what was written for a number that is not larger: enough to tell the directions apart."""
    return Judgement(old <= new, Basis.RULES)


VERSIONS = (Version("3", 3), Version("2", 2), Version("9", 9))


@pytest.mark.parametrize(
    ("level", "judged"),
    [
        (Level.NONE, []),
        (Level.BACKWARD, [("3", "backward")]),
        (Level.BACKWARD_TRANSITIVE, [("3", "backward"), ("2", "backward"), ("9", "backward")]),
        (Level.FORWARD, [("3", "forward")]),
        (Level.FORWARD_TRANSITIVE, [("3", "forward"), ("2", "forward"), ("9", "forward")]),
        (Level.FULL, [("3", "backward"), ("3", "forward")]),
        (Level.FULL_TRANSITIVE, [(name, way) for name in "329" for way in ("backward", "forward")]),
    ],
)
def test_a_level_says_which_versions_are_judged_and_which_way(level: Level, judged: list[tuple[str, str]]) -> None:
    """A level that is not transitive looks at the newest version only."""
    verdict = check(level, 4, VERSIONS, no_smaller)
    assert [(finding.version, finding.direction) for finding in verdict.findings] == judged


@pytest.mark.parametrize(
    ("level", "new", "compatible"),
    [
        (Level.NONE, 0, True),
        (Level.BACKWARD, 4, True),
        (Level.BACKWARD, 2, False),
        (Level.BACKWARD_TRANSITIVE, 4, False),
        (Level.FORWARD, 2, True),
        (Level.FORWARD, 4, False),
        (Level.FULL, 3, True),
        (Level.FULL, 4, False),
    ],
)
def test_one_no_is_enough(level: Level, new: int, compatible: bool) -> None:
    """A verdict is compatible when every judgement is."""
    verdict = check(level, new, VERSIONS, no_smaller)
    assert verdict.compatible is compatible
    assert bool(verdict.refused) is not compatible


@pytest.mark.parametrize("level", list(Level))
def test_a_first_version_is_always_compatible(level: Level) -> None:
    """There is nothing that it could break."""
    assert check(level, 1, (), no_smaller).compatible


@pytest.mark.parametrize("new", range(5))
def test_full_is_both_directions(new: int) -> None:
    """FULL says yes exactly where BACKWARD and FORWARD do."""
    both = [check(level, new, VERSIONS, no_smaller).compatible for level in (Level.BACKWARD, Level.FORWARD)]
    assert check(Level.FULL, new, VERSIONS, no_smaller).compatible is all(both)


def test_a_group_keeps_only_its_own_versions() -> None:
    """Across groups it is migrations that carry a config over; versions without a group are one group of their own."""
    versions = (Version("2.1", 3, "2"), Version("2.0", 2, "2"), Version("1.0", 9, "1"), Version("0.9", 7))
    assert [version.name for version in in_group(versions, "2")] == ["2.1", "2.0"]
    assert [version.name for version in in_group(versions, None)] == ["0.9"]
    assert check(Level.BACKWARD_TRANSITIVE, 4, in_group(versions, "2"), no_smaller).compatible


def test_a_finding_names_its_direction() -> None:
    """So that a reader of the verdict knows who could not read whom."""
    (finding,) = check(Level.FORWARD, 4, VERSIONS, no_smaller).refused
    assert finding.direction is Direction.FORWARD
