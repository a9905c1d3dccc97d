"""Which key means what. The grammar of the key layout (``docs/kv-layout.md``) and nothing about values.

Keys here are relative to the root. They are parsed from the right, because an environment may have any number of
segments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from versiqiid.errors import InvalidKey

SEGMENT_CHARACTERS_MAX = 128
KEY_CHARACTERS_MAX = 512
_PARSED_KEPT = 32_768
"""Meanings remembered, some 10 MB: a change asks for the same key's meaning about fifteen times."""

_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_SYSTEM = re.compile(r"_[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_HEX = re.compile(r"[0-9a-f]{64}\Z")
_INDEX = re.compile(r"(0|[1-9][0-9]{0,3})\Z")


@dataclass(frozen=True, slots=True, order=True)
class BindingId:
    """One effective config's place: environment path × target × binding name."""

    environment: str
    target: str
    name: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.target}/{self.name}"


@dataclass(frozen=True, slots=True)
class FamilyKey:
    family: str


@dataclass(frozen=True, slots=True)
class SchemaKey:
    family: str
    version: str


@dataclass(frozen=True, slots=True)
class LifecycleKey:
    family: str
    version: str


@dataclass(frozen=True, slots=True)
class MigrationKey:
    family: str
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class ModuleKey:
    """``chunk`` is None for the module key itself."""

    digest: str
    chunk: int | None


@dataclass(frozen=True, slots=True)
class TargetKey:
    target: str


@dataclass(frozen=True, slots=True)
class TargetVersionKey:
    target: str
    version: str


@dataclass(frozen=True, slots=True)
class VersionKey:
    environment: str
    target: str


@dataclass(frozen=True, slots=True)
class ConfigKey:
    target: str
    schema_version: str
    name: str


@dataclass(frozen=True, slots=True)
class BindingKey:
    id: BindingId


@dataclass(frozen=True, slots=True)
class PolicyKey:
    name: str


@dataclass(frozen=True, slots=True)
class AnnotationKey:
    """Tells where the next change of ``key`` comes from."""

    key: str


@dataclass(frozen=True, slots=True)
class EffectiveKey:
    id: BindingId


@dataclass(frozen=True, slots=True)
class StatusKey:
    id: BindingId


@dataclass(frozen=True, slots=True)
class DriftKey:
    environment: str
    target: str


@dataclass(frozen=True, slots=True)
class HostKey:
    host: str
    target: str


@dataclass(frozen=True, slots=True)
class SystemKey:
    name: str


DesiredKey: TypeAlias = (
    FamilyKey
    | SchemaKey
    | LifecycleKey
    | MigrationKey
    | ModuleKey
    | TargetKey
    | TargetVersionKey
    | VersionKey
    | ConfigKey
    | BindingKey
    | PolicyKey
    | AnnotationKey
)
DaemonKey: TypeAlias = EffectiveKey | StatusKey | DriftKey | HostKey | SystemKey
Key: TypeAlias = DesiredKey | DaemonKey

DESIRED = (
    "families",
    "schemas",
    "lifecycle",
    "migrations",
    "modules",
    "targets",
    "envs",
    "configs",
    "bindings",
    "policies",
    "annotations",
)
DAEMON = ("effective", "status", "drift", "hosts", "_system")


def check_key(key: str) -> None:
    """Return when the key may be sent to a store.

    A first segment after the root may begin with one underscore (``_system``).

    :raises InvalidKey: an empty, dotted, over-long or otherwise ill-formed segment, or a key over 512 characters;
        nothing was asked of any store. Dot segments would be collapsed by HTTP clients and escape the tenant
        (``docs/consul-rules.md`` C2).
    """
    if len(key) > KEY_CHARACTERS_MAX:
        msg = f"key of {len(key)} characters is over the limit of {KEY_CHARACTERS_MAX}"
        raise InvalidKey(msg)
    for segment in key.split("/"):
        if len(segment) > SEGMENT_CHARACTERS_MAX:
            what = f"a segment of {len(segment)} characters is over the limit of {SEGMENT_CHARACTERS_MAX}"
            msg = f"key {key[:80]!r}…: {what}"
            raise InvalidKey(msg)
        if not _SEGMENT.match(segment) and not _SYSTEM.match(segment):
            msg = f"key {key!r}: segment {segment!r} is not of the form [A-Za-z0-9][A-Za-z0-9._-]*"
            raise InvalidKey(msg, hint="Use letters, digits, '.', '_' and '-', and no empty segment.")


