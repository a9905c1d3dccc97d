"""Schemas that refer to other schemas, on a daemon: written as keys, and registered at the registry endpoint."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.processes import Daemon

MONEY = {"type": "record", "name": "Money", "namespace": "pay", "fields": [{"name": "amount", "type": "long"}]}
ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [{"name": "price", "type": "pay.Money"}, {"name": "note", "type": "string", "default": ""}],
}
TYPES = b'syntax = "proto3";\npackage common;\nmessage Depth { int32 levels = 1; }\n'
SCAN = 'syntax = "proto3";\npackage scan;\nimport "%s";\nmessage Scan { common.Depth depth = 1; }\n'
MONEY_JSON = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}
REGISTRY = {"Content-Type": "application/vnd.schemaregistry.v1+json"}


def bound(family: str, version: str, config: object) -> dict[str, bytes]:
    """A target that reads this schema, one config of it, and where it is read."""
    engine = f"{family}-engine"
    return {
        f"targets/{engine}": json.dumps({"family": family, "schemas": {"*": version}}).encode(),
        f"configs/{engine}/{version}/default": json.dumps(config).encode(),
        f"bindings/prod/{engine}/default": b"",
        f"envs/prod/{engine}/version": b"1.0.0",
    }


def families(language: str, *names: str) -> dict[str, bytes]:
    return {f"families/{name}": json.dumps({"language": language}).encode() for name in names}


def put(daemon: Daemon, key: str, value: bytes) -> None:
    with daemon.client() as client:
        answer = client.put(f"/v1/{key}", content=value, headers={"If-Match": "*"})
    assert answer.status_code in (200, 201, 204), answer.text


def registered(daemon: Daemon, subject: str, kind: str, text: str, *references: tuple[str, str]) -> None:
    """Register a schema; each reference is its name and the subject whose first version it is."""
    body: dict[str, Any] = {"schemaType": kind, "schema": text}
    body["references"] = [{"name": name, "subject": other, "version": 1} for name, other in references]
    with daemon.client() as client:
        answer = client.post(f"/registry/subjects/{subject}/versions", content=json.dumps(body), headers=REGISTRY)
    assert answer.status_code == 200, answer.text


CASES = {
    "avro": (
        json.dumps(MONEY),
        json.dumps(ORDER | {"references": ["schemas/%s/1.0.0"]}),
        {"price": {"amount": 5}},
        {"price": {"amount": "5"}},
        "/price/amount",
        json.dumps(MONEY).replace("long", "string"),
    ),
    "protobuf": (
        TYPES.decode(),
        SCAN % "schemas/%s/1.0.0",
        {"depth": {"levels": 3}},
        {"depth": {"levels": "x"}},
        "/depth/levels",
        TYPES.decode().replace("int32", "string"),
    ),
    "json-schema": (
        json.dumps(MONEY_JSON),
        json.dumps({"properties": {"price": {"$ref": "/schemas/%s/1.0.0"}}}),
        {"price": {"amount": 5}},
        {"price": {"amount": "5"}},
        "/price/amount",
        json.dumps(MONEY_JSON).replace("integer", "string"),
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_schemas_written_as_keys_name_the_keys_that_they_need(shared: Daemon, language: str) -> None:
    """Held while it is missing, by its key; read when it comes; judged by what it says; and again when it changes."""
    common, text, good, bad, place, changed = CASES[language]
    family, part = f"order-{language}", f"common-{language}"
    binding = f"prod/{family}-engine/default"
    schema = {f"schemas/{family}/1.0.0": (text % part).encode()}
    schema[f"lifecycle/{part}/1.0.0"] = b'{"state": "draft"}'  # so that it may be changed over the API
    shared.load(families(language, family, part) | schema | bound(family, "1.0.0", good))
    told = shared.until_status(binding, state="Held")
    assert f"schemas/{part}/1.0.0 is missing" in told["reason"], told["reason"]
    assert f"schemas/{family}/1.0.0" in told["reason"]
    put(shared, f"schemas/{part}/1.0.0", common.encode())
    shared.until_status(binding, state="InSync")
    put(shared, f"configs/{family}-engine/1.0.0/default", json.dumps(bad).encode())
    told = shared.until_status(binding, state="Rejected")
    assert [each["pointer"] for each in told["violations"]] == [place]
    with shared.client() as client:
        judged = client.post(f"/v1/validate/{family}/1.0.0", content=json.dumps(good))
        gone = client.delete(f"/v1/schemas/{part}/1.0.0", headers={"If-Match": "*"})
    assert judged.json()["valid"] is True, judged.text
    assert gone.status_code >= 400, gone.text
    assert f"schemas/{family}/1.0.0" in gone.text
    put(shared, f"schemas/{part}/1.0.0", changed.encode())
    shared.until_status(binding, state="InSync")


REGISTERED = {
    "avro": ("AVRO", json.dumps(MONEY), "pay.Money", json.dumps(ORDER)),
    "protobuf": ("PROTOBUF", TYPES.decode(), "common/depth.proto", SCAN % "common/depth.proto"),
    "json-schema": (
        "JSON",
        json.dumps(MONEY_JSON),
        "money.json",
        json.dumps({"properties": {"price": {"$ref": "money.json"}}}),
    ),
}


@pytest.mark.parametrize("language", REGISTERED)
def test_schemas_of_the_registry_endpoint_are_read_with_their_references(shared: Daemon, language: str) -> None:
    """By the names that they were registered with; over one more reference in between, too."""
    kind, common, name, text = REGISTERED[language]
    _, _, good, bad, place, _ = CASES[language]
    part, subject = f"made-{language}-part:value", f"made-{language}-value"
    registered(shared, part, kind, common)
    registered(shared, subject, kind, text, (name, part))
    shared.load(bound(subject, "1", good))
    binding = f"prod/{subject}-engine/default"
    shared.until_status(binding, state="InSync", schemaVersion="1")
    put(shared, f"configs/{subject}-engine/1/default", json.dumps(bad).encode())
    told = shared.until_status(binding, state="Rejected")
    assert [each["pointer"] for each in told["violations"]] == [place]


def test_references_of_references_are_followed(shared: Daemon) -> None:
    """A file that imports a file that imports a key."""
    depth = b'syntax = "proto3";\npackage inner;\nmessage Limit { int32 most = 1; }\n'
    middle = 'syntax = "proto3";\npackage common;\nimport "schemas/nested-c/1.0.0";\n'
    middle += "message Depth { inner.Limit limit = 1; }\n"
    shared.load(families("protobuf", "nested-a", "nested-b", "nested-c"))
    shared.load({"schemas/nested-c/1.0.0": depth})
    shared.load({"schemas/nested-b/1.0.0": middle.encode()})
    shared.load({"schemas/nested-a/1.0.0": (SCAN % "schemas/nested-b/1.0.0").encode()})
    shared.load(bound("nested-a", "1.0.0", {"depth": {"limit": {"most": 3}}}))
    shared.until_status("prod/nested-a-engine/default", state="InSync")


def test_an_import_that_is_no_key_holds_and_says_what_to_write(shared: Daemon) -> None:
    shared.load(families("protobuf", "lost") | {"schemas/lost/1.0.0": (SCAN % "common/depth.proto").encode()})
    shared.load(bound("lost", "1.0.0", {}))
    told = shared.until_status("prod/lost-engine/default", state="Held")
    assert 'imports "common/depth.proto"' in told["reason"]
    assert 'import "schemas/<family>/<version>"' in told["reason"]
