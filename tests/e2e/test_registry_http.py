"""Every endpoint of the Schema-Registry protocol by plain HTTP: paths, parameters, status, error codes, media type."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from google.protobuf import descriptor_pb2

from tests.e2e.processes import DEADLINE_S, Daemon

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
STRING, INT = '"string"', '"int"'
PROTO = 'syntax = "proto3"; package scan; message Scan { int32 depth = 1; }'


class Registry:
    """The endpoint as a stranger's program sees it."""

    def __init__(self, url: str) -> None:
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        self.http = httpx2.Client(base_url=url, headers=headers, timeout=DEADLINE_S, trust_env=False)

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        content = None if body is None else json.dumps(body).encode()
        return self.http.request(method, path, content=content, params=query)

    def ok(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON; it must be a success of the protocol's media type."""
        answer = self.ask(method, path, body, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        return answer.json()

    def fault(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, int]:
        """Status and error code; there must be a sentence, too."""
        answer = self.ask(method, path, body, **query)
        told = answer.json()
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert told["message"]
        return answer.status_code, told["error_code"]

    def register(self, subject: str, schema: str, kind: str = "AVRO", **more: Any) -> int:
        body = {"schema": schema, "schemaType": kind, **more}
        return int(self.ok("POST", f"/subjects/{quote(subject, safe='')}/versions", body)["id"])


@pytest.fixture(scope="module")
def registry(shared: Daemon) -> Iterator[Registry]:
    made = Registry(f"{shared.url}/registry")
    with made.http:
        yield made


def record(name: str, *fields: dict[str, Any]) -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields)}, separators=(",", ":"))


ONE = record("A", {"name": "a", "type": "int"})
TWO = record("A", {"name": "a", "type": "int"}, {"name": "b", "type": "int", "default": 0})
BREAKING = record("A", {"name": "c", "type": "int"})


# ----------------------------------------------------------------------------------------------- subjects and versions


def test_a_subject_is_a_family(registry: Registry, shared: Daemon) -> None:
    """What is registered here stands under the keys of the layout, in the journal, and the other way round."""
    registry.register("family", ONE)
    with shared.client() as client:
        assert client.get("/v1/schemas/family/1").text == ONE
        assert client.get("/v1/families/family").json() == {"language": "avro", "versioning": "sequence"}
    assert "SchemaRegistered" in [each["type"] for each in shared.entries(key="schemas/family/1")]


def test_a_subject_that_is_no_key_segment(registry: Registry, shared: Daemon) -> None:
    """It has a family named by its digest that says what it is called."""
    name = "a/b c é"
    registry.register(name, ONE)
    assert name in registry.ok("GET", "/subjects")
    assert registry.ok("GET", f"/subjects/{quote(name, safe='')}/versions") == [1]
    with shared.client() as client:
        families = client.get("/v1/families/?values=true").json()["items"]
    assert [each["key"][:12] for each in families if name in each["value"]] == ["families/sr-"]


def test_a_schema_written_as_a_key_is_a_version(registry: Registry, shared: Daemon) -> None:
    """With a number and an id of its own; a family of other versions is numbered in their order."""
    keys = {"families/raw": b'{"language": "json-schema"}', "schemas/raw/1.10.0": b"{}", "schemas/raw/1.9.0": b"true"}
    shared.load(keys)
    assert registry.ok("GET", "/subjects/raw/versions") == [1, 2]
    told = registry.ok("GET", "/subjects/raw/versions/2")
    assert (told["schema"], told["schemaType"]) == ("{}", "JSON")
    assert registry.ok("GET", f"/schemas/ids/{told['id']}")["schema"] == "{}"
    assert registry.fault("POST", "/subjects/raw/versions", {"schema": "{}", "schemaType": "JSON"}) == (422, 42205)


def test_drafts_are_not_shown_and_names_stay_taken(registry: Registry, shared: Daemon) -> None:
    """A draft's name is no free number, nor is that of a version whose key somebody took away."""
    registry.register("drafted", ONE)
    shared.load({"lifecycle/drafted/2": b'{"state": "draft"}', "schemas/drafted/2": BREAKING.encode()})
    assert registry.ok("GET", "/subjects/drafted/versions") == [1]
    registry.register("drafted", TWO)
    assert registry.ok("GET", "/subjects/drafted/versions") == [1, 3]
    shared.load({"lifecycle/drafted/3": b'{"state": "deleted"}'})
    assert registry.ok("GET", "/subjects/drafted/versions", deletedOnly="true") == [3]
    with shared.client() as client:
        assert client.delete("/v1/schemas/drafted/3", headers={"If-Match": "*"}).status_code in (200, 204)
    assert registry.ok("GET", "/subjects/drafted/versions", deleted="true") == [1]
    registry.register("drafted", TWO)
    assert registry.ok("GET", "/subjects/drafted/versions") == [1, 4]


