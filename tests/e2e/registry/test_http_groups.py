"""Groups of versions by the Schema-Registry protocol: which version of its group a new one is judged against."""

from __future__ import annotations

from tests.e2e.registry.client import Registry, record


def test_without_transitivity_only_the_newest_of_the_group_counts(registry: Registry) -> None:
    """A field that went and comes back as another type goes with the newest version of its line, not with the first."""
    registry.ok("PUT", "/config/lines", {"compatibility": "BACKWARD", "compatibilityGroup": "line"})
    one, two = ({"properties": {"line": value}} for value in "12")
    registry.register("lines", record("T", {"name": "a", "type": "int"}), metadata=one)
    registry.register("lines", record("T"), metadata=one)
    registry.register("lines", record("T", {"name": "z", "type": "string"}), metadata=two)
    body = {"schema": record("T", {"name": "a", "type": "string", "default": ""}), "metadata": one}
    path = "/compatibility/subjects/lines/versions"
    assert registry.ok("POST", path, body)["is_compatible"]
    registry.ok("PUT", "/config/lines", {"compatibility": "BACKWARD_TRANSITIVE"})
    assert not registry.ok("POST", path, body)["is_compatible"]
