"""Bodies of requests and answers about keys: transactions as JSON, values as text or base64, media types."""

from __future__ import annotations

import base64
import json
from typing import Any

from versiqiid.api.expectation import ANYTHING, at
from versiqiid.api.service import Item, Write, Written
from versiqiid.errors import InvalidInput

TXN_FORM = "{operations: [{op: set | delete | check, key, value? | valueBase64?, revision?}]}"
_FIELDS = {
    "set": {"op", "key", "value", "valueBase64", "revision"},
    "delete": {"op", "key", "revision"},
    "check": {"op", "key", "revision"},
}


def json_body(raw: bytes, form: str) -> Any:
    """The body as JSON.

    :param form: what is expected, for the message.
    :raises InvalidInput: no JSON, or nested beyond any use.
    """
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no JSON; expected {form}") from error


def operations(raw: bytes) -> list[Write]:
    """The operations of a transaction.

    :raises InvalidInput: something else, with the pointer to it.
    """
    told = json_body(raw, TXN_FORM)
    if not isinstance(told, dict) or told.keys() != {"operations"} or not isinstance(told["operations"], list):
        raise InvalidInput(f"expected {TXN_FORM}")
    return [_operation(f"/operations/{at}", operation) for at, operation in enumerate(told["operations"])]


def _operation(place: str, told: Any) -> Write:
    if not isinstance(told, dict) or not isinstance(told.get("op"), str) or not isinstance(told.get("key"), str):
        raise InvalidInput(f"{place}: expected an object with 'op' and 'key' as text")
    op, revision = told["op"], told.get("revision")
    if op not in _FIELDS:
        raise InvalidInput(f"{place}/op: expected set, delete or check")
    unknown = sorted(told.keys() - _FIELDS[op])
    if unknown:
        raise InvalidInput(f"{place}: a {op} has no field {unknown[0][:80]!r}")
    if (revision is not None and (type(revision) is not int or revision < 0)) or (op == "check" and revision is None):
        raise InvalidInput(f"{place}/revision: expected a revision, 0 for absent")
    raw = _value(place, told) if op == "set" else None
    return Write(op, told["key"], raw, ANYTHING if revision is None else at(revision))


def _value(place: str, told: dict[str, Any]) -> bytes:
    given = told.keys() & {"value", "valueBase64"}
    value = told[given.pop()] if len(given) == 1 else None
    if isinstance(value, str):
        try:
            return value.encode() if "value" in told else base64.b64decode(value, validate=True)
        except ValueError:
            pass
    raise InvalidInput(f"{place}: a set needs either 'value' as text or 'valueBase64'")


def item_json(item: Item, *, values: bool) -> dict[str, Any]:
    """One row of a listing."""
    told: dict[str, Any] = {
        "key": item.key,
        "revision": item.revision,
        "created": item.created,
        "updated": item.updated,
    }
    if values:
        try:
            told["value"] = item.raw.decode("utf-8")
        except UnicodeDecodeError:
            told["valueBase64"] = base64.b64encode(item.raw).decode("ascii")
    return told


def written_json(written: Written) -> dict[str, Any]:
    """What a write did."""
    return {
        "revision": written.revision,
        "keys": list(written.keys),
        "revisions": dict(written.revisions),
        "correlationId": written.correlation_id,
    }


def media_type(key: str, raw: bytes) -> str:
    """What a value most likely is. Nothing is ever told to be anything that a browser would run."""
    if key.startswith("modules/"):
        return "application/wasm" if raw.startswith(b"\0asm") else "application/octet-stream"
    if key.startswith("envs/"):
        return "text/plain; charset=utf-8"
    if raw.lstrip()[:1] in (b"{", b"[", b'"'):
        return "application/json"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"
