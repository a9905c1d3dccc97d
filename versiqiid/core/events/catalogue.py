"""The one table of entry types: name, what it says, and the members of ``data`` that are typed.

``data`` is open everywhere: members may be added without a new version, and a reader ignores what it does not know.
No member of ``data`` is promised to be present, because an entry over the log's limit has its ``data`` shortened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

Shape = Mapping[str, Any]
"""A JSON Schema of one member."""


class Topic(StrEnum):
    """The topics by role; their names are a setting's prefix, a dot and this."""

    AUDIT = "audit"
    DRIFT = "drift"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class EventType:
    """One entry type.

    :ivar name: a past fact, such as ``ConfigRevised``.
    :ivar summary: one sentence for a reader of the AsyncAPI document.
    :ivar data: typed members of ``data``.
    """

    name: str
    summary: str
    data: Mapping[str, Shape]


# ------------------------------------------------------------------------------------------------------ shapes

TEXT: Final[Shape] = {"type": "string"}
NAME: Final[Shape] = {"type": "string", "minLength": 1}
FLAG: Final[Shape] = {"type": "boolean"}
COUNT: Final[Shape] = {"type": "integer", "minimum": 0}
NUMBER: Final[Shape] = {"type": "number"}
DIGEST: Final[Shape] = {"type": ["string", "null"], "pattern": "^sha256:[0-9a-f]{64}$"}
KEY: Final[Shape] = {"type": "string", "minLength": 1, "maxLength": 512}
MAYBE: Final[Shape] = {"type": ["string", "null"]}
WORDS: Final[Shape] = {"type": "array", "items": {"type": "string"}}
NUMBERS: Final[Shape] = {"type": "array", "items": {"type": "integer"}}
TIME: Final[Shape] = {"type": "string", "format": "date-time"}
STATE: Final[Shape] = {"enum": ["InSync", "Migrated", "Rejected", "Held"]}
LIFECYCLE: Final[Shape] = {"enum": ["draft", "published", "deprecated", "deleted"]}
DIMENSION: Final[Shape] = {"enum": ["target", "schema", "dependency", "environment"]}
SOURCE: Final[Shape] = {
    "type": ["object", "null"],
    "properties": {"key": KEY, "revision": COUNT, "digest": DIGEST},
}
STEPS: Final[Shape] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["from", "to"],
        "properties": {
            "from": NAME,
            "to": NAME,
            "runtime": {"enum": ["wasm", "json-patch", "lens", "lua"]},
            "digest": DIGEST,
            "lossy": {"type": ["boolean", "array"]},
            "fuel": {"type": ["integer", "null"], "minimum": 0},
            "manifest": {**DIGEST, "description": "Of the migration's key."},
        },
    },
}
VIOLATIONS: Final[Shape] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["pointer", "keyword", "message"],
        "properties": {"pointer": TEXT, "keyword": TEXT, "message": TEXT},
    },
}

ROLLBACK: Final[Shape] = {
    "type": "object",
    "description": "What was asked for, when the change is part of going back.",
    "properties": {"subject": NAME, "to": NAME, "undo": NAME},
    "anyOf": [{"required": ["to"]}, {"required": ["undo"]}],
}

_KEY_CHANGE: Final[Mapping[str, Shape]] = {
    "key": KEY,
    "revision": COUNT,
    "digest": DIGEST,
    "previousRevision": {"type": ["integer", "null"], "minimum": 0},
    "previousDigest": DIGEST,
    "version": MAYBE,
    "previousVersion": MAYBE,
    "rollback": ROLLBACK,
}
_PLACE: Final[Mapping[str, Shape]] = {"binding": NAME, "environment": NAME, "target": NAME, "name": NAME}
_OUTCOME: Final[Mapping[str, Shape]] = {
    **_PLACE,
    "state": STATE,
    "targetVersion": MAYBE,
    "schemaVersion": MAYBE,
    "source": SOURCE,
    "steps": STEPS,
    "effectiveDigest": DIGEST,
    "previousDigest": DIGEST,
    "reason": TEXT,
    "violations": VIOLATIONS,
    "violationCount": COUNT,
}
_SCHEMA: Final[Mapping[str, Shape]] = {**_KEY_CHANGE, "family": NAME, "version": NAME}
_MIGRATION: Final[Mapping[str, Shape]] = {**_KEY_CHANGE, "family": NAME, "from": NAME, "to": NAME}
_DRIFT: Final[Mapping[str, Shape]] = {
    "digest": DIGEST,
    "environment": NAME,
    "target": NAME,
    "dimension": DIMENSION,
    "severity": TEXT,
    "reason": TEXT,
    "expected": MAYBE,
    "found": MAYBE,
    "since": TIME,
}
_HOST: Final[Mapping[str, Shape]] = {
    "host": NAME,
    "environment": NAME,
    "target": NAME,
    "version": MAYBE,
    "digest": DIGEST,
    "previousDigest": DIGEST,
    "path": TEXT,
    "outcome": TEXT,
    "reason": TEXT,
    "durationSeconds": NUMBER,
}
_ACCESS: Final[Mapping[str, Shape]] = {
    "subject": TEXT,
    "method": TEXT,
    "reason": TEXT,
    "address": TEXT,
    "count": COUNT,
    "others": COUNT,
    "missed": COUNT,
}
_TOKEN: Final[Mapping[str, Shape]] = {
    "credential": NAME,
    "subject": NAME,
    "method": TEXT,
    "accessor": TEXT,
    "lifetimeSeconds": {"type": ["number", "null"]},
    "renewable": FLAG,
    "reason": TEXT,
}
_LEADER: Final[Mapping[str, Shape]] = {"leader": NAME, "epoch": COUNT, "reason": TEXT}

