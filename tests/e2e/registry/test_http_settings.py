"""Deletion, settings, modes, pages, contexts and aliases of the Schema-Registry protocol by plain HTTP."""

from __future__ import annotations

import pytest

from tests.e2e.processes import Daemon
from tests.e2e.registry.client import BREAKING, MEDIA_TYPE, ONE, TWO, Registry, record


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
