"""A real Prometheus scrapes the daemon: what it tells is taken, named well, and true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.processes import Daemon, example_keys, until
from tests.services.prometheus import Prometheus

pytestmark = pytest.mark.prometheus

PLACE = "prod/asia-sg/av-engine"


def test_a_prometheus_scrapes_the_daemon(prometheus: Callable[..., Prometheus], start: Callable[..., Daemon]) -> None:
    """The leader says that it leads; a refused config is drift in the schema dimension until the version moves back."""
    daemon = start()
    daemon.load(example_keys())
    daemon.until_status(f"{PLACE}/default", state="InSync")
    server = prometheus(daemon.address)
    server.wait_for_scrape()
    server.wait_for("versiqii_leader == 1")
    server.wait_for("versiqii_snapshot_complete == 1")
    server.wait_for('versiqii_bindings{state="InSync"} == 6')
    (build,) = server.query("versiqii_build_info")
    assert build["metric"]["version"]

    daemon.load({f"envs/{PLACE}/version": b"3.0.0"}, **{"X-Correlation-Id": "release-7"})
    server.wait_for('versiqii_bindings{state="Rejected"} == 1')
    for _ in until("Prometheus keeps the correlation id with how long it took"):
        if {"correlation_id": "release-7"} in server.exemplars("versiqii_convergence_seconds_bucket"):
            break
    server.wait_for('versiqii_drift{dimension="schema"} == 1')
    server.wait_for("versiqii_convergence_seconds_count >= 9")
    server.wait_for('versiqii_migrations_total{outcome="ok"} >= 5')
    daemon.load({f"envs/{PLACE}/version": b"1.4.0"})
    server.wait_for('versiqii_drift{dimension="schema"} == 0')
    server.wait_for('versiqii_http_requests_total{method="POST", status="200"} >= 3')

    with daemon.client() as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    assert server.check_metrics(answer.content) == "", "promtool has nothing to say against names and types"
