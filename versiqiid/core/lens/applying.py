"""A lens applied to a document, operation by operation. The input is never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from versiqiid.core.lens import operations as op
from versiqiid.core.lens.operations import is_type, operation_name, scalar_text
from versiqiid.core.limits import pointer_token
from versiqiid.errors import MigrationFailed

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json


def apply(lens: op.Lens, document: Json) -> Json:
    """The document as the lens maps it, or a failure: there is no half of it.

    The input is not changed; the result shares with it what no operation touched, and with the lens its defaults.

    :raises MigrationFailed: an operation does not fit the document. The message names the operation by its index
        (``2.0`` is the first one of the lens in the third) and the place, ``pointer`` is the place as it is called at
        that moment, and no value stands in either.
    """
    return _lens(lens, document, _At())


@dataclass(frozen=True, slots=True)
class _At:
    """Where in the document and where in the lens we are."""

    pointer: str = ""
    indices: str = ""

    def operation(self, index: int) -> _At:
        return _At(self.pointer, f"{self.indices}.{index}" if self.indices else str(index))

    def below(self, token: str | int) -> _At:
        return _At(self.pointer + pointer_token(token), self.indices)


def _lens(lens: op.Lens, value: Json, at: _At) -> Json:
    for index, operation in enumerate(lens):
        value = _operation(operation, value, at.operation(index))
    return value


def _operation(operation: op.Operation, value: Json, at: _At) -> Json:
    if isinstance(operation, op.Map):
        if not isinstance(value, list):
            raise _failure(operation, at, "expected an array")
        return [_lens(operation.lens, item, at.below(index)) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        raise _failure(operation, at, "expected an object")
    members = dict(value)
    match operation:
        case op.Rename(source, destination):
            moved = _take(operation, members, source, at)
            _put(operation, members, destination, moved, at)
        case op.Add(name, _, default):
            _put(operation, members, name, default, at)
        case op.Remove(name):
            _take(operation, members, name, at)
        case op.Hoist(host, name):
            members[host] = dict(_host(operation, members, host, at))
            _put(operation, members, name, _take(operation, members[host], name, at.below(host)), at)
        case op.Plunge(host, name):
            members[host] = dict(_host(operation, members, host, at))
            _put(operation, members[host], name, _take(operation, members, name, at), at.below(host))
        case op.Wrap(name) | op.Head(name) | op.In(name) | op.Convert(name):
            members[name] = _replaced(operation, _look(operation, members, name, at), at.below(name))
        case _:  # pragma: no cover - the type checker proves that this is unreachable
            assert_never(operation)
    return members


def _replaced(operation: op.Wrap | op.Head | op.In | op.Convert, value: Json, at: _At) -> Json:
    match operation:
        case op.Wrap():
            return [value]
        case op.Head():
            if not isinstance(value, list):
                raise _failure(operation, at, "expected an array")
            if not value:
                raise _failure(operation, at, "expected an array with at least one element")
            return value[0]
        case op.In():
            return _lens(operation.lens, value, at)
        case op.Convert():
            if not is_type(value, operation.source_type) or scalar_text(value) not in operation.up:
                raise _failure(operation, at, f"expected a {operation.source_type} that the mapping names")
            return operation.up[scalar_text(value)]


def _look(operation: op.Operation, members: dict[str, Json], name: str, at: _At) -> Json:
    if name not in members:
        raise _failure(operation, at.below(name), "there is nothing")
    return members[name]


def _take(operation: op.Operation, members: dict[str, Json], name: str, at: _At) -> Json:
    _look(operation, members, name, at)
    return members.pop(name)


def _put(operation: op.Operation, members: dict[str, Json], name: str, value: Json, at: _At) -> None:
    if name in members:
        raise _failure(operation, at.below(name), "there is a member already")
    members[name] = value


def _host(operation: op.Operation, members: dict[str, Json], host: str, at: _At) -> dict[str, Json]:
    found = _look(operation, members, host, at)
    if not isinstance(found, dict):
        raise _failure(operation, at.below(host), "expected an object")
    return found


def _failure(operation: op.Operation, at: _At, reason: str) -> MigrationFailed:
    return MigrationFailed(
        f"lens operation {at.indices} ({operation_name(operation)}): {reason} at {at.pointer or 'the root'}",
        pointer=at.pointer,
        hint="the lens was written for documents of another shape",
    )
