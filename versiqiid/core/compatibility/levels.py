"""The seven levels: which earlier versions a new schema is judged against, and in which direction.

The levels and their meaning are those of Confluent's Schema Registry
(https://docs.confluent.io/platform/current/schema-registry/fundamentals/schema-evolution.html). How one pair is judged
is the business of the judge that the caller passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from versiqiid.core.compatibility.verdict import Judge, Judgement

SchemaT = TypeVar("SchemaT")


class Level(StrEnum):
    """What is promised between versions of one family."""

    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def transitive(self) -> bool:
        """Whether every earlier version counts, not only the newest."""
        return self.value.endswith("_TRANSITIVE")

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Which way is judged."""
        match self.value.removesuffix("_TRANSITIVE"):
            case "BACKWARD":
                return (Direction.BACKWARD,)
            case "FORWARD":
                return (Direction.FORWARD,)
            case "FULL":
                return (Direction.BACKWARD, Direction.FORWARD)
            case _:
                return ()


class Direction(StrEnum):
    """Who reads whom."""

    BACKWARD = "backward"  # the new schema reads what was written for the earlier one
    FORWARD = "forward"  # the earlier schema reads what is written for the new one


@dataclass(frozen=True, slots=True)
class Version(Generic[SchemaT]):
    """An earlier version.

    :ivar name: what it is called in the verdict.
    :ivar group: the compatibility group that it belongs to; None is a group of its own.
    """

    name: str
    schema: SchemaT
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The judgement of the new schema against one version in one direction."""

    version: str
    direction: Direction
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a schema keeps its family's promise.

    :ivar findings: every judgement that was made, newest version first, backward before forward.
    """

    level: Level
    findings: tuple[Finding, ...]

    @property
    def compatible(self) -> bool:
        """True when every judgement is; so it is when there was nothing to judge."""
        return all(finding.judgement.compatible for finding in self.findings)

    @property
    def refused(self) -> tuple[Finding, ...]:
        """The judgements that say no."""
        return tuple(finding for finding in self.findings if not finding.judgement.compatible)


def check(level: Level, new: SchemaT, versions: Sequence[Version[SchemaT]], judge: Judge[SchemaT]) -> Verdict:
    """Whether ``new`` may follow these versions.

    :param versions: newest first. Only the first counts for a level that is not transitive.
    :raises UnusableSchema: one of the schemas cannot be used.
    """
    findings = [
        Finding(version.name, direction, _judge(direction, new, version.schema, judge))
        for version in (versions if level.transitive else versions[:1])
        for direction in level.directions
    ]
    return Verdict(level, tuple(findings))


def in_group(versions: Iterable[Version[SchemaT]], group: str | None) -> tuple[Version[SchemaT], ...]:
    """The versions of one compatibility group, in their order: across groups it is migrations that carry a config over.

    :param group: the new schema's own group; versions without one are together.
    """
    return tuple(version for version in versions if version.group == group)


def _judge(direction: Direction, new: SchemaT, earlier: SchemaT, judge: Judge[SchemaT]) -> Judgement:
    if direction is Direction.BACKWARD:
        return judge(earlier, new)
    return judge(new, earlier)
