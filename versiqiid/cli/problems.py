"""RFC 9457 problems back as the errors that they tell of, by their code first, then by their status."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from versiqiid import errors as e
from versiqiid.core.violation import Violation


class PreconditionRequired(e.Conflict):
    """The key exists; say what is written over."""


_CODES: dict[str, type[e.VersiqiiError]] = {
    "invalid_key": e.InvalidKey,
    "forbidden": e.Forbidden,
    "unauthenticated": e.Forbidden,
    "immutable": e.Refused,
    "refused": e.Refused,
    "not_found": e.NotFound,
    "migration_failed": e.MigrationFailed,
}
_STATUSES: dict[int, type[e.VersiqiiError]] = {
    400: e.InvalidInput,
    401: e.Forbidden,
    403: e.Forbidden,
    404: e.NotFound,
    413: e.InvalidInput,
    422: e.InvalidInput,
    429: e.Unavailable,
    502: e.Unavailable,
    503: e.Unavailable,
    504: e.Unavailable,
}
_CONFLICTS = {409, 412, 428}


def raise_problem(status: int, raw: bytes) -> NoReturn:
    """
    :raises VersiqiiError: what the daemon said.
    """
    told = _object(raw)
    code, hint = str(told.get("code", "")), str(told.get("hint", ""))
    detail = str(told.get("detail", "")) or f"the daemon answered with HTTP status {status}"
    kind = _CODES.get(code)
    if kind is None and status in _CONFLICTS:
        conflict = PreconditionRequired if code == "precondition_required" else e.Conflict
        found = told.get("found")
        raise conflict(detail, key=str(told.get("key", "")), expected=0, found=found, hint=hint)
    if code == "validation_failed":
        raise e.ValidationFailed(detail, violations=_violations(told), hint=hint)
    raise (kind or _STATUSES.get(status, e.Internal))(detail, hint=hint)


def _violations(told: dict[str, Any]) -> tuple[Violation, ...]:
    found = told.get("violations", [])
    return tuple(Violation(str(v["pointer"]), str(v["keyword"]), str(v["message"])) for v in found)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
