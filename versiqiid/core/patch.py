"""JSON Patch (RFC 6902): check one, apply one, make one. The only importer of ``jsonpatch`` and ``jsonpointer``.

The library does the work; this module adds what a patch from a stranger needs: it is checked whole before it runs, a
failure names operation and place but never a value, and no chain of copies outgrows a bound. Whether the result fits a
schema or a size limit is the caller's question.

Sources: https://www.rfc-editor.org/rfc/rfc6902 and https://www.rfc-editor.org/rfc/rfc6901.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsonpatch
import jsonpointer

from versiqiid.core.canonical import INTEGER_MAX
from versiqiid.errors import InvalidInput, MigrationFailed, NotFound

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

WORK_MAX = 2_000_000
"""Values plus characters of strings and names that one patch may handle: the document, everything it adds and every
copy it makes, whether or not it is removed again. Arbitrary: about six documents of the largest size (350,000 bytes),
and about two seconds of copying. Thirty doublings would need 2^30 times the document."""

DEPTH_MAX = 200
"""Levels a document may have between two operations. Arbitrary: twice what a result may have, and far below the depth
at which Python's own recursion ends."""

_MEMBERS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}


def validate_patch(patch: Json) -> None:
    """Return when ``patch`` is a patch document: every operation known, complete, and with well-formed pointers.

    Members that RFC 6902 does not define for an operation are ignored, as its section 4 demands. Whether the patch
    applies can only be said with a document at hand.

    :raises InvalidInput: no patch; the message names the operation by its index and the member.
    """
    if not isinstance(patch, list):
        raise InvalidInput(
            f"a JSON Patch is an array of operations, found {_kind(patch)}", hint="see RFC 6902, section 3"
        )
    for index, operation in enumerate(patch):
        _validate_operation(index, operation)


def apply_patch(document: Json, patch: Json) -> Json:
    """The document after all operations in order. The input is never changed, and the result shares nothing with it.

    All or nothing: when an operation fails there is no result. ``test`` compares as RFC 6902, section 4.6 says, so
    ``true`` is not ``1``, and ``1`` is ``1.0``.

    :raises InvalidInput: ``patch`` is no patch, see :func:`validate_patch`.
    :raises MigrationFailed: an operation does not apply, or the work is over ``WORK_MAX`` or ``DEPTH_MAX``; the message
        names the operation by its index, ``pointer`` the place. No value of the document stands in it.
    """
    validate_patch(patch)
    weight, depth = _weigh(document)
    if depth > DEPTH_MAX:
        raise MigrationFailed(f"the document has {depth} levels, a patch takes {DEPTH_MAX} at most", pointer="")
    result = _clone(document)
    for index, operation in enumerate(patch):
        weight += _growth(index, operation, result)
        if weight > WORK_MAX:
            raise _failure(index, operation, f"more than {WORK_MAX} values and characters are handled by this patch")
        result = _apply(index, operation, result)
    return result


def is_pointer(value: Json) -> bool:
    """Whether the value is a JSON Pointer (RFC 6901) in its string form."""
    if not isinstance(value, str):
        return False
    try:
        jsonpointer.JsonPointer(value)
    except jsonpointer.JsonPointerException:
        return False
    return True


def resolve_pointer(document: Json, pointer: str) -> Json:
    """What the pointer names in the document; the part itself, not a copy.

    :raises NotFound: there is nothing, or it is no pointer; no value stands in the message.
    """
    try:
        found = jsonpointer.JsonPointer(pointer).resolve(document)
    except jsonpointer.JsonPointerException:
        raise NotFound(f"there is nothing at {pointer}") from None
    if isinstance(found, jsonpointer.EndOfList):
        raise NotFound(f"there is nothing at {pointer}")
    return found


def make_patch(old: Json, new: Json) -> list[dict[str, Json]]:
    """A patch that turns ``old`` into ``new``; the empty list when they are equal. Neither is changed.

    Numbers are equal when their values are: ``1.0`` and ``1`` have one canonical form, and no patch lies between them.
    Equal documents give equal patches, in whatever order their members stand.
    """
    made: list[dict[str, Json]] = list(jsonpatch.make_patch(_plain(old), _plain(new)))
    return made


