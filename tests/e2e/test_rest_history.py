"""What a config was, when, and back to it: over REST and the command line, never fought by the loop."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.e2e.processes import Daemon, scan_world, until

CONFIG = "configs/av/1.0.0/default"
BINDING = "prod/asia/av/default"


def write(daemon: Daemon, key: str, raw: bytes | None, correlation_id: str = "") -> int:
    """Write or remove a key over whatever is there; the revision that history knows this write by."""
    headers = {"If-Match": "*"} | ({"X-Correlation-Id": correlation_id} if correlation_id else {})
    with daemon.client(**headers) as client:
        answer = client.delete(f"/v1/{key}") if raw is None else client.put(f"/v1/{key}", content=raw)
    assert answer.status_code < 300, answer.text
    return int(answer.json()["revision"])


def get(daemon: Daemon, path: str, **query: str) -> httpx2.Response:
    with daemon.client() as client:
        return client.get(path, params=query or None)


def rollback(daemon: Daemon, subject: str, to: str, *, dry: bool = False, **headers: str) -> httpx2.Response:
    query = {"validate_only": "true"} if dry else {}
    with daemon.client(**headers) as client:
        return client.post(f"/v1/{subject}:rollback", json={"to": to}, params=query)


def undo(daemon: Daemon, correlation_id: str, *, dry: bool = False) -> httpx2.Response:
    query = {"validate_only": "true"} if dry else {}
    with daemon.client() as client:
        return client.post(f"/v1/correlations/{correlation_id}:undo", params=query)


def rolled_back(daemon: Daemon) -> list[str]:
    """Which configs the journal says were rolled back, one for each entry."""
    return [entry["data"]["key"] for entry in daemon.entries(type="ConfigRolledBack")]


def size(daemon: Daemon) -> int:
    """How many entries the journal has, once nothing waits and every entry that a status foretells is there."""
    found = -1
    for _ in until("the journal comes to rest"):
        before, found = found, int(get(daemon, "/v1/events", limit="1").json()["size"])
        foretold = [json.loads(status)["journal"] for status in tree(daemon, "status").values()]
        waiting = "versiqii_queue_depth 0.0" not in get(daemon, "/metrics").text
        if before == found and not waiting and all(position < found for position in foretold):
            return found
        time.sleep(0.1)
    raise AssertionError


@pytest.fixture
def world(daemon: Daemon) -> Daemon:
    """A daemon with one config, written three times and bound in prod/asia."""
    daemon.load(scan_world())
    daemon.until_status(BINDING, state="InSync")
    return daemon


@pytest.mark.parametrize("dry", [True, False])
def test_a_config_goes_back_to_a_revision(world: Daemon, dry: bool) -> None:
    """A new revision with the old content; exactly one ConfigRolledBack stands in place of ConfigRevised."""
    first = int(get(world, f"/v1/{CONFIG}").headers["etag"].strip('"'))
    second = write(world, CONFIG, b'{"depth": 4}')
    answer = rollback(world, CONFIG, str(first), dry=dry, **{"X-Correlation-Id": "back-1"})
    assert answer.status_code == 200, answer.text
    (move,) = answer.json()["plan" if dry else "moved"]
    assert (move["key"], move["fromRevision"], move["toRevision"]) == (CONFIG, second, first)
    if dry:
        assert get(world, f"/v1/{CONFIG}").content == b'{"depth": 4}'
        assert rolled_back(world) == []
        return
    revisions = get(world, f"/v1/history/{CONFIG}").json()["items"]
    assert [r["type"] for r in revisions] == ["ConfigRevised", "ConfigRevised", "ConfigRolledBack"]
    assert [r["revision"] for r in revisions] == [first, second, answer.json()["revision"]]
    assert revisions[0]["digest"] == revisions[2]["digest"] != revisions[1]["digest"]
    assert revisions[2]["correlationId"] == "back-1"
    assert json.loads(get(world, f"/v1/{CONFIG}").content) == {"depth": 3}
    world.until_status(BINDING, state="InSync", correlationId="back-1")
    assert rolled_back(world) == [CONFIG]


def test_revisions_come_in_pages(world: Daemon) -> None:
    """Each page names the next one, and the command line follows them all; a token that was made up is refused."""
    for depth in (4, 5, 6):
        write(world, CONFIG, b'{"depth": %d}' % depth)
    whole = get(world, f"/v1/history/{CONFIG}").json()
    assert "nextPageToken" not in whole
    found, query = [], {"page_size": "1"}
    for _ in range(4):
        page = get(world, f"/v1/history/{CONFIG}", **query).json()
        found += page["items"]
        query["page_token"] = page.get("nextPageToken", "")
    assert query["page_token"] == ""
    assert found == whole["items"]
    assert json.loads(world.cli("configs", "history", CONFIG, "-o", "json").stdout) == found
    assert get(world, f"/v1/history/{CONFIG}", page_token="made-up").status_code == 422
    assert get(world, f"/v1/history/{CONFIG}", page_size="10001").status_code == 422


def test_a_rollback_to_what_is_there_already_is_recorded_too(world: Daemon) -> None:
    """One ConfigRolledBack, no new revision."""
    etag = get(world, f"/v1/{CONFIG}").headers["etag"]
    answer = rollback(world, CONFIG, etag.strip('"'))
    assert answer.status_code == 200, answer.text
    assert rolled_back(world) == [CONFIG]
    assert get(world, f"/v1/{CONFIG}").headers["etag"] == etag
    assert len(get(world, f"/v1/history/{CONFIG}").json()["items"]) == 1
    assert [entry["type"] for entry in world.entries(key=CONFIG)] == ["ConfigRevised", "ConfigRolledBack"]


SUBJECTS = (CONFIG, f"bindings/{BINDING}", "prod/asia", "prod", "configs/av/1.0.0/nothing", "nowhere")


@pytest.mark.parametrize("to", ["999999", "1", "no-such-id", "1999-01-01T00:00:00Z", ""])
def test_an_unknown_point_moves_nothing(shared: Daemon, to: str) -> None:
    """404 (exit 6 on the command line), and no key and no entry has moved."""
    if get(shared, f"/v1/{CONFIG}").status_code == 404:
        shared.load(scan_world() | {f"bindings/{BINDING}": b""})
        shared.until_status(BINDING, state="InSync")
    before = tree(shared, "configs", "bindings", "envs"), size(shared)
    for subject in SUBJECTS:
        for dry in (True, False):
            answer = rollback(shared, subject, to, dry=dry)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    assert shared.cli("rollback", "prod/asia", "--to", to).returncode == 6
    assert before == (tree(shared, "configs", "bindings", "envs"), size(shared))


def test_a_point_is_a_revision_a_time_or_a_correlation_id(world: Daemon) -> None:
    """A time means the last write at or before it; an id the state just after its last entry."""
    second = write(world, CONFIG, b'{"depth": 4}', "edit-1")
    world.until_status(BINDING, correlationId="edit-1")
    write(world, CONFIG, b'{"depth": 5}', "edit-2")
    one, two, three = get(world, f"/v1/history/{CONFIG}").json()["items"]
    just_before = datetime.fromisoformat(three["time"]) - timedelta(microseconds=1)
    elsewhere = datetime.fromisoformat(two["time"]).astimezone(tz=None)
    points = [str(second), two["time"], "edit-1", just_before.isoformat(), elsewhere.isoformat()]
    for point in points:
        answer = get(world, f"/v1/show/{CONFIG}", at=point)
        assert (answer.content, answer.headers["etag"]) == (b'{"depth": 4}', f'"{second}"'), point
    now = datetime.now(UTC).isoformat()
    assert get(world, f"/v1/show/{CONFIG}", at=now).content == b'{"depth": 5}'
    assert json.loads(get(world, f"/v1/show/{CONFIG}", at=one["time"]).content) == {"depth": 3}
    patch = get(world, f"/v1/diff/{CONFIG}", **{"from": one["correlationId"], "to": "edit-2"})
    assert patch.json() == [{"op": "replace", "path": "/depth", "value": 5}]
    bad = get(world, f"/v1/show/{CONFIG}", at="2026-13-41T25:61:00Z")
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_input")


def test_lists_are_compared_by_the_keys_that_the_schema_names(daemon: Daemon) -> None:
    """Over REST as a patch and as changes, and on the command line; a rule that only moved is not told as another."""
    rules = {"type": "array", "x-versiqii-list-keys": ["name"], "items": {"type": "object"}}
    schema = json.dumps({"type": "object", "properties": {"rules": rules}}).encode()
    daemon.load(scan_world() | {"schemas/scan/5.0.0": schema})
    key = "configs/av/5.0.0/ruled"
    first = write(daemon, key, b"rules: [{name: a, on: true}, {name: b, on: true}]")
    second = write(daemon, key, b"rules: [{name: b, on: false}, {name: c}, {name: a, on: true}]")
    between = {"from": str(first), "to": str(second)}
    assert get(daemon, f"/v1/diff/{key}", **between, form="changes").json() == [
        {"change": "moved", "path": "/rules/[name=a]"},
        {"change": "moved", "path": "/rules/[name=b]"},
        {"change": "changed", "path": "/rules/[name=b]/on", "before": True, "after": False},
        {"change": "added", "path": "/rules/[name=c]", "after": {"name": "c"}},
    ]
    assert get(daemon, f"/v1/diff/{key}", **between).json() == [
        {"op": "move", "from": "/rules/1", "path": "/rules/0"},
        {"op": "replace", "path": "/rules/0/on", "value": False},
        {"op": "add", "path": "/rules/1", "value": {"name": "c"}},
    ]
    assert get(daemon, f"/v1/diff/{key}", **between, form="x").status_code == 422
    asked = ("configs", "diff", key, "--from", str(first), "--to", str(second), "--structural")
    done = daemon.cli(*asked, "--detailed-exitcode")
    assert done.returncode == 2, done.stderr
    assert "[name=b]/on" in done.stdout
    same = daemon.cli(*asked[:5], "--to", str(first), "--structural", "--detailed-exitcode", "-o", "json")
    assert (same.returncode, json.loads(same.stdout)) == (0, [])


def test_history_of_what_was_removed(world: Daemon) -> None:
    """The removal is a revision without content, and what was removed comes back."""
    first = int(get(world, f"/v1/{CONFIG}").headers["etag"].strip('"'))
    write(world, CONFIG, None)
    revisions = get(world, f"/v1/history/{CONFIG}").json()["items"]
    assert [r["digest"] is None for r in revisions] == [False, True]
    assert get(world, f"/v1/show/{CONFIG}", at=str(revisions[1]["revision"])).status_code == 404
    assert rollback(world, CONFIG, str(first)).status_code == 200
    assert json.loads(get(world, f"/v1/{CONFIG}").content) == {"depth": 3}
    assert rollback(world, CONFIG, str(revisions[1]["revision"])).status_code == 200
    assert get(world, f"/v1/{CONFIG}").status_code == 404
    assert rolled_back(world) == [CONFIG, CONFIG]


@pytest.mark.parametrize("path", ["history/configs/a/1/b", "show/configs/a/1/b?at=1", "diff/configs/a/1/b?from=1&to=2"])
def test_a_key_that_never_was(shared: Daemon, path: str) -> None:
    assert get(shared, f"/v1/{path}").status_code == 404


@pytest.mark.parametrize(
    "path", ["history/status/prod/asia/av/default", "history/nothing", "show/effective/a/b/c?at=1"]
)
def test_only_desired_keys_have_a_history(shared: Daemon, path: str) -> None:
    answer = get(shared, f"/v1/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_key")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"to": 1}', '{"to": "1", "x": 1}', "[" * 100_000])
def test_a_rollback_that_says_nothing(shared: Daemon, body: str) -> None:
    with shared.client() as client:
        answer = client.post(f"/v1/{CONFIG}:rollback", content=body.encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")


# ------------------------------------------------------------------------------------------------- environments


def tree(daemon: Daemon, *rooms: str) -> dict[str, str]:
    """Key → value of everything in these rooms."""
    found: dict[str, str] = {}
    for room in rooms:
        found |= {i["key"]: i["value"] for i in get(daemon, f"/v1/{room}/", values="true").json()["items"]}
    return found


def two_regions() -> dict[str, bytes]:
    """Two regions that inherit one binding, one with a second of its own, and a target that is not in both."""
    more = {
        "configs/av/1.0.0/strict": b'{"depth": 9}',
        "bindings/prod/asia/av/strict": b"",
        "envs/prod/eu/av/version": b"1.4.0",
        "targets/other": b'{"family": "scan", "schemas": {"*": "1.0.0"}}',
        "configs/other/1.0.0/default": b'{"depth": 1}',
        "bindings/prod/other/default": b"",
        "envs/prod/eu/other/version": b"1.0.0",
    }
    return scan_world() | more


def test_a_whole_environment_goes_back(daemon: Daemon) -> None:
    """Versions, bindings and the configs that are read there are as they were; nothing else has moved."""
    daemon.load(two_regions())
    daemon.until_status("prod/asia/av/strict", state="InSync")
    daemon.until_status("prod/eu/other/default", state="InSync")
    size(daemon)
    before, then = tree(daemon, "envs", "bindings", "configs"), datetime.now(UTC).isoformat()
    effective = tree(daemon, "effective")
    write(daemon, "configs/other/1.0.0/default", b'{"depth": 2}')
    write(daemon, CONFIG, b'{"depth": 4}')
    write(daemon, "envs/prod/asia/av/version", b"2.0.0")
    write(daemon, "bindings/prod/asia/av/strict", None)
    write(daemon, "bindings/prod/asia/av/new", b'{"config": "default"}')
    daemon.until_status("prod/asia/av/new", state="Migrated")
    answer = rollback(daemon, "prod/asia", then)
    assert answer.status_code == 200, answer.text
    moved = {move["key"] for move in answer.json()["moved"]}
    assert moved == {
        CONFIG, "configs/av/1.0.0/strict", "envs/prod/asia/av/version",
        "bindings/prod/asia/av/strict", "bindings/prod/asia/av/new",
    }  # fmt: skip
    after = tree(daemon, "envs", "bindings", "configs")
    assert after.pop("configs/other/1.0.0/default") == '{"depth": 2}'
    before.pop("configs/other/1.0.0/default")
    assert after == before
    assert sorted(rolled_back(daemon)) == [CONFIG, "configs/av/1.0.0/strict"]
    daemon.until_status("prod/asia/av/strict", state="InSync")
    for _ in until("the effective configs are as they were"):
        now = tree(daemon, "effective")
        if {k: v for k, v in now.items() if "/asia/" in k} == {k: v for k, v in effective.items() if "/asia/" in k}:
            break


def test_a_binding_and_a_version_go_back_by_their_keys(world: Daemon) -> None:
    """Any desired key can be the subject."""
    key = "envs/prod/asia/av/version"
    first = get(world, f"/v1/{key}").headers["etag"].strip('"')
    write(world, key, b"2.0.0")
    world.until_status(BINDING, state="Migrated")
    assert rollback(world, key, first).status_code == 200
    world.until_status(BINDING, state="InSync", targetVersion="1.4.0")
    assert rolled_back(world) == []


# --------------------------------------------------------------------------------------------------------- undo


def test_everything_that_one_id_did_is_undone(daemon: Daemon) -> None:
    """Written, created and removed keys, of several requests; and the undo can itself be undone."""
    daemon.load(two_regions())
    daemon.until_status("prod/asia/av/strict", state="InSync")
    before = tree(daemon, "envs", "bindings", "configs")
    write(daemon, CONFIG, b'{"depth": 4}', "change-7")
    write(daemon, CONFIG, b'{"depth": 5}', "change-7")
    write(daemon, "configs/av/1.0.0/more", b"{}", "change-7")
    write(daemon, "bindings/prod/asia/av/strict", None, "change-7")
    write(daemon, "envs/prod/asia/av/version", b"2.0.0", "change-7")
    changed = tree(daemon, "envs", "bindings", "configs")
    plan = undo(daemon, "change-7", dry=True).json()["plan"]
    assert tree(daemon, "envs", "bindings", "configs") == changed
    answer = undo(daemon, "change-7")
    assert answer.status_code == 200, answer.text
    assert answer.json()["moved"] == plan
    assert len(plan) == 4
    assert tree(daemon, "envs", "bindings", "configs") == before
    assert sorted(rolled_back(daemon)) == [CONFIG, "configs/av/1.0.0/more"]
    daemon.until_status("prod/asia/av/strict", state="InSync")
    assert undo(daemon, answer.json()["correlationId"]).status_code == 200
    assert tree(daemon, "envs", "bindings", "configs") == changed


def test_an_undo_never_takes_away_what_came_after(world: Daemon) -> None:
    """409 and nothing moved, when another id has written one of its keys since."""
    write(world, CONFIG, b'{"depth": 4}', "mine")
    write(world, "envs/prod/asia/av/version", b"1.5.0", "mine")
    write(world, CONFIG, b'{"depth": 5}', "theirs")
    before = tree(world, "envs", "configs")
    answer = undo(world, "mine")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "theirs" in answer.json()["hint"]
    assert world.cli("rollback", "--undo", "mine").returncode == 5
    assert tree(world, "envs", "configs") == before
    assert undo(world, "theirs").status_code == 200
    assert rolled_back(world) == [CONFIG]
    assert undo(world, "mine").status_code == 200, "what came after is itself undone"
    assert json.loads(get(world, f"/v1/{CONFIG}").content) == {"depth": 3}


@pytest.mark.parametrize("name", ["no-such-id", "17"])
def test_nothing_to_undo(shared: Daemon, name: str) -> None:
    assert undo(shared, name).status_code == 404


def test_a_wave_over_many_configs(daemon: Daemon) -> None:
    """More keys than one transaction takes; exactly one ConfigRolledBack for each config."""
    names = [f"configs/av/1.0.0/c{number:03}" for number in range(150)]
    daemon.load({"envs/prod/asia/av/version": b"1.0.0"})
    for start in range(0, 150, 50):
        keys = dict.fromkeys(names[start : start + 50], b"1")
        daemon.load(
            keys | {f"bindings/prod/asia/av/{name[-4:]}": b"" for name in keys}, **{"X-Correlation-Id": "setup"}
        )
    size(daemon)
    then = datetime.now(UTC).isoformat()
    for start in range(0, 150, 50):
        daemon.load(dict.fromkeys(names[start : start + 50], b"2"))
    answer: Any = rollback(daemon, "prod", then).json()
    assert len([move for move in answer["moved"] if move["fromDigest"] != move["toDigest"]]) == 150
    assert set(tree(daemon, "configs").values()) == {"1"}
    assert sorted(rolled_back(daemon)) == names
