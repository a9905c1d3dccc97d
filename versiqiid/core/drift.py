"""What counts as drift: the difference between what should be and what is, in four dimensions.

* **target** — a host reports another version than the environment's version key says.
* **schema** — the effective config is not the one for the schema that the running version reads (refused), or a
  published schema, migration or module was changed by a raw write, a migration breaks a law, or a schema breaks what
  its family promises.
* **dependency** — what the target requires or accepts does not hold in this environment.
* **environment** — a binding is Held here, or a host has not applied the effective config.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core import promiserecord
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.dependencies import breaches
from versiqiid.core.lawrecord import broken
from versiqiid.core.objects import Override, read_override, read_target
from versiqiid.core.published import altered
from versiqiid.core.snapshot import Reads
from versiqiid.core.status import state_of
from versiqiid.errors import InvalidInput

DIMENSIONS = ("target", "schema", "dependency", "environment")
_IDENTITY = ("dimension", "binding", "key", "host", "other", "expected", "found")
_DRIFTS_MAX = 200


def drift_document(reads: Reads, place: k.DriftKey, present: bytes | None, now: str) -> bytes | None:
    """The value of ``drift/<env…>/<target>``, or None when there is no drift.

    A drift that goes on keeps its ``since``, so the same drifts give the same bytes. Statuses and effective configs of
    the place are looked at without being remembered: whatever moves them asks for its drift (``impact.touched``).

    :param now: RFC 3339 text. At most 200 drifts are listed; ``count`` tells all.
    """
    found = [
        *_of_bindings(reads, place),
        *_of_published(reads, place),
        *_of_dependencies(reads, place),
        *_of_hosts(reads, place),
    ]
    if not found:
        return None
    known = {_identity(d): d.get("since") for d in _known(present)}
    listed = [drift | {"since": known.get(_identity(drift)) or now} for drift in found[:_DRIFTS_MAX]]
    return canonical({"environment": place.environment, "target": place.target, "count": len(found), "drifts": listed})


def _of_bindings(reads: Reads, place: k.DriftKey) -> list[dict[str, Any]]:
    found = []
    snapshot = reads.snapshot
    for name in sorted(snapshot.names[place.target]):
        status = f"status/{place.environment}/{place.target}/{name}"
        told = snapshot.parsed(status, _refusal) if snapshot.get(status) else None
        if told is None:
            continue
        dimension = "schema" if told["state"] == "Rejected" else "environment"
        found.append(
            {
                "dimension": dimension,
                "binding": name,
                "expected": f"schema {told['schemaVersion']}" if told.get("schemaVersion") else "an effective config",
                "found": "the last good config" if told.get("effectiveDigest") else "no effective config",
                "reason": told.get("reason", ""),
            }
        )
    return found


def _refusal(status: bytes) -> dict[str, Any] | None:
    """A stored status that is drift, or None; so little is remembered of the many that are well."""
    told = state_of(status)
    return told if told.get("state") in ("Rejected", "Held") else None


def _of_published(reads: Reads, place: k.DriftKey) -> list[dict[str, Any]]:
    """Only where something is bound: elsewhere nobody reads the family."""
    snapshot = reads.snapshot
    if not any(place.environment in snapshot.outputs[place.target, name] for name in snapshot.names[place.target]):
        return []
    try:
        target = reads.read(f"targets/{place.target}", read_target)
    except InvalidInput:
        return []
    if target is None:
        return []
    changed = [{"dimension": "schema", **asdict(found)} for found in altered(reads, target.family)]
    return [*changed, *broken(reads, target.family), *promiserecord.broken(reads, target.family)]


def _of_dependencies(reads: Reads, place: k.DriftKey) -> list[dict[str, Any]]:
    version = _running(reads, place)
    try:
        target = reads.read(f"targets/{place.target}", read_target)
        key = f"targets/{place.target}/{version}"
        override = (reads.read(key, read_override) if version and k.is_segment(version) else None) or Override()
    except InvalidInput:
        return []
    if target is None or not version:
        return []
    binding = k.BindingId(place.environment, place.target, "_")
    return [
        {
            "dimension": "dependency",
            "other": breach.other,
            "expected": f"{breach.kind} {breach.other} {breach.range_text}",
            "found": breach.found,
            "reason": str(breach),
        }
        for breach in breaches(reads, binding, target, override)
    ]


def _of_hosts(reads: Reads, place: k.DriftKey) -> list[dict[str, Any]]:
    found = []
    version = _running(reads, place)
    reads.listing(f"hosts/*/{place.target}")
    for host in sorted(reads.snapshot.hosts[place.target]):
        report = reads.get(f"hosts/{host}/{place.target}")
        told = state_of(report.raw) if report else {}
        if told.get("environment") != place.environment:
            continue
        running = told.get("version")
        if running and version and running != version:
            reason = f"host {host} runs {place.target} {running}"
            found.append({"dimension": "target", "host": host, "expected": version, "found": running, "reason": reason})
        found += _of_files(reads, place, host, told)
    return found


def _of_files(reads: Reads, place: k.DriftKey, host: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for item in told.get("files") or []:
        if not isinstance(item, dict) or not isinstance(item.get("name"), str):
            continue
        effective = f"effective/{place.environment}/{place.target}/{item['name']}"
        expected = reads.snapshot.parsed(effective, digest) if reads.snapshot.get(effective) else None
        if expected is not None and item.get("digest") != expected:
            reason = f"host {host} has not applied the effective config {item['name']}: {item.get('state', 'unknown')}"
            found.append(
                {
                    "dimension": "environment",
                    "binding": item["name"],
                    "host": host,
                    "expected": expected,
                    "found": item.get("digest"),
                    "reason": reason,
                }
            )
    return found


def _running(reads: Reads, place: k.DriftKey) -> str:
    nearest = reads.nearest(k.version_key(e, place.target) for e in k.lineage(place.environment))
    return nearest[1].raw.decode("utf-8-sig", "replace").strip()[: k.SEGMENT_CHARACTERS_MAX] if nearest else ""


def _identity(drift: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(drift.get(part) for part in _IDENTITY)


def _known(present: bytes | None) -> list[dict[str, Any]]:
    drifts = state_of(present).get("drifts") if present else None
    return [drift for drift in drifts if isinstance(drift, dict)] if isinstance(drifts, list) else []
