"""``versiqii schemas check`` as a process: verdicts, live configs, levels, what CI systems get, and what is hostile."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.e2e.processes import Daemon, run_cli
from tests.e2e.schemas.families import NARROWER, OLD, WIDER, family, file


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
