"""What is remembered of the laws of a pair: until something that decides them changes, and within a key's size."""

from __future__ import annotations

import json
from typing import Any

import pytest

from versiqiid.core.canonical import canonical
from versiqiid.core.lawrecord import Pair, broken, every_pair, inputs_of, record, topics, tried
from versiqiid.core.laws import Breach, Finding
from versiqiid.core.snapshot import Observation, Reads, Snapshot, Value

KEYS: dict[str, Any] = {
    "families/f": {},
    "schemas/f/1.0.0": {"type": "object"},
    "schemas/f/2.0.0": {"type": "object"},
    "migrations/f/1.0.0/2.0.0": {"runtime": "json-patch", "patch": []},
    "migrations/f/2.0.0/1.0.0": {"runtime": "json-patch", "patch": []},
}
PAIR = Pair("f", "1.0.0", "2.0.0")


def world(**more: Any) -> Snapshot:
    snapshot = Snapshot()
    put(snapshot, KEYS | {key.replace("__", "/"): value for key, value in more.items()}, 1)
    return snapshot


def put(snapshot: Snapshot, keys: dict[str, Any], index: int) -> None:
    raw = {key: value if isinstance(value, bytes) else json.dumps(value).encode() for key, value in keys.items()}
    snapshot.apply(Observation({key: Value(each, index) for key, each in raw.items()}, index=index))


def finding(document: Any, pointer: str = "/a") -> Finding:
    breach = Breach("down(up(x)) = x", "it is lost", pointer=pointer, place=pointer)
    return Finding("1.0.0", "2.0.0", breach, document, None)


def test_a_pair_is_one_whichever_way_its_keys_lead() -> None:
    assert list(every_pair(world())) == [PAIR]
    assert list(every_pair(world(migrations__f__3__2={}))) == [PAIR, Pair("f", "2", "3")]


@pytest.mark.parametrize("key", list(KEYS))
def test_a_record_holds_until_one_of_its_keys_changes(key: str) -> None:
    """And is true again when the key is what it was."""
    snapshot = world()
    put(snapshot, {PAIR.record_key: record(PAIR, inputs_of(snapshot, PAIR), [finding({"a": 1})])}, 2)
    assert tried(snapshot, PAIR)
    assert len(broken(Reads(snapshot), "f")) == 1
    put(snapshot, {key: {"description": "other"}}, 3)
    assert not tried(snapshot, PAIR)
    assert broken(Reads(snapshot), "f") == []
    put(snapshot, {key: KEYS[key]}, 4)
    assert tried(snapshot, PAIR)


def test_a_drift_names_the_key_the_law_and_the_document() -> None:
    snapshot = world()
    put(snapshot, {PAIR.record_key: record(PAIR, inputs_of(snapshot, PAIR), [finding({"a": "value"})])}, 2)
    (drift,) = broken(Reads(snapshot), "f")
    assert (drift["dimension"], drift["key"]) == ("schema", "migrations/f/1.0.0/2.0.0")
    assert (drift["expected"], drift["found"], drift["document"]) == ("down(up(x)) = x", "/a", {"a": "value"})
    assert "value" not in drift["reason"]


@pytest.mark.parametrize("number", [1e20, -(2.0**53), 1e21, 5e-324])
def test_a_document_with_any_number_can_be_told_again(number: float) -> None:
    """RFC 8785 writes a large double with all its digits; read as an integer, it could not be written into a drift."""
    snapshot = world()
    put(snapshot, {PAIR.record_key: record(PAIR, inputs_of(snapshot, PAIR), [finding({"a": number})])}, 2)
    (drift,) = broken(Reads(snapshot), "f")
    assert drift["document"] == {"a": number}
    canonical(drift)


def test_a_large_document_is_left_out() -> None:
    raw = record(PAIR, "sha256:0", [finding({"a": "x" * 2_000})])
    assert "document" not in json.loads(raw)["findings"][0]
    assert len(record(PAIR, "sha256:0", [finding("x" * 1_400, f"/{n}") for n in range(50)])) < 8_000


def test_a_record_that_is_no_record_says_nothing() -> None:
    snapshot = world()
    put(snapshot, {PAIR.record_key: b"\xff"}, 2)
    assert not tried(snapshot, PAIR)
    assert broken(Reads(snapshot), "f") == []


def test_a_record_moves_the_drifts_of_its_family() -> None:
    reads = Reads(world())
    broken(reads, "f")
    assert set(topics(PAIR.record_key)) <= reads.topics
    assert not list(topics("migrations/f/1.0.0/2.0.0"))
