"""One tree of errors for the whole product; nothing else lives here and nothing is imported.

::

    VersiqiiError
    ├── InvalidInput            somebody's bytes or words are wrong; nothing was changed
    │   ├── InvalidKey          outside the key grammar
    │   ├── Unreadable          not a document: line and column
    │   ├── UnusableSchema      not a schema that can be used: JSON Pointer
    │   ├── InvalidVersion      no version, or no range, of its scheme
    │   ├── TooLarge            over a limit: size and limit
    │   └── InvalidSetting      a daemon setting: its name
    ├── ValidationFailed        a document does not fit its schema; nothing was changed
    ├── NotFound                nothing under that name
    ├── Conflict                somebody else was first; nothing was written
    ├── Refused                 the other side said no; nothing was written
    │   ├── Forbidden           ... for lack of rights
    │   ├── FenceLost           ... because this process no longer leads
    │   └── JournalRefused      a journal that does not verify, or not ours: class and place
    ├── Unavailable             no answer: it MAY have been written, read before you retry
    │   ├── NoLeader            the cluster has no leader; nothing was written
    │   └── RateLimited         asked to slow down; nothing was written
    ├── MigrationFailed         a migration refused, trapped, or broke a limit
    └── Internal                a bug of ours; details go to the log only

Conflict, refusal and a lost answer are different types because a caller must do different things.
Messages name the place and mask the value: no document's value and no secret ever stands in one.
"""

from __future__ import annotations

from typing import ClassVar


class VersiqiiError(Exception):
    """The root: every error that crosses a port is one of these.

    :ivar code: stable snake_case word for programs; it never changes once released.
    :ivar retryable: whether the same call may succeed later without anybody changing its input.
    :ivar hint: what to do next, one sentence or empty.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InvalidInput(VersiqiiError):
    """Input that cannot be taken. Nothing was changed."""

    code = "invalid_input"


class InvalidKey(InvalidInput):
    """A key outside the grammar of the key layout."""

    code = "invalid_key"


class Unreadable(InvalidInput):
    """Bytes that are not exactly one document.

    :param line: first line is 1; 0 when no place can be named.
    :param column: first column is 1; 0 when no place can be named.
    """

    code = "unreadable"

    def __init__(self, message: str, *, line: int = 0, column: int = 0, hint: str = "") -> None:
        place = f" (line {line}, column {column})" if line else ""
        super().__init__(message + place, hint=hint)
        self.line = line
        self.column = column


class UnusableSchema(InvalidInput):
    """A schema that cannot be used to judge a document.

    :param pointer: RFC 6901 pointer to the offending place in the schema, ``""`` for the root.
    """

    code = "unusable_schema"

    def __init__(self, message: str, *, pointer: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.pointer = pointer


class InvalidVersion(InvalidInput):
    """Text that is no version, or no range, of its scheme."""

    code = "invalid_version"


class TooLarge(InvalidInput):
    """Something over a limit; refused before it was sent.

    :param size: what was offered, in the limit's unit.
    :param limit: the most that is taken.
    """

    code = "too_large"

    def __init__(self, message: str, *, size: int, limit: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.size = size
        self.limit = limit


class InvalidSetting(InvalidInput):
    """A daemon setting that is unknown or has no usable value."""

    code = "invalid_setting"


class ValidationFailed(VersiqiiError):
    """A document that does not fit its schema. Nothing was changed.

    :param violations: tuple of ``core.schema.Violation``.
    """

    code = "validation_failed"

    def __init__(self, message: str, *, violations: tuple[object, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.violations = violations


class NotFound(VersiqiiError):
    """Nothing is stored under that name."""

    code = "not_found"


class Conflict(VersiqiiError):
    """Somebody else was first. Nothing of the transaction was written.

    :param key: the key whose expectation failed.
    :param expected: the revision that was expected, 0 = absent.
    :param found: the revision that is there, 0 = absent, None = not told.
    """

    code = "conflict"
    retryable = True

    def __init__(self, message: str, *, key: str, expected: int, found: int | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.key = key
        self.expected = expected
        self.found = found


class Refused(VersiqiiError):
    """The other side answered no. Nothing was written."""

    code = "refused"


class Forbidden(Refused):
    """Refused for lack of rights (token unknown, expired, or without the permission)."""

    code = "forbidden"


class FenceLost(Refused):
    """This process does not hold the lock that it writes under. Nothing was written."""

    code = "fence_lost"


class JournalRefused(Refused):
    """A journal, export or receipt that does not verify.

    :param fault: stable class, such as ``entry``, ``root``, ``signature``, ``size``, ``fork``.
    :param place: where it was found, such as ``position 17`` or ``tile/0/000``.
    """

    code = "journal_refused"

    def __init__(self, fault: str, place: str, message: str = "", *, hint: str = "") -> None:
        super().__init__(f"refused: {fault} at {place}" + (f": {message}" if message else ""), hint=hint)
        self.fault = fault
        self.place = place


class Unavailable(VersiqiiError):
    """No answer came. The write MAY have happened: read before you retry.

    :ivar maybe_written: False only where the other side is known not to have written.
    """

    code = "unavailable"
    retryable = True
    maybe_written: bool = True


class NoLeader(Unavailable):
    """The cluster answered that it has no leader. Nothing was written."""

    code = "no_leader"
    maybe_written = False


class RateLimited(Unavailable):
    """The other side asked to slow down. Nothing was written.

    :param retry_after_s: what it asked for in seconds, None when it did not say.
    """

    code = "rate_limited"
    maybe_written = False

    def __init__(self, message: str, *, retry_after_s: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class MigrationFailed(VersiqiiError):
    """A migration refused the document, trapped, broke a limit or gave rubbish.

    :param pointer: RFC 6901 pointer the migration named, or None.
    """

    code = "migration_failed"

    def __init__(self, message: str, *, pointer: str | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.pointer = pointer


class Internal(VersiqiiError):
    """A bug of ours. The log has the details, nobody else."""

    code = "internal"


def first_of(group: BaseExceptionGroup[VersiqiiError]) -> VersiqiiError:
    """The first error of a group of ours, however deep it lies: task groups wrap what one task raised."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, VersiqiiError):
        raise error
    return error
