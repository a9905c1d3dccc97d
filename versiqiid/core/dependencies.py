"""Whether what a target requires and accepts holds where it runs: the dependency part of step 4.

Only the target's own ``requires`` and ``accepts`` are judged here; ordering whole sets of upgrades is ``graph.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.core import keys as k
from versiqiid.core.objects import Constraint, Override, Target, parse_constraint, read_target
from versiqiid.core.snapshot import Reads
from versiqiid.core.versions import Scheme, parse
from versiqiid.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Breach:
    """One constraint that does not hold.

    :ivar kind: ``requires`` or ``accepts``.
    :ivar found: the other target's running version, None when it has none there.
    """

    kind: str
    other: str
    range_text: str
    found: str | None
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"{self.kind} {self.other} {self.range_text!r}: {self.problem}"
        found = f"{self.found} runs" if self.found else "no version is set"
        return f"{self.kind} {self.other} {self.range_text!r}, but {found}"


def breaches(reads: Reads, binding: k.BindingId, target: Target, override: Override) -> tuple[Breach, ...]:
    """The constraints of this target version that do not hold in the binding's environment.

    A required target that has no version there is a breach; an accepted caller that is not there is none.
    """
    requires = target.requires if override.requires is None else override.requires
    accepts = target.accepts if override.accepts is None else override.accepts
    found = [_judge(reads, binding.environment, "requires", constraint) for constraint in requires]
    found += [_judge(reads, binding.environment, "accepts", constraint) for constraint in accepts]
    return tuple(breach for breach in found if breach is not None)


def _judge(reads: Reads, environment: str, kind: str, constraint: Constraint) -> Breach | None:
    other = constraint.target
    nearest = reads.nearest(k.version_key(place, other) for place in k.lineage(environment))
    text = nearest[1].raw.decode("utf-8-sig", "replace").strip()[: k.SEGMENT_CHARACTERS_MAX] if nearest else ""
    if not text:
        return Breach(kind, other, constraint.range_text, None) if kind == "requires" else None
    try:
        scheme = _scheme(reads, other)
        if parse_constraint(scheme, constraint.range_text).contains(parse(scheme, text)):
            return None
    except InvalidInput as error:
        return Breach(kind, other, constraint.range_text, text, error.message)
    return Breach(kind, other, constraint.range_text, text)


def _scheme(reads: Reads, target: str) -> Scheme:
    described = reads.read(f"targets/{target}", read_target)
    return described.versioning if described else Scheme.SEMVER
