"""What a family promises about its schemas: which versions a new one is judged against, and by which terms. Pure.

How one pair is judged is ``core/compatibility``'s business; what is live is ``core/live.py``'s. The order is the
family's own version order; where versions have none (git-sha), the order in which they were registered.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from versiqiid.core.compatibility import Level
from versiqiid.core.document import read
from versiqiid.core.objects import Family, Lifecycle, read_lifecycle
from versiqiid.core.versions import Scheme, Version, parse
from versiqiid.errors import InvalidInput, InvalidVersion

if TYPE_CHECKING:
    from versiqiid.core.snapshot import Snapshot

MAJOR = "major"
"""The group that needs no mark in the schemas: versions of one major line (PEP 440: release, date: year)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """By what a schema is judged: what its family says, or what somebody asks for instead.

    :ivar group: ``major``, or the name of a top-level member of the schemas whose value names the group; None = all
        versions are one group.
    """

    level: Level
    policy: str = "STRICT"
    defaults: str = "ignored"
    formats: str = "annotate"
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A version that is not judged against, and why."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The versions that count for one, those that the level asks for.

    :ivar before: newest first. :ivar after: oldest first; they follow it in the order, but were there before it.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    passed: tuple[Passed, ...]


def terms_of(family: Family) -> Terms:
    """What the family promises."""
    return Terms(Level(family.compatibility), family.policy, family.defaults, family.formats, family.group)


def lifecycle_of(snapshot: Snapshot, family: str, version: str) -> Lifecycle:
    """Where in its life a schema version is; published when no key says otherwise.

    :raises Unreadable: the key cannot be read.
    """
    key = f"lifecycle/{family}/{version}"
    return snapshot.parsed(key, read_lifecycle) if snapshot.get(key) else Lifecycle()


def neighbours(  # noqa: PLR0917 - from what is there to what is asked
    snapshot: Snapshot, family: str, scheme: Scheme, terms: Terms, version: str | None, raw: bytes
) -> Neighbours:
    """The versions of the family that ``version`` is judged against, itself excluded.

    Drafts promise nothing yet, deleted versions nothing any more, and across groups it is migrations that carry.

    :param version: None = one that comes after all that are there.
    :param raw: the schema's text, for the groups that are marked in it.
    :raises InvalidInput: the version must be named to know its group.
    """
    if version is None and terms.group == MAJOR:
        raise InvalidInput(f"families/{family} groups by major line: name the version", hint="Give --version.")
    before: list[tuple[Any, str]] = []
    after: list[tuple[Any, str]] = []
    passed: list[Passed] = []
    here = None if version is None else _place(snapshot, family, scheme, version)
    group = _group(terms, scheme, version, raw)
    for other in sorted(snapshot.schema_versions[family]):
        if other == version:
            continue
        place = _place(snapshot, family, scheme, other)
        reason = _passed(snapshot, family, other) if place is not None else f"it is no {scheme.value} version"
        if not reason and terms.group is not None:
            theirs = _group(terms, scheme, other, _raw(snapshot, family, other))
            reason = "" if theirs == group else f"it is of group {theirs}, not {group}"
        if reason:
            passed.append(Passed(other, reason))
        else:
            (before if here is None or place < here else after).append((place, other))
    kept = slice(None) if terms.level.transitive else slice(1)
    if terms.level is Level.NONE:
        kept = slice(0)
    return Neighbours(
        tuple(name for _, name in sorted(before, reverse=True))[kept],
        tuple(name for _, name in sorted(after))[kept],
        tuple(passed),
    )


def overridden(terms: Terms, **asked: str | None) -> Terms:
    """The terms with what is asked for instead.

    :raises InvalidInput: no level, policy, … of that name.
    """
    known = {"policy": ("STRICT", "LENIENT"), "defaults": ("ignored", "applied"), "formats": ("annotate", "assert")}
    given = {name: value for name, value in asked.items() if value is not None}
    for name, value in given.items():
        allowed = tuple(level.value for level in Level) if name == "level" else known.get(name)
        if allowed is not None and value not in allowed:
            raise InvalidInput(f"{name} must be one of {', '.join(allowed)}")
    level = Level(given.pop("level")) if "level" in given else terms.level
    return replace(terms, level=level, **given)


def _passed(snapshot: Snapshot, family: str, version: str) -> str:
    try:
        state = lifecycle_of(snapshot, family, version).state
    except InvalidInput:
        return ""  # what nobody can read takes no promise back
    return {"draft": "it is a draft", "deleted": "it is deleted"}.get(state, "")


def _place(snapshot: Snapshot, family: str, scheme: Scheme, version: str) -> Any:
    """Something to sort by, or None for a version without a place in the order."""
    try:
        parsed = parse(scheme, version)
    except InvalidVersion:
        return None
    if scheme.ordered:
        return parsed.order_key
    there = snapshot.get(f"schemas/{family}/{version}")
    return there.revision if there else float("inf")


def _group(terms: Terms, scheme: Scheme, version: str | None, raw: bytes) -> str | None:
    if terms.group is None:
        return None
    if terms.group == MAJOR:
        return _major(parse(scheme, version)) if version is not None else None
    try:
        told = read(raw)
    except InvalidInput:
        return None
    mark = told.get(terms.group) if isinstance(told, dict) else None
    return None if mark is None else str(mark)


def _major(version: Version) -> str | None:
    match version.scheme:
        case Scheme.SEMVER | Scheme.DATE:
            return str(version.order_key[0])
        case Scheme.PEP440:
            parsed = version.order_key
            return f"{parsed.epoch}!{parsed.major}" if parsed.epoch else str(parsed.major)
        case _:
            return None


def _raw(snapshot: Snapshot, family: str, version: str) -> bytes:
    there = snapshot.get(f"schemas/{family}/{version}")
    return there.raw if there else b""