def is_segment(text: str) -> bool:
    """Whether the text can be one segment of a key."""
    return len(text) <= SEGMENT_CHARACTERS_MAX and _SEGMENT.match(text) is not None


_OF_BINDING: dict[str, type[BindingKey | EffectiveKey | StatusKey]] = {
    "bindings": BindingKey,
    "effective": EffectiveKey,
    "status": StatusKey,
}


@lru_cache(maxsize=_PARSED_KEPT)
def parse(key: str) -> Key | None:
    """What a relative key means, or None when it is outside the layout and therefore changes nothing."""
    if len(key) > KEY_CHARACTERS_MAX:
        return None
    room, *rest = key.split("/")
    if room == "_system":
        return SystemKey("/".join(rest)) if rest else None
    if not rest or not all(is_segment(segment) for segment in rest):
        return None
    return _parse_in(room, rest)


def _parse_in(room: str, rest: list[str]) -> Key | None:  # noqa: PLR0911, PLR0912, C901 - a table
    match room, rest:
        case "families", [family]:
            return FamilyKey(family)
        case "schemas", [family, version]:
            return SchemaKey(family, version)
        case "lifecycle", [family, version]:
            return LifecycleKey(family, version)
        case "migrations", [family, source, destination]:
            return MigrationKey(family, source, destination)
        case "modules", [digest, *chunk]:
            return _module(digest, chunk)
        case "targets", [target]:
            return TargetKey(target)
        case "targets", [target, version]:
            return TargetVersionKey(target, version)
        case "envs", [_, *_, _, "version"] if len(rest) >= 3:  # noqa: PLR2004 - environment, target, "version"
            return VersionKey("/".join(rest[:-2]), rest[-2])
        case "configs", [target, version, name]:
            return ConfigKey(target, version, name)
        case "policies", [name]:
            return PolicyKey(name)
        case "annotations", [about, _, *_] if about != "annotations":
            key = "/".join(rest)
            return AnnotationKey(key) if is_desired(key) else None
        case "drift", [_, *_, target] if len(rest) >= 2:  # noqa: PLR2004 - environment, target
            return DriftKey("/".join(rest[:-1]), target)
        case "hosts", [host, target]:
            return HostKey(host, target)
        case (("bindings" | "effective" | "status"), [_, *_, target, name]) if len(rest) >= 3:  # noqa: PLR2004
            binding = BindingId("/".join(rest[:-2]), target, name)
            return _OF_BINDING[room](binding)
        case _:
            return None


def _module(digest: str, chunk: list[str]) -> ModuleKey | None:
    if not _HEX.match(digest) or len(chunk) > 1:
        return None
    if not chunk:
        return ModuleKey(digest, None)
    return ModuleKey(digest, int(chunk[0])) if _INDEX.match(chunk[0]) else None


def is_desired(key: str) -> bool:
    """Whether people and pipelines write this key (True) or it is the daemon's or nobody's (False)."""
    return key.split("/", 1)[0] in DESIRED and parse(key) is not None


def lineage(environment: str) -> Iterator[str]:
    """The environment itself, then its ancestors, nearest first: ``a/b/c``, ``a/b``, ``a``."""
    while environment:
        yield environment
        environment = environment.rpartition("/")[0]


def is_below(environment: str, ancestor: str) -> bool:
    """Whether ``environment`` is ``ancestor`` itself or below it."""
    return environment == ancestor or environment.startswith(ancestor + "/")


def version_key(environment: str, target: str) -> str:
    return f"envs/{environment}/{target}/version"


def binding_key(binding: BindingId) -> str:
    return f"bindings/{binding}"


def effective_key(binding: BindingId) -> str:
    return f"effective/{binding}"


def status_key(binding: BindingId) -> str:
    return f"status/{binding}"


def drift_key(environment: str, target: str) -> str:
    return f"drift/{environment}/{target}"
