"""Every version scheme, for families and targets, on the running daemon: ranges choose the schema, edges lead there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract import wasm_guests
from tests.e2e.processes import Daemon


@dataclass(frozen=True)
class Line:
    """Two schema versions of a family, and the ranges of target versions that read them, in one scheme.

    :ivar old: versions that read the first; ``new``: the second; ``nobody``: no range names them.
    """

    scheme: str
    schemas: tuple[str, str]
    ranges: tuple[str, str]
    old: tuple[str, ...]
    new: tuple[str, ...]
    nobody: tuple[str, ...]
    wrong: str


LINES = [
    Line(
        "semver",
        ("1.0.0", "2.0.0-rc.1"),
        ("^1.2 || 0.9.x", ">=2.0.0-rc.1 <3"),
        ("1.4.0", "v1.4.0", "1.4.0+build.5", "0.9.7"),
        ("2.0.0-rc.2", "2.7.0"),
        ("1.5.0-beta.1", "3.0.0", "1.1.9"),
        "1.4",
    ),
    Line(
        "pep440",
        ("1.0", "2.0rc1"),
        ("~=1.4", ">=2.0rc1,<3"),
        ("1.4.post1", "1.9+ubuntu1"),
        ("2.0rc2", "2.1"),
        ("1.5rc1", "3.0"),
        "one",
    ),
    Line(
        "date",
        ("2025-01", "2025-07"),
        ("<2025-07-01", ">=2025-07-01 <2026-01-01"),
        ("2025.03.10", "20250630"),
        ("2025-07-03.2", "2025.12.31"),
        ("2026-05-01",),
        "2025-02-30",
    ),
    Line("sequence", ("1", "2"), ("<10", ">=10 <20 || 99"), ("9", "0"), ("10", "99"), ("25",), "07"),
    Line(
        "git-sha",
        ("aaaaaaa", "bbbbbbb"),
        ("abcdef1", "abcdef2 || =abcdef3"),
        ("abcdef1", "ABCDEF1"),
        ("abcdef3",),
        ("abcdef9",),
        "main",
    ),
]
UP = [{"op": "add", "path": "/deep", "value": True}]


def keys(line: Line) -> dict[str, bytes]:
    name, (first, second) = line.scheme, line.schemas
    documents: dict[str, Any] = {
        f"families/{name}": {"versioning": name},
        f"schemas/{name}/{first}": {"type": "object", "additionalProperties": False},
        f"schemas/{name}/{second}": {"type": "object", "required": ["deep"]},
        f"migrations/{name}/{first}/{second}": {"runtime": "json-patch", "patch": UP},
        f"targets/{name}": {
            "family": name,
            "versioning": name,
            "schemas": dict(zip(line.ranges, line.schemas, strict=True)),
        },
        f"configs/{name}/{first}/default": {},
    }
    return {key: json.dumps(value).encode() for key, value in documents.items()} | {
        f"bindings/prod/{name}/default": b""
    }


@pytest.mark.parametrize("line", LINES, ids=[line.scheme for line in LINES])
def test_a_range_of_its_scheme_chooses_the_schema(shared: Daemon, line: Line) -> None:
    """The config stays with the first, follows to the second over the declared edge, and is held beyond all ranges."""
    binding, version = f"prod/{line.scheme}/default", f"envs/prod/{line.scheme}/version"
    shared.load(keys(line))
    for state, schema, running in (
        *(("InSync", line.schemas[0], text) for text in line.old),
        *(("Migrated", line.schemas[1], text) for text in line.new),
    ):
        shared.load({version: running.encode()})
        shared.until_status(binding, targetVersion=running, state=state, schemaVersion=schema)
    for running in line.nobody:
        shared.load({version: running.encode()})
        told = shared.until_status(binding, targetVersion=running, state="Held")
        assert f"no range names a schema for version {running}" in told["reason"]
    shared.load({version: line.wrong.encode()})
    told = shared.until_status(binding, targetVersion=line.wrong, state="Held")
    assert f"is no {line.scheme} version" in told["reason"]


@pytest.mark.parametrize("line", LINES, ids=[line.scheme for line in LINES])
def test_one_exact_version_can_read_another_schema(shared: Daemon, line: Line) -> None:
    """``targets/<target>/<version>`` wins over every range, and a range that is none holds everything."""
    binding, version = f"prod/{line.scheme}/default", f"envs/prod/{line.scheme}/version"
    running = line.old[0]
    override = {f"targets/{line.scheme}/{running}": json.dumps({"schema": line.schemas[1]}).encode()}
    shared.load(keys(line) | override | {version: running.encode()})
    shared.until_status(binding, targetVersion=running, state="Migrated", schemaVersion=line.schemas[1])
    with shared.client() as client:
        client.delete(f"/v1/targets/{line.scheme}/{running}", headers={"If-Match": "*"}).raise_for_status()
        target = client.get(f"/v1/targets/{line.scheme}").json()
    shared.until_status(binding, state="InSync", schemaVersion=line.schemas[0])
    broken = target | {"schemas": target["schemas"] | {"=> 1 nope": line.schemas[0]}}
    shared.load({f"targets/{line.scheme}": json.dumps(broken).encode()})
    told = shared.until_status(binding, state="Held")
    assert f"targets/{line.scheme} is unreadable" in told["reason"]
    shared.load({f"targets/{line.scheme}": json.dumps(target).encode()})
    shared.until_status(binding, state="InSync")


def test_where_versions_have_no_order_a_guest_must_name_its_entry(shared: Daemon) -> None:
    """Commits are neither up nor down of each other: without an entry nobody knows which of the two to call."""
    data, answer = wasm_guests.text('{"config":{"deep":true}}')
    module = wasm_guests.guest(answer, rest=data + '(func (export "vq_describe") (result i32) (i32.const 0))')
    hexdigest = hashlib.sha256(module).hexdigest()
    told = {"runtime": "wasm", "module": f"sha256:{hexdigest}"}
    world: dict[str, Any] = {
        "families/sha": {"versioning": "git-sha"},
        "schemas/sha/aaaaaaa": {"type": "object"},
        "schemas/sha/bbbbbbb": {"type": "object", "required": ["deep"]},
        "migrations/sha/aaaaaaa/bbbbbbb": told,
        "targets/sha": {"family": "sha", "versioning": "git-sha", "schemas": {"*": "bbbbbbb"}},
        "configs/sha/aaaaaaa/c": {},
    }
    keys = {key: json.dumps(value).encode() for key, value in world.items()}
    texts = {"bindings/prod/sha/c": b"", "envs/prod/sha/version": b"abcdef1", f"modules/{hexdigest}": module}
    shared.load(keys | texts)
    status = shared.until_status("prod/sha/c", state="Rejected")
    assert status["reason"].startswith(f"migrations/sha/aaaaaaa/bbbbbbb (sha256:{hexdigest[:12]}): ")
    assert "field 'entry' is needed" in status["reason"]
    with shared.client() as client:
        client.delete("/v1/migrations/sha/aaaaaaa/bbbbbbb", headers={"If-Match": "*"}).raise_for_status()
    target = json.dumps(world["targets/sha"] | {"family": "sha2"}).encode()
    named = {"families/sha2": keys["families/sha"], "targets/sha": target}
    named |= {key.replace("/sha/", "/sha2/"): raw for key, raw in keys.items() if key.startswith("schemas/")}
    named |= {"migrations/sha2/aaaaaaa/bbbbbbb": json.dumps(told | {"entry": "vq_up"}).encode()}
    shared.load(named)
    assert shared.until_status("prod/sha/c", state="Migrated")["schemaVersion"] == "bbbbbbb"
