"""What registering means: the same again, by number, without a text, imports, and what answers tell to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.registry.client import ONE, PROTO, TWO, Registry, record

MORE = {"Confluent-Accept-Unknown-Properties": "true"}
JSON = '{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}'


def numbered(told: dict[str, Any]) -> str | None:
    found = told.get("metadata", {}).get("properties", {}).get("confluent:version")
    return None if found is None else str(found)


def test_who_reads_more_is_told_more(registry: Registry) -> None:
    """``guid``, ``ts`` and ``deleted`` only for clients whose header takes them; the guid leads back to the content."""
    given = registry.http.post("/subjects/more/versions", json={"schema": ONE}, headers=MORE).json()
    assert (given["version"], given["schemaType"], given["schema"], given["deleted"]) == (1, "AVRO", ONE, False)
    assert given["ts"] > 1_700_000_000_000
    assert registry.ok("POST", "/subjects/more/versions", {"schema": ONE}) == {"id": given["id"]}
    plain = registry.ok("GET", f"/schemas/ids/{given['id']}")
    assert plain == {"schemaType": "AVRO", "schema": ONE}
    path = f"/schemas/guids/{given['guid']}"
    assert registry.ok("GET", path) == plain
    assert {"context": ".", "id": given["id"]} in registry.ok("GET", f"{path}/ids")
    of_subject = registry.http.get(f"/schemas/ids/{given['id']}?subject=more", headers=MORE).json()
    assert (of_subject["subject"], of_subject["version"], of_subject["guid"]) == ("more", 1, given["guid"])
    for none in ("0" * 32, "x", "../ids", given["guid"][:-1]):
        assert registry.fault("GET", f"/schemas/guids/{none.replace('/', '%2F')}") == (404, 40403)


def test_a_compiled_schema_is_told_compiled(registry: Registry) -> None:
    """confluent-kafka keeps the answer to a registration, and reads messages by it, as it reads what it asks for so."""
    registry.register("compiled/text", PROTO, "PROTOBUF")
    compiled = registry.ok("GET", "/subjects/compiled%2Ftext/versions/1", format="serialized")["schema"]
    body = {"schemaType": "PROTOBUF", "schema": compiled}
    told = registry.http.post("/subjects/compiled/versions", json=body, headers=MORE).json()
    assert told["schema"] == compiled
    assert registry.ok("GET", "/subjects/compiled/versions/1")["schema"] != compiled


@pytest.mark.parametrize(("kind", "text"), [("AVRO", ONE), ("JSON", JSON), ("PROTOBUF", PROTO)])
def test_versions_by_number(registry: Registry, kind: str, text: str) -> None:
    """A number that is named is told in the metadata, and only the next one can be; -1 is whatever is next."""
    subject = f"by-number-{kind.lower()}"

    def register(**more: Any) -> int:
        return registry.register(subject, text, kind, **more)

    def version_of(**metadata: str) -> int:
        body = {"schema": text, "schemaType": kind}
        more = {"metadata": {"properties": metadata}} if metadata else {}
        return int(registry.ok("POST", f"/subjects/{subject}", {**body, **more})["version"])

    first = register()
    assert register(version=-1) == first
    second = register(version=2)
    assert second != first
    assert register(version=-1) == second
    assert numbered(registry.ok("GET", f"/subjects/{subject}/versions/latest")) == "2"
    assert (version_of(), version_of(**{"confluent:version": "1"}), version_of(**{"confluent:version": "2"})) == (
        1,
        1,
        2,
    )
    body = {"schema": text, "schemaType": kind, "version": 2}
    assert registry.fault("POST", f"/subjects/{subject}/versions", body) == (422, 42201)
    registry.ok("DELETE", f"/subjects/{subject}/versions/1")
    assert (version_of(), register()) == (2, second)
    third = register(metadata={"properties": {"confluent:version": "0"}})
    assert (version_of(**{"confluent:version": "3"}), third == second) == (3, False)
    assert register(metadata={"properties": {}}) == third


def test_metadata_alone_makes_a_version_of_the_same_text(registry: Registry) -> None:
    """Without a text the newest version's stays; where there is none, there is nothing to register."""
    registry.register("bare", ONE)
    registry.ok("POST", "/subjects/bare/versions", {"metadata": {"properties": {"owner": "me"}}})
    told = registry.ok("GET", "/subjects/bare/versions/2")
    assert (told["schema"], told["metadata"]) == (ONE, {"properties": {"owner": "me"}})
    assert registry.fault("POST", "/subjects/barer/versions", {"metadata": {}}) == (422, 42201)
    for path in ("/subjects/barer/versions", "/compatibility/subjects/barer/versions"):
        told = registry.ask("POST", path, {"schema": "", "schemaType": "JSON"}).json()
        assert told == {"error_code": 42201, "message": "Empty schema"}