def test_a_version_by_number_latest_and_text(registry: Registry) -> None:
    """``latest`` and -1 are the newest; ``/schema`` is the text and nothing else."""
    first, second = registry.register("by-number", ONE), registry.register("by-number", TWO)
    wanted = {"subject": "by-number", "version": 2, "id": second, "schema": TWO}
    for version in ("2", "latest", "-1"):
        assert registry.ok("GET", f"/subjects/by-number/versions/{version}") == wanted
    assert registry.ok("GET", "/subjects/by-number/versions/1")["id"] == first
    assert registry.ask("GET", "/subjects/by-number/versions/1/schema").text == ONE


@pytest.mark.parametrize("version", ["0", "abc", "2147483648", "-2", "1.0"])
def test_what_is_no_version(registry: Registry, version: str) -> None:
    """42202, also where the subject is not there."""
    assert registry.fault("GET", f"/subjects/nobody/versions/{version}") == (422, 42202)


def test_what_is_not_there(registry: Registry) -> None:
    """40401, 40402, 40403."""
    registry.register("there", ONE)
    assert registry.fault("GET", "/subjects/nobody/versions") == (404, 40401)
    assert registry.fault("GET", "/subjects/nobody/versions/1") == (404, 40401)
    assert registry.fault("GET", "/subjects/there/versions/9") == (404, 40402)
    assert registry.fault("GET", "/schemas/ids/999999") == (404, 40403)
    assert registry.fault("POST", "/subjects/there", {"schema": INT}) == (404, 40403)
    assert registry.fault("POST", "/subjects/nobody", {"schema": INT}) == (404, 40401)
    assert registry.fault("GET", "/nothing/here") == (404, 404)
    assert registry.fault("PATCH", "/subjects") == (405, 405)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"schema": "{"}, (422, 42201)),
        ({"schema": ""}, (422, 42201)),
        ({}, (422, 42201)),
        ({"schema": '{"type":"nothing"}'}, (422, 42201)),
        ({"schema": STRING, "schemaType": "XML"}, (422, 42201)),
        ({"schema": '{"type":"nothing"}', "schemaType": "JSON"}, (422, 42201)),
        ({"schema": "message A {", "schemaType": "PROTOBUF"}, (422, 42201)),
        ({"schema": STRING, "references": [{"name": "a", "subject": "nobody", "version": 1}]}, (422, 42201)),
        ({"schema": STRING, "references": {}}, (422, 42201)),
        ({"schema": STRING, "id": 7}, (422, 42205)),
        ({"schema": STRING, "id": 2**53}, (422, 422)),
        ({"schema": STRING, "version": "1"}, (422, 422)),
        ({"schema": STRING, "metadata": {"properties": {"a": 2**60}}}, (422, 422)),
        ({"schema": '{"type":"string","doc":"\ud800"}'}, (422, 422)),
        ({"schema": json.dumps({"type": "string", "doc": "x" * 350_000})}, (422, 42201)),
        ({"schema": "[" * 5000}, (422, 42201)),
        ({"schema": "[" * 200 + "]" * 200, "schemaType": "JSON"}, (422, 42201)),
        ([], (400, 400)),
    ],
)
def test_what_is_no_schema(registry: Registry, body: Any, expected: tuple[int, int]) -> None:
    """Nothing is registered, and the answer says why."""
    assert registry.fault("POST", "/subjects/refused/versions", body) == expected
    assert registry.fault("GET", "/subjects/refused/versions") == (404, 40401)


def test_bodies_that_are_none(registry: Registry) -> None:
    """No JSON, another media type."""
    path = "/subjects/bodies/versions"
    assert registry.http.post(path, content=b"{").status_code == 400
    headers = {"Content-Type": "text/plain"}
    assert registry.http.post(path, content=b"{}", headers=headers).status_code == 415


# ------------------------------------------------------------------------------------------------------------------ ids