# ------------------------------------------------------------------------------------------------------- table

_ROWS: Final[tuple[tuple[str, str, Mapping[str, Shape]], ...]] = (
    ("ConfigRevised", "A config document has new content.",
     {**_KEY_CHANGE, "target": NAME, "schemaVersion": NAME}),
    ("ConfigDeleted", "A config document is gone.", _KEY_CHANGE),
    ("ConfigMigrated", "A config was carried for a binding to another schema version than it is written for.",
     {**_PLACE, "config": KEY, "from": NAME, "to": NAME, "targetVersion": MAYBE, "source": SOURCE, "steps": STEPS,
      "effectiveDigest": DIGEST, "previousDigest": DIGEST}),
    ("ConfigRejected", "A config was refused; the last good effective config stays.", _OUTCOME),
    ("EffectiveApplied", "A binding has a new effective config.", _OUTCOME),
    ("EffectiveHeld", "A binding waits, and why; the last good effective config stays.", _OUTCOME),
    ("EffectiveRemoved", "No binding applies any more; the effective config is gone.",
     {**_PLACE, "previousDigest": DIGEST, "reason": TEXT}),
    ("ConfigRolledBack", "A config has the content of an earlier revision again.", _KEY_CHANGE),
    ("BindingCreated", "A config is bound to an environment and a target.", {**_KEY_CHANGE, **_PLACE}),
    ("BindingChanged", "A binding has new terms.", {**_KEY_CHANGE, **_PLACE}),
    ("BindingRemoved", "A binding is gone.", {**_KEY_CHANGE, **_PLACE}),
    ("TargetVersionShifted", "Another version of a target runs in an environment.",
     {**_KEY_CHANGE, "environment": NAME, "target": NAME, "from": MAYBE, "to": MAYBE}),
    ("TargetVersionRemoved", "An environment names no version of its own any more.",
     {**_KEY_CHANGE, "environment": NAME, "target": NAME, "from": MAYBE}),
    ("TargetChanged", "A target, or one version of it, is described anew.",
     {**_KEY_CHANGE, "target": NAME, "version": MAYBE}),
    ("TargetRemoved", "A target, or what one version of it overrides, is described no more.", _KEY_CHANGE),
    ("FamilyChanged", "A family of schemas is described anew.", {**_KEY_CHANGE, "family": NAME}),
    ("FamilyRemoved", "A family of schemas is described no more.", _KEY_CHANGE),
    ("SchemaRegistered", "A schema version is there for the first time.", _SCHEMA),
    ("SchemaPublished", "A schema version is final.", {**_SCHEMA, "state": LIFECYCLE}),
    ("SchemaDeprecated", "A schema version should not be used for anything new.",
     {**_SCHEMA, "state": LIFECYCLE, "successor": MAYBE, "sunset": MAYBE, "reason": TEXT}),
    ("SchemaChanged", "An immutable key was changed by a raw write and is taken as it stands.", _SCHEMA),
    ("SchemaRemoved", "A schema version is gone.", _SCHEMA),
    (
        "RegistryChanged",
        "Versions of a subject were softly deleted, or a mode or setting of the registry was changed.",
        {"subject": MAYBE, "what": {"enum": ["deleted", "mode", "setting"]}, "versions": NUMBERS, "fields": WORDS},
    ),
    ("SchemaLifecycleChanged", "A schema version is at another point of its life.", {**_SCHEMA, "state": LIFECYCLE}),
    ("MigrationRegistered", "One direction of a migration step is there.",
     {**_MIGRATION, "runtime": TEXT, "module": MAYBE, "lossy": WORDS}),
    ("MigrationChanged", "An immutable migration was changed by a raw write and is taken as it stands.", _MIGRATION),
    ("MigrationRemoved", "One direction of a migration step is gone.", _MIGRATION),
    ("ModuleRegistered", "A WebAssembly module is there, named by its digest.",
     {**_KEY_CHANGE, "module": TEXT, "bytes": COUNT}),
    ("ModuleChanged", "A module's key has other bytes; its digest decides whether they are used.", _KEY_CHANGE),
    ("ModuleRemoved", "A WebAssembly module is gone.", _KEY_CHANGE),
    ("PolicyChanged", "A policy document has new content.", {**_KEY_CHANGE, "policy": NAME}),
    ("PolicyRemoved", "A policy document is gone.", _KEY_CHANGE),
    ("AnnotationChanged", "It is said where the next change of a key comes from.", _KEY_CHANGE),
    ("AnnotationRemoved", "An annotation is gone.", _KEY_CHANGE),
    ("DriftDetected", "What is differs from what should be.", _DRIFT),
    ("DriftResolved", "A difference is no more.", _DRIFT),
    ("HostReported", "A host said which version runs and which config it applied.", _HOST),
    ("HostReloaded", "A host swapped its files and the target took them.", _HOST),
    ("HostRestored", "A host went back to its last good files.", _HOST),
    ("PolicyDenied", "A policy said no.", {**_ACCESS, "policy": TEXT, "action": TEXT, "resource": TEXT}),
    ("LoggedIn", "Somebody proved who they are.", {**_TOKEN, **_ACCESS}),
    ("LoginFailed", "Somebody could not prove who they are.", {**_ACCESS, "credential": NAME}),
    ("LeaderElected", "A controller leads.", _LEADER),
    ("LeaderResigned", "A controller that stops hands the lead back.", _LEADER),
    ("TokenIssued", "A credential was given to the daemon; it is not in use yet.", _TOKEN),
    ("TokenUsed", "A credential is in use from now on; there was none before.", _TOKEN),
    ("TokenRotated", "A credential was replaced by its successor, which is in use from now on.",
     {**_TOKEN, "previous": NAME}),
    ("TokenRevoked", "A credential that was given to the daemon is no more.", _TOKEN),
    ("CheckpointSigned", "A checkpoint that was asked for is signed.", {"size": COUNT, "root": TEXT, "key": TEXT}),
    (
        "CheckpointTimestamped",
        "A time-stamping authority has stamped a checkpoint; both are kept.",
        {"size": COUNT, "root": TEXT, "authority": TEXT, "stampedAt": TEXT, "checkpoint": TEXT, "timestamp": TEXT},
    ),
    (
        "DocumentsRetired",
        "Documents that are only history are in the archive alone.",
        {"before": TEXT, "count": COUNT, "archive": TEXT},
    ),
    ("KeyDeleted", "A key whose deletion has no type of its own is gone.",
     {**_KEY_CHANGE, "family": NAME, "version": NAME, "state": LIFECYCLE, "host": NAME, "target": NAME}),
    ("ForeignWriteHealed", "A key that only the daemon writes was written by somebody else, and put right.",
     {**_KEY_CHANGE, **_OUTCOME, "foundDigest": DIGEST}),
)  # fmt: skip

CATALOGUE: Final[Mapping[str, EventType]] = MappingProxyType(
    {name: EventType(name, summary, data) for name, summary, data in _ROWS}
)

_ALSO: Final[Mapping[str, Topic]] = {
    "DriftDetected": Topic.DRIFT,
    "DriftResolved": Topic.DRIFT,
    "EffectiveApplied": Topic.STATE,
    "EffectiveRemoved": Topic.STATE,
    "ForeignWriteHealed": Topic.STATE,  # what is put right may be newer than what was there before
}


def topics_of(entry_type: str) -> tuple[Topic, ...]:
    """The topics an entry goes to, ``audit`` always first: it receives every entry, of types unknown here too."""
    also = _ALSO.get(entry_type)
    return (Topic.AUDIT,) if also is None else (Topic.AUDIT, also)
