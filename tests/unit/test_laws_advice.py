"""Advice about a family's migrations: missing neighbours, and hubs that spare converters."""

from __future__ import annotations

from versiqiid.core.migration.advice import advise
from versiqiid.core.versions import Scheme


def test_missing_steps_are_those_between_neighbours_on_the_way() -> None:
    keys = {("1.0.0", "2.0.0"), ("2.0.0", "1.0.0"), ("3.0.0", "2.0.0")}
    existing = ["1.0.0", "2.0.0", "3.0.0", "4.0.0", "not a version"]
    up = advise(Scheme.SEMVER, existing=existing, keys=keys, source="1.0.0", destination="3.0.0")
    assert up.missing == (("2.0.0", "3.0.0"),)
    down = advise(Scheme.SEMVER, existing=existing, keys=keys, source="3.0.0", destination="1.0.0")
    assert down.missing == ()


def test_the_hub_of_a_line_is_what_most_convert_to_already() -> None:
    existing = ["1.0.0", "1.1.0", "1.2.0", "1.10.0", "2.0.0"]
    keys = {("1.0.0", "1.1.0"), ("1.1.0", "1.0.0"), ("1.1.0", "1.2.0"), ("1.10.0", "1.1.0")}
    advice = advise(Scheme.SEMVER, existing=existing, keys=keys, source="1.0.0", destination="2.0.0")
    first, second = advice.hubs
    assert (first.line, first.version, second.version) == ("1", "1.1.0", "2.0.0")
    assert first.versions == ("1.0.0", "1.1.0", "1.2.0", "1.10.0")
    assert set(first.missing) == {("1.2.0", "1.1.0"), ("1.1.0", "1.10.0")}
    assert first.as_json()["converters"] == {"withHub": 6, "withoutHub": 12}
    assert advice.between == (("1.1.0", "2.0.0"), ("2.0.0", "1.1.0"))


def test_without_keys_the_newest_is_the_hub() -> None:
    advice = advise(
        Scheme.DATE, existing=["2024-01-02", "2024-12-01"], keys=(), source="2024-01-02", destination="2024-12-01"
    )
    assert [hub.version for hub in advice.hubs] == ["2024-12-01"]


def test_versions_without_a_first_number_are_one_line() -> None:
    names = ["abc1234", "def5678"]
    advice = advise(Scheme.GIT_SHA, existing=names, keys=(), source=names[0], destination=names[1])
    assert [(hub.line, hub.versions) for hub in advice.hubs] == [("", tuple(names))]
