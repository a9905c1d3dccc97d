"""A transaction as people write it, for a store that is opened here; the daemon takes the same form."""

from __future__ import annotations

import json

from versiqiid.core.transaction import FORM, Asked, read_transaction
from versiqiid.errors import InvalidInput
from versiqiid.ports import Check, Delete, Operation, Set


def operations(raw: bytes, root: str) -> list[Operation]:
    """
    :raises InvalidInput: something else than ``FORM``; the pointer is named.
    """
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"no JSON; expected {FORM}") from error
    return [_operation(f"{root}/{one.key}", one) for one in read_transaction(told)]


def _operation(key: str, asked: Asked) -> Operation:
    if asked.value is not None:
        return Set(key, asked.value, asked.revision)
    if asked.op == "check" or asked.revision == 0:
        return Check(key, asked.revision or 0)
    return Delete(key, asked.revision)
