"""``versiqii schemas`` against a daemon, as processes: verdicts, refusals, a schema's life, what CI systems get."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.processes import Daemon, run_cli, scan_world, until

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["depth"],
    "additionalProperties": False,
}
WIDER = OLD | {"properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 99}}}
NARROWER = OLD | {"properties": {"depth": {"type": "integer", "minimum": 0, "maximum": 2}}}


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon on which one config is read in two environments, and another one in one."""
    daemon = Daemon(tmp_path_factory.mktemp("scan"))
    try:
        daemon.start()
        more = {"configs/av/1.0.0/shallow": b'{"depth": 1}', "bindings/prod/asia/av/shallow": b""}
        daemon.load(scan_world() | more | {"envs/prod/eu/av/version": b"1.5.0"})
        for binding in ("prod/asia/av/default", "prod/eu/av/default", "prod/asia/av/shallow"):
            daemon.until_status(binding, state="InSync")
        yield daemon
    finally:
        daemon.close()


def family(daemon: Daemon, name: str, *versions: str, **terms: Any) -> None:
    """A family whose versions all have the same schema."""
    keys = {f"families/{name}": terms} | {f"schemas/{name}/{version}": OLD for version in versions}
    daemon.load({key: json.dumps(value).encode() for key, value in keys.items()})


def file(folder: Path, value: Any, name: str = "schema.json") -> str:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return str(path)


def registered(daemon: Daemon, key: str) -> bool:
    with daemon.client() as client:
        return client.get(f"/v1/{key}").status_code == 200


# ------------------------------------------------------------------------------------------------------------- check


def test_a_breaking_change_shows_a_document_and_the_live_configs_by_environment(scan: Daemon, tmp_path: Path) -> None:
    """Rule, pointer, witness, live configs, fix; and the exit code says it too."""
    change = file(tmp_path, NARROWER)
    done = scan.cli("schemas", "check", "--family", "scan", "--version", "1.1.0", "--level", "BACKWARD", change)
    assert done.returncode == 3, done.stderr
    for told in (
        "1.1.0 reads 1.0.0 (backward): NO, by rules",
        "MAXIMUM_DECREASED at /properties/depth/maximum of the new schema: maximum is lower (9 → 2)",
        "a document that 1.0.0 takes and 1.1.0 refuses",
        '"depth": 3',
        "/depth: expected a number of at most 2 (maximum)",
        "live configs that would break: 2 of 3",
        "  prod/asia:\n    av/default (configs/av/1.0.0/default, av 1.4.0 runs)",
        "  prod/eu:\n    av/default (configs/av/1.0.0/default, av 1.5.0 runs)",
        "what would help:",
        "versiqii migrations add scan 1.0.0 1.1.0",
    ):
        assert told in done.stdout, done.stdout
    assert "av/shallow" not in done.stdout
    assert "scan 1.1.0: INCOMPATIBLE by BACKWARD (STRICT), 1 pairs judged" in done.stderr


def test_the_live_impact_is_exact(scan: Daemon, tmp_path: Path) -> None:
    """Each binding that would break, with its config, versions and violations; and none that would not."""
    change = file(tmp_path, NARROWER)
    done = scan.cli("schemas", "check", "--family", "scan", "--version", "1.1.0", change, "-o", "json")
    assert done.returncode == 0, "level NONE promises nothing, and the live impact is told all the same"
    live = json.loads(done.stdout)["live"]
    violation = {"pointer": "/depth", "keyword": "maximum", "message": "expected a number of at most 2"}
    common = {"target": "av", "name": "default", "config": "configs/av/1.0.0/default", "schemaVersion": "1.0.0"}
    assert (live["judged"], live["broken"]) == (3, 2)
    assert live["environments"] == [
        {
            "environment": place,
            "broken": [common | {"binding": f"{place}/av/default", "targetVersion": v, "violations": [violation]}],
        }
        for place, v in (("prod/asia", "1.4.0"), ("prod/eu", "1.5.0"))
    ]


