"""Consul away for a while: the daemon stays, says so, and catches up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import Daemon
from tests.engine.world import raw, scan_world
from tests.waiting import wait

pytestmark = pytest.mark.consul

WHERE = "prod/asia/av/default"


def test_daemon_outlives_consul(consul: Any, tmp_path: Path) -> None:
    """Frozen Consul: not ready, and the metric says why; woken Consul: ready again, and what changed is effective."""
    flags = ("--store", f"consul://{consul.address}", "--unready-after-s", "3")
    daemon = Daemon(tmp_path / "daemon", flags).start()
    try:
        for key, value in scan_world().items():
            assert consul.call("PUT", f"/v1/kv/versiqii/{key}", raw(value)).status == 200
        daemon.until_status(WHERE, state="InSync")
        with daemon.client() as client:
            assert client.get("/readyz").status_code == 200
            consul.pause()
            wait("not ready", lambda: client.get("/readyz").status_code == 503)
            assert any("store" in reason for reason in client.get("/readyz").json()["reasons"])
            assert client.get("/healthz").status_code == 200
            wait("metric", lambda: "versiqii_store_up 0.0" in client.get("/metrics").text)
            consul.resume()
            wait("ready", lambda: client.get("/readyz").status_code == 200)
        assert consul.call("PUT", "/v1/kv/versiqii/envs/prod/asia/av/version", b"2.1.3").status == 200
        daemon.until_status(WHERE, state="Migrated")
        effective = consul.call("GET", f"/v1/kv/versiqii/effective/{WHERE}?raw").body
        assert json.loads(effective) == {"scan": {"depth": 3}}
    finally:
        consul.resume()
        daemon.close()
