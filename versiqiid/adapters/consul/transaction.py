"""Commits as Consul transactions, and refused transactions as our errors. Pure: nothing is sent here.

Consul carries out the operations of a transaction one after the other, so guards go first: a check after a write of the
same key would see the write. What is expected of a key that is also written becomes part of the write.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from versiqiid.adapters.consul.faults import Refusal
from versiqiid.errors import Forbidden
from versiqiid.operations import check_bytes, check_count, conflict, expectation, fence_lost
from versiqiid.ports import ABSENT, Check, Delete, Held, Set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from versiqiid.errors import VersiqiiError
    from versiqiid.ports import Operation, StoreLimits


@dataclass(frozen=True, slots=True)
class Wire:
    """One operation as it is sent.

    :ivar position: of the caller's operation that it stands for, the first of them when it stands for several.
    :ivar expected: the revision that it insists on, None = none.
    """

    verb: str
    key: str
    position: int
    expected: int | None = None
    value: bytes | None = None
    session: str = ""

    def payload(self) -> dict[str, Any]:
        """As python-consul2's ``txn.put`` takes it."""
        body: dict[str, Any] = {"Verb": self.verb, "Key": self.key}
        if self.value is not None:
            body["Value"] = base64.b64encode(self.value).decode()
        if self.expected is not None and self.verb != "check-not-exists":
            body["Index"] = self.expected
        if self.session:
            body["Session"] = self.session
        return {"KV": body}


def encode(operations: Sequence[Operation], limits: StoreLimits) -> list[Wire]:
    """The transaction that stands for a commit.

    A deletion that insists on a revision takes two operations, because Consul's own ``delete-cas`` passes when the key
    is absent. Where that would go over a limit, ``delete-cas`` it is: a key that somebody removed meanwhile is then
    taken as removed.

    :raises TooLarge: over a limit all the same; nothing was sent.
    """
    exact = _encode(operations, exact=True)
    if len(exact) <= limits.operations_max and _size(exact) <= limits.transaction_bytes_max:
        return exact
    compact = _encode(operations, exact=False)
    check_count(len(compact), limits)
    check_bytes(_size(compact), limits)
    return compact


def refused(sent: Sequence[Wire], body: bytes) -> tuple[VersiqiiError, Wire]:
    """The error for a transaction that Consul did not apply, and the operation it is about: the caller's first.

    The error is a Conflict without ``found``; what is there now is for the caller to find out.
    """
    failed = [Refusal(error["OpIndex"], error["What"]) for error in json.loads(body)["Errors"]]
    for refusal in failed:
        if refusal.forbidden:
            wire = sent[refusal.index]
            told = f"consul: no right to {wire.verb} key {wire.key!r}"
            return Forbidden(told, hint="Give the token's policy the missing permission."), wire
    wire = min((sent[refusal.index] for refusal in failed), key=lambda wire: wire.position)
    if wire.verb == "check-session":
        return fence_lost(wire.key), wire
    return conflict(wire.key, wire.expected or ABSENT, None), wire


def _encode(operations: Sequence[Operation], *, exact: bool) -> list[Wire]:
    """:param exact: whether deletions of a revision are guarded against absence."""
    written = {operation.key for operation in operations if isinstance(operation, Set | Delete)}
    merged = _merged(operations, written)
    guards: dict[tuple[str, str, int | None, str], Wire] = {}
    writes: list[Wire] = []
    for position, operation in enumerate(operations):
        match operation:
            case Held(key, session):
                _add(guards, Wire("check-session", key, position, session=session))
            case Check(key, revision) if key not in merged:
                _add(guards, _check(key, revision, position))
            case Check():
                pass
            case Set(key, value):
                at, expected = merged.get(key, (position, operation.expect))
                writes.append(Wire("set" if expected is None else "cas", key, at, expected, value))
            case Delete(key):
                at, expected = merged.get(key, (position, operation.expect))
                if expected == ABSENT:
                    _add(guards, _check(key, ABSENT, at))
                elif expected is None:
                    writes.append(Wire("delete", key, at))
                elif exact:
                    _add(guards, _check(key, expected, at))
                    writes.append(Wire("delete", key, at))
                else:
                    writes.append(Wire("delete-cas", key, at, expected))
    return [*guards.values(), *writes]


def _merged(operations: Sequence[Operation], written: set[str]) -> dict[str, tuple[int, int | None]]:
    """For each written key whose expectations agree: where the first stands, and what it is.

    Keys whose expectations contradict each other are left out: all are sent, and one of them will fail.
    """
    merged: dict[str, tuple[int, int | None]] = {}
    contradicted: set[str] = set()
    for position, operation in enumerate(operations):
        if isinstance(operation, Held) or operation.key not in written:
            continue
        expected = expectation(operation)
        _, known = merged.get(operation.key, (position, None))
        if known is None:
            merged[operation.key] = (position, expected)
        elif expected is not None and expected != known:
            contradicted.add(operation.key)
    return {key: found for key, found in merged.items() if key not in contradicted}


def _check(key: str, revision: int, position: int) -> Wire:
    return Wire("check-index" if revision else "check-not-exists", key, position, revision)


def _add(guards: dict[tuple[str, str, int | None, str], Wire], wire: Wire) -> None:
    guards.setdefault((wire.verb, wire.key, wire.expected, wire.session), wire)


def _size(wires: Sequence[Wire]) -> int:
    """Bytes of the body, as the library will write it."""
    return len(json.dumps([wire.payload() for wire in wires]))
