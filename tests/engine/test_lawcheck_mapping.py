"""Configs carried with their stash: back to what they were, merged where they were edited, refused with the place."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from tests.e2e.processes import example_keys
from tests.engine.steps import DOWN, UP, snapshot, world
from versiqiid.adapters.validation import ProcessValidator
from versiqiid.adapters.wasm import WasmRuntime
from versiqiid.core.canonical import canonical
from versiqiid.core.mapper import Account
from versiqiid.core.patch import apply_patch
from versiqiid.core.stash import Stash, parse_stashes
from versiqiid.engine.mapping import Mapping

pytestmark = pytest.mark.anyio

THIRD = {
    "limits": {"depth": 1, "timeout_s": 0.0015},
    "detectors": {"yara": {"enabled": False, "rules_max": 0}, "ml": {"enabled": True, "threshold": 0}},
    "report": {"level": "full"},
}
"""A config of 3.0.0 of which 1.0.0 can say neither the detector, nor the report, nor half a millisecond."""
WAY_DOWN = ("3.0.0", "2.0.0", "1.0.0")


@pytest.fixture(scope="module")
async def mapping() -> AsyncIterator[Mapping]:
    async with ProcessValidator() as validator:
        yield Mapping(validator, WasmRuntime())


async def carried(mapping: Mapping, path: Sequence[str], config: Any, stashes: Sequence[Stash] = ()) -> Account:
    return await mapping.carry(snapshot(example_keys()), "scan-engine", path, config, stashes)


async def test_down_and_up_again_with_the_stash_is_the_same_to_the_byte(mapping: Mapping) -> None:
    """Three versions apart, the records told as JSON and read back in between."""
    down = await carried(mapping, WAY_DOWN, THIRD)
    assert down.refusal is None
    told = down.as_json()
    assert canonical(apply_patch(THIRD, told["patch"])) == canonical(down.result)
    assert {each["pointer"] for each in told["stashed"]} >= {"/limits/timeout_s", "/detectors/ml/enabled"}
    assert told["lost"] == told["undecided"] == []
    assert all(step["fuel"] > 0 and step["digest"].startswith("sha256:") for step in told["steps"])
    records = parse_stashes(json.loads(json.dumps(told["stash"])))
    up = await carried(mapping, WAY_DOWN[::-1], down.result, records)
    assert canonical(up.result) == canonical(THIRD)
    assert [leg.stash for leg in up.legs] == ["applied", "applied"]
    assert up.stashes == []


async def test_without_its_stash_the_usual_values_come_back(mapping: Mapping) -> None:
    down = await carried(mapping, WAY_DOWN, THIRD)
    up = await carried(mapping, WAY_DOWN[::-1], down.result)
    assert up.result["report"] == {"level": "summary"}
    assert [leg.stash for leg in up.legs] == ["", ""]


async def test_a_stale_stash_revives_nothing_that_was_edited(mapping: Mapping) -> None:
    """The edit of the older config stands; what it did not touch comes back from the stash."""
    down = await carried(mapping, WAY_DOWN, THIRD)
    edited = {**down.result, "scan_depth": 7}
    up = await carried(mapping, WAY_DOWN[::-1], edited, down.stashes)
    assert up.result["limits"]["depth"] == 7
    assert up.result["report"] == {"level": "full"}
    assert up.result["detectors"]["ml"] == THIRD["detectors"]["ml"]
    assert [leg.stash for leg in up.legs] == ["merged", "merged"]
    assert all(leg.conflicts == () for leg in up.legs)


async def test_where_stash_and_edit_meet_the_edit_wins_and_is_reported(mapping: Mapping) -> None:
    """The stash holds half a millisecond of the time limit, and the time limit was edited."""
    down = await carried(mapping, WAY_DOWN, THIRD)
    up = await carried(mapping, WAY_DOWN[::-1], {**down.result, "timeout_ms": 900}, down.stashes)
    assert up.result["limits"]["timeout_s"] == 0.9
    assert up.result["report"] == {"level": "full"}
    assert [leg.conflicts for leg in up.legs] == [(), ("/limits/timeout_s",)]


async def test_a_stale_stash_that_does_not_know_its_document_is_dropped(mapping: Mapping) -> None:
    """Without the document it was made for there is nothing to merge with: it is not applied, and that is said."""
    (record,) = (await carried(mapping, ("2.0.0", "1.0.0"), second())).stashes
    bare = Stash(record.source, record.destination, record.sha256, record.lost)
    up = await carried(mapping, ("1.0.0", "2.0.0"), {**first(), "scan_depth": 9}, (bare,))
    assert up.result["report"] == "summary"
    assert (up.legs[0].stash, up.legs[0].conflicts) == ("dropped", ("",))
    same = await carried(mapping, ("1.0.0", "2.0.0"), first(), (bare,))
    assert same.result == second()


def first() -> dict[str, Any]:
    return {"scan_depth": 1, "timeout_ms": 5, "heuristics": {"use_yara": True, "max_rules": 4}}


def second() -> dict[str, Any]:
    return {
        "limits": {"depth": 1, "timeout_ms": 5},
        "heuristics": {"yara": "on", "rules_max": 4},
        "report": "full",
    }


async def test_a_patch_that_loses_gets_a_stash_too(mapping: Mapping) -> None:
    """A step that knows no stash: what the way back would not bring is kept as a patch, and restores the document."""
    keys = snapshot(world(UP, {"runtime": "json-patch", "patch": DOWN, "lossy": ["/report"]}))
    config = {"scan": {"depth": 3}, "report": "full"}
    down = await mapping.carry(keys, "f", ("2.0.0", "1.0.0"), config)
    assert down.result == {"depth": 3}
    assert down.stashes[0].patch == [{"op": "replace", "path": "/report", "value": "full"}]
    up = await mapping.carry(keys, "f", ("1.0.0", "2.0.0"), down.result, down.stashes)
    assert up.result == config


async def test_a_declared_loss_without_a_way_back_is_told_as_lost(mapping: Mapping) -> None:
    keys = snapshot(world(None, {"runtime": "json-patch", "patch": DOWN, "lossy": ["/report", "/nowhere"]}))
    told = (await mapping.carry(keys, "f", ("2.0.0", "1.0.0"), {"scan": {"depth": 3}, "report": "full"})).as_json()
    assert told["lost"] == [{"from": "2.0.0", "to": "1.0.0", "pointer": "/report", "value": "full"}]
    assert told["undecided"] == [{"from": "2.0.0", "to": "1.0.0"}]


async def test_a_config_that_a_step_declines_is_refused_with_the_place(mapping: Mapping) -> None:
    account = await carried(mapping, WAY_DOWN[::-1], {**first(), "scan_depth": 0})
    assert account.refusal is not None
    assert account.refusal.violations[0].pointer == "/limits/depth"
    assert account.refusal.reason.startswith("migrations/scan-engine/2.0.0/3.0.0 (sha256:")
    assert account.result is None
    assert [leg.destination for leg in account.legs] == ["2.0.0"]


async def test_a_config_that_does_not_fit_its_own_schema_is_refused_first(mapping: Mapping) -> None:
    account = await carried(mapping, ("1.0.0", "2.0.0"), {"scan_depth": -1})
    assert account.refusal is not None
    assert account.legs == []
    assert account.refusal.reason.startswith("the config does not fit schema 1.0.0")


async def test_records_of_other_steps_are_handed_on(mapping: Mapping) -> None:
    other = Stash("9.0.0", "8.0.0", "0" * 64, {"x": 1})
    account = await carried(mapping, ("1.0.0", "2.0.0"), first(), (other,))
    assert other in account.stashes
