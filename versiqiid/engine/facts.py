"""Which past fact a change of a key is, as a draft for the journal. No decisions about configs live here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.objects import Lifecycle, read_lifecycle
from versiqiid.core.snapshot import Change, Value
from versiqiid.core.status import state_of
from versiqiid.errors import InvalidInput
from versiqiid.ports import Actor, Draft, Observed

RAW_WRITE = Actor("user", "unknown", "kv")
"""Who a plain key write is by: the store does not tell."""

DAEMON = Actor("daemon", "versiqiid", "kv")

DELETED = "KeyDeleted"

# key type → (appeared, changed, vanished)
_TYPES: Mapping[type, tuple[str, str, str]] = {
    k.FamilyKey: ("FamilyChanged", "FamilyChanged", "FamilyRemoved"),
    k.SchemaKey: ("SchemaRegistered", "SchemaChanged", "SchemaRemoved"),
    k.LifecycleKey: ("SchemaLifecycleChanged", "SchemaLifecycleChanged", DELETED),
    k.MigrationKey: ("MigrationRegistered", "MigrationChanged", "MigrationRemoved"),
    k.ModuleKey: ("ModuleRegistered", "ModuleChanged", "ModuleRemoved"),
    k.TargetKey: ("TargetChanged", "TargetChanged", "TargetRemoved"),
    k.TargetVersionKey: ("TargetChanged", "TargetChanged", "TargetRemoved"),
    k.VersionKey: ("TargetVersionShifted", "TargetVersionShifted", "TargetVersionRemoved"),
    k.ConfigKey: ("ConfigRevised", "ConfigRevised", "ConfigDeleted"),
    k.BindingKey: ("BindingCreated", "BindingChanged", "BindingRemoved"),
    k.PolicyKey: ("PolicyChanged", "PolicyChanged", "PolicyRemoved"),
    k.AnnotationKey: ("AnnotationChanged", "AnnotationChanged", "AnnotationRemoved"),
    k.HostKey: ("HostReported", "HostReported", DELETED),
}
_STREAMS = {"families": "family", "schemas": "schema", "configs": "config", "bindings": "binding", "envs": "env"}


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who wrote, and on whose behalf, where it is known.

    :ivar type: the entry type of configs where the writer knows better (``ConfigRolledBack``), else None.
    :ivar data: more members for the entry's data.
    """

    actor: Actor = RAW_WRITE
    correlation_id: str = ""
    type: str | None = None
    git: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None


def key_fact(change: Change, by: Attribution) -> Draft:
    """The draft of one observed change of a desired key; the raw value is kept beside the journal by its digest."""
    before, after = change.before, change.after
    appeared, changed, vanished = _TYPES[type(k.parse(change.key))]
    kind = vanished if after is None else changed if before else appeared
    revision = after.revision if after else change.index
    data: dict[str, Any] = {"key": change.key, "revision": revision, "digest": digest(after.raw) if after else None}
    if before is not None:
        data |= {"previousRevision": before.revision, "previousDigest": digest(before.raw)}
    meaning = k.parse(change.key)
    if isinstance(meaning, k.VersionKey):
        data |= {
            "version": _text(after.raw) if after else None,
            "previousVersion": _text(before.raw) if before else None,
        }
    if isinstance(meaning, k.LifecycleKey):
        told = _life(after)
        kind = _LIFE_TYPES.get(told.get("state", ""), kind) if after else kind
        data |= {"family": meaning.family, "version": meaning.version, **told}
    if isinstance(meaning, k.HostKey):
        data |= {"host": meaning.host, "target": meaning.target}
    if isinstance(meaning, k.HostKey) and after:
        told = state_of(after.raw)
        kind, by = _host_type(told, state_of(before.raw) if before else {}), replace(by, actor=_host(meaning))
        data |= {name: told.get(name) for name in _HOST_FIELDS}
    return Draft(
        type=by.type if by.type and isinstance(k.parse(change.key), k.ConfigKey) else kind,
        stream=stream_of(change.key),
        data=data | dict(by.data or {}),
        actor=by.actor,
        correlation_id=by.correlation_id,
        consul={"index": revision, "key": change.key},
        git=by.git,
        observed=Observed(change.key, revision, data["digest"]),
        documents=(after.raw,) if after else (),
    )


def key_facts(change: Change, by: Attribution) -> tuple[Draft, ...]:
    """The draft of one observed change, and of what else it means: without its lifecycle key a version is published."""
    fact = key_fact(change, by)
    if not isinstance(k.parse(change.key), k.LifecycleKey) or change.after is not None:
        return (fact,)
    if _life(change.before).get("state") == "published":
        return (fact,)
    told = {name: fact.data[name] for name in ("family", "version", "state", *_ALSO) if name in fact.data}
    return fact, replace(fact, type="SchemaPublished", data=told, observed=None, follows=True)


_ALSO = ("key", "traceparent", "rollback")
"""What a further fact tells of the one that it follows from."""


def stream_of(key: str) -> str:
    """The stream of a desired key: its room in the singular and the rest of the key."""
    room, _, rest = key.partition("/")
    return f"{_STREAMS.get(room, room.removesuffix('s'))}/{rest}"


def is_fact(key: str) -> bool:
    """Whether a change of this key is a fact of its own."""
    return type(k.parse(key)) in _TYPES


_LIFE_TYPES = {"published": "SchemaPublished", "deprecated": "SchemaDeprecated"}


def _life(after: Value | None) -> dict[str, Any]:
    """Where a schema version stands, published without the key; nothing when the key cannot be read."""
    try:
        told = read_lifecycle(after.raw) if after else Lifecycle()
    except InvalidInput:
        return {}
    more = {"successor": told.successor, "sunset": told.sunset, "reason": told.reason}
    return {"state": str(told.state), **{name: value for name, value in more.items() if value}}


_HOST_FIELDS = ("environment", "version", "state", "reason")


def _host(meaning: k.HostKey) -> Actor:
    return Actor("host", meaning.host, "kv")


def _host_type(told: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """What a report says happened since the one before."""
    if told.get("state") == "Restored" != before.get("state"):
        return "HostRestored"
    reload_ = told.get("lastReload")
    return "HostReloaded" if reload_ and reload_ != before.get("lastReload") else "HostReported"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()[: k.SEGMENT_CHARACTERS_MAX]
