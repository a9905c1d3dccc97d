"""Contexts of the Schema-Registry protocol: names, what is said of all their subjects, and lookups across them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.e2e.registry.client import BREAKING, ONE, TWO, Registry

GLOBAL = "/:.__GLOBAL:"


@pytest.mark.parametrize("told", [".spelled", "spelled", ":.spelled:", ":.spelled"])
def test_a_context_in_the_path_in_every_spelling(registry: Registry, told: str) -> None:
    """With or without dot and colons it is the same context."""
    registry.register(":.spelled:way", ONE)
    assert registry.ok("GET", f"/contexts/{quote(told)}/subjects/way/versions") == [1]
    assert registry.ok("GET", f"/contexts/{quote(told)}/subjects") == [":.spelled:way"]


def test_a_context_with_a_colon_in_its_name_is_none(registry: Registry) -> None:
    assert registry.fault("GET", "/contexts/.a%3Ab/subjects") == (400, 400)


def test_what_is_said_of_a_context_holds_for_its_subjects_only(registry: Registry) -> None:
    """Subject before context before every context before the protocol's default; the root is the default context."""

    def level(path: str) -> str:
        return str(registry.ok("GET", path, defaultToGlobal="true")["compatibilityLevel"])

    inner = "/contexts/.layers/config/inner"
    try:
        registry.ok("PUT", "/config", {"compatibility": "NONE"})
        assert (level("/config/layer"), level(inner)) == ("NONE", "BACKWARD")
        registry.ok("PUT", f"/config{GLOBAL}", {"compatibility": "FORWARD"})
        assert (level("/config/layer"), level(inner)) == ("NONE", "FORWARD")
        registry.ok("PUT", "/config/:.layers:", {"compatibility": "FULL"})
        assert (level("/config/layer"), level(inner)) == ("NONE", "FULL")
        registry.ok("PUT", inner, {"compatibility": "FULL_TRANSITIVE"})
        assert level(inner) == "FULL_TRANSITIVE"
        assert registry.ok("DELETE", "/config") == {"compatibilityLevel": "NONE"}
        assert (level("/config/layer"), registry.ok("GET", "/config")["compatibilityLevel"]) == ("FORWARD", "BACKWARD")
        assert registry.ok("GET", f"/config{GLOBAL}") == {"compatibilityLevel": "FORWARD"}
    finally:
        registry.ask("DELETE", "/config")
        registry.ask("DELETE", f"/config{GLOBAL}")
    assert level("/config/layer") == "BACKWARD"


def test_the_default_context_by_its_own_name(registry: Registry) -> None:
    """``:.:`` is what is meant without a subject."""
    try:
        assert registry.ok("PUT", "/config/:.:", {"compatibility": "FORWARD"}) == {"compatibility": "FORWARD"}
        assert registry.ok("GET", "/config") == {"compatibilityLevel": "FORWARD"}
    finally:
        assert registry.ok("DELETE", "/config/:.:") == {"compatibilityLevel": "FORWARD"}


def test_a_mode_of_every_context(registry: Registry) -> None:
    """READONLY for all, an exception for one context, and FORWARD for nothing less than all."""
    try:
        assert registry.ok("PUT", f"/mode{GLOBAL}", {"mode": "READONLY"}) == {"mode": "READONLY"}
        assert registry.fault("POST", "/subjects/shut/versions", {"schema": ONE}) == (422, 42205)
        assert registry.fault("POST", "/subjects/:.shut:in/versions", {"schema": ONE}) == (422, 42205)
        registry.ok("PUT", "/mode/:.shut:", {"mode": "READWRITE"})
        registry.register(":.shut:in", ONE)
    finally:
        assert registry.ok("DELETE", f"/mode{GLOBAL}") == {"mode": "READONLY"}
    assert registry.ok("GET", f"/mode{GLOBAL}") == {"mode": "READWRITE"}
    assert registry.fault("PUT", "/mode/shut", {"mode": "FORWARD"}) == (422, 42204)


