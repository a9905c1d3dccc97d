"""Which versions a schema is judged against: order, levels, groups and lives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.core.compatibility import Level
from versiqiid.core.objects import read_family, read_lifecycle
from versiqiid.core.promise import Passed, Terms, lifecycle_of, neighbours, overridden, terms_of
from versiqiid.core.snapshot import Observation, Snapshot, Value
from versiqiid.core.versions import Scheme
from versiqiid.errors import InvalidInput, Unreadable

TRANSITIVE = Terms(Level.BACKWARD_TRANSITIVE)


def world(schemas: str, **lives: str) -> Snapshot:
    """Versions in the order in which they were registered, and the states of some (``_`` for a dot)."""
    keys = {f"schemas/f/{version}": b"{}" for version in schemas.split()}
    keys |= {
        f"lifecycle/f/{name[1:].replace('_', '.')}": json.dumps({"state": s}).encode() for name, s in lives.items()
    }
    return holding(keys)


def holding(keys: dict[str, bytes]) -> Snapshot:
    snapshot = Snapshot()
    snapshot.apply(Observation({key: Value(raw, at) for at, (key, raw) in enumerate(keys.items(), 1)}, index=99))
    return snapshot


def around(snapshot: Snapshot, version: str | None, terms: Terms = TRANSITIVE, scheme: Scheme = Scheme.SEMVER) -> Any:
    found = neighbours(snapshot, "f", scheme, terms, version, b"{}")
    return " ".join(found.before), " ".join(found.after)


def test_versions_count_in_the_familys_order_newest_first() -> None:
    """Not in the order in which they came; the schema itself never counts."""
    there = world("1.0.0 1.10.0 1.9.0 2.0.0 1.10.0-rc.1")
    assert around(there, None) == ("2.0.0 1.10.0 1.10.0-rc.1 1.9.0 1.0.0", "")
    assert around(there, "1.10.0") == ("1.10.0-rc.1 1.9.0 1.0.0", "2.0.0")
    assert around(there, "1.0.0") == ("", "1.9.0 1.10.0-rc.1 1.10.0 2.0.0")


def test_a_level_that_is_not_transitive_asks_the_nearest_on_either_side() -> None:
    there = world("1.0.0 1.1.0 2.0.0 3.0.0")
    assert around(there, "1.2.0", Terms(Level.FULL)) == ("1.1.0", "2.0.0")
    assert around(there, None, Terms(Level.FORWARD)) == ("3.0.0", "")
    assert around(there, "1.2.0", Terms(Level.NONE)) == ("", "")


def test_where_versions_have_no_order_the_one_registered_last_is_the_newest() -> None:
    there = world("ffffff1 aaaaaa2 bbbbbb3")
    assert around(there, "abcdef0", scheme=Scheme.GIT_SHA) == ("bbbbbb3 aaaaaa2 ffffff1", "")
    assert around(there, "aaaaaa2", scheme=Scheme.GIT_SHA) == ("ffffff1", "bbbbbb3")


def test_drafts_and_deleted_versions_promise_nothing_and_deprecated_ones_still_do() -> None:
    there = world("1.0.0 1.1.0 1.2.0 1.3.0 main", v1_0_0="deprecated", v1_1_0="draft", v1_2_0="deleted")
    found = neighbours(there, "f", Scheme.SEMVER, TRANSITIVE, "2.0.0", b"{}")
    assert found.before == ("1.3.0", "1.0.0")
    assert found.passed == (
        Passed("1.1.0", "it is a draft"),
        Passed("1.2.0", "it is deleted"),
        Passed("main", "it is no semver version"),
    )


@pytest.mark.parametrize(
    ("scheme", "there", "version", "before"),
    [
        (Scheme.SEMVER, "1.0.0 1.5.0 2.0.0", "2.1.0", "2.0.0"),
        (Scheme.PEP440, "1.0 1.5.post1 2.0rc1 1!2.0", "2.0", "2.0rc1"),
        (Scheme.DATE, "2024-12 2025-01-31 2025.07", "2025-12", "2025.07 2025-01-31"),
        (Scheme.SEQUENCE, "1 2 10", "11", "10 2 1"),
    ],
)
def test_the_group_major_is_one_major_line(scheme: Scheme, there: str, version: str, before: str) -> None:
    """Across major lines it is migrations that carry a config over. A sequence has no major line."""
    terms = Terms(Level.FULL_TRANSITIVE, group="major")
    assert around(world(there), version, terms, scheme)[0] == before


def test_the_group_major_wants_a_version() -> None:
    with pytest.raises(InvalidInput, match="name the version"):
        around(world("1.0.0"), None, Terms(Level.FULL, group="major"))


def test_any_other_group_is_a_member_of_the_schemas() -> None:
    """Schemas with the same value are one group; those without are one, too."""
    texts = {"1": {"x-line": "a"}, "2": {"x-line": "b"}, "3": {}, "4": {"x-line": "a"}, "5": True, "6": {"x-line": 7}}
    there = holding({f"schemas/f/{version}": json.dumps(text).encode() for version, text in texts.items()})

    def before(text: Any) -> tuple[str, ...]:
        terms = Terms(Level.FULL_TRANSITIVE, group="x-line")
        return neighbours(there, "f", Scheme.SEQUENCE, terms, None, json.dumps(text).encode()).before

    assert before({"x-line": "a"}) == ("4", "1")
    assert before({"x-line": "b"}) == ("2",)
    assert before({}) == ("5", "3")
    assert before({"x-line": 7}) == ("6",)


@given(st.lists(st.integers(1, 60), unique=True, max_size=8), st.integers(1, 60), st.sampled_from(Level))
def test_everything_counts_once_on_its_own_side(numbers: list[int], number: int, level: Level) -> None:
    """Before is lower and falling, after is higher and rising; a transitive level leaves none out."""
    found = neighbours(world(" ".join(map(str, numbers))), "f", Scheme.SEQUENCE, Terms(level), str(number), b"")
    before, after = [int(v) for v in found.before], [int(v) for v in found.after]
    lower, higher = sorted((n for n in numbers if n < number), reverse=True), sorted(n for n in numbers if n > number)
    kept = 0 if level is Level.NONE else len(numbers) if level.transitive else 1
    assert (before, after) == (lower[:kept], higher[:kept])


def test_a_life_is_published_unless_a_key_says_otherwise() -> None:
    there = world("1.0.0", v1_0_0="deprecated")
    assert lifecycle_of(there, "f", "1.0.0").state == "deprecated"
    assert lifecycle_of(there, "f", "2.0.0").state == "published"


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ("{}", "state"),
        ('{"state": "new"}', "state"),
        ('{"state": "draft", "until": 1}', "until"),
        ('{"state": "deprecated", "successor": ""}', "successor"),
        ('{"state": "deprecated", "sunset": "soon"}', "sunset"),
        ('{"state": "deprecated", "sunset": "2026-01-31T00:00:00"}', "sunset"),
        ('{"state": "deprecated", "sunset": "20260131"}', "sunset"),
    ],
)
def test_a_life_that_cannot_be_read_names_the_field(raw: str, field: str) -> None:
    with pytest.raises(Unreadable, match=f"'{field}'"):
        read_lifecycle(raw.encode())


def test_terms_are_the_familys_unless_something_else_is_asked_for() -> None:
    terms = terms_of(read_family(b'{"compatibility": "FULL", "policy": "LENIENT", "group": "major"}'))
    assert terms == Terms(Level.FULL, "LENIENT", "ignored", "annotate", "major")
    assert overridden(terms, level=None, policy="STRICT").policy == "STRICT"
    assert overridden(terms, level="NONE", policy=None).level is Level.NONE
    for wrong in ({"level": "full"}, {"policy": "strict"}, {"defaults": "yes"}, {"formats": ""}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            overridden(terms, **wrong)