def test_what_is_there_is_found_in_every_mode(registry: Registry) -> None:
    """Registering the same again changes nothing, so no mode stands in its way."""
    number = registry.register("found", ONE)
    for mode in ("READONLY", "IMPORT"):
        registry.ok("PUT", "/mode/found", {"mode": mode}, force="true")
        assert registry.register("found", ONE) == number
        assert registry.fault("POST", "/subjects/found/versions", {"schema": TWO}) == (422, 42205)


def test_imports_replace_what_was_softly_deleted(registry: Registry) -> None:
    """A mirror can be filled again under the same numbers; what is there and not deleted stays."""
    registry.register("mirror", ONE)
    registry.ok("DELETE", "/subjects/mirror")
    registry.ok("PUT", "/mode/mirror", {"mode": "IMPORT"})
    for number, text in ((81_001, ONE), (81_002, TWO)):
        assert registry.register("mirror", text, id=number, version=1) == number
        assert registry.register("mirror", text, id=number, version=1) == number
        assert registry.ok("GET", "/subjects/mirror/versions/1")["schema"] == text
        registry.ok("DELETE", "/subjects/mirror/versions/1")
    assert registry.register("mirror", TWO, id=81_002, version=1) == 81_002
    assert registry.register("mirror", TWO, id=81_002, version=4) == 81_002
    assert registry.ok("GET", "/subjects/mirror/versions") == [1, 4]
    body = {"schema": ONE, "id": 81_003, "version": 1}
    assert registry.fault("POST", "/subjects/mirror/versions", body) == (422, 42205)
    assert registry.ok("GET", "/mode/mirror") == {"mode": "IMPORT"}


def test_imports_are_kept_as_they_come(registry: Registry) -> None:
    """Whatever is set or asked, an import is not normalized."""
    text = '{"type":"record","name":"R","fields":[{"name":"f","type":"string","z":1,"a":{"y":1,"b":2}}]}'
    registry.ok("PUT", "/config/verbatim", {"normalize": True})
    registry.ok("PUT", "/mode/verbatim", {"mode": "IMPORT"})
    body = {"schema": text, "id": 82_001, "version": 1}
    registry.ok("POST", "/subjects/verbatim/versions", body, normalize="true")
    assert registry.ok("GET", "/subjects/verbatim/versions/1")["schema"] == text
    registry.ok("PUT", "/config/tidied", {"normalize": True})
    registry.register("tidied", text)
    stored = registry.ok("GET", "/subjects/tidied/versions/1")["schema"]
    assert list(json.loads(stored)["fields"][0])[2:] == ["a", "z"]
    assert list(json.loads(stored)["fields"][0]["a"]) == ["b", "y"]


