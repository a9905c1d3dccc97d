"""No schema that breaks its family's promise is written, in any language; and no live value stands in a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, scan_world
from tests.e2e.schemas.families import NARROWER, OLD, WIDER, family, file, registered


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
