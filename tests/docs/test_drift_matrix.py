"""docs/operations.md sends people to the drift matrix: it says where, and how many of each dimension."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.processes import Daemon, example_keys, until

PLACE = "prod/asia-sg/av-engine"


def test_the_matrix_keeps_the_place_apart_from_the_dimensions(tmp_path: Path) -> None:
    """Two dimensions are called `target` and `environment`, as the place's own members are."""
    daemon = Daemon(tmp_path).start()
    try:
        daemon.load(example_keys() | {f"envs/{PLACE}/version": b"3.0.0"})
        daemon.until_status(f"{PLACE}/legacy", state="Rejected")
        for _ in until("the refusal is drift"):
            rows = json.loads(daemon.cli("drifts", "matrix", "-o", "json").stdout)
            if rows:
                break
    finally:
        daemon.close()
    (row,) = rows
    counts = {name: row[f"{name}Drifts"] for name in ("target", "schema", "dependency", "environment")}
    assert (row["environment"], row["target"]) == ("prod/asia-sg", "av-engine")
    assert counts == {"target": 0, "schema": 1, "dependency": 0, "environment": 0}
