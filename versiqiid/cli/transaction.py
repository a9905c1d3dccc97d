"""A transaction as people write it, read for a store that is opened here; the daemon reads its own."""

from __future__ import annotations

import base64
import json
from typing import Any

from versiqiid.errors import InvalidInput
from versiqiid.ports import Check, Delete, Operation, Set

FORM = "{operations: [{op: set | delete | check, key, value? | valueBase64?, revision?}]}"
_FIELDS = {"set": {"value", "valueBase64", "revision"}, "delete": {"revision"}, "check": {"revision"}}


def operations(raw: bytes, root: str) -> list[Operation]:
    """
    :raises InvalidInput: something else than ``FORM``; the pointer is named.
    """
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"no JSON; expected {FORM}") from error
    if not isinstance(told, dict) or told.keys() != {"operations"} or not isinstance(told["operations"], list):
        raise InvalidInput(f"expected {FORM}")
    return [_operation(f"/operations/{at}", one, root) for at, one in enumerate(told["operations"])]


def _operation(place: str, told: Any, root: str) -> Operation:
    if not isinstance(told, dict) or told.get("op") not in _FIELDS or not isinstance(told.get("key"), str):
        raise InvalidInput(f"{place}: expected an object with 'op' (set, delete or check) and 'key'")
    op, key, revision = told["op"], f"{root}/{told['key']}", told.get("revision")
    unknown = sorted(told.keys() - _FIELDS[op] - {"op", "key"})
    if unknown:
        raise InvalidInput(f"{place}: a {op} has no field {unknown[0][:80]!r}")
    if (revision is not None and (type(revision) is not int or revision < 0)) or (op == "check" and revision is None):
        raise InvalidInput(f"{place}/revision: expected a revision, 0 for absent")
    if op == "check":
        return Check(key, revision or 0)
    if op == "set":
        return Set(key, _value(place, told), revision)
    return Check(key, 0) if revision == 0 else Delete(key, revision)


def _value(place: str, told: dict[str, Any]) -> bytes:
    given = told.keys() & {"value", "valueBase64"}
    value = told[given.pop()] if len(given) == 1 else None
    if isinstance(value, str):
        try:
            return value.encode() if "value" in told else base64.b64decode(value, validate=True)
        except ValueError:
            pass
    raise InvalidInput(f"{place}: a set needs either 'value' as text or 'valueBase64'")
