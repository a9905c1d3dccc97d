"""Entries of older versions are read as the newest; frozen ones of each version that was ever written are kept here."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from versiqiid.core import upcast
from versiqiid.core.canonical import canonical
from versiqiid.core.events import CATALOGUE, event_schema
from versiqiid.core.journal import Facts, read, render, template
from versiqiid.core.upcast import STEPS, VERSIONS, current, version_of

FROZEN = Path(__file__).parent / "frozen"
EXPECTED = {
    ("TokenRotated", 1): {"credential": "store", "lifetimeSeconds": 3600, "renewable": True},
}


def frozen(kind: str, version: int) -> dict[str, Any]:
    raw = (FROZEN / f"{kind}.{version}.json").read_bytes().rstrip(b"\n")
    told: dict[str, Any] = json.loads(raw)
    assert canonical(told) == raw, "a frozen entry is the stored bytes"
    return told


@pytest.mark.parametrize(("kind", "version"), sorted(STEPS))
def test_each_version_that_was_ever_written_is_read_as_the_newest(kind: str, version: int) -> None:
    told = frozen(kind, version)
    before = copy.deepcopy(told)
    now = current(told)
    assert told == before, "what is stored is not touched"
    assert now["data"] == EXPECTED[kind, version]
    assert now["typeVersion"] == version_of(kind)
    assert {**now, "data": None, "typeVersion": 0} == {**told, "data": None, "typeVersion": 0}
    assert current(now) == now
    Draft202012Validator(event_schema(kind)["properties"]["data"]).validate(now["data"])
    read(canonical(told), told["position"])


def test_every_step_from_1_to_the_newest_is_there_and_no_other() -> None:
    wanted = {(kind, version) for kind, newest in VERSIONS.items() for version in range(1, newest)}
    assert set(STEPS) == wanted
    assert set(VERSIONS) <= set(CATALOGUE)


def test_what_is_written_says_its_version() -> None:
    """Version 1 says nothing, so that entries of old look as they always did; the bytes stay canonical."""
    for kind in ("ConfigRevised", "TokenRotated"):
        facts = Facts(kind, "s", "default", {"kind": "daemon", "id": "x", "via": "kv"}, "c", "c", {"a": 1})
        entry = render(template(facts), 3, "2026-03-01T12:00:00.000000Z", 1).entry
        told = json.loads(entry)
        assert canonical(told) == entry
        assert told.get("typeVersion", 1) == version_of(kind)
        assert ("typeVersion" in told) == (version_of(kind) > 1)
        assert current(told) == told


def test_steps_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upcast, "STEPS", {("T", 1): lambda d: {"b": d["a"]}, ("T", 2): lambda d: {"c": d["b"] + 1}})
    assert current({"type": "T", "data": {"a": 1}}) == {"type": "T", "data": {"c": 2}, "typeVersion": 3}
    assert current({"type": "T", "typeVersion": 2, "data": {"b": 5}})["data"] == {"c": 6}
    newer = {"type": "T", "typeVersion": 9, "data": {"x": 1}}
    assert current(newer) == newer


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4)


@given(st.dictionaries(st.sampled_from(["type", "data", "typeVersion", "x"]), JSON))
def test_what_is_no_entry_passes(told: dict[str, Any]) -> None:
    assert current(told) == told
