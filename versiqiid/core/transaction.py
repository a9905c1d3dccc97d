"""A transaction as people write it: operations on keys, as JSON. The daemon and the command line read it by this."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from versiqiid.core.canonical import Json

FORM: Final = "{operations: [{op: set | delete | check, key, value? | valueBase64?, revision?}]}"
_FIELDS: Final = {"set": {"value", "valueBase64", "revision"}, "delete": {"revision"}, "check": {"revision"}}


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation.

    :ivar op: ``set``, ``delete`` or ``check``. :ivar value: of a set, else None.
    :ivar revision: what the key must be at, 0 = absent; None = whatever is there. A check has one.
    """

    op: str
    key: str
    value: bytes | None
    revision: int | None


def read_transaction(told: Json) -> list[Asked]:
    """The operations, in their order; whether a key is one is not judged here.

    :raises InvalidInput: something else than ``FORM``, with the pointer to it; no value is quoted.
    """
    if not isinstance(told, dict) or told.keys() != {"operations"} or not isinstance(told["operations"], list):
        raise InvalidInput(f"expected {FORM}")
    return [_operation(f"/operations/{at}", operation) for at, operation in enumerate(told["operations"])]


def _operation(place: str, told: Any) -> Asked:
    if not isinstance(told, dict) or not isinstance(told.get("op"), str) or not isinstance(told.get("key"), str):
        raise InvalidInput(f"{place}: expected an object with 'op' and 'key' as text")
    op, revision = told["op"], told.get("revision")
    if op not in _FIELDS:
        raise InvalidInput(f"{place}/op: expected set, delete or check")
    unknown = sorted(told.keys() - _FIELDS[op] - {"op", "key"})
    if unknown:
        raise InvalidInput(f"{place}: a {op} has no field {unknown[0][:80]!r}")
    if (revision is not None and (type(revision) is not int or revision < 0)) or (op == "check" and revision is None):
        raise InvalidInput(f"{place}/revision: expected a revision, 0 for absent")
    return Asked(op, told["key"], _value(place, told) if op == "set" else None, revision)


def _value(place: str, told: dict[str, Any]) -> bytes:
    given = told.keys() & {"value", "valueBase64"}
    value = told[given.pop()] if len(given) == 1 else None
    if isinstance(value, str):
        try:
            return value.encode() if "value" in told else base64.b64decode(value, validate=True)
        except ValueError:
            pass
    raise InvalidInput(f"{place}: a set needs either 'value' as text or 'valueBase64'")
