"""What the check of a schema says: judgements, the live configs that would break, and what would help. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from versiqiid.core.comparison import judgement_json, violations_json
from versiqiid.core.compatibility import Direction, Judgement
from versiqiid.core.live import LiveConfig
from versiqiid.core.promise import Passed, Terms
from versiqiid.core.violation import Violation
from versiqiid.errors import ValidationFailed

DIFFERENCES_MAX = 200
BROKEN_MAX = 1_000
"""How many differences of one pair, and how many live configs, are listed; all are counted. Arbitrary."""
_TOLD_MAX = 3
NEW = "(new)"
"""What the schema is called while it has no version."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement: whether ``reader`` reads what was written for ``writer``. Both are names of versions."""

    writer: str
    reader: str
    direction: Direction
    judgement: Judgement

    def as_json(self, *, show_live: bool) -> dict[str, Any]:
        told = judgement_json(self.judgement)
        differences = sorted(told["differences"], key=lambda each: not each["breaking"])
        witness = told["witness"]
        if witness is not None and witness["name"] and not show_live:
            del witness["document"]
        return {
            "writer": self.writer,
            "reader": self.reader,
            "direction": self.direction.value,
            "compatible": told["compatible"],
            "basis": told["basis"],
            "differenceCount": len(differences),
            "differences": differences[:DIFFERENCES_MAX],
            "witness": witness,
            "fixes": list(self.judgement.fixes),
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """A live config that the new schema refuses."""

    config: LiveConfig
    violations: tuple[Violation, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "target": self.config.binding.target,
            "name": self.config.binding.name,
            "binding": str(self.config.binding),
            "config": self.config.config,
            "schemaVersion": self.config.schema_version,
            "targetVersion": self.config.target_version,
            "violations": violations_json(self.violations[:20]),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Whether a schema keeps the promise of its family.

    :ivar version: None while it has none. :ivar state: where in its life the version is.
    :ivar passed: the versions that were not judged against, and why.
    :ivar live: how many live configs of the family there are. :ivar hits: those that would break, by environment.
    """

    family: str
    version: str | None
    state: str
    terms: Terms
    findings: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    live: int
    hits: tuple[Hit, ...]

    @property
    def compatible(self) -> bool:
        """True when every judgement is; so it is when there was nothing to judge."""
        return all(finding.judgement.compatible for finding in self.findings)

    @property
    def fixes(self) -> tuple[str, ...]:
        """What would help, each once."""
        found = [fix for finding in self.findings for fix in finding.judgement.fixes]
        written_for = sorted({hit.config.schema_version for hit in self.hits})
        version = self.version or "VERSION"
        found += [
            f"carry live configs over: versiqii migrations add {self.family} {source} {version} …"
            for source in written_for
            if source != self.version
        ]
        return tuple(dict.fromkeys(found))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why it is incompatible: the first reasons, without any value of a document."""
        told = []
        for finding in self.findings:
            if not finding.judgement.compatible:
                reasons = [
                    f"{d.rule} at {d.pointer or '/'}: {d.message}" for d in finding.judgement.breaking[:_TOLD_MAX]
                ]
                told.append(f"{finding.reader} does not read {finding.writer}: {'; '.join(reasons)}")
        return tuple(told)

    def as_json(self, *, show_live: bool = True) -> dict[str, Any]:
        """:param show_live: whether a witness that is a live config may be shown, or only be named."""
        listed = self.hits[:BROKEN_MAX]
        return {
            "family": self.family,
            "version": self.version,
            "state": self.state,
            "level": self.terms.level.value,
            "policy": self.terms.policy,
            "defaults": self.terms.defaults,
            "formats": self.terms.formats,
            "group": self.terms.group,
            "compatible": self.compatible,
            "findings": [finding.as_json(show_live=show_live) for finding in self.findings],
            "passed": [{"version": each.version, "reason": each.reason} for each in self.passed],
            "live": {
                "judged": self.live,
                "broken": len(self.hits),
                "environments": [
                    {"environment": environment, "broken": [hit.as_json() for hit in hits]}
                    for environment, hits in groupby(listed, lambda hit: hit.config.binding.environment)
                ],
            },
            "fixes": list(self.fixes),
        }


class IncompatibleSchema(ValidationFailed):
    """A schema that breaks what its family promises. Nothing was written.

    :param report: with witnesses; a live config is named in it and its content withheld.
    """

    code = "incompatible_schema"

    def __init__(self, report: Report) -> None:
        promise = f"families/{report.family} promises {report.terms.level.value}"
        what = (
            f"schemas/{report.family}/{report.version or NEW}: {promise}, but {'. '.join(report.sentences[:_TOLD_MAX])}"
        )
        hint = "; ".join(report.fixes[:_TOLD_MAX]) or "register it as a draft, or change the family's promise"
        super().__init__(what, violations=(), hint=hint)
        self.report: Mapping[str, Any] = report.as_json(show_live=False)
