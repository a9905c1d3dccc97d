"""What to do about one file: a pure decision from what is wanted, what lies on the disk and what is remembered.

No clock, no disk, no waiting; ``converge.py`` looks and acts. The rows of ``decide`` are in order, and the first that
fits decides. Every one of them leaves the file alone unless there is a good reason to touch it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

REPAIRS_MAX = 5
"""Arbitrary: enough to win against a stray script, few enough to not fight another manager of the file for ever."""


class State(StrEnum):
    """How a file stands, as reported. ``SEVERITY`` orders them for the report of a whole target."""

    APPLIED = "Applied"
    WAITING = "Waiting"
    GONE = "Gone"
    EDITED = "Edited"
    RENDER_FAILED = "RenderFailed"
    CHECK_FAILED = "CheckFailed"
    RESTORED = "Restored"
    RELOAD_FAILED = "ReloadFailed"
    FAILED = "Failed"


SEVERITY = (
    State.FAILED,
    State.RELOAD_FAILED,
    State.RESTORED,
    State.CHECK_FAILED,
    State.RENDER_FAILED,
    State.EDITED,
    State.GONE,
    State.WAITING,
    State.APPLIED,
)


class Kind(StrEnum):
    """What lies at a path."""

    ABSENT = "absent"
    FILE = "file"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Attributes:
    mode: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What lies at a destination. ``content`` is the SHA-256 in hex, of a link's own text for a link."""

    kind: Kind
    content: str | None = None
    attributes: Attributes | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """What the file should be.

    :ivar digest: of the effective config, as in its status.
    :ivar content: SHA-256 in hex of the rendered bytes.
    :ivar trial: names this attempt: digest, content and the file's settings. What failed once is tried again only under
        another name.
    """

    digest: str
    content: str
    trial: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that went wrong, remembered so that it is not tried again."""

    trial: str
    digest: str
    state: State
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of the file: what was applied, and what went wrong last."""

    digest: str | None = None
    content: str | None = None
    trial: str | None = None
    failure: Failure | None = None
    repairs: int = 0


@dataclass(frozen=True, slots=True)
class Leave:
    """Touch nothing."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The file is right already; remember that it is."""


@dataclass(frozen=True, slots=True)
class SetAttributes:
    """The bytes are right, owner, group or mode are not; nothing is reloaded."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Stage, check, swap, reload, probe.

    :ivar repair: what is put right is somebody else's edit, and such repairs are counted.
    """

    repair: bool = False


Action: TypeAlias = Leave | Record | SetAttributes | Swap


def decide(known: Known, disk: OnDisk, desired: Desired | None, *, repairs: bool) -> Action:  # noqa: PLR0911 - a table
    """What to do about one file.

    :param desired: None = no effective config is there (any more).
    :param repairs: whether edits by others are undone.
    """
    failure = known.failure
    if desired is None:
        if known.digest is None:
            return Leave(State.WAITING, "no effective config yet")
        return Leave(State.GONE, "the effective config is gone; the last good file stays")
    if disk.kind is Kind.OTHER:
        return Leave(State.FAILED, "the destination is neither a file nor free; move away what lies there")
    if failure is not None and failure.trial == desired.trial:
        return Leave(failure.state, failure.reason)
    if disk.kind is Kind.FILE and disk.content == desired.content:
        if disk.attributes != desired.attributes:
            return SetAttributes()
        return Leave(State.APPLIED) if known.trial == desired.trial and failure is None else Record()
    if _is_edited(known, disk, desired):
        if not repairs:
            return Leave(State.EDITED, "somebody else changed the file; it is left as it is until the config changes")
        if known.repairs >= REPAIRS_MAX:
            return Leave(State.EDITED, f"somebody else keeps changing the file; it was put back {REPAIRS_MAX} times")
        return Swap(repair=True)
    return Swap()


def _is_edited(known: Known, disk: OnDisk, desired: Desired) -> bool:
    """The config stayed, the file did not. A file that was removed is no edit: engines must find theirs."""
    same = known.digest == desired.digest and known.content == desired.content
    return same and disk.kind is not Kind.ABSENT
