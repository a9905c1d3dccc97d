"""What the daemon says of itself: health, metrics, OpenAPI, and pages that load from this machine alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon, until
from tests.services.prometheus import PROMETHEUS
from tests.services.recipes import Recipe

METHODS = {"get", "put", "post", "delete"}


def get(daemon: Daemon, path: str) -> Any:
    with daemon.client() as client:
        return client.get(path)


def test_health(shared: Daemon) -> None:
    assert get(shared, "/healthz").json() == {"status": "alive"}
    for _ in until("it is ready"):
        if get(shared, "/readyz").status_code == 200:
            break
    assert get(shared, "/readyz").json()["reasons"] == []
    for _ in until("it leads"):
        if get(shared, "/v1/leader").json()["self"]:
            break
    assert get(shared, "/v1/leader").json().keys() == {"leader", "since", "epoch", "self"}


@pytest.mark.prometheus
def test_metrics_are_what_prometheus_reads(shared: Daemon, program: Callable[[Recipe], Path]) -> None:
    """Checked by promtool; no path and no key is a label."""
    answer = get(shared, "/metrics")
    assert "versiqii_leader 1" in answer.text
    assert "configs/" not in answer.text
    command = [str(program(PROMETHEUS).parent / "promtool"), "check", "metrics"]
    done = subprocess.run(command, input=answer.content, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_openapi_describes_every_operation(shared: Daemon) -> None:
    """3.1; unique operation ids, described path parameters, problems for every refusal, and no dangling reference."""
    told = get(shared, "/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    operations = [(p, m, o) for p, ms in told["paths"].items() for m, o in ms.items() if m in METHODS]
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(ids) == len(set(ids))
    for path, method, operation in operations:
        named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), (method, path)
        assert operation["summary"], (method, path)
        assert "application/problem+json" in operation["responses"]["4XX"]["content"], (method, path)
    assert {"/v1/{key}", "/v1/txn", "/v1/status", "/v1/drifts", "/v1/events", "/v1/leader"} <= told["paths"].keys()
    references = set(re.findall(r'"\$ref": ?"#/components/schemas/(\w+)"', get(shared, "/openapi.json").text))
    assert references <= told["components"]["schemas"].keys()


def test_the_page_loads_from_this_machine_alone(shared: Daemon) -> None:
    """Every asset is there, and the policy lets the browser ask nobody else."""
    page = get(shared, "/docs")
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/")
        assert get(shared, asset).status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_event_schemas_are_served(shared: Daemon) -> None:
    schema = get(shared, "/events/schemas/ConfigRevised.v1.json").json()
    assert schema["title"] == "ConfigRevised"
    assert get(shared, "/asyncapi.json").json()["asyncapi"].startswith("3.")
    answer = get(shared, "/events/schemas/Nothing.v1.json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
