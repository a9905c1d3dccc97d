"""What a host says of one target under ``hosts/<host>/<target>``: a pure function of statuses and memory.

Digests, versions and reasons; never a value of a config. Equal circumstances give equal bytes, so that a report is
written only when it says something new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from versiqiid.agent.plan import SEVERITY
from versiqiid.core.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versiqiid.agent.converge import Host, Round, Status
    from versiqiid.agent.state import FileRecord, TargetState, Told

REASON_CHARACTERS_MAX = 1_000
REPORT_BYTES_MAX = 30_000
"""The same as for a status; files that do not fit are left out from the end, their number stays."""


def target_report(
    host: Host, target: str, round_: Round, state: TargetState, *, version: str | None, warnings: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The whole report. Its top level repeats the file that is worst off (of equals, the first in the settings).

    :param version: what runs, as the target itself says; None = not asked or not known.
    :param warnings: sentences that concern the target as a whole.
    """
    files = [_file(status, state.record(str(status.file.destination))) for status in round_.statuses]
    worst = min(files, key=lambda file: _RANK[file["state"]])
    told = {"host": host.host, "environment": host.environment, "target": target} | worst | {"files": files}
    if version is not None:
        told["version"] = version
    reasons = [worst["reason"], *warnings]
    told["reason"] = _short("; ".join(reason for reason in reasons if reason))
    return told


def idle_report(host: str, reason: str) -> dict[str, Any]:
    """Said to the daemon only: without a target there is no key to write it under."""
    return {"host": host, "state": "Idle", "reason": reason}


def as_bytes(report: Mapping[str, Any]) -> bytes:
    """The value of the key, at most 30,000 bytes."""
    files = list(report.get("files", ()))
    raw = canonical(dict(report))
    while len(raw) > REPORT_BYTES_MAX and files:
        files.pop()
        raw = canonical({**report, "files": files, "fileCount": len(report["files"])})
    return raw


_RANK = {state.value: rank for rank, state in enumerate(SEVERITY)}


def _file(status: Status, record: FileRecord) -> dict[str, Any]:
    return {
        "name": status.file.name,
        "file": str(status.file.destination),
        "state": status.state.value,
        "reason": _short(status.reason),
        "digest": record.known.digest,
        "wantedDigest": status.wanted,
        "appliedAt": record.applied_at,
        "lastReload": _told(record.last_reload),
        "lastProbe": _told(record.last_probe),
        "generations": len(record.generations),
    }


def _told(told: Told | None) -> dict[str, Any] | None:
    if told is None:
        return None
    said = {"at": told.at, "outcome": told.outcome}
    return said if told.exit_code is None else said | {"exitCode": told.exit_code}


def _short(text: str) -> str:
    return text if len(text) <= REASON_CHARACTERS_MAX else text[: REASON_CHARACTERS_MAX - 1] + "…"
