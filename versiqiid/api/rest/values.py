"""Bodies of requests and answers about keys: transactions as JSON, values as text or base64, media types."""

from __future__ import annotations

import base64
import json
from typing import Any

from versiqiid.api.expectation import ANYTHING, at
from versiqiid.api.service import Item, Write, Written
from versiqiid.core.transaction import FORM, read_transaction
from versiqiid.errors import InvalidInput


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
    asked = read_transaction(json_body(raw, FORM))
    return [Write(one.op, one.key, one.value, ANYTHING if one.revision is None else at(one.revision)) for one in asked]


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