def test_a_reference_is_written_out_when_asked_for(registry: Registry) -> None:
    """``format=resolved``, and a schema that was sent so is found as the one with references."""
    inner = '{"type":"record","name":"Inner","namespace":"deep","fields":[{"name":"x","type":"int"}]}'
    outer = (
        '{"type":"record","name":"Outer","fields":[{"name":"a","type":"deep.Inner"},{"name":"b","type":"deep.Inner"}]}'
    )
    registry.register("inner", inner)
    number = registry.register("outer", outer, references=[{"name": "deep.Inner", "subject": "inner", "version": 1}])
    told = json.loads(registry.ok("GET", f"/schemas/ids/{number}", format="resolved")["schema"])
    assert told["fields"][0]["type"]["name"] == "deep.Inner"
    assert told["fields"][1]["type"] == "deep.Inner"
    whole = outer.replace('"deep.Inner"', inner, 1)
    assert registry.ok("POST", "/subjects/outer", {"schema": whole})["id"] == number
    assert registry.register("outer", whole) == number


def test_references_hold_what_they_name(registry: Registry) -> None:
    """Also the references of softly deleted schemas, as far as deleting for ever is concerned; not a subject's own."""
    base = '{"type":"record","name":"Base","namespace":"held","fields":[{"name":"id","type":"string"}]}'
    user = '{"type":"record","name":"User","fields":[{"name":"base","type":"held.Base"}]}'
    reference = {"name": "held.Base", "subject": "base", "version": 1}
    registry.register("base", base)
    registry.register("user", user, references=[reference])
    registry.ok("DELETE", "/subjects/user")
    registry.ok("DELETE", "/subjects/base/versions/1")
    assert registry.fault("DELETE", "/subjects/base/versions/1", permanent="true") == (422, 42206)
    assert registry.fault("DELETE", "/subjects/base", permanent="true") == (422, 42206)
    registry.ok("DELETE", "/subjects/user", permanent="true")
    assert registry.ok("DELETE", "/subjects/base", permanent="true") == [1]
    registry.ok("PUT", "/config/itself", {"compatibility": "NONE"})
    registry.register("itself", base)
    registry.register("itself", user, references=[{**reference, "subject": "itself"}])
    assert registry.fault("DELETE", "/subjects/itself/versions/1") == (422, 42206)
    assert registry.ok("DELETE", "/subjects/itself") == [1, 2]
    assert registry.ok("DELETE", "/subjects/itself", permanent="true") == [1, 2]


def test_a_verdict_says_which_way_it_breaks_and_what_was_there(registry: Registry) -> None:
    """One line for each direction, then the earlier version and its text, then the promise."""
    registry.ok("PUT", "/config/ways", {"compatibility": "FULL"})
    registry.register("ways", PROTO, "PROTOBUF")
    body = {"schema": PROTO.replace("int32", "string"), "schemaType": "PROTOBUF"}
    lines = registry.ok("POST", "/compatibility/subjects/ways/versions/1", body, verbose="true")["messages"]
    assert [name for line in lines[:2] for name in ("BACKWARD", "FORWARD") if f"direction:'{name}'" in line] == [
        "BACKWARD",
        "FORWARD",
    ]
    assert lines[2:] == [
        "{oldSchemaVersion: 1}",
        f"{{oldSchema: '{PROTO}'}}",
        "{validateFields: 'false', compatibility: 'FULL'}",
    ]
    refused = registry.ask("POST", "/subjects/ways/versions", body).json()
    assert refused["error_code"] == 409
    assert 'an earlier schema for subject "ways", details: [' in refused["message"]


def test_who_asks_why_is_told_of_a_schema_that_is_none(registry: Registry) -> None:
    """With ``verbose`` it is a verdict, without it an error."""
    body = {"schema": '{"type":"record","name":"R","fields":[{"name":"f","type":"string","default":null}]}'}
    for path in ("/compatibility/subjects/why/versions", "/compatibility/subjects/why/versions/latest"):
        assert registry.fault("POST", path, body) == (422, 42201)
        told = registry.ok("POST", path, body, verbose="true")
        assert told["is_compatible"] is False
        assert "Invalid schema" in told["messages"][0]
        assert "/fields/0/default" in told["messages"][0]
    assert registry.fault("POST", "/subjects/why/versions", body) == (422, 42201)


