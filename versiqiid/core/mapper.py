"""What the mapper tells of a config that was carried from one version to another: an account, step by step.

Nothing is run here: ``engine/mapping.py`` runs the steps and fills the account. The same account answers a dry run of
one migration and the mapping of a config from one environment to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from versiqiid.core.laws import Difference
from versiqiid.core.patch import make_patch

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json
    from versiqiid.core.stash import Stash
    from versiqiid.core.violation import Violation


@dataclass(frozen=True, slots=True)
class Leg:
    """One step that was taken.

    :ivar digest: of the module, or of the manifest where there is no module.
    :ivar stashed: what comes back only with the stash. :ivar lost: what does not come back.
    :ivar decided: an opposite step was there to tell; otherwise ``lost`` is what the step itself declares.
    :ivar stash: how an earlier record was used: ``""`` none was there, ``applied``, ``merged``, ``dropped``.
    :ivar conflicts: pointers where a record and an edit met, and the edit won.
    """

    source: str
    destination: str
    runtime: str
    digest: str
    fuel: int | None = None
    declared: tuple[str, ...] = ()
    stashed: tuple[Difference, ...] = ()
    lost: tuple[Difference, ...] = ()
    decided: bool = True
    stash: str = ""
    conflicts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"from": self.source, "to": self.destination, "runtime": self.runtime}
        told |= {"digest": self.digest, "lossy": bool(self.declared)}
        if self.fuel is not None:
            told["fuel"] = self.fuel
        if self.stash:
            told["stash"] = self.stash
        return told | ({"notes": list(self.notes)} if self.notes else {})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no result: one sentence, and what was violated."""

    reason: str
    violations: tuple[Violation, ...] = ()


@dataclass(slots=True)
class Account:
    """The whole way of one config.

    :ivar path: the versions it went through, the one it is written for first.
    :ivar result: None when it was refused.
    :ivar stashes: records for the way back: the new ones, and given ones that no step used.
    """

    config: Json
    path: tuple[str, ...]
    result: Json = None
    legs: list[Leg] = field(default_factory=list)
    stashes: list[Stash] = field(default_factory=list)
    refusal: Refusal | None = None

    def as_json(self) -> dict[str, Any]:
        """As the API answers: result, patch, steps, stash, what was lost, conflicts, verdict."""
        refusal = self.refusal
        verdict: dict[str, Any] = {"valid": refusal is None}
        if refusal is not None:
            violations = [
                {"pointer": v.pointer, "keyword": v.keyword, "message": v.message} for v in refusal.violations
            ]
            verdict |= {"reason": refusal.reason, "violations": violations}
        told: dict[str, Any] = {
            "path": list(self.path),
            "verdict": verdict,
            "steps": [leg.as_json() for leg in self.legs],
        }
        if refusal is None:
            told |= {"config": self.result, "patch": make_patch(self.config, self.result)}
        return told | {
            "stash": [stash.as_json() for stash in self.stashes],
            "stashed": [_told(leg, each) for leg in self.legs for each in leg.stashed],
            "lost": [_told(leg, each) for leg in self.legs for each in leg.lost],
            "undecided": [_step(leg) for leg in self.legs if not leg.decided],
            "conflicts": [{**_step(leg), "pointer": pointer} for leg in self.legs for pointer in leg.conflicts],
        }


def _told(leg: Leg, difference: Difference) -> dict[str, Any]:
    return {**_step(leg), "pointer": difference.pointer, "value": difference.lost}


def _step(leg: Leg) -> dict[str, str]:
    return {"from": leg.source, "to": leg.destination}
