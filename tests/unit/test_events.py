"""The catalogue and the documents built from it, judged by JSON Schema and by AsyncAPI's own schema."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import best_match

from tests.services.fixtures import lacking
from versiqiid.core.cloudevent import Source, message
from versiqiid.core.events import CATALOGUE, Described, Topic, asyncapi, event_schema, topics_of
from versiqiid.errors import NotFound

SPECS = "@asyncapi/specs@6.11.1"  # Apache-2.0, holds the official JSON Schemas of AsyncAPI documents
BASE = "https://v.example/events/schemas"


def body(name: str, data: dict[str, Any]) -> Any:
    fact = {
        "position": 0,
        "time": "2026-03-01T12:00:00.000001Z",
        "type": name,
        "tenant": "default",
        "stream": "x",
        "streamRevision": 1,
        "actor": {"kind": "daemon", "id": "host-1", "via": "kv"},
        "correlationId": "c",
        "causationId": "c",
        "data": data,
    }
    sent = message(rfc8785.dumps(fact), Source("o", BASE)).body
    assert sent is not None
    return json.loads(sent)


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_schema_is_one_and_takes_what_is_sent(name: str) -> None:
    """A valid 2020-12 schema with its own address, that accepts a real body, extra members, and shortened data."""
    schema = event_schema(name, schema_base=BASE)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{BASE}/{name}.v1.json"
    assert set(schema["required"]) == {"version", "timestamp", "event_type", "correlation_id", "actor", "data"}
    judge = Draft202012Validator(schema)
    judge.validate(body(name, {}))
    judge.validate(body(name, {"truncated": True, "added later": {"x": [1]}}))


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_schema_refuses_what_is_never_sent(name: str) -> None:
    """Another type, a missing member, a time that is not UTC with six decimals, an actor of no kind, a wrong member."""
    judge = Draft202012Validator(event_schema(name))
    good = body(name, {})
    bad = [{**good, "event_type": "Other"}, {**good, "version": 2}, {**good, "timestamp": "2026-03-01T12:00:00Z"}]
    bad += [{**good, "actor": {"kind": "robot", "id": "x", "via": "api"}}, {**good, "data": []}]
    bad += [{k: v for k, v in good.items() if k != gone} for gone in good]
    bad += [{**good, "data": {member: {"not": "this"}}} for member in CATALOGUE[name].data if member != "source"]
    for one in bad:
        assert not judge.is_valid(one), one


def test_the_known_shape_of_an_applied_config_is_typed() -> None:
    """The members the engine writes for a binding's outcome pass; a digest of the wrong form does not."""
    digest = "sha256:" + "0" * 64
    data = {
        "binding": "prod/eu-fr/av-engine/default",
        "environment": "prod/eu-fr",
        "target": "av-engine",
        "name": "default",
        "state": "Migrated",
        "targetVersion": "2.1.3",
        "schemaVersion": "2.0.0",
        "source": {"key": "configs/av-engine/1.0.0/default", "revision": 7, "digest": digest},
        "steps": [{"from": "1.0.0", "to": "2.0.0", "runtime": "wasm", "digest": digest, "lossy": False, "fuel": 9}],
        "effectiveDigest": digest,
        "previousDigest": None,
        "reason": "",
        "violations": [{"pointer": "/a", "keyword": "type", "message": "expected a string"}],
    }
    judge = Draft202012Validator(event_schema("EffectiveApplied"))
    judge.validate(body("EffectiveApplied", data))
    assert not judge.is_valid(body("EffectiveApplied", {**data, "effectiveDigest": "sha256:short"}))


def test_schemas_are_fresh_values() -> None:
    """What a caller does to a schema, or to a document, does not reach the next caller."""
    before = json.dumps(event_schema("DriftDetected"))
    event_schema("DriftDetected")["properties"]["data"]["properties"].clear()
    event_schema("DriftDetected")["properties"]["actor"]["required"].append("x")
    assert json.dumps(event_schema("DriftDetected")) == before
    whole = json.dumps(asyncapi())
    asyncapi()["components"]["schemas"]["CloudEventHeaders"]["required"].clear()
    assert json.dumps(asyncapi()) == whole


def test_an_unknown_type_has_no_schema_and_still_reaches_the_audit_topic() -> None:
    """No event is lost for want of a table row."""
    with pytest.raises(NotFound, match="NeverHeardOf"):
        event_schema("NeverHeardOf")
    assert topics_of("NeverHeardOf") == (Topic.AUDIT,)


def test_what_the_engine_makes_of_a_changed_key_is_in_the_catalogue() -> None:
    """No key change is recorded under a type that consumers have no schema for."""
    from versiqiid.engine import facts  # noqa: PLC0415

    assert {name for names in facts._TYPES.values() for name in names} <= set(CATALOGUE)


def test_which_topics() -> None:
    """Audit gets all; drift the drifts; state the effective digests and their end."""
    reached = {topic: {name for name in CATALOGUE if topic in topics_of(name)} for topic in Topic}
    assert reached[Topic.AUDIT] == set(CATALOGUE)
    assert reached[Topic.DRIFT] == {"DriftDetected", "DriftResolved"}
    assert reached[Topic.STATE] == {"EffectiveApplied", "EffectiveRemoved", "ForeignWriteHealed"}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    """All ``$ref`` are local and resolve, and each message's name is its ``ce_type``."""
    document = asyncapi(Described("acme"), schema_base=BASE)
    seen = 0

    def walk(value: Any) -> None:
        nonlocal seen
        if isinstance(value, dict):
            if "$ref" in value:
                seen += 1
                place: Any = document
                for part in value["$ref"].removeprefix("#/").split("/"):
                    place = place[part]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)
    assert seen > 3 * len(CATALOGUE)
    assert [c["address"] for c in document["channels"].values()] == ["acme.audit", "acme.drift", "acme.state"]
    for name, told in document["components"]["messages"].items():
        assert told["name"] == f"io.versiqii.{name}.v1"
        assert told["payload"]["schema"] == event_schema(name, schema_base=BASE)


def official_schema() -> Any:
    """AsyncAPI's own schema of version 3.0.0, from its npm package, kept in the cache outside the checkout."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "versiqii" / "npm"
    held = cache / "asyncapi-3.0.0.json"
    if not held.exists():
        if (npm := shutil.which("npm")) is None:
            lacking("no npm to fetch @asyncapi/specs with: apt-get install npm")
        cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "pack", "--silent", SPECS], cwd=cache, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            lacking(f"npm could not fetch {SPECS}; it is needed once, with a package registry in reach")
        with tarfile.open(cache / done.stdout.split()[-1]) as archive:
            member = archive.extractfile("package/schemas/3.0.0-without-$id.json")
            assert member is not None
            part = held.with_suffix(f".{os.getpid()}")
            part.write_bytes(member.read())
            part.replace(held)
    return json.loads(held.read_text())


def test_asyncapi_calls_it_an_asyncapi_document() -> None:
    """The official schema accepts the document, and refuses three broken copies of it."""
    judge = Draft7Validator(official_schema())
    document = asyncapi(schema_base=BASE)
    fault = best_match(judge.iter_errors(document))
    assert fault is None, f"{fault.json_path}: {fault.message[:200]}"
    for path, value in (
        (("operations", "send-audit", "action"), "shout"),
        (("channels", "audit", "messages"), []),
        (("info", "title"), None),
    ):
        broken: Any = json.loads(json.dumps(document))
        place = broken
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
        assert not judge.is_valid(broken), path