def test_the_same_schema_has_the_same_id(registry: Registry) -> None:
    """In every subject, however it is laid out, and again after it was deleted for ever; another one has another."""
    number = registry.register("same-one", '{"type": "string"}')
    assert registry.register("same-two", STRING) == number
    assert registry.register("same-one", STRING) == number
    assert registry.ok("GET", "/subjects/same-one/versions") == [1]
    assert registry.register("same-three", '{"type":"string","doc":"x"}') != number
    for permanent in ("false", "true"):
        registry.ok("DELETE", "/subjects/same-two", permanent=permanent)
    assert registry.register("same-two", STRING) == number
    assert sorted(registry.ok("GET", f"/schemas/ids/{number}/subjects")) >= ["same-one", "same-two"]
    uses = registry.ok("GET", f"/schemas/ids/{number}/versions")
    assert {"subject": "same-two", "version": 1} in uses
    assert registry.ask("GET", f"/schemas/ids/{number}/schema").text in ('{"type": "string"}', STRING)


def test_normalized_schemas_are_the_same(registry: Registry) -> None:
    """The order of a JSON Schema's members counts, unless it is normalized."""
    first = registry.register("normal", '{"title":"x","type":"object"}', "JSON")
    swapped = {"schema": '{"type":"object","title":"x"}', "schemaType": "JSON"}
    assert registry.fault("POST", "/subjects/normal", swapped) == (404, 40403)
    assert registry.ok("POST", "/subjects/normal", swapped, normalize="true")["id"] == first
    assert registry.ok("POST", "/subjects/normal/versions", swapped, normalize="true")["id"] == first


def test_many_at_once_get_ids_of_their_own(registry: Registry) -> None:
    """No id twice, and one version for the many who register the same."""

    def one(at: int) -> int:
        return registry.register(f"crowd-{at % 8}", record(f"C{at % 8}", {"name": "a", "type": "int"}))

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(32)))
    assert len(set(found)) == 8
    assert all(registry.ok("GET", f"/subjects/crowd-{at}/versions") == [1] for at in range(8))


# ------------------------------------------------------------------------------------------------------------- deletion


def test_deletion_in_two_steps(registry: Registry) -> None:
    """Soft first, told to who asks for it; for ever then, and the number begins again."""
    registry.register("gone", ONE)
    last = record("A", {"name": "a", "type": "int"}, {"name": "gone", "type": "int", "default": 0})
    second = registry.register("gone", last)
    assert registry.fault("DELETE", "/subjects/gone", permanent="true") == (404, 40405)
    assert registry.fault("DELETE", "/subjects/gone/versions/1", permanent="true") == (404, 40407)
    assert registry.ok("DELETE", "/subjects/gone/versions/1") == 1
    assert registry.ok("GET", "/subjects/gone/versions") == [2]
    assert registry.ok("GET", "/subjects/gone/versions", deleted="true") == [1, 2]
    assert registry.fault("GET", "/subjects/gone/versions/1") == (404, 40402)
    assert registry.fault("DELETE", "/subjects/gone/versions/1") == (404, 40406)
    assert registry.ok("GET", "/subjects/gone/versions/1", deleted="true")["version"] == 1
    assert registry.ok("DELETE", "/subjects/gone/versions/1", permanent="true") == 1
    assert registry.ok("DELETE", "/subjects/gone") == [2]
    assert registry.fault("DELETE", "/subjects/gone") == (404, 40404)
    assert "gone" not in registry.ok("GET", "/subjects")
    assert "gone" in registry.ok("GET", "/subjects", deleted="true")
    assert registry.ok("GET", f"/schemas/ids/{second}")["schema"] == last
    assert registry.fault("POST", "/subjects/gone", {"schema": last}) == (404, 40401)
    assert registry.ok("POST", "/subjects/gone", {"schema": last}, deleted="true")["version"] == 2
    assert registry.ok("DELETE", "/subjects/gone", permanent="true") == [2]
    assert registry.fault("GET", f"/schemas/ids/{second}") == (404, 40403)
    registry.register("gone", BREAKING)
    assert registry.ok("GET", "/subjects/gone/versions") == [1]


def test_after_a_soft_deletion_numbers_go_on(registry: Registry) -> None:
    """The name stays taken."""
    registry.register("again", ONE)
    registry.ok("DELETE", "/subjects/again")
    registry.register("again", BREAKING)
    assert registry.ok("GET", "/subjects/again/versions", deleted="true") == [1, 2]


