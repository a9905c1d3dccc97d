"""What the leader remembers of the laws of a pair of migrations, and what of it is drift.

Under ``_system/laws/<family>/<a>/<b>`` stands what came of trying a step and its opposite, with the digest of all that
decides it: family, both schemas, both migrations (which name their modules by digest). So what was tried is tried again
by no leader until one of these changes; and a record whose digest is not the present one says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from versiqiid.core.canonical import canonical, digest
from versiqiid.core.laws import Finding
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.status import state_of

ROOM = "_system/laws/"
RULES = 1
"""Raise it when laws or inputs change so much that what was tried must be tried again."""
FINDINGS_MAX = 3
DOCUMENT_BYTES_MAX = 1_500
DOCUMENTS_MAX = 40
"""What drifts show, so that they fit into a key: findings a pair, bytes a document, documents in all. Arbitrary."""


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """Two versions with a migration between them, in one direction or both. ``one`` sorts before ``other`` as text."""

    family: str
    one: str
    other: str

    @property
    def record_key(self) -> str:
        return f"{ROOM}{self.family}/{self.one}/{self.other}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Everything that decides what the laws say."""
        family, one, other = self.family, self.one, self.other
        return (
            f"families/{family}",
            *(f"schemas/{family}/{version}" for version in (one, other)),
            *(f"migrations/{family}/{a}/{b}" for a, b in ((one, other), (other, one))),
        )


def every_pair(snapshot: Snapshot) -> Iterator[Pair]:
    """Each pair of versions with a migration, once."""
    for family in sorted(snapshot.migrations):
        yield from pairs_of(snapshot, family)


def pairs_of(snapshot: Snapshot, family: str) -> list[Pair]:
    ends = snapshot.migrations.get(family, ())
    return sorted({Pair(family, min(a, b), max(a, b)) for a, b in ends})


def inputs_of(snapshot: Snapshot, pair: Pair) -> str:
    """The digest of everything that decides what the laws say of the pair, as it is now."""
    family = snapshot.parsed(pair.keys[0], digest) if snapshot.get(pair.keys[0]) else ""
    return snapshot.kept(pair.family, f"laws {family} {pair.one} {pair.other}", lambda: _digest(snapshot, pair))


def _digest(snapshot: Snapshot, pair: Pair) -> str:
    there = {key: snapshot.parsed(key, digest) for key in pair.keys if snapshot.get(key) is not None}
    return digest(canonical({"rules": RULES, "keys": there}))


def tried(snapshot: Snapshot, pair: Pair) -> bool:
    """Whether there is a record of the pair as it is now."""
    return bool(_recorded(snapshot, pair))


def record(pair: Pair, inputs: str, findings: Sequence[Finding]) -> bytes:
    """The value of a record. A document that is too large for a drift is left out: ``migrations test`` shows it."""
    told = [_drift(pair, finding) for finding in findings[:FINDINGS_MAX]]
    return canonical({"inputs": inputs, "findings": told})


def broken(reads: Reads, family: str) -> list[dict[str, Any]]:
    """The laws that migrations of the family are known to break, as drifts in the schema dimension."""
    for topic in (f"{ROOM}{family}", f"migrations/{family}/", f"schemas/{family}/"):
        reads.listing(topic)
    reads.get(f"families/{family}")
    found = [
        drift
        for pair in pairs_of(reads.snapshot, family)
        for drift in _recorded(reads.snapshot, pair).get("findings", ())
    ]
    for drift in found[DOCUMENTS_MAX:]:
        drift.pop("document", None)
    return found


def topics(key: str) -> Iterator[str]:
    """The list of ``broken`` that a key is a member of."""
    if key.startswith(ROOM):
        yield ROOM + key.removeprefix(ROOM).partition("/")[0]


def _recorded(snapshot: Snapshot, pair: Pair) -> dict[str, Any]:
    """The record of the pair as it is now, empty when there is none. A new dictionary each time."""
    raw = snapshot.get(pair.record_key)
    told = state_of(raw.raw) if raw else {}
    return told if told.get("inputs") == inputs_of(snapshot, pair) else {}


def _drift(pair: Pair, finding: Finding) -> dict[str, Any]:
    key = f"migrations/{pair.family}/{finding.source}/{finding.destination}"
    law, message = finding.breach.law, finding.breach.message
    shown = len(canonical(finding.input)) <= DOCUMENT_BYTES_MAX
    return {
        "dimension": "schema",
        "key": key,
        "expected": law,
        "found": finding.breach.pointer or "another document",
        "reason": f"{key} breaks {law}: {message}: correct the migration, or declare what it loses",
        **({"document": finding.input} if shown else {}),
    }
