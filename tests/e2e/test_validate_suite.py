"""The public JSON-Schema-Test-Suite through the running program: every case in one batch, and nothing is fetched."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.processes import Daemon
from tests.unit.test_json_schema_suite import ARCHIVE, COUNTS, suite

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="../shared/vectors is not here")


def test_every_case_of_the_suite_gets_the_suites_verdict(daemon: Daemon) -> None:
    """Required, optional and format: none is left out, none cannot be judged."""
    remotes, parts = suite()
    cases: list[dict[str, Any]] = []
    wanted: list[tuple[bool, str]] = []
    for part, files in parts.items():
        for name, groups in files.items():
            for group in groups:
                for test in group["tests"]:
                    cases.append({"schema": group["schema"], "document": test["data"], "formats": part == "format"})
                    wanted.append((test["valid"], f"{part}/{name}: {group['description']}: {test['description']}"))
    assert len(cases) == sum(COUNTS.values())
    body = json.dumps({"remotes": remotes, "cases": cases}).encode()
    done = daemon.cli("validate", "--batch", "-", "-o", "json", stdin=body)
    results = json.loads(done.stdout)["results"]
    other = [what for (valid, what), told in zip(wanted, results, strict=True) if told["valid"] is not valid]
    assert (other, [told["error"] for told in results if "error" in told]) == ([], [])
    refused = [told for told in results if not told["valid"]]
    assert all(told["violations"] and told["bestMatch"] in told["violations"] for told in refused)
