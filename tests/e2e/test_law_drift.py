"""A migration that breaks a law and was written as a raw key: taken as it stands, found by the leader, now drift."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest

from tests.e2e.processes import Daemon, until
from tests.e2e.test_migrations_cli import DOWN, NEW, OLD, UP
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.ports import Delete, Set

T = TypeVar("T")

PLACE = "drift/prod/t"
LOSSY = {
    "migrations/f/1.0.0/2.0.0": {"runtime": "json-patch", "patch": UP},
    "migrations/f/2.0.0/1.0.0": {"runtime": "json-patch", "patch": DOWN},
}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    started = Daemon(tmp_path)
    try:
        started.start()
        keys: dict[str, Any] = {
            "families/f": {},
            "schemas/f/1.0.0": OLD,
            "schemas/f/2.0.0": NEW,
            "targets/t": {"family": "f", "schemas": {"1": "1.0.0", "2": "2.0.0"}},
            "configs/t/1.0.0/c": {"depth": 3},
        }
        texts = {"envs/prod/t/version": b"1.0.0", "bindings/prod/t/c": b""}
        started.load({key: json.dumps(value).encode() for key, value in keys.items()} | texts)
        yield started
    finally:
        started.close()


def in_store(daemon: Daemon, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """Work on the store as another program would, past the API."""

    async def opened() -> T:
        async with await SqliteStore.open(daemon.data_dir / "store.db") as store:
            return await work(store)

    return anyio.run(opened)


def put_raw(daemon: Daemon, keys: dict[str, Any]) -> None:
    operations = [Set(f"versiqii/{key}", json.dumps(value).encode()) for key, value in keys.items()]
    in_store(daemon, lambda store: store.commit(operations))


def until_drifts(daemon: Daemon, *reasons: str) -> list[dict[str, Any]]:
    """The open drifts as soon as there are just these, told by a part of their reason."""
    with daemon.client() as client:
        for _ in until(f"{PLACE} tells of {reasons}"):
            answer = client.get(f"/v1/{PLACE}")
            found = answer.json()["drifts"] if answer.status_code == 200 else []
            if len(found) == len(reasons) and all(map(str.__contains__, [each["reason"] for each in found], reasons)):
                return list(found)
    raise AssertionError


def records(daemon: Daemon) -> dict[str, int]:
    listing = in_store(daemon, lambda store: store.scan("versiqii/_system/laws/"))
    return {entry.key: entry.revision for entry in listing.entries}


def test_a_raw_migration_that_breaks_a_law_is_drift_with_its_document(daemon: Daemon) -> None:
    """The binding is not touched, `drifts list` and the journal tell of it, and it closes when a right one is there."""
    put_raw(daemon, LOSSY)
    (drift,) = until_drifts(daemon, "breaks")
    assert (drift["dimension"], drift["key"]) == ("schema", "migrations/f/2.0.0/1.0.0")
    assert (drift["expected"], drift["found"]) == ("up(down(y, stash)) = y", "/report")
    assert drift["document"] == {"scan": {"depth": 0}, "report": "full"}
    assert "migrations/f/2.0.0/1.0.0 breaks up(down(y, stash)) = y" in drift["reason"]
    assert "full" not in drift["reason"]
    assert daemon.until_status("prod/t/c", state="InSync")
    listed = daemon.cli("drifts", "list", "--dimension", "schema", "-o", "json")
    assert json.loads(listed.stdout)[0]["document"] == drift["document"]
    put_raw(daemon, {"migrations/f/2.0.0/1.0.0": LOSSY["migrations/f/2.0.0/1.0.0"] | {"lossy": ["/report"]}})
    until_drifts(daemon, "changed by a raw write")  # which is another drift; the law is kept


def test_what_was_tried_is_not_tried_again_after_a_restart(daemon: Daemon) -> None:
    """The record stays as it is; a new leader finds it and shows the drift."""
    put_raw(daemon, LOSSY)
    until_drifts(daemon, "breaks")
    before = records(daemon)
    assert len(before) == 1
    daemon.restart()
    until_drifts(daemon, "breaks")
    others = {key.replace("/f/", "/g/"): value for key, value in LOSSY.items()}
    put_raw(daemon, others | {"schemas/g/1.0.0": OLD, "schemas/g/2.0.0": NEW, "families/g": {}})
    daemon.event("laws_tried")  # of the family that is new
    tried = [line["key"] for line in daemon.log() if line.get("event") == "laws_tried"]
    assert tried == ["_system/laws/g/1.0.0/2.0.0"]
    after = records(daemon)
    assert {key: after[key] for key in before} == before


def test_a_step_alone_is_tried_for_what_can_be_known(daemon: Daemon) -> None:
    """One direction that gives what does not fit its schema."""
    put_raw(daemon, {"migrations/f/1.0.0/2.0.0": {"runtime": "json-patch", "patch": UP[:2]}})
    (drift,) = until_drifts(daemon, "breaks")
    assert drift["expected"] == "valid(new, up(x))"
    assert drift["document"] == {"depth": 0}


def test_a_pair_that_keeps_the_laws_is_no_drift(daemon: Daemon) -> None:
    """And a record of it all the same, which goes when the migrations go."""
    back = LOSSY["migrations/f/2.0.0/1.0.0"] | {"lossy": ["/report"]}
    put_raw(daemon, LOSSY | {"migrations/f/2.0.0/1.0.0": back})
    daemon.event("laws_tried")
    until_drifts(daemon)
    assert list(records(daemon)) == ["versiqii/_system/laws/f/1.0.0/2.0.0"]
    in_store(daemon, lambda store: store.commit([Delete(f"versiqii/{key}") for key in LOSSY]))
    daemon.restart()
    for _ in until("the record is gone"):
        if not records(daemon):
            break


def test_a_document_with_a_number_beyond_all_integers_is_told_and_stops_nobody(daemon: Daemon) -> None:
    """1e20 has all its digits in canonical form, and the leader reads what it noted."""
    huge = {"enum": [1e20, -9007199254740992.0]}
    old = {"type": "object", "properties": {"size": huge}, "required": ["size"], "additionalProperties": False}
    lost = [{"op": "remove", "path": "/size"}]
    keys = {
        "families/f": {},
        "schemas/f/3.0.0": old,
        "schemas/f/4.0.0": {"type": "object", "additionalProperties": False},
        "migrations/f/3.0.0/4.0.0": {"runtime": "json-patch", "patch": lost},
        "migrations/f/4.0.0/3.0.0": {
            "runtime": "json-patch",
            "patch": [{"op": "add", "path": "/size", "value": -9007199254740992.0}],
        },
    }
    put_raw(daemon, keys)
    (drift,) = until_drifts(daemon, "migrations/f/3.0.0/4.0.0 breaks down(up(x)) = x")
    assert drift["document"] == {"size": 100000000000000000000}
    daemon.load({"configs/t/1.0.0/c": json.dumps({"depth": 4}).encode()}, **{"If-Match": "*"})
    for _ in until("the leader goes on"):
        with daemon.client() as client:
            if client.get("/v1/effective/prod/t/c").json() == {"depth": 4}:
                return