def _validate_operation(index: int, operation: Json) -> None:
    if not isinstance(operation, dict):
        raise InvalidInput(f"operation {index} of the patch must be an object, found {_kind(operation)}")
    name = operation.get("op")
    if not isinstance(name, str) or name not in _MEMBERS:
        raise InvalidInput(
            f"operation {index} of the patch: 'op' must be one of {', '.join(_MEMBERS)}",
            hint="operation names are lower case; there are no others in RFC 6902",
        )
    for member in _MEMBERS[name]:
        if member not in operation:
            raise InvalidInput(f"operation {index} of the patch ({name}): '{member}' is missing")
        if member != "value":
            _validate_pointer(index, name, member, operation[member])
    if name == "remove" and operation["path"] == "":
        raise InvalidInput(f"operation {index} of the patch (remove): the whole document cannot be removed")
    if name == "move" and operation["path"].startswith(operation["from"] + "/"):
        raise InvalidInput(f"operation {index} of the patch (move): 'from' cannot be moved into a part of itself")


def _validate_pointer(index: int, name: str, member: str, pointer: Json) -> None:
    if not is_pointer(pointer):
        raise InvalidInput(
            f"operation {index} of the patch ({name}): '{member}' must be a JSON Pointer",
            hint='a pointer is "" or starts with "/"; "~" is written "~0" and "/" inside a name "~1" (RFC 6901)',
        )


def _growth(index: int, operation: dict[str, Json], document: Json) -> int:
    """What the operation adds to the work. Refuses what would make the document too deep."""
    match operation["op"]:
        case "add" | "replace":
            value = operation["value"]
        case "move" | "copy":
            value = _resolve(index, operation, document)
        case _:
            return 0
    weight, depth = _weigh(value)
    if operation["path"].count("/") + depth > DEPTH_MAX:
        raise _failure(index, operation, f"the document would have more than {DEPTH_MAX} levels")
    return 0 if operation["op"] == "move" else weight


def _resolve(index: int, operation: dict[str, Json], document: Json) -> Json:
    try:
        return resolve_pointer(document, operation["from"])
    except NotFound:
        raise _failure(index, operation, "there is nothing", at="from") from None


def _apply(index: int, operation: dict[str, Json], document: Json) -> Json:
    """One operation, in place where the library can. The library's own sentences hold values, so none is passed on."""
    try:
        return jsonpatch.JsonPatch([operation]).apply(document, in_place=True)
    except jsonpatch.JsonPatchTestFailed:
        raise _failure(index, operation, "the tested value is not there") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        reason = {"add": "nothing can be added", "move": "nothing can be put", "copy": "nothing can be put"}
        raise _failure(index, operation, reason.get(operation["op"], "there is nothing")) from None


def _failure(index: int, operation: dict[str, Json], reason: str, *, at: str = "path") -> MigrationFailed:
    pointer = operation[at]
    return MigrationFailed(
        f"operation {index} ({operation['op']}): {reason} at {pointer or 'the root'}",
        pointer=pointer,
        hint="the patch was written for documents of another shape; correct it, or test for the shape first",
    )


def _weigh(value: Json) -> tuple[int, int]:
    """Values plus characters of strings and names, and levels (a scalar has one). Without recursion."""
    weight = depth = 0
    level = [value]
    while level:
        depth += 1
        weight += len(level)
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                weight += sum(map(len, item))
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str):
                weight += len(item)
        level = below
    return weight, depth


def _clone(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _clone(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_clone(item) for item in value]
    return value


def _plain(value: Json) -> Json:
    """A copy in which a number that is whole is an int, because the library tells ``1.0`` from ``1`` inside arrays.

    Its members are in order, because the library compares them in the order in which they stand.
    """
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= INTEGER_MAX:
        return int(value)
    return value


def _kind(value: Json) -> str:
    """The JSON type of a value, for messages that must not show the value."""
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
