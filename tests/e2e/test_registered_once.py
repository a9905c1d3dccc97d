"""What is registered stays as it is, on every way in but the raw one; who would change it is told by which file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon
from versiqiid.core.canonical import digest

OLD = {"type": "object", "properties": {"depth": {"type": "integer"}}, "additionalProperties": False}
NEW = {"type": "object", "properties": {"scan_depth": {"type": "integer"}}, "additionalProperties": False}
UP, DOWN = (
    [{"rename": {"source": a, "destination": b}}] for a, b in (("depth", "scan_depth"), ("scan_depth", "depth"))
)
STEP = ("f", "1.0.0", "2.0.0")
KEY, BACK = "migrations/f/1.0.0/2.0.0", "migrations/f/2.0.0/1.0.0"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("registered")) as daemon:
        keys: dict[str, Any] = {"families/f": {}, "schemas/f/1.0.0": OLD, "schemas/f/2.0.0": NEW}
        keys |= {KEY: {"runtime": "lens", "lens": UP}, BACK: {"runtime": "lens", "lens": DOWN}}
        daemon.load({key: json.dumps(value).encode() for key, value in keys.items()})
        yield daemon


def test_each_applied_step_is_recorded_with_module_and_manifest(daemon: Daemon) -> None:
    """By digests in the journal; the status tells of them what the key layout says, and no more."""
    source = "function migrate(config, context) return config end"
    keys: dict[str, Any] = {
        "families/h": {},
        "schemas/h/1": {},
        "schemas/h/2": {},
        "schemas/h/3": {},
        "targets/h": {"family": "h", "schemas": {"*": "3.0.0"}},
        "configs/h/1.0.0/c": {"depth": 3},
        "migrations/h/1.0.0/2.0.0": {"runtime": "json-patch", "patch": [], "description": "nothing changed"},
        "migrations/h/2.0.0/3.0.0": {"runtime": "lua", "source": source},
    }
    raw = {f"{key}.0.0" if key.startswith("schemas/") else key: json.dumps(v).encode() for key, v in keys.items()}
    daemon.load(raw | {"bindings/prod/h/c": b"", "envs/prod/h/version": b"1.0.0"})
    status = daemon.until_status("prod/h/c", state="Migrated")
    assert [set(step) for step in status["steps"]] == [
        {"from", "to", "runtime", "digest", "lossy"},
        {"from", "to", "runtime", "digest", "lossy", "fuel"},
    ]
    manifests = [digest(raw["migrations/h/1.0.0/2.0.0"]), digest(raw["migrations/h/2.0.0/3.0.0"])]
    entries = [e for e in daemon.entries() if e["type"] in ("EffectiveApplied", "ConfigMigrated")]
    assert [entry["type"] for entry in entries] == ["EffectiveApplied", "ConfigMigrated"]
    for entry in entries:
        assert [step["manifest"] for step in entry["data"]["steps"]] == manifests
        assert [step["digest"] for step in entry["data"]["steps"]] == [step["digest"] for step in status["steps"]]


def lua(folder: Path, name: str, body: str = "") -> str:
    path = folder / name
    path.write_text(f"function migrate(config, context) {body} return config end")
    return str(path)


def test_another_script_is_refused_and_the_file_is_named(daemon: Daemon, tmp_path: Path) -> None:
    up, down = lua(tmp_path, "up.lua"), lua(tmp_path, "down.lua")
    done = daemon.cli("migrations", "add", *STEP, "--lua", up, "--back", down)
    assert done.returncode == 5
    assert f"file {up!r}: {KEY} is a registered migration and cannot be changed" in done.stderr
    assert "Register a new version instead" in done.stderr


def test_the_file_of_the_way_back_is_named_where_only_that_one_changes(daemon: Daemon, tmp_path: Path) -> None:
    daemon.load({"families/g": b"{}"})
    up, down = lua(tmp_path, "up.lua"), lua(tmp_path, "down.lua")
    step = ("g", "1.0.0", "2.0.0", "--lua", up, "--back")
    assert daemon.cli("migrations", "add", *step, down).returncode == 0
    assert daemon.cli("migrations", "add", *step, down).returncode == 0, "the same again is no change"
    other = lua(tmp_path, "other.lua", "config.x = nil")
    done = daemon.cli("migrations", "add", *step, other, "-o", "json")
    assert done.returncode == 5
    assert f"file {other!r}: migrations/g/2.0.0/1.0.0 is a registered migration" in done.stderr


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("add", ("f", "1.0.0", "1.0.0", "--patch", "-")),
        ("add", ("f", "1.0.0", "../2.0.0", "--patch", "-")),
        ("plan", ("f", "1.0.0", "../y")),
        ("plan", ("f/1.0.0", "1.0.0", "2.0.0")),
        ("test", ("f", "", "2.0.0")),
        ("run", ("f", "1.0.0", "2.0.0:test", "-")),
    ],
)
def test_a_step_that_no_key_could_be_is_a_usage_error(daemon: Daemon, command: str, step: tuple[str, ...]) -> None:
    """Before anybody is asked: what is registered under a slip of the hand would stay."""
    done = daemon.cli("migrations", command, *step, stdin=b"[]")
    assert done.returncode == 64, done.stderr
    assert "Error: " in done.stderr


def test_the_wrong_file_is_no_module(daemon: Daemon, tmp_path: Path) -> None:
    """The source instead of what was built of it: told before anything is written."""
    source = tmp_path / "migration.c"
    source.write_text('#include "versiqii.h"')
    done = daemon.cli("migrations", "add", "w", "1.0.0", "2.0.0", "--wasm", str(source))
    assert done.returncode == 3
    assert f"file {str(source)!r} is no WebAssembly module" in done.stderr
    with daemon.client() as client:
        assert client.get("/v1/migrations/w/").json()["items"] == client.get("/v1/modules/").json()["items"] == []


def test_neither_rest_nor_a_transaction_nor_a_deletion_in_between_changes_it(daemon: Daemon) -> None:
    """Taking a key away does not free its name, and a restart forgets nothing."""
    other = json.dumps({"runtime": "json-patch", "patch": []}).encode()
    with daemon.client() as client:
        before = client.get(f"/v1/{KEY}").content
        put = client.put(f"/v1/{KEY}", content=other, headers={"If-Match": "*"})
        assert (put.status_code, put.json()["code"]) == (409, "immutable")
        operations = [{"op": "set", "key": KEY, "value": other.decode()}]
        assert client.post("/v1/txn", json={"operations": operations}).json()["code"] == "immutable"
        client.delete(f"/v1/{KEY}", headers={"If-Match": "*"}).raise_for_status()
    daemon.restart()
    with daemon.client() as client:
        again = client.put(f"/v1/{KEY}", content=other)
        assert (again.status_code, again.json()["code"]) == (409, "immutable")
        assert KEY in again.json()["detail"]
        assert client.put(f"/v1/{KEY}", content=before).status_code == 201
