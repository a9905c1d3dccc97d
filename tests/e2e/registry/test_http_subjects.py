"""Subjects, versions and ids of the Schema-Registry protocol by plain HTTP: paths, parameters, status, error codes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.processes import Daemon
from tests.e2e.registry.client import BREAKING, INT, ONE, STRING, TWO, Registry, record


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
    assert registry.register("raw", "{}", "JSON") == told["id"]
    body = {"schema": '{"type":"null"}', "schemaType": "JSON"}
    assert registry.fault("POST", "/subjects/raw/versions", body) == (422, 42205)


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
    wanted = {"subject": "by-number", "version": 2, "id": second, "schemaType": "AVRO", "schema": TWO}
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
        ({"schema": json.dumps({"type": "string", "doc": "x" * 350_000})}, (422, 42209)),
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
    assert set(registry.ok("GET", f"/schemas/ids/{number}/subjects")) >= {"same-one", "same-two"}
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
