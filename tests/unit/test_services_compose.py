"""docker-compose.yml holds together: it runs what the tests run, on this machine's loopback alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.services.catalogue import SERVICES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.mark.parametrize("name", ["consul", "vault", "kafka", "postgres"])
def test_it_runs_the_versions_that_the_tests_run(compose: dict[str, Any], name: str) -> None:
    tag = compose["services"][name]["image"].partition(":")[2]
    assert f"{SERVICES[name].version}.".startswith(f"{tag}.")


def test_what_a_service_refers_to_is_defined(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
        for config in service.get("configs", ()):
            assert config["source"] in compose["configs"]
        for other, how in service.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in compose["services"][other]


def test_nothing_listens_beyond_this_machine(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["network_mode"] == "host", name
        assert "127.0.0.1" in str(service.get("command", "")) + str(service.get("environment", "")), name
        assert "0.0.0.0" not in str(service), name  # noqa: S104 - looked for, not bound


def test_inline_configurations_can_be_read_and_point_at_this_machine(compose: dict[str, Any]) -> None:
    for config in compose["configs"].values():
        assert YAML(typ="safe", pure=True).load(config["content"])
        assert re.findall(r"[\w.]+:\d{4,5}", config["content"])
        assert {host for host, _ in re.findall(r"([\w.]+):(\d{4,5})", config["content"])} == {"127.0.0.1"}


def test_the_image_is_built_from_files_that_are_there(compose: dict[str, Any]) -> None:
    dockerfile = compose["services"]["versiqiid"]["build"]["dockerfile_inline"]
    copied = [word for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for word in line.split()]
    assert {"pyproject.toml", "versiqiid"} <= {*copied}
    assert [name for name in copied if not (ROOT / name).exists()] == []