def test_what_is_referred_to_stays(registry: Registry, shared: Daemon) -> None:
    """By another schema, and by keys of the layout."""
    registry.register("used", record("Used", {"name": "a", "type": "int"}))
    reference = {"name": "Used", "subject": "used", "version": 1}
    user = registry.register("user", record("U", {"name": "u", "type": "Used"}), references=[reference])
    assert registry.ok("GET", "/subjects/used/versions/1/referencedby") == [user]
    assert registry.fault("DELETE", "/subjects/used/versions/1") == (422, 42206)
    assert registry.fault("DELETE", "/subjects/used") == (422, 42206)
    for permanent in ("false", "true"):
        registry.ok("DELETE", "/subjects/user", permanent=permanent)
    shared.load({"targets/reader": b'{"family": "used", "schemas": {"*": "1"}}'})
    registry.ok("DELETE", "/subjects/used")
    assert registry.fault("DELETE", "/subjects/used", permanent="true") == (422, 42206)


def test_a_subject_of_many_versions_is_deleted(registry: Registry) -> None:
    """In as many transactions as it takes."""
    registry.ok("PUT", "/config/many", {"compatibility": "NONE"})
    for at in range(20):
        registry.register("many", record("M", {"name": f"f{at}", "type": "int"}))
    numbers = list(range(1, 21))
    assert registry.ok("DELETE", "/subjects/many") == numbers
    assert registry.ok("DELETE", "/subjects/many", permanent="true") == numbers
    assert "many" not in registry.ok("GET", "/subjects", deleted="true")


def test_what_no_key_shows_is_recorded(registry: Registry, shared: Daemon) -> None:
    """Soft deletions, modes and settings, with who asked and without a setting's values."""
    registry.register("recorded", ONE)
    registry.ok("PUT", "/config/recorded", {"defaultMetadata": {"properties": {"owner": "s3cr3t"}}})
    registry.ok("PUT", "/mode/recorded", {"mode": "READONLY"})
    registry.ok("DELETE", "/mode/recorded")
    registry.ok("DELETE", "/subjects/recorded")
    found = [each["data"] for each in shared.entries(type="RegistryChanged") if each["data"]["subject"] == "recorded"]
    assert [each["what"] for each in found] == ["setting", "mode", "mode", "deleted"]
    assert (found[0]["fields"], found[-1]["versions"]) == (["defaultMetadata"], [1])
    assert "s3cr3t" not in str(found)


# ------------------------------------------------------------------------------------------------------- compatibility


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


# ------------------------------------------------------------------------------------------------- settings and modes


def test_settings_of_one_subject_and_of_all(registry: Registry, shared: Daemon) -> None:
    """Set, told, inherited, taken back; a subject's level is its family's own."""
    assert registry.ok("GET", "/config") == {"compatibilityLevel": "BACKWARD"}
    assert registry.fault("GET", "/config/setting") == (404, 40408)
    assert registry.ok("GET", "/config/setting", defaultToGlobal="true") == {"compatibilityLevel": "BACKWARD"}
    assert registry.ok("PUT", "/config/setting", {"compatibility": "full"}) == {"compatibility": "FULL"}
    assert registry.ok("GET", "/config/setting") == {"compatibilityLevel": "FULL"}
    with shared.client() as client:
        assert client.get("/v1/families/setting").json()["compatibility"] == "FULL"
    assert registry.ok("DELETE", "/config/setting") == {"compatibilityLevel": "FULL"}
    assert registry.fault("GET", "/config/setting") == (404, 40408)
    assert registry.fault("PUT", "/config/setting", {"compatibility": "SIDEWAYS"}) == (422, 42203)
    assert registry.fault("DELETE", "/config/setting") == (404, 40401)


def test_modes(registry: Registry) -> None:
    """READONLY refuses writes, IMPORT takes ids, and both are told."""
    assert registry.ok("GET", "/mode") == {"mode": "READWRITE"}
    assert registry.fault("GET", "/mode/moded") == (404, 40409)
    assert registry.ok("GET", "/mode/moded", defaultToGlobal="true") == {"mode": "READWRITE"}
    assert registry.fault("PUT", "/mode/moded", {"mode": "SOMETIMES"}) == (422, 42204)
    assert registry.ok("PUT", "/mode/moded", {"mode": "IMPORT"}) == {"mode": "IMPORT"}
    body = {"schema": ONE, "id": 4711, "version": 5}
    assert registry.ok("POST", "/subjects/moded/versions", body) == {"id": 4711}
    assert registry.fault("POST", "/subjects/moded/versions", {"schema": TWO}) == (422, 42205)
    assert registry.fault("POST", "/subjects/moded/versions", {"schema": TWO, "id": 4711}) == (422, 42205)
    assert registry.ok("PUT", "/mode/moded", {"mode": "READONLY"}) == {"mode": "READONLY"}
    assert registry.fault("POST", "/subjects/moded/versions", {"schema": TWO}) == (422, 42205)
    assert registry.fault("DELETE", "/subjects/moded") == (422, 42205)
    assert registry.ok("GET", "/subjects/moded/versions") == [5]
    assert registry.ok("DELETE", "/mode/moded") == {"mode": "READONLY"}
    assert registry.register("moded", record("A", {"name": "moded", "type": "int", "default": 0})) > 4711


