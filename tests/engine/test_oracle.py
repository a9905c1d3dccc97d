"""The engine beside the second, naive implementation of the rule: random worlds, random edits, and the same end.

``python -m tests.oracle --seconds 600 --seed 7 --what paths`` searches for longer than a test run may.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.engine.world import raw, running, scan_world
from tests.oracle import focus, reading, versions
from tests.oracle.drive import Beside, Disagreement, follow
from tests.oracle.history import Oracle
from tests.oracle.rule import Expected
from tests.oracle.worlds import Edit, histories
from versiqiid.adapters.memory import MemoryStore
from versiqiid.core import document

VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "npm-ranges.json"


def run(history: list[Edit], stops: frozenset[int] = frozenset()) -> None:
    with tempfile.TemporaryDirectory() as folder:
        anyio.run(partial(follow, Path(folder), history, stops=stops))


def few(examples: int) -> Callable[[Any], Any]:
    """So many histories. Making a failing one small takes minutes: that is what ``python -m tests.oracle`` is for."""
    return settings(
        max_examples=examples,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )


@few(12)
@given(histories())
def test_mixed_worlds_come_to_the_oracles_end(history: list[Edit]) -> None:
    """Whatever is written, in whatever order: the same keys, states, versions, sources, steps and bytes."""
    run(history)


@few(6)
@given(histories(most=12), st.frozensets(st.integers(0, 12), max_size=8))
def test_what_changed_while_no_engine_ran_is_caught_up(history: list[Edit], stops: frozenset[int]) -> None:
    """An engine that starts on what others left comes to the same end as one that saw every edit."""
    run(history, stops)


@few(8)
@given(focus.places(), st.frozensets(st.integers(0, 30), max_size=3))
def test_a_binding_exists_exactly_where_the_rule_says(history: list[Edit], stops: frozenset[int]) -> None:
    """Step 3: own and inherited bindings and versions, templates, and effective keys that keep a place alive."""
    run(history, stops)


@few(8)
@given(focus.ranges())
def test_every_range_means_what_its_scheme_says(history: list[Edit]) -> None:
    """Step 4: npm, PEP 440, date, sequence and git-sha ranges, alone and against each other."""
    run(history)


@few(8)
@given(focus.depends())
def test_dependencies_hold_where_they_block(history: list[Edit]) -> None:
    """The end of step 4: ``requires`` and ``accepts`` against the versions that run in the same environment."""
    run(history)


@few(10)
@given(focus.paths())
def test_the_best_path_wins_every_tie(history: list[Edit]) -> None:
    """Step 5: lossy steps, steps, direction, nearness, order; on graphs with circles and detours."""
    run(history)


@few(6)
@given(focus.steps())
def test_every_kind_of_step_gives_or_refuses(history: list[Edit]) -> None:
    """Step 6: patches, lenses, guests good and bad, schemas missing or unusable on the way."""
    run(history)


@few(8)
@given(focus.bytes_())
def test_bytes_are_read_as_the_layout_says(history: list[Edit]) -> None:
    """JSON and YAML 1.2 by the core schema, or refused."""
    run(history)


# ------------------------------------------------------------------------------------------- the oracle itself


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    """An oracle that was told something else than the engine disagrees, and names the binding."""

    async def differ() -> None:
        beside = Beside(MemoryStore())
        async with running(tmp_path, beside.store) as world:
            await beside.edit({key: raw(value) for key, value in scan_world().items()})
            await beside.compare(world)
            beside.oracle.edit({"configs/av/1.0.0/default": b'{"depth":4}'})
            with pytest.raises(Disagreement, match="effective/prod/asia/av/default: is"):
                await beside.compare(world)

    anyio.run(differ)


def test_the_oracle_on_a_world_worked_out_by_hand() -> None:
    """The first world of the key layout's story: in sync, migrated, refused, gone."""
    oracle, place = Oracle(), "prod/asia/av/default"

    def after(**keys: Any) -> Expected | None:
        oracle.edit({key.replace("__", "/"): None if value is None else raw(value) for key, value in keys.items()})
        oracle.settle()
        return oracle.expected.get(place)

    found = after(**scan_world())
    assert found is not None
    assert (found.state, found.version, found.schema) == ("InSync", "1.4.0", "1.0.0")
    found = after(envs__prod__asia__av__version="2.1.3")
    assert found is not None
    assert (found.state, found.steps, found.effective) == ("Migrated", (("1.0.0", "2.0.0"),), b'{"scan":{"depth":3}}')
    found = after(**{"configs/av/1.0.0/default": {"depth": 10}})
    assert found is not None
    assert (found.state, found.pointers) == ("Rejected", frozenset({"/scan/depth"}))
    assert oracle.effective == {place: b'{"scan":{"depth":3}}'}
    assert after(bindings__prod__av__default=None) is None
    assert oracle.effective == {}


def test_both_sides_take_the_newest_of_two_equal_anchors() -> None:
    """YAML 1.2.2, 7.1. The parser of the oracle warned of it, which failed one random history in many."""
    text = b"a: &x 1\nb: &x 2\nc: *x\n"
    assert reading.read(text) == document.read(text) == {"a": 1, "b": 2, "c": 2}


@pytest.mark.skipif(not VECTORS.exists(), reason=f"no vectors at {VECTORS}")
def test_the_oracles_npm_ranges_agree_with_node_semver() -> None:
    """The oracle's ranges are held to node-semver's own cases, but for options and loose spellings, which it lacks."""
    cases = json.loads(VECTORS.read_text())
    judged = 0
    for name, wanted in (("range-include", True), ("range-exclude", False)):
        for text, version, *options in cases[name]:
            if options or "~>" in text:
                continue
            try:
                found = versions.inside("semver", text, version)
            except versions.BadRange:
                found = False
            assert found is wanted, (text, version)
            judged += 1
    assert judged > 130
