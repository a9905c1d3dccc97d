"""What refers to a schema version, and which configs are live."""

from __future__ import annotations

import json
from typing import Any

from versiqiid.core.live import live_configs, targets_of
from versiqiid.core.references import listed, references_to
from versiqiid.core.snapshot import Observation, Snapshot, Value

WORLD: dict[str, Any] = {
    "targets/av": {"family": "f", "schemas": {"1.x": "1.0.0", "2.x": "2.0.0"}},
    "targets/av/1.7.3": {"schema": "1.1.0"},
    "targets/ids": {"family": "f"},
    "targets/other": {"family": "g", "schemas": {"*": "1.0.0"}},
    "targets/typo": {"family": "f", "schemas": {"*": "1.0.0"}, "what": 1},
    "configs/av/1.0.0/default": {},
    "configs/ids/3.0.0/default": {},
    "configs/other/4.0.0/default": {},
    "migrations/f/1.0.0/2.0.0": {},
    "migrations/g/1.0.0/4.0.0": {},
    "lifecycle/f/1.0.0": {"state": "deprecated", "successor": "1.1.0"},
    "lifecycle/f/9.0.0": {"state": "deprecated", "successor": 5},
}


def snapshot(keys: dict[str, Any]) -> Snapshot:
    found = Snapshot()
    found.apply(Observation({key: Value(json.dumps(value).encode(), 1) for key, value in keys.items()}, index=1))
    return found


def test_every_kind_of_reference_is_found_and_no_other_familys() -> None:
    there = snapshot(WORLD)
    assert targets_of(there, "f") == {"av", "ids"}
    told = {version: references_to(there, "f", version) for version in ("1.0.0", "1.1.0", "2.0.0", "3.0.0", "4.0.0")}
    assert told == {
        "1.0.0": ("configs/av/1.0.0/default", "migrations/f/1.0.0/2.0.0", "targets/av"),
        "1.1.0": ("lifecycle/f/1.0.0", "targets/av/1.7.3"),
        "2.0.0": ("migrations/f/1.0.0/2.0.0", "targets/av"),
        "3.0.0": ("configs/ids/3.0.0/default",),
        "4.0.0": (),
    }


def test_many_references_are_told_as_a_few_and_their_number() -> None:
    assert listed(("a", "b")) == "a, b"
    assert listed(tuple("abcdefg")) == "a, b, c, d, e and 2 more"


def test_live_is_what_is_read_and_is_as_it_should_be() -> None:
    """A last good config under a refused binding may be of another schema, and says nothing."""

    def status(state: str) -> dict[str, Any]:
        source = {"key": "configs/av/1.0.0/default", "revision": 3, "digest": "sha256:00"}
        return {"state": state, "schemaVersion": "1.0.0", "targetVersion": "1.4.0", "source": source}

    places = {"prod/b/av/default": "InSync", "prod/a/av/default": "Migrated", "prod/c/av/default": "Rejected"}
    keys = {"targets/av": WORLD["targets/av"], "targets/other": WORLD["targets/other"]}
    keys |= {f"status/{place}": status(state) for place, state in places.items()}
    keys |= {f"effective/{place}": {"at": place} for place in places}
    keys |= {"effective/prod/d/av/default": {}, "status/prod/e/av/default": status("InSync")}
    keys |= {"effective/prod/a/other/default": {}, "status/prod/a/other/default": status("InSync")}
    found = list(live_configs(snapshot(keys), "f"))
    assert [each.name for each in found] == ["prod/a/av/default", "prod/b/av/default"]
    first = found[0]
    assert (first.config, first.schema_version, first.target_version) == ("configs/av/1.0.0/default", "1.0.0", "1.4.0")
    assert json.loads(first.raw) == {"at": "prod/a/av/default"}
