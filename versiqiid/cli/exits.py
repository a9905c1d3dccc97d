"""Exit codes: one table for every command."""

from __future__ import annotations

from enum import IntEnum

from versiqiid import errors as e


class Exit(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    """Runtime or remote error."""
    DIFFERENT = 2
    """Drift or differences were found; only with ``--detailed-exitcode``."""
    INVALID = 3
    """Validation failed, or a proof was refused."""
    FORBIDDEN = 4
    """Not authenticated, or not allowed."""
    CONFLICT = 5
    """Somebody else was first, or what is there never changes."""
    NOT_FOUND = 6
    USAGE = 64
    """The command line itself: an unknown option, a file that is not there, a key that cannot be."""
    TRY_AGAIN = 75
    """No answer; the same command may succeed later."""
    INTERRUPTED = 130


# The first class that fits decides: special ones stand before their parents.
_CODES: tuple[tuple[type[e.VersiqiiError], Exit], ...] = (
    (e.Forbidden, Exit.FORBIDDEN),
    (e.JournalRefused, Exit.INVALID),
    (e.Refused, Exit.CONFLICT),
    (e.Conflict, Exit.CONFLICT),
    (e.NotFound, Exit.NOT_FOUND),
    (e.Unavailable, Exit.TRY_AGAIN),
    (e.InvalidSetting, Exit.USAGE),
    (e.InvalidKey, Exit.USAGE),
    (e.InvalidInput, Exit.INVALID),
    (e.ValidationFailed, Exit.INVALID),
)


def code_of(error: e.VersiqiiError) -> Exit:
    """The exit code of an error: the first class that fits decides."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Exit.FAILED)
