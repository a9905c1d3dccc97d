"""Families of Avro and Protobuf through the daemon: configs are judged, bound, refused, and judged on demand."""

from __future__ import annotations

import json

from tests.e2e.processes import Daemon

AVRO = {
    "type": "record",
    "name": "Scan",
    "fields": [{"name": "depth", "type": "int"}, {"name": "next", "type": ["null", "Scan"], "default": None}],
}
PROTO = b"""syntax = "proto3";
package scan;
message Other { bool on = 1; }
message Scan { int32 depth = 1; Other other = 2; }
"""


def world(family: str, described: dict[str, object], schema: bytes, config: bytes) -> dict[str, bytes]:
    return {
        f"families/{family}": json.dumps(described).encode(),
        f"schemas/{family}/1.0.0": schema,
        f"targets/{family}-engine": json.dumps({"family": family, "schemas": {"*": "1.0.0"}}).encode(),
        f"configs/{family}-engine/1.0.0/default": config,
        f"bindings/prod/{family}-engine/default": b"",
        f"envs/prod/{family}-engine/version": b"1.0.0",
    }


def test_an_avro_family(shared: Daemon) -> None:
    """A YAML config with an untagged union is in sync; one that does not fit is rejected at its place."""
    binding = "prod/avro-engine/default"
    keys = world("avro", {"language": "avro"}, json.dumps(AVRO).encode(), b"depth: 1\nnext: {depth: 2}\n")
    shared.load(keys)
    shared.until_status(binding, state="InSync")
    with shared.client() as client:
        assert client.get(f"/v1/effective/{binding}").content == b'{"depth":1,"next":{"depth":2}}'
        put = client.put("/v1/configs/avro-engine/1.0.0/default", content=b"depth: x", headers={"If-Match": "*"})
        assert put.status_code in (200, 204), put.text
        told = shared.until_status(binding, state="Rejected")
        assert [(each["pointer"], each["keyword"]) for each in told["violations"]] == [("/depth", "type")]
        assert client.get(f"/v1/effective/{binding}").content == b'{"depth":1,"next":{"depth":2}}'


def test_a_protobuf_family(shared: Daemon) -> None:
    """Its message is named by the family; the schema is the text of a ``.proto`` file."""
    binding = "prod/proto-engine/default"
    described = {"language": "protobuf", "message": "Scan"}
    shared.load(world("proto", described, PROTO, b'{"depth": 1, "other": {"on": true}}'))
    shared.until_status(binding, state="InSync")
    shared.load({"families/other": json.dumps({"language": "protobuf", "message": "Nobody"}).encode()})
    with shared.client() as client:
        headers = {"If-Match": "*"}
        client.put("/v1/configs/proto-engine/1.0.0/default", content=b'{"depht": 1}', headers=headers)
    told = shared.until_status(binding, state="Rejected")
    assert [each["keyword"] for each in told["violations"]] == ["fields"]


def test_a_schema_that_cannot_be_used_holds(shared: Daemon) -> None:
    """And the reason says which schema and why."""
    shared.load(world("broken", {"language": "protobuf", "message": "Nobody"}, PROTO, b"{}"))
    told = shared.until_status("prod/broken-engine/default", state="Held")
    assert "schemas/broken/1.0.0" in told["reason"]
    assert "Nobody" in told["reason"]
