"""Compatibility and the three languages by the Schema-Registry protocol: verdicts, levels, groups, references."""

from __future__ import annotations

import base64
import json

import pytest
from google.protobuf import descriptor_pb2

from tests.e2e.registry.client import BREAKING, ONE, PROTO, STRING, TWO, Registry, record


def test_an_incompatible_schema_is_refused(registry: Registry) -> None:
    """409, with the rules that say so; ``/compatibility`` says the same before."""
    registry.register("promise", ONE)
    answer = registry.ask("POST", "/subjects/promise/versions", {"schema": BREAKING})
    assert (answer.status_code, answer.json()["error_code"]) == (409, 409)
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in answer.json()["message"]
    path = "/compatibility/subjects/promise/versions"
    for tail in ("", "/latest", "/1"):
        assert registry.ok("POST", path + tail, {"schema": BREAKING}) == {"is_compatible": False}
        assert registry.ok("POST", path + tail, {"schema": TWO}) == {"is_compatible": True}
    told = registry.ok("POST", path + "/latest", {"schema": BREAKING}, verbose="true")
    assert told["is_compatible"] is False
    assert all(isinstance(line, str) for line in told["messages"])
    assert registry.ok("POST", path, {"schema": TWO}, verbose="true") == {"is_compatible": True, "messages": []}
    assert registry.fault("POST", path + "/7", {"schema": TWO}) == (404, 40402)
    assert registry.ok("POST", "/compatibility/subjects/nobody/versions/latest", {"schema": TWO})["is_compatible"]


def test_the_witness_is_the_last_message(registry: Registry) -> None:
    """A document that the earlier schema takes and the new one does not, as compact JSON."""
    registry.register("witness", '{"type":"object","properties":{"a":{"type":"string"}}}', "JSON")
    body = {"schema": '{"type":"object","properties":{"a":{"type":"integer"}}}', "schemaType": "JSON"}
    told = registry.ok("POST", "/compatibility/subjects/witness/versions/latest", body, verbose="true")
    kind, _, witness = told["messages"][-1].partition(": ")
    assert kind == "witness"
    assert isinstance(json.loads(witness)["a"], str)


@pytest.mark.parametrize(
    ("level", "allowed"),
    [
        ("NONE", {"add", "drop", "swap"}),
        ("BACKWARD", {"add", "drop"}),
        ("FORWARD", {"add"}),
        ("FULL", {"add"}),
        ("BACKWARD_TRANSITIVE", {"add", "drop"}),
        ("FORWARD_TRANSITIVE", {"add"}),
        ("FULL_TRANSITIVE", {"add"}),
    ],
)
def test_every_level(registry: Registry, level: str, allowed: set[str]) -> None:
    """A field with a default, a field that goes, and one for another."""
    subject = f"level-{level}"
    registry.ok("PUT", f"/config/{subject}", {"compatibility": level})
    required = {"name": "z", "type": "int"}
    registry.register(subject, record("L", {"name": "a", "type": "int"}, required))
    changes = {
        "add": record("L", {"name": "a", "type": "int"}, required, {"name": "b", "type": "int", "default": 1}),
        "drop": record("L", {"name": "a", "type": "int"}),
        "swap": record("L", {"name": "a", "type": "int"}, {"name": "y", "type": "int"}),
    }
    path = f"/compatibility/subjects/{subject}/versions/latest"
    found = {name for name, schema in changes.items() if registry.ok("POST", path, {"schema": schema})["is_compatible"]}
    assert found == allowed


def test_transitive_levels_look_at_every_version(registry: Registry) -> None:
    """A field that went and comes back as another type: fine for the newest version, not for the first."""
    registry.register("transitive", record("T", {"name": "a", "type": "int"}))
    registry.register("transitive", record("T"))
    body = {"schema": record("T", {"name": "a", "type": "string", "default": ""})}
    path = "/compatibility/subjects/transitive/versions"
    assert registry.ok("POST", path, body)["is_compatible"]
    registry.ok("PUT", "/config/transitive", {"compatibility": "BACKWARD_TRANSITIVE"})
    assert not registry.ok("POST", path, body)["is_compatible"]