# -------------------------------------------------------------------------------------------------- the three languages


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


# ------------------------------------------------------------------------------------------------------------ the rest


def test_lists_in_pages(registry: Registry) -> None:
    """By prefix, offset and limit."""
    for name in ("page-a", "page-b", "page-c"):
        registry.register(name, ONE)
    query = {"subjectPrefix": "page-"}
    assert registry.ok("GET", "/subjects", **query) == ["page-a", "page-b", "page-c"]
    assert registry.ok("GET", "/subjects", offset=1, limit=1, **query) == ["page-b"]
    registry.register("page-a", TWO)
    told = registry.ok("GET", "/schemas", **query)
    assert [(each["subject"], each["version"]) for each in told] == [
        ("page-a", 1),
        ("page-a", 2),
        ("page-b", 1),
        ("page-c", 1),
    ]
    assert len(registry.ok("GET", "/schemas", latestOnly="true", **query)) == 3


def test_what_it_says_of_itself(registry: Registry) -> None:
    """Types, contexts, version; the root is empty."""
    assert registry.ok("GET", "/") == {}
    assert sorted(registry.ok("GET", "/schemas/types")) == ["AVRO", "JSON", "PROTOBUF"]
    assert "." in registry.ok("GET", "/contexts")
    assert registry.ok("GET", "/v1/metadata/version")["version"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("application/json", "application/json"),
        ("*/*", MEDIA_TYPE),
        ("application/json;q=0.5, application/vnd.schemaregistry+json", "application/vnd.schemaregistry+json"),
        (f"{MEDIA_TYPE}; q=0.9, application/json; q=0.5", MEDIA_TYPE),
        ("text/html", None),
    ],
)
def test_an_answer_is_called_what_its_reader_asks_for(registry: Registry, accept: str, given: str | None) -> None:
    """406 for who takes none of the three."""
    answer = registry.http.get("/subjects", headers={"Accept": accept})
    assert answer.status_code == (200 if given else 406)
    assert answer.headers["content-type"] == (given or MEDIA_TYPE)


def test_contexts_keep_subjects_apart(registry: Registry) -> None:
    """A qualified subject, and the path that stands before all others."""
    registry.register(":.other:ctx", ONE)
    registry.register("ctx", TWO)
    assert registry.ok("GET", "/contexts/.other/subjects/ctx/versions/1")["schema"] == ONE
    assert registry.ok("GET", "/subjects/ctx/versions/1")["schema"] == TWO
    assert ".other" in registry.ok("GET", "/contexts")
    assert registry.ok("GET", "/subjects", subjectPrefix=":.other:") == [":.other:ctx"]


def test_settings_are_carried_into_schemas(registry: Registry) -> None:
    """Metadata and rules between default and override; reserved names are kept free when asked for."""
    setting = {
        "defaultMetadata": {"properties": {"owner": "nobody", "team": "a"}},
        "overrideMetadata": {"properties": {"team": "b"}},
        "validateFields": True,
    }
    registry.ok("PUT", "/config/carried", setting)
    registry.register("carried", ONE, metadata={"properties": {"owner": "me"}})
    told = registry.ok("GET", "/subjects/carried/metadata", key="owner", value="me")
    assert told["metadata"] == {"properties": {"owner": "me", "team": "b"}}
    taken = {"schema": TWO, "metadata": {"properties": {"confluent:reserved": "b"}}}
    assert registry.fault("POST", "/subjects/carried/versions", taken) == (409, 409)


def test_an_alias_means_another_subject(registry: Registry) -> None:
    """For everything but its own setting."""
    registry.register("meant", ONE)
    registry.ok("PUT", "/config/nickname", {"alias": "meant"})
    assert registry.ok("GET", "/subjects/nickname/versions/latest")["subject"] == "meant"
    registry.register("nickname", TWO)
    assert registry.ok("GET", "/subjects/meant/versions") == [1, 2]