def test_reserved_names_are_part_of_a_verdict(registry: Registry) -> None:
    """Checked where the setting says so, also where everything else is allowed."""
    registry.ok("PUT", "/config/kept", {"compatibility": "NONE", "validateFields": True})
    reserved = {"metadata": {"properties": {"confluent:reserved": "later"}}}
    registry.register("kept", ONE, **reserved)
    body = {"schema": record("A", {"name": "later", "type": "int"}), **reserved}
    path = "/compatibility/subjects/kept/versions/latest"
    told = registry.ok("POST", path, body, verbose="true")
    assert "conflicts with the reserved field later" in told["messages"][0]
    told = registry.ok("POST", path, {"schema": TWO}, verbose="true")
    assert "has reserved field later removed from its metadata" in told["messages"][0]
    assert registry.ok("POST", path, {"schema": TWO, **reserved}) == {"is_compatible": True}


def test_lists_by_what_rules_are_written_in_and_deleted_ones_as_negative(registry: Registry) -> None:
    rules = {"domainRules": [{"name": "x", "kind": "CONDITION", "mode": "WRITE", "type": "RARE", "expr": "true"}]}
    registry.register("ruled", ONE, ruleSet=rules)
    registry.register("ruled", TWO, ruleSet={"domainRules": []})
    assert [told["version"] for told in registry.ok("GET", "/schemas", ruleType="RARE")] == [1]
    registry.ok("DELETE", "/subjects/ruled/versions/1")
    assert registry.ok("GET", "/subjects/ruled/versions", deletedAsNegative="true") == [-1, 2]


def test_everybodys_protobuf_needs_no_reference(registry: Registry) -> None:
    """What clients of the protocol's makers never register: their options and decimal numbers."""
    source = """syntax = "proto3";
package everybody;
import "confluent/meta.proto";
import "confluent/type/decimal.proto";
message Price {
  option (confluent.message_meta) = { doc: "a price" };
  confluent.type.Decimal amount = 1 [(confluent.field_meta) = { tags: "PII" params: [{ key: "p" value: "8" }] }];
}
"""
    registry.register("everybody", source, "PROTOBUF")
    assert registry.ok("GET", "/subjects/everybody/versions/1")["schema"] == source
    legacy = source.replace("confluent/type/", "confluent/types/").replace("everybody", "legacy")
    registry.register("everybody-legacy", legacy, "PROTOBUF")
    missing = source.replace("confluent/meta.proto", "confluent/none.proto")
    assert registry.fault("POST", "/subjects/x/versions", {"schema": missing, "schemaType": "PROTOBUF"}) == (422, 42201)


def test_it_says_what_cluster_it_is(registry: Registry) -> None:
    told = registry.ok("GET", "/v1/metadata/id")
    assert (told["id"], told["scope"]["path"]) == ("", [])
    assert registry.ok("GET", "/v1/metadata/deployment") == {"attributes": []}


def test_head_is_get_without_its_body(registry: Registry) -> None:
    """The same status, media type and length, whatever the reader asks for."""
    number = registry.register("headed", ONE)
    for path in (f"/schemas/ids/{number}", "/subjects/headed/versions", "/subjects/headless/versions"):
        for accept in ("*/*", "application/json"):
            told, head = (registry.http.request(each, path, headers={"Accept": accept}) for each in ("GET", "HEAD"))
            assert (head.status_code, head.content) == (told.status_code, b"")
            for name in ("content-type", "content-length"):
                assert head.headers[name] == told.headers[name]


def test_options_tell_what_a_path_takes(registry: Registry) -> None:
    for path, methods in (
        ("/subjects/any/versions", "GET, HEAD, OPTIONS, POST"),
        ("/config", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ):
        told = registry.ask("OPTIONS", path)
        assert (told.status_code, told.headers["allow"]) == (200, methods)
        assert registry.fault("PATCH", path) == (405, 405)
        assert registry.ask("PATCH", path).headers["allow"] == methods
    assert registry.fault("OPTIONS", "/nothing") == (404, 404)
