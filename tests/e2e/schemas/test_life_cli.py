"""A schema's life by ``versiqii schemas``: draft, published, deprecated, deleted; what is offered, and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.processes import Daemon, scan_world, until
from tests.e2e.schemas.families import NARROWER, OLD, WIDER, family, file, registered


def test_a_draft_is_judged_but_not_refused_and_keeps_the_promise_when_it_is_published(
    shared: Daemon, tmp_path: Path
) -> None:
    family(shared, "drafts", "1.0.0", compatibility="BACKWARD")
    add = ("schemas", "add", "--family", "drafts", "--version", "1.1.0", "--draft")
    done = shared.cli(*add, file(tmp_path, NARROWER))
    assert (done.returncode, "INCOMPATIBLE by BACKWARD" in done.stderr) == (0, True)
    refused = shared.cli("schemas", "publish", "drafts", "1.1.0")
    assert (refused.returncode, "MAXIMUM_DECREASED" in refused.stdout) == (3, True)
    changed = shared.cli(*add, file(tmp_path, WIDER))
    assert (changed.returncode, "1.1.0: compatible" in changed.stderr) == (0, True)
    assert shared.cli("schemas", "publish", "drafts", "1.1.0").returncode == 0
    again = shared.cli("schemas", "add", "--family", "drafts", "--version", "1.1.0", file(tmp_path, OLD))
    assert (again.returncode, "cannot be changed" in again.stderr) == (5, True)
    back = shared.cli("kv", "put", "lifecycle/drafts/1.1.0", "-", stdin=b'{"state":"draft"}')
    assert back.returncode == 5
    with shared.client() as client:
        for life in (b"{", b'{"state": "new"}', b'{"state": "draft", "until": 1}'):
            refused_life = client.put("/v1/lifecycle/drafts/2.0.0", content=life)
            assert (refused_life.status_code, "lifecycle/drafts/2.0.0: " in refused_life.text) == (422, True)
    rows = json.loads(shared.cli("schemas", "list", "--family", "drafts", "-o", "json").stdout)
    assert [(row["version"], row["state"]) for row in rows] == [("1.0.0", "published"), ("1.1.0", "published")]


def test_a_changed_draft_is_no_drift(start: Any) -> None:
    """Its text is recorded as published when it is, not before."""
    daemon = start()
    daemon.load(scan_world() | {"lifecycle/scan/3.0.0": b'{"state": "draft"}', "schemas/scan/3.0.0": b"{}"})
    daemon.until_status("prod/asia/av/default", state="InSync")
    with daemon.client() as client:
        client.put("/v1/schemas/scan/3.0.0", content=b"true", headers={"If-Match": "*"}).raise_for_status()
        client.put("/v1/lifecycle/scan/3.0.0", content=b'{"state": "published"}', headers={"If-Match": "*"})
    daemon.load({"configs/av/1.0.0/default": b'{"depth": 4}'})
    daemon.until_status("prod/asia/av/default", state="InSync")
    with daemon.client() as client:
        assert client.get("/v1/drifts").json()["items"] == []


def test_a_deprecated_schema_says_so_to_whoever_reads_it(shared: Daemon) -> None:
    family(shared, "old-line", "1.0.0", "2.0.0")
    done = shared.cli(
        "schemas",
        "deprecate",
        "old-line",
        "1.0.0",
        "--successor",
        "2.0.0",
        "--sunset",
        "2030-01-31",
        "--reason",
        "slow",
    )
    assert done.returncode == 0, done.stderr
    with shared.client() as client:
        read, judged = (
            client.get("/v1/schemas/old-line/1.0.0"),
            client.post("/v1/validate/old-line/1.0.0", content=b'{"depth": 1}'),
        )
        other = client.get("/v1/schemas/old-line/2.0.0")
    for answer in (read, judged):
        assert answer.headers["sunset"] == "Thu, 31 Jan 2030 00:00:00 GMT"
        assert answer.headers["deprecation"].removeprefix("@").isdigit()
        assert answer.headers["link"] == '</v1/schemas/old-line/2.0.0>; rel="successor-version"'
    assert not {"sunset", "deprecation", "link"} & set(other.headers)
    assert shared.cli("schemas", "deprecate", "old-line", "2.0.0", "--successor", "9.0.0").returncode == 5
    assert shared.cli("schemas", "deprecate", "old-line", "2.0.0", "--sunset", "soon").returncode == 3


def test_what_is_still_used_cannot_be_deleted_and_what_is_not_goes_in_two_steps(scan: Daemon) -> None:
    done = scan.cli("schemas", "delete", "scan", "1.0.0")
    assert done.returncode == 5
    for user in ("configs/av/1.0.0/default", "migrations/scan/1.0.0/2.0.0", "targets/av"):
        assert user in done.stderr
    with scan.client() as client:
        assert client.delete("/v1/schemas/scan/1.0.0", headers={"If-Match": "*"}).status_code == 409
    family(scan, "unused", "1.0.0", "2.0.0")
    assert scan.cli("schemas", "delete", "unused", "1.0.0", "--permanent").returncode == 5
    assert scan.cli("schemas", "delete", "unused", "1.0.0", "--reason", "never used").returncode == 0
    assert registered(scan, "schemas/unused/1.0.0")
    assert scan.cli("schemas", "publish", "unused", "1.0.0").returncode == 0
    assert scan.cli("schemas", "delete", "unused", "1.0.0").returncode == 0
    assert scan.cli("schemas", "delete", "unused", "1.0.0", "--permanent").returncode == 0
    assert not registered(scan, "schemas/unused/1.0.0")


def test_a_name_that_was_published_is_no_draft_again(start: Any) -> None:
    """Not even when the schema is gone: somebody may have read it under that name."""
    daemon = start()
    family(daemon, "gone", "1.0.0")
    with daemon.client() as client:
        for _ in until("the leader has recorded what was published"):
            if client.get("/v1/_system/published/schemas/gone/1.0.0").status_code == 200:
                break
        client.delete("/v1/schemas/gone/1.0.0", headers={"If-Match": "*"}).raise_for_status()
        client.put("/v1/lifecycle/gone/1.0.0", content=b'{"state": "draft"}').raise_for_status()
        refused = client.put("/v1/schemas/gone/1.0.0", content=json.dumps(WIDER))
        assert (refused.status_code, refused.json()["code"]) == (409, "immutable")
        assert client.put("/v1/schemas/gone/1.0.0", content=json.dumps(OLD)).status_code == 201


def test_where_the_new_schema_provably_covers_the_old_an_empty_migration_is_offered(
    shared: Daemon, tmp_path: Path
) -> None:
    """Tier 0: the path rule knows only keys, so the proof becomes one."""
    family(shared, "tier0", "1.0.0")
    add = ("schemas", "add", "--family", "tier0", "--version")
    offered = shared.cli(*add, "1.1.0", file(tmp_path, WIDER))
    assert "1.1.0 provably takes all that 1.0.0 took: --empty-migration" in offered.stderr
    assert not registered(shared, "migrations/tier0/1.0.0/1.1.0")
    taken = shared.cli(*add, "1.2.0", file(tmp_path, WIDER | {"title": "x"}), "--empty-migration")
    assert taken.stdout.splitlines() == ["schemas/tier0/1.2.0", "migrations/tier0/1.1.0/1.2.0"]
    with shared.client() as client:
        written = client.get("/v1/migrations/tier0/1.1.0/1.2.0").json()
    assert written == {"runtime": "json-patch", "patch": []}
    refused = shared.cli(*add, "1.3.0", file(tmp_path, NARROWER), "--empty-migration")
    assert (refused.returncode, registered(shared, "schemas/tier0/1.3.0")) == (3, False)


def test_two_versions_are_compared_for_people(shared: Daemon) -> None:
    family(shared, "seen", "1.0.0")
    shared.load({"schemas/seen/2.0.0": json.dumps(NARROWER).encode()})
    done = shared.cli("schemas", "diff", "seen", "1.0.0", "2.0.0", "--detailed-exitcode", "-o", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout) == [
        {"what": "changed", "pointer": "/properties/depth/maximum", "before": 9, "after": 2}
    ]
    assert shared.cli("schemas", "diff", "seen", "1.0.0", "1.0.0", "--detailed-exitcode").returncode == 0
