"""What the leader remembers of the promises that families make, and what of it is drift.

A schema that is written as a raw key is taken as it stands. Under ``_system/promises/<family>/<version>`` stands what
came of judging it against the versions before it, with the digest of all that decides it: the family's terms, its own
text and those texts. So what was judged is judged again by no leader until one of these changes; a record whose digest
is not the present one says nothing.

What the schema registry endpoint registers it judges itself; a key that is written into one of its subjects is judged
here, by what the endpoint would judge by (``core/registry/promised.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core.canonical import canonical, digest
from versiqiid.core.compatibility import Direction, Judgement, Level
from versiqiid.core.linked import linked
from versiqiid.core.objects import Family, read_family
from versiqiid.core.promise import Terms, lifecycle_of, neighbours, terms_of
from versiqiid.core.registry.promised import before, setting_of
from versiqiid.core.registry.records import SUBJECTS
from versiqiid.core.registry.settings import Setting
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.status import state_of
from versiqiid.core.versions import Scheme
from versiqiid.errors import InvalidInput

ROOM = "_system/promises/"
RULES = 1
"""Raise it when the rules of compatibility change so much that what was judged must be judged again."""
FINDINGS_MAX = 3
DOCUMENT_BYTES_MAX = 1_500
"""What drifts show, so that they fit into a key: findings a version, bytes a document. Arbitrary."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A published schema of a family that promises something.

    :ivar before: the versions that it must go with, newest first.
    :ivar endpoint: whether they are kept in the way of the registry endpoint: its default dialect, and on the wire.
    :ivar inputs: digest of everything that decides whether it does.
    """

    family: str
    version: str
    language: str
    terms: Terms
    before: tuple[str, ...]
    inputs: str
    endpoint: bool = False

    @property
    def record_key(self) -> str:
        return f"{ROOM}{self.family}/{self.version}"


@dataclass(frozen=True, slots=True)
class Breach:
    """A judgement that says no: ``reader`` does not read what was written for ``writer``."""

    writer: str
    reader: str
    direction: Direction
    judgement: Judgement


def every_promise(snapshot: Snapshot) -> Iterator[Promise]:
    """Each published schema that has to go with others."""
    for family in sorted(snapshot.schema_versions):
        yield from promises_of(snapshot, family)


def promises_of(snapshot: Snapshot, family: str) -> tuple[Promise, ...]:
    """Those of one family, worked out once per state of what decides them."""
    return _kept(snapshot, family).now(snapshot)


@dataclass(slots=True)
class _Kept:
    """The promises of a family as they were worked out.

    :ivar elsewhere: keys that are not the family's own and were looked at, with their revisions.
    """

    family: str
    promises: tuple[Promise, ...] = ()
    elsewhere: dict[str, int] | None = None

    def now(self, snapshot: Snapshot) -> tuple[Promise, ...]:
        if self.elsewhere is None or any(_revision(snapshot, key) != at for key, at in self.elsewhere.items()):
            reads = Reads(snapshot)
            self.promises = tuple(_promises(reads, self.family))
            own = ("families/", "schemas/", "lifecycle/")
            names = {key for key in reads.guards if key.split("/")[1] == self.family and key.startswith(own)}
            self.elsewhere = {key: at for key, at in reads.guards.items() if key not in names}
        return self.promises


def _kept(snapshot: Snapshot, family: str) -> _Kept:
    return snapshot.kept(family, "promises", lambda: _Kept(family))


def _revision(snapshot: Snapshot, key: str) -> int:
    value = snapshot.get(key)
    return value.revision if value else 0


def judged(snapshot: Snapshot, promise: Promise) -> bool:
    """Whether there is a record of the schema as it is now."""
    return bool(_recorded(snapshot, promise))


def record(promise: Promise, breaches: Sequence[Breach]) -> bytes:
    """The value of a record. A document that is too large for a drift is left out: ``schemas check`` shows it."""
    told = [_drift(promise, breach) for breach in breaches[:FINDINGS_MAX]]
    return canonical({"inputs": promise.inputs, "findings": told})


def broken(reads: Reads, family: str) -> list[dict[str, Any]]:
    """The promises that schemas of the family are known to break, as drifts in the schema dimension."""
    reads.listing(f"{ROOM}{family}")
    reads.listing(f"schemas/{family}/")
    reads.get(f"families/{family}")
    promises = promises_of(reads.snapshot, family)
    for key in _kept(reads.snapshot, family).elsewhere or ():
        reads.get(key)
    return [drift for promise in promises for drift in _recorded(reads.snapshot, promise).get("findings", ())]


def topics(key: str) -> Iterator[str]:
    """The list of ``broken`` that a key is a member of."""
    if key.startswith(ROOM):
        yield ROOM + key.removeprefix(ROOM).partition("/")[0]
    elif isinstance(meaning := k.parse(key), k.LifecycleKey):
        yield ROOM + meaning.family


def _promises(reads: Reads, family: str) -> Iterator[Promise]:
    snapshot = reads.snapshot
    try:
        described = reads.read(f"families/{family}", read_family)
    except InvalidInput:
        described = None  # nobody knows what it promises; the status of what reads it says so
    if described is None:
        return
    setting = setting_of(reads, family, described) if _is_subject(reads, family, described) else None
    terms = terms_of(described)
    if setting is not None:
        terms = Terms(setting.level, setting.policy, "applied", described.formats)
    if terms.level is Level.NONE:
        return
    for version in sorted(snapshot.schema_versions[family]):
        if not _is_promised(snapshot, family, version):
            continue
        earlier = _earlier(reads, family, described, terms, version, setting)
        if earlier:
            decides = [RULES, described.language, [str(term) for term in astuple(terms)], setting is not None]
            texts = [[other, _digest(reads, family, described, other)] for other in earlier]
            inputs = digest(canonical([*decides, _digest(reads, family, described, version), texts]))
            yield Promise(family, version, described.language, terms, earlier, inputs, setting is not None)


def _earlier(  # noqa: PLR0917 - from what is there to what is asked
    reads: Reads, family: str, described: Family, terms: Terms, version: str, setting: Setting | None
) -> tuple[str, ...]:
    text = reads.get(f"schemas/{family}/{version}")
    raw = text.raw if text else b""
    if setting is None:
        return neighbours(reads.snapshot, family, described.versioning, terms, version, raw).before
    every = replace(terms, level=Level.BACKWARD_TRANSITIVE)
    there = neighbours(reads.snapshot, family, described.versioning, every, version, raw).before
    return before(reads, family, version, there, setting)


def _is_subject(reads: Reads, family: str, described: Family) -> bool:
    """Whether the schema registry endpoint keeps the family: those that it makes count their versions."""
    return described.versioning is Scheme.SEQUENCE and reads.get(SUBJECTS + family) is not None


def _is_promised(snapshot: Snapshot, family: str, version: str) -> bool:
    try:
        return lifecycle_of(snapshot, family, version).state in ("published", "deprecated")
    except InvalidInput:
        return True


def _digest(reads: Reads, family: str, described: Family, version: str) -> str:
    """Of a schema with all that it refers to; of its text alone where that cannot be found."""
    key = f"schemas/{family}/{version}"
    try:
        return linked(reads, described.language, (family, version)).digest
    except InvalidInput:
        return reads.read(key, digest) or ""


def _recorded(snapshot: Snapshot, promise: Promise) -> dict[str, Any]:
    told = snapshot.parsed(promise.record_key, state_of) if snapshot.get(promise.record_key) else {}
    return told if told.get("inputs") == promise.inputs else {}


def _drift(promise: Promise, breach: Breach) -> dict[str, Any]:
    key = f"schemas/{promise.family}/{promise.version}"
    breaking = breach.judgement.breaking[:1]
    why = "; ".join(f"{each.rule} at {each.pointer or '/'}: {each.message}" for each in breaking)
    fixes = breach.judgement.fixes[:1] or ("register a version that does, or change the family's promise",)
    found = f"{breach.reader} does not read {breach.writer}"
    witness = breach.judgement.witness
    shown = witness is not None and len(canonical(witness.document)) <= DOCUMENT_BYTES_MAX
    return {
        "dimension": "schema",
        "key": key,
        "expected": promise.terms.level.value,
        "found": found,
        "reason": f"{key} breaks what its family promises: {found}: {why}: {fixes[0]}",
        **({"document": witness.document} if witness is not None and shown else {}),
    }
