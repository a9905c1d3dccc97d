"""How people name a past state: a revision, a time, or everything up to the end of one correlation id.

"X: digits = revision; RFC 3339 = the last write at or before it; anything else = the state just after the last entry
of that correlation id" (``docs/kv-layout.md``). No two of these can be meant by one text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from versiqiid.api.entries import Revision
from versiqiid.errors import InvalidInput

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}")


@dataclass(frozen=True, slots=True)
class ByRevision:
    revision: int


@dataclass(frozen=True, slots=True)
class ByTime:
    """:ivar time: in the journal's own form, so that text order is time order."""

    time: str


@dataclass(frozen=True, slots=True)
class ByCorrelation:
    id: str


@dataclass(frozen=True, slots=True)
class ByPosition:
    """The state just after this journal position."""

    position: int


@dataclass(frozen=True, slots=True)
class UntilRevision:
    """The state when the store stood at this revision: exactly that one of a key, or the newest before it."""

    revision: int


Point: TypeAlias = ByRevision | ByTime | ByCorrelation
Place: TypeAlias = ByRevision | ByTime | ByPosition | UntilRevision


def parse_point(text: str) -> Point:
    """
    :raises InvalidInput: it looks like a time and is none.
    """
    if text.isascii() and text.isdigit():
        return ByRevision(int(text[:20]))
    return ByTime(_utc(text)) if is_time(text) else ByCorrelation(text)


def is_time(text: str) -> bool:
    """Whether this would be read as a time, so that it cannot be a correlation id."""
    return _TIME.match(text) is not None


class Standing:
    """Where one key stood at a place: takes its revisions in the journal's order, and keeps one of them.

    A revision may be recorded behind a later one, when two processes report: the highest counts, and what the store
    was put back to.

    :ivar found: None = it had none there.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self.found: Revision | None = None

    def take(self, revision: Revision) -> None:
        if not _is_of(revision, self._place):
            return
        standing = self.found
        goes_on = standing is None or revision.returned or revision.revision >= standing.revision
        if goes_on or isinstance(self._place, ByRevision):
            self.found = revision


def _is_of(revision: Revision, place: Place) -> bool:
    match place:
        case ByRevision(number):
            return revision.revision == number
        case UntilRevision(number):
            return revision.revision <= number
        case ByTime(time):
            return revision.time <= time
        case ByPosition(position):
            return revision.position <= position


def _utc(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InvalidInput(f"{text[:80]!r} is no RFC 3339 time", hint="Write 2026-01-31T12:00:00Z.") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