def test_a_compatible_change_says_what_that_rests_on(scan: Daemon, tmp_path: Path) -> None:
    done = scan.cli(
        "schemas", "check", "--family", "scan", "--version", "1.1.0", "--level", "BACKWARD", file(tmp_path, WIDER)
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1.1.0 reads 1.0.0 (backward): yes, by proof")
    assert "live configs: all 3 fit" in done.stdout
    assert "not judged against 2.0.0: it did not go with 1.0.0 before" in done.stdout


LEVELS = {
    "NONE": [],
    "BACKWARD": [("2", "new")],
    "BACKWARD_TRANSITIVE": [("2", "new"), ("1", "new")],
    "FORWARD": [("new", "2")],
    "FORWARD_TRANSITIVE": [("new", "2"), ("new", "1")],
    "FULL": [("2", "new"), ("new", "2")],
    "FULL_TRANSITIVE": [("2", "new"), ("new", "2"), ("1", "new"), ("new", "1")],
}


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_asks_the_pairs_that_it_promises(shared: Daemon, level: str) -> None:
    """Seven levels: which versions, newest first, and who reads whom."""
    name = f"level-{level.lower().replace('_', '-')}"
    family(shared, name, "1", "2", versioning="sequence", compatibility=level)
    with shared.client() as client:
        told = client.post(f"/v1/schemas/{name}:check", content=json.dumps(OLD)).json()
    plain = [(f["writer"].replace("(new)", "new"), f["reader"].replace("(new)", "new")) for f in told["findings"]]
    assert (told["level"], plain, told["compatible"]) == (level, LEVELS[level], True)


def test_policy_defaults_and_group_of_the_family_count_and_can_be_asked_for_instead(
    shared: Daemon, tmp_path: Path
) -> None:
    """Adding an optional property to an open model: the loudest complaint of this field, with its reason."""
    family(shared, "terms", "1.0.0", "2.0.0", compatibility="BACKWARD_TRANSITIVE", group="major")
    loose: dict[str, Any] = {"type": "object", "properties": {"depth": {"type": "integer"}}}
    shared.load({"schemas/terms/3.0.0": json.dumps(loose).encode()})
    more = file(tmp_path, loose | {"properties": loose["properties"] | {"note": {"type": "string"}}})
    check = ("schemas", "check", "--family", "terms", "--version", "3.1.0", more)
    strict = shared.cli(*check)
    assert strict.returncode == 3
    assert "PROPERTY_ADDED_TO_OPEN" in strict.stdout
    assert "not judged against 2.0.0: it is of group 2, not 3" in strict.stdout
    assert shared.cli(*check, "--policy", "LENIENT").returncode == 0
    assert shared.cli(*check, "--level", "FORWARD").returncode == 0
    across = shared.cli(*check, "--policy", "LENIENT", "--group", "x-line", "-o", "json")
    assert [f["writer"] for f in json.loads(across.stdout)["findings"]] == ["3.0.0", "2.0.0", "1.0.0"]
    filled = file(tmp_path, OLD | {"properties": {"depth": OLD["properties"]["depth"] | {"default": 1}}})
    shared.load({"schemas/terms/4.0.0": json.dumps(OLD | {"required": []}).encode()})
    for choice, code in (("applied", 0), ("ignored", 3)):
        done = shared.cli("schemas", "check", "--family", "terms", "--version", "4.1.0", filled, "--defaults", choice)
        assert done.returncode == code, (choice, done.stdout)


def test_a_registered_version_is_checked_without_a_file(scan: Daemon) -> None:
    done = scan.cli("schemas", "check", "--family", "scan", "--version", "2.0.0", "--level", "BACKWARD")
    assert done.returncode == 3
    assert "2.0.0 reads 1.0.0 (backward): NO" in done.stdout
    missing = scan.cli("schemas", "check", "--family", "scan", "--version", "9.0.0")
    assert missing.returncode == 6
    assert scan.cli("schemas", "check", "--family", "nobody").returncode == 6


def test_ci_systems_get_their_own_forms(scan: Daemon, tmp_path: Path) -> None:
    change = file(tmp_path, NARROWER)
    check = ("schemas", "check", "--family", "scan", "--version", "1.1.0", "--level", "BACKWARD", change, "--format")
    github = scan.cli(*check, "github")
    assert github.returncode == 3
    assert f"::error file={change},title=MAXIMUM_DECREASED::1.1.0 does not read 1.0.0: " in github.stdout
    log = json.loads(scan.cli(*check, "sarif").stdout)
    assert log["version"] == "2.1.0"
    first = log["runs"][0]["results"][0]
    assert (first["ruleId"], first["level"]) == ("MAXIMUM_DECREASED", "error")
    assert first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "/properties/depth/maximum"
    suite = ET.fromstring(scan.cli(*check, "junit").stdout)  # noqa: S314 - our own output
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "MAXIMUM_DECREASED" in (failure.text or "")
    assert "compatible: false" in scan.cli(*check[:-1], "-o", "yaml").stdout
    assert scan.cli(*check, "json").stdout == scan.cli(*check[:-1], "-o", "json").stdout


def test_files_are_checked_without_a_daemon(tmp_path: Path) -> None:
    old, wide, narrow = (
        file(tmp_path, schema, f"{name}.json") for name, schema in (("old", OLD), ("wide", WIDER), ("narrow", NARROWER))
    )
    nobody = {"VERSIQII_ADDR": "http://127.0.0.1:1"}
    assert run_cli("schemas", "check", "--against", old, wide, **nobody).returncode == 0
    done = run_cli("schemas", "check", "--against", old, narrow, "-o", "json", **nobody)
    told = json.loads(done.stdout)
    assert (done.returncode, told["compatible"], told["findings"][0]["differences"][0]["rule"]) == (
        3,
        False,
        "MAXIMUM_DECREASED",
    )
    every = ("schemas", "check", "--against", wide, "--against", old, "--level")
    assert run_cli(*every, "FORWARD", narrow, **nobody).returncode == 0
    assert run_cli(*every, "full_transitive", narrow, **nobody).returncode == 3
    avro = [file(tmp_path, schema, f"{schema}.avsc") for schema in ("int", "long")]
    for old_file, new_file, code in ((*avro, 0), (*reversed(avro), 3)):
        done = run_cli("schemas", "check", "--language", "avro", "--against", old_file, new_file, **nobody)
        assert done.returncode == code, done.stdout + done.stderr


def test_a_schema_that_is_none_is_named_and_an_earlier_one_blocks_nobody(shared: Daemon, tmp_path: Path) -> None:
    family(shared, "broken", compatibility="BACKWARD")
    done = shared.cli("schemas", "check", "--family", "broken", file(tmp_path, {"type": 7}))
    assert done.returncode == 3
    assert "/type" in done.stderr
    shared.load({"families/broken": b"{}", "schemas/broken/1.0.0": b'{"pattern": "(?=a)"}'})
    done = shared.cli("schemas", "check", "--family", "broken", "--level", "BACKWARD", file(tmp_path, OLD))
    assert done.returncode == 0, done.stderr
    assert "not judged against 1.0.0: it cannot be compared: " in done.stdout


# -------------------------------------------------------------------------------------------------------------- promise


def test_a_schema_that_breaks_the_promise_is_written_by_nobody(shared: Daemon, tmp_path: Path) -> None:
    """Neither by the command, nor by PUT, nor in a transaction, nor as a trial; and the refusal shows the document."""
    family(shared, "kept", "1.0.0", compatibility="BACKWARD")
    done = shared.cli("schemas", "add", "--family", "kept", "--version", "1.1.0", file(tmp_path, NARROWER))
    assert done.returncode == 3
    assert '"depth": 3' in done.stdout
    assert "nothing was written" in done.stderr
    key, raw = "schemas/kept/1.1.0", json.dumps(NARROWER)
    with shared.client() as client:
        for answer in (
            client.put(f"/v1/{key}", content=raw),
            client.put(f"/v1/{key}?validate_only=true", content=raw),
            client.post("/v1/txn", json={"operations": [{"op": "set", "key": key, "value": raw}]}),
        ):
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (422, "incompatible_schema")
            finding = problem["verdict"]["findings"][0]
            assert finding["witness"]["document"] == {"depth": 3}
            assert finding["differences"][0]["pointer"] == "/properties/depth/maximum"
            assert "MAXIMUM_DECREASED at /properties/depth/maximum" in problem["detail"]
    assert not registered(shared, key)
    done = shared.cli("schemas", "add", "--family", "kept", "--version", "1.1.0", file(tmp_path, WIDER))
    assert (done.returncode, done.stdout) == (0, f"{key}\n")


def test_no_live_value_stands_in_a_refusal(start: Any) -> None:
    """A live config that would break is named, with its violations; its content is for those who ask for it."""
    daemon = start()
    world = scan_world() | {"families/scan": b'{"compatibility": "BACKWARD"}'}
    world["configs/av/1.0.0/default"] = b'{"depth": 7}'
    del world["schemas/scan/2.0.0"]
    daemon.load({key: raw for key, raw in world.items() if not key.startswith("migrations/")})
    daemon.until_status("prod/asia/av/default", state="InSync")
    with daemon.client() as client:
        problem = client.put("/v1/schemas/scan/1.1.0", content=json.dumps(NARROWER)).json()
        told = client.post("/v1/schemas/scan:check?version=1.1.0", content=json.dumps(NARROWER)).json()
    witness = problem["verdict"]["findings"][0]["witness"]
    assert (witness["name"], "document" in witness) == ("prod/asia/av/default", False)
    assert witness["violations"][0]["pointer"] == "/depth"
    assert told["findings"][0]["witness"]["document"] == {"depth": 7}


def test_a_version_between_others_must_be_read_by_the_next(shared: Daemon, tmp_path: Path) -> None:
    """A patch of an old line: what is written for it has to be read by the version that follows it."""
    family(shared, "between", "1.0.0", compatibility="BACKWARD")
    shared.load({"schemas/between/1.2.0": json.dumps(WIDER).encode()})
    widest = OLD | {"properties": {"depth": {"type": "integer", "minimum": 0}}}
    done = shared.cli("schemas", "add", "--family", "between", "--version", "1.1.0", file(tmp_path, widest))
    assert done.returncode == 3
    assert "1.1.0 reads 1.0.0 (backward): yes" in done.stdout
    assert "1.2.0 reads 1.1.0 (backward): NO" in done.stdout


def test_a_whole_family_is_judged_as_it_will_be(shared: Daemon) -> None:
    """Family and schemas in one transaction: each against what stands before it when all is written."""

    def operations(name: str, second: Any) -> dict[str, Any]:
        values = {
            f"families/{name}": {"compatibility": "BACKWARD"},
            f"schemas/{name}/1.0.0": OLD,
            f"schemas/{name}/1.1.0": second,
        }
        return {"operations": [{"op": "set", "key": k, "value": json.dumps(v)} for k, v in values.items()]}

    with shared.client() as client:
        assert client.post("/v1/txn", json=operations("whole-a", WIDER)).status_code == 200
        refused = client.post("/v1/txn", json=operations("whole-b", NARROWER))
    assert refused.json()["code"] == "incompatible_schema"
    assert not registered(shared, "families/whole-b")


# ----------------------------------------------------------------------------------------------------------------- life


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


# ------------------------------------------------------------------------------------------------------------ languages

RECORD = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}%s]}'
MESSAGE = 'syntax = "proto3"; message M { int32 depth = 1; %s }'
LANGUAGES = {
    "avro": (
        RECORD % "",
        RECORD % ', {"name": "b", "type": "string", "default": ""}',
        RECORD % ', {"name": "b", "type": "string"}',
        "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1",
    ),
    "protobuf": (MESSAGE % "", MESSAGE % "bool on = 2;", MESSAGE.replace("depth", "deep") % "", "at /M/1"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_avro_and_protobuf_families_keep_their_promise_too(shared: Daemon, tmp_path: Path, language: str) -> None:
    first, good, bad, told = LANGUAGES[language]
    name = f"in-{language}"
    create = shared.cli("families", "create", name, "--language", language, "--compatibility", "BACKWARD")
    assert create.returncode == 0, create.stderr

    def add(version: str, text: str) -> Any:
        path = tmp_path / version
        path.write_text(text)
        return shared.cli("schemas", "add", "--family", name, "--version", version, str(path))

    assert add("1.0.0", first).returncode == 0
    refused = add("1.1.0", bad)
    assert (refused.returncode, told in refused.stdout) == (3, True), refused.stdout + refused.stderr
    member = {"avro": "a", "protobuf": "depth"}[language]
    shared.load(
        {
            f"targets/{name}": json.dumps({"family": name, "schemas": {"*": "1.0.0"}}).encode(),
            f"configs/{name}/1.0.0/default": json.dumps({member: 3}).encode(),
            f"bindings/prod/{name}/default": b"",
            f"envs/prod/{name}/version": b"1.0.0",
        }
    )
    shared.until_status(f"prod/{name}/default", state="InSync")
    with shared.client() as client:
        live = client.post(f"/v1/schemas/{name}:check", content=bad).json()["live"]
    assert (live["judged"], live["broken"]) == (1, 1), "the config that is read there is judged in its language"
    done = add("1.1.0", good)
    assert done.returncode == 0, done.stderr
    none = add("1.2.0", "message {")
    assert (none.returncode, registered(shared, f"schemas/{name}/1.2.0")) == (3, False)


# -------------------------------------------------------------------------------------------------------------- hostile


def test_a_hostile_schema_is_undecided_and_stalls_nobody(start: Any, tmp_path: Path) -> None:
    """While its budget is spent, others are answered; afterwards the daemon judges on."""

    def tangled(leaf: str) -> dict[str, Any]:
        one_of = {"oneOf": [{"$ref": f"#/$defs/t{n}"} for n in range(120)]}
        any_of_them = {"$ref": "#/$defs/any"}
        shape = {"id": {"type": leaf}, "left": any_of_them, "right": any_of_them}
        definitions: dict[str, Any] = {
            f"t{n}": {"properties": shape | {f"t{n}": {"type": "string"}}} for n in range(120)
        }
        return {"properties": {"product": any_of_them}, "$defs": definitions | {"any": one_of}}

    daemon = start()
    family(daemon, "hostile", compatibility="NONE")
    daemon.load({"schemas/hostile/1.0.0": json.dumps(tangled("string")).encode()})
    answers: list[Any] = []

    def ask() -> None:
        with daemon.client() as client:
            path = "/v1/schemas/hostile:check?level=BACKWARD"
            answers.append(client.post(path, content=json.dumps(tangled("number")), timeout=300).json())

    asking = threading.Thread(target=ask)
    asking.start()
    others = 0
    while asking.is_alive():
        with daemon.client() as client:
            assert client.get("/healthz").status_code == 200
            client.put("/v1/configs/t/1.0.0/c", content=b"{}", headers={"If-Match": "*"}).raise_for_status()
        others += 1
    asking.join()
    assert others >= 2
    assert not answers[0]["compatible"]
    assert {finding["basis"] for finding in answers[0]["findings"]} == {"undecided"}
    done = daemon.cli("schemas", "check", "--family", "hostile", "--level", "NONE", file(tmp_path, OLD))
    assert done.returncode == 0, done.stderr