def test_modes_are_taken_back_with_their_context(registry: Registry) -> None:
    """Only with ``recursive``, and then also where none was set for the context itself."""
    paths = ["/mode/:.moded:", "/mode/:.moded:a", "/mode/:.moded:b", "/mode/:.spared:a"]
    for path in paths:
        registry.ok("PUT", path, {"mode": "READONLY"})
    assert registry.ok("DELETE", paths[0]) == {"mode": "READONLY"}
    assert registry.fault("DELETE", paths[0]) == (404, 40401)
    assert registry.ok("GET", paths[1]) == {"mode": "READONLY"}
    assert registry.ok("DELETE", paths[0], recursive="true") == {"mode": None}
    assert [registry.fault("GET", path) for path in paths[:3]] == [(404, 40409)] * 3
    assert registry.ok("GET", paths[3]) == {"mode": "READONLY"}


def test_a_subject_is_looked_for_in_all_contexts(registry: Registry) -> None:
    """Who names no context gets the version of another one where the default context has none."""
    registry.register(":.far:away", ONE)
    assert registry.ok("GET", "/subjects/away/versions/1")["subject"] == ":.far:away"
    assert registry.ok("GET", "/subjects/away/versions/latest/schema")["name"] == "A"
    assert registry.ok("POST", "/subjects/away", {"schema": ONE})["subject"] == ":.far:away"
    assert registry.fault("POST", "/subjects/away", {"schema": TWO}) == (404, 40401)
    assert registry.fault("GET", "/subjects/away/versions/2") == (404, 40401)
    assert registry.fault("GET", "/subjects/away/versions/none") == (422, 42202)
    assert registry.fault("GET", "/subjects/away/versions") == (404, 40401)
    assert registry.fault("GET", "/subjects/:.near:away/versions/1") == (404, 40401)
    registry.register("away", TWO)
    assert registry.ok("GET", "/subjects/away/versions/1")["subject"] == "away"


def test_lists_of_contexts(registry: Registry) -> None:
    """By prefix and in pages; schemas are listed of one context at a time."""
    for context in (".list-a", ".list-b", ".listless"):
        registry.register(f":{context}:x", ONE)
    assert registry.ok("GET", "/contexts", contextPrefix=".list-") == [".list-a", ".list-b"]
    assert registry.ok("GET", "/contexts", contextPrefix=".list", offset=1, limit=1) == [".list-b"]
    assert {told["subject"] for told in registry.ok("GET", "/contexts/.list-a/schemas")} == {":.list-a:x"}
    assert not [told for told in registry.ok("GET", "/schemas") if told["subject"].startswith(":.")]
    assert len(registry.ok("GET", "/schemas", subjectPrefix=":*:x")) >= 3


def test_an_empty_context_can_be_deleted(registry: Registry) -> None:
    """It is gone with its last subject; 42211 as long as there is one."""
    registry.register(":.short:lived", ONE)
    assert registry.fault("DELETE", "/contexts/.short") == (422, 42211)
    registry.ok("DELETE", "/subjects/:.short:lived")
    registry.ok("DELETE", "/subjects/:.short:lived", permanent="true")
    assert registry.ask("DELETE", "/contexts/.short").status_code == 204
    assert ".short" not in registry.ok("GET", "/contexts")


def test_a_read_only_override_of_the_root_holds_everywhere(registry: Registry) -> None:
    registry.register(":.switch:a", ONE)
    registry.ok("PUT", "/mode/:.switch:a", {"mode": "READWRITE"})
    try:
        registry.ok("PUT", "/mode", {"mode": "READONLY_OVERRIDE"})
        assert registry.fault("POST", "/subjects/:.switch:a/versions", {"schema": BREAKING}) == (422, 42205)
        assert registry.fault("DELETE", "/subjects/:.switch:a") == (422, 42205)
    finally:
        registry.ok("DELETE", "/mode")
    registry.register(":.switch:a", TWO)