def test_groups_are_judged_by_themselves(registry: Registry) -> None:
    """Versions with another value of the property are passed over."""
    registry.ok("PUT", "/config/groups", {"compatibility": "BACKWARD", "compatibilityGroup": "major"})
    one, two = ({"properties": {"major": value}} for value in "12")
    registry.register("groups", ONE, metadata=one)
    registry.register("groups", BREAKING, metadata=two)
    path = "/compatibility/subjects/groups/versions"
    assert registry.ok("POST", path, {"schema": TWO, "metadata": one})["is_compatible"]
    assert not registry.ok("POST", path, {"schema": TWO, "metadata": two})["is_compatible"]


def test_a_lenient_policy(registry: Registry) -> None:
    """An optional property may be added to an open object."""
    registry.register("lenient", '{"type":"object","properties":{}}', "JSON")
    body = {"schema": '{"type":"object","properties":{"a":{"type":"string"}}}', "schemaType": "JSON"}
    path = "/compatibility/subjects/lenient/versions/latest"
    assert not registry.ok("POST", path, body)["is_compatible"]
    registry.ok("PUT", "/config/lenient", {"compatibility": "BACKWARD", "compatibilityPolicy": "LENIENT"})
    assert registry.ok("POST", path, body)["is_compatible"]


def test_json_schema_references(registry: Registry) -> None:
    """By the URI that ``$ref`` names; what is behind it counts for verdicts."""
    registry.register("address", '{"type":"object","properties":{"zip":{"type":"string"}}}', "JSON")
    reference = [{"name": "address.json", "subject": "address", "version": 1}]
    person = '{"type":"object","properties":{"home":{"$ref":"address.json"}}}'
    registry.register("person", person, "JSON", references=reference)
    assert registry.ok("GET", "/subjects/person/versions/1")["references"] == reference
    inline = '{"type":"object","properties":{"home":{"type":"object","properties":{"zip":{"type":"integer"}}}}}'
    path = "/compatibility/subjects/person/versions/latest"
    assert not registry.ok("POST", path, {"schema": inline, "schemaType": "JSON"})["is_compatible"]


def test_protobuf_as_text_and_compiled(registry: Registry) -> None:
    """Text and descriptor are the same schema; each is given back as the reader asks for it."""
    number = registry.register("proto", PROTO, "PROTOBUF")
    raw = registry.ok("GET", f"/schemas/ids/{number}", format="serialized")["schema"]
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(raw))
    assert (file.package, file.message_type[0].field[0].name) == ("scan", "depth")
    assert registry.register("proto-compiled", raw, "PROTOBUF") == number
    assert "message Scan {" in registry.ok("GET", "/subjects/proto-compiled/versions/1")["schema"]
    assert registry.ok("GET", f"/schemas/ids/{number}")["schema"] == PROTO


def test_protobuf_imports(registry: Registry) -> None:
    """References by the path of the import; Google's own need none."""
    registry.register("limits", 'syntax = "proto3"; package scan; message Limits { int32 depth = 1; }', "PROTOBUF")
    source = (
        'syntax = "proto3"; import "scan/limits.proto"; import "google/protobuf/timestamp.proto";'
        'import "google/type/color.proto";'
        "message Job { scan.Limits limits = 1; google.protobuf.Timestamp at = 2; google.type.Color color = 3; }"
    )
    body = {"schema": source, "schemaType": "PROTOBUF"}
    assert registry.fault("POST", "/subjects/job/versions", body) == (422, 42201)
    reference = [{"name": "scan/limits.proto", "subject": "limits", "version": -1}]
    registry.register("job", source, "PROTOBUF", references=reference)
    assert registry.ok("GET", "/subjects/job/versions/1")["references"][0]["version"] == 1


def test_another_language_is_incompatible(registry: Registry) -> None:
    """A subject keeps its language as long as it promises anything."""
    registry.register("language", STRING)
    body = {"schema": '{"type":"string"}', "schemaType": "JSON"}
    assert registry.fault("POST", "/subjects/language/versions", body) == (409, 409)
    registry.ok("PUT", "/config/language", {"compatibility": "NONE"})
    registry.ok("POST", "/subjects/language/versions", body)
    assert registry.ok("GET", "/subjects/language/versions/2")["schemaType"] == "JSON"
