"""A step and its opposite, made ready for the laws from what is stored under a root. Nothing is run here."""

from __future__ import annotations

from collections.abc import Iterator

from versiqiid.core import keys as k
from versiqiid.core.document import read
from versiqiid.core.laws import Side
from versiqiid.core.migration import direction
from versiqiid.core.objects import Family, Target, read_family, read_target
from versiqiid.core.plan import Case, Stopped
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.core.versions import Scheme
from versiqiid.engine.inputs import Candidate
from versiqiid.engine.questions import question
from versiqiid.engine.steps import Step, prepare
from versiqiid.engine.trips import Direction
from versiqiid.errors import InvalidInput, InvalidVersion, NotFound
from versiqiid.ports import ValidationRequest

LIVE_MAX = 5_000
"""Stored configs of one schema version on which a step is tried. Arbitrary."""


def pair(snapshot: Snapshot, family: str, source: str, destination: str) -> tuple[Direction, Direction | None]:
    """The step from ``source`` to ``destination`` and the opposite one, None where that has no key. Where only the
    opposite one has a key, it is the first.

    :raises NotFound: neither has a key, or the family, a schema or a module is missing.
    :raises InvalidInput: one of them cannot be read or used.
    """
    described = family_of(snapshot, family)
    keys = [(a, b) for a, b in ((source, destination), (destination, source)) if (a, b) in snapshot.migrations[family]]
    if not keys:
        raise NotFound(
            f"migrations/{family}/{source}/{destination} does not exist",
            hint=f"See `versiqii migrations plan {family} {source} {destination}`.",
        )
    reads = {version: schema_of(snapshot, family, version, described) for version in (source, destination)}
    upward = side_of(described.versioning, source, destination)
    made = [
        Direction(
            step_of(snapshot, family, described, (a, b)),
            upward if (a, b) == (source, destination) else _other(upward),
            reads[a],
            reads[b],
            tuple(live(snapshot, family, a)),
        )
        for a, b in keys
    ]
    return made[0], made[1] if len(made) > 1 else None


def family_of(snapshot: Snapshot, family: str) -> Family:
    """
    :raises NotFound: no such family. :raises InvalidInput: it cannot be read, or its language is not supported.
    """
    key = f"families/{family}"
    if snapshot.get(key) is None:
        raise NotFound(f"{key} does not exist", hint="See `versiqii families list`.")
    described = snapshot.parsed(key, read_family)
    if described.language != "json-schema":
        raise InvalidInput(f"{key}: documents of language {described.language} cannot be made by this build")
    return described


def schema_of(snapshot: Snapshot, family: str, version: str, described: Family) -> ValidationRequest:
    """The schema as a question to the validator, its document left out.

    :raises NotFound: no such schema. :raises InvalidInput: it is no document, or what it refers to is missing.
    """
    key = f"schemas/{family}/{version}"
    if snapshot.get(key) is None:
        raise NotFound(f"{key} does not exist", hint=f"See `versiqii schemas list --family {family}`.")
    return question(Reads(snapshot), described, (family, version))


def step_of(snapshot: Snapshot, family: str, described: Family, ends: tuple[str, str]) -> Step:
    """The step, as the engine would run it.

    :raises NotFound: a module is missing. :raises InvalidInput: the migration or its module cannot be used.
    """
    case = Case(k.BindingId("", "", ""), Reads(snapshot), target=Target(family), family=described)
    try:
        return prepare(case, ends)
    except Stopped as stop:
        kind = NotFound if stop.reason.endswith("is missing") else InvalidInput
        raise kind(stop.reason) from stop
    except InvalidVersion as error:
        raise InvalidInput(f"migrations/{family}/{ends[0]}/{ends[1]}: {error.message}") from error


def side_of(scheme: Scheme, source: str, destination: str) -> Side:
    """Which way the step leads; up where the versions have no order.

    :raises InvalidVersion: one of the two is no version of the scheme.
    """
    return Side.DOWN if direction(scheme, source, destination) == "vq_down" else Side.UP


def live(snapshot: Snapshot, family: str, version: str) -> Iterator[Candidate]:
    """The stored configs that are written for that schema version, of every target of the family, by key."""
    meanings = {key: k.parse(key) for key, _ in snapshot.items()}
    targets = {
        meaning.target
        for meaning in meanings.values()
        if isinstance(meaning, k.TargetKey) and _family(snapshot, meaning.target) == family
    }
    found = (key for key, at in meanings.items() if isinstance(at, k.ConfigKey) and _of(at, targets, version))
    for key in sorted(found)[:LIVE_MAX]:
        try:
            yield Candidate(snapshot.parsed(key, read), key)
        except InvalidInput:  # an unreadable config is nothing that a migration is ever given
            continue


def _of(key: k.ConfigKey, targets: set[str], version: str) -> bool:
    return key.target in targets and key.schema_version == version


def _family(snapshot: Snapshot, target: str) -> str:
    try:
        return snapshot.parsed(f"targets/{target}", read_target).family
    except InvalidInput:
        return ""


def _other(side: Side) -> Side:
    return Side.UP if side is Side.DOWN else Side.DOWN
