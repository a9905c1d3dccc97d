"""What every store checks before it asks anything, and how it judges expectations.

Pure functions over the values of ``ports``, written once, so that all backends refuse the same commits with the same
words. Nothing here knows a backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.keys import check_key
from versiqiid.errors import Conflict, FenceLost, InvalidInput, InvalidKey, TooLarge
from versiqiid.ports import ABSENT, Check, Delete, Held, Operation, SessionId, Set, StoreLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATION_BYTES = 120
"""What an operation takes in a transaction besides key and value, at most (Consul's JSON; arbitrary elsewhere)."""


def check_prefix(prefix: str) -> None:
    """Return when the prefix may be asked of a store: empty, a key, or a key and a slash.

    :raises InvalidKey: anything else; nothing was asked.
    """
    if not prefix:
        return
    try:
        check_key(prefix.removesuffix("/"))
    except InvalidKey as error:
        raise InvalidKey(f"prefix {prefix[:80]!r}: {error}", hint=error.hint) from error


def check_operations(operations: Sequence[Operation], limits: StoreLimits) -> None:
    """Return when every operation makes sense by itself and no key is written twice.

    :raises InvalidKey: a key outside the grammar.
    :raises InvalidInput: a key written twice, an impossible expectation, a value that is not bytes.
    :raises TooLarge: a value over the limit.
    """
    written: set[str] = set()
    for operation in operations:
        check_key(operation.key)
        _check_expectation(operation)
        if isinstance(operation, Set | Delete):
            if operation.key in written:
                raise InvalidInput(f"key {operation.key!r} is written twice in one commit", hint="Join the two writes.")
            written.add(operation.key)
        if isinstance(operation, Set):
            check_value(operation.key, operation.value, limits)


def check_value(key: str, value: object, limits: StoreLimits) -> None:
    """Return when the value can be stored under the key.

    :raises InvalidInput: not bytes.
    :raises TooLarge: over ``limits.value_bytes_max``.
    """
    if not isinstance(value, bytes):
        raise InvalidInput(f"key {key!r}: a value is bytes, not {type(value).__name__}", hint="Encode it first.")
    if len(value) > limits.value_bytes_max:
        raise TooLarge(
            f"key {key!r}: a value of {len(value)} bytes is over the store's limit of {limits.value_bytes_max}",
            size=len(value),
            limit=limits.value_bytes_max,
            hint="Split the value over several keys.",
        )


def check_size(operations: Sequence[Operation], limits: StoreLimits) -> None:
    """Return when a commit is within the store's limits on count and bytes.

    :raises TooLarge: over one of them.
    """
    check_count(len(operations), limits)
    check_bytes(sum(map(wire_bytes, operations)), limits)


def check_count(count: int, limits: StoreLimits) -> None:
    """:raises TooLarge: more operations than one commit takes."""
    if count > limits.operations_max:
        raise TooLarge(
            f"a commit of {count} operations is over the store's limit of {limits.operations_max}",
            size=count,
            limit=limits.operations_max,
            hint="Cut it into several commits.",
        )


def check_bytes(size: int, limits: StoreLimits) -> None:
    """:raises TooLarge: more bytes than one commit takes."""
    if size > limits.transaction_bytes_max:
        raise TooLarge(
            f"a commit of {size} bytes is over the store's limit of {limits.transaction_bytes_max}",
            size=size,
            limit=limits.transaction_bytes_max,
            hint="Cut it into several commits; values travel in base64.",
        )


def wire_bytes(operation: Operation) -> int:
    """At most what the operation counts against ``limits.transaction_bytes_max``: values travel in base64."""
    value = operation.value if isinstance(operation, Set) else b""
    return OPERATION_BYTES + len(operation.key) + (len(value) + 2) // 3 * 4


def check_expectations(
    operations: Sequence[Operation], revision_of: Callable[[str], int], holder_of: Callable[[str], SessionId | None]
) -> None:
    """Return when every expectation holds in the state before the commit.

    :param revision_of: the revision of a key, 0 = absent.
    :param holder_of: the session that holds the lock on a key.
    :raises Conflict: the first in order that failed is an expected revision.
    :raises FenceLost: the first in order that failed is a lock.
    """
    for operation in operations:
        if isinstance(operation, Held):
            if holder_of(operation.key) != operation.session:
                raise fence_lost(operation.key)
            continue
        expected = expectation(operation)
        if expected is not None and (found := revision_of(operation.key)) != expected:
            raise conflict(operation.key, expected, found)


def expectation(operation: Set | Delete | Check) -> int | None:
    """The revision that the key must have, None = any."""
    return operation.revision if isinstance(operation, Check) else operation.expect


def conflict(key: str, expected: int, found: int | None) -> Conflict:
    """The one sentence for a failed expectation."""
    wanted = f"revision {expected}" if expected else "no such key"
    there = "another" if found is None else f"revision {found}" if found else "none"
    return Conflict(
        f"cannot write {key!r}: expected {wanted}, found {there}",
        key=key,
        expected=expected,
        found=found,
        hint="Read it again and decide anew.",
    )


def fence_lost(key: str) -> FenceLost:
    """The one sentence for a lost lock. The session's id is a capability and stays out of it."""
    return FenceLost(f"the lock on {key!r} is not held by this session", hint="Stop writing and take the lock again.")


def _check_expectation(operation: Operation) -> None:
    if isinstance(operation, Held):
        if not operation.session:
            raise InvalidInput(f"key {operation.key!r}: a lock is held by a session, the empty id is none")
        return
    expected = expectation(operation)
    if expected is None:
        return
    if expected < ABSENT or (isinstance(operation, Delete) and expected == ABSENT):
        raise InvalidInput(
            f"key {operation.key!r}: a {type(operation).__name__} cannot expect revision {expected}",
            hint="Revisions are above 0; 0 stands for 'absent'.",
        )
