"""Reports: the worst file speaks for its target, equal facts give equal bytes, and they stay within their size."""

from __future__ import annotations

import json

from versiqiid.agent.converge import Host, Round, Status
from versiqiid.agent.plan import Known, State
from versiqiid.agent.report import REPORT_BYTES_MAX, as_bytes, idle_report, target_report
from versiqiid.agent.settings import FileSettings
from versiqiid.agent.state import FileRecord, TargetState, Told

HOST = Host("h1", "prod/eu")


def status(name: str, state: State, reason: str = "") -> Status:
    return Status(FileSettings(name=name, destination=f"/etc/{name}"), state, reason, "sha256:w")


def test_the_worst_file_speaks_for_the_target() -> None:
    """Top level and list agree; of equals the first in the settings is shown."""
    round_ = Round((status("a", State.APPLIED), status("b", State.RESTORED, "why"), status("c", State.RESTORED, "too")))
    records = {
        "/etc/b": FileRecord(Known("sha256:b"), "then", last_reload=Told("t", "exit", 1), last_probe=Told("t", "ok"))
    }
    report = target_report(HOST, "av", round_, TargetState(records), version="2.1.3", warnings=("", "warned"))
    assert (report["host"], report["environment"], report["target"], report["version"]) == (
        "h1",
        "prod/eu",
        "av",
        "2.1.3",
    )
    assert (report["name"], report["state"], report["reason"]) == ("b", "Restored", "why; warned")
    assert (report["digest"], report["wantedDigest"], report["appliedAt"]) == ("sha256:b", "sha256:w", "then")
    assert report["lastReload"] == {"at": "t", "outcome": "exit", "exitCode": 1}
    assert report["lastProbe"] == {"at": "t", "outcome": "ok"}
    assert [file["name"] for file in report["files"]] == ["a", "b", "c"]


def test_without_a_version_there_is_none() -> None:
    """Absent, never null."""
    assert "version" not in target_report(HOST, "av", Round((status("a", State.APPLIED),)), TargetState(), version=None)


def test_equal_facts_give_equal_bytes_within_the_limit() -> None:
    """Hundreds of files: the list is cut, its length is told, reasons are cut too."""
    round_ = Round(tuple(status(f"f{n}", State.FAILED, "x" * 5000) for n in range(200)))
    report = target_report(HOST, "av", round_, TargetState(), version=None)
    raw = as_bytes(report)
    assert raw == as_bytes(json.loads(json.dumps(report)))
    assert len(raw) <= REPORT_BYTES_MAX
    assert json.loads(raw)["fileCount"] == 200
    assert len(json.loads(raw)["reason"]) == 1000


def test_idle_is_a_state_too() -> None:
    """For the daemon's log and status."""
    assert idle_report("h1", "idle: because") == {"host": "h1", "state": "Idle", "reason": "idle: because"}
