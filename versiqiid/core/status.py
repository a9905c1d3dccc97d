"""The status document of a binding: what people look at when something does not happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from versiqiid.core.canonical import canonical, load
from versiqiid.core.plan import State
from versiqiid.core.violation import Violation

STATUS_BYTES_MAX = 30_000
VIOLATIONS_MAX = 20
_TEXT_CHARACTERS_MAX = 1_000
_TIMES_BYTES_MAX = 1_000

STEPS_MAX = 64
"""Steps that are told. Arbitrary: nobody has a path so long."""

_MOVES_ALONE = ("observedAt", "since", "correlationId", "journal")
"""Fields that follow another field's change and never cause a write by themselves."""


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One migration step as it was run.

    :ivar digest: the module's, or the manifest's where there is no module. :ivar manifest: the manifest's, which the
        journal records too: one module may be called by several manifests.
    """

    source: str
    destination: str
    runtime: str
    digest: str
    lossy: bool
    fuel: int | None = None
    manifest: str | None = None

    def recorded(self) -> dict[str, Any]:
        """As the journal tells it: what a status says, and the manifest's digest."""
        return self.as_json() | ({"manifest": self.manifest} if self.manifest else {})

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"from": self.source, "to": self.destination, "runtime": self.runtime}
        told |= {"digest": self.digest, "lossy": self.lossy}
        return told if self.fuel is None else told | {"fuel": self.fuel}


@dataclass(frozen=True, slots=True)
class Finding:
    """How one binding stands: everything of its status but the times, the cause and the journal position."""

    state: State
    target_version: str | None = None
    schema_version: str | None = None
    source_key: str | None = None
    source_revision: int = 0
    source_digest: str | None = None
    steps: tuple[StepTaken, ...] = ()
    effective_digest: str | None = None
    reason: str = ""
    violations: tuple[Violation, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The status without ``since``, ``observedAt``, ``correlationId`` and ``journal``, at most 30,000 bytes."""
        source = None
        if self.source_key is not None:
            source = {"key": self.source_key, "revision": self.source_revision, "digest": self.source_digest}
        return _fitted(
            {
                "state": self.state.value,
                "targetVersion": self.target_version,
                "schemaVersion": self.schema_version,
                "source": source,
                "steps": [step.as_json() for step in self.steps[:STEPS_MAX]],
                "effectiveDigest": self.effective_digest,
                "reason": _short(self.reason),
                "violations": [
                    {"pointer": _short(v.pointer), "keyword": v.keyword, "message": _short(v.message)}
                    for v in self.violations[:VIOLATIONS_MAX]
                ],
                **({"violationCount": len(self.violations)} if len(self.violations) > VIOLATIONS_MAX else {}),
            }
        )


@dataclass(frozen=True, slots=True)
class Cause:
    """What set a decision off.

    :ivar correlation_id: goes through all layers.
    :ivar causation_id: the journal entry's id that caused it, None for a first cause.
    :ivar traceparent: the W3C trace that it belongs to, None when unknown.
    """

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None

    @property
    def trace(self) -> dict[str, str]:
        """The trace as a member of an entry's data; nothing when unknown."""
        return {} if self.traceparent is None else {"traceparent": self.traceparent}


def same(present: bytes | None, finding: Finding) -> bool:
    """Whether the stored status says the same already, so that nothing is written."""
    known = _load(present)
    if known is None:
        return False
    return {key: value for key, value in known.items() if key not in _MOVES_ALONE} == finding.as_json()


def render(present: bytes | None, finding: Finding, *, now: str, cause: Cause, position: int) -> bytes:
    """The status to write. ``since`` stays while the state stays.

    :param now: RFC 3339, UTC. :param position: where the settlement is expected in the journal.
    """
    known = _load(present) or {}
    stays = known.get("state") == finding.state.value and isinstance(known.get("since"), str)
    told = finding.as_json() | {
        "since": known["since"] if stays else now,
        "observedAt": now,
        "correlationId": cause.correlation_id,
        "journal": position,
    }
    return canonical(told)


def moved_to(present: bytes, position: int) -> bytes:
    """The same status, pointing at another journal position."""
    return canonical((_load(present) or {}) | {"journal": position})


def position_of(raw: bytes) -> int | None:
    """The journal position that a stored status tells, or None."""
    known = _load(raw) or {}
    position = known.get("journal")
    return position if type(position) is int else None


def state_of(raw: bytes) -> dict[str, Any]:
    """A stored status as an object; empty when it cannot be read."""
    return _load(raw) or {}


def _fitted(told: dict[str, Any]) -> dict[str, Any]:
    """Drop violations from the end until the status fits, with room for its times and ids; their number stays."""
    while told["violations"] and len(canonical(told)) > STATUS_BYTES_MAX - _TIMES_BYTES_MAX:
        told = told | {
            "violations": told["violations"][:-1],
            "violationCount": told.get("violationCount", len(told["violations"])),
        }
    return told


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS_MAX else text[: _TEXT_CHARACTERS_MAX - 1] + "…"


def _load(raw: bytes | None) -> dict[str, Any] | None:
    if raw is None:
        return None
    try:
        value = load(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
