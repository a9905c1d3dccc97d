"""What a Consul answer means when it is not the one hoped for: status and words → our typed errors. Pure.

Consul's words name keys, limits and accessor ids, never values or secrets; what a proxy says is not repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from versiqiid.errors import (
    Forbidden,
    NoLeader,
    NotFound,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    VersiqiiError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS_MAX = 200
_NUMBERS = re.compile(r"\((\d+)(?: bytes)? *> *(\d+)|\((\d+) bytes\) too large, max size: (\d+)")
_HEALTHY_BELOW = 300


@dataclass(frozen=True, slots=True)
class Refusal:
    """One operation of a transaction that failed.

    :ivar index: its place in what was sent.
    """

    index: int
    what: str

    @property
    def forbidden(self) -> bool:
        """Whether rights are missing, and not an expectation wrong."""
        return "Permission denied" in self.what or "ACL not found" in self.what


class TransactionRefusedError(Exception):
    """The server applied nothing of a transaction. Never leaves the adapter.

    :ivar body: the JSON that lists the failed operations.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__("transaction refused")
        self.body = body


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, as far as errors tell it.

    :ivar name: method and path, without the query.
    :ivar writes: whether the server may have changed something.
    """

    name: str
    writes: bool


def no_answer(question: Question, where: str, why: str, *, sent: bool) -> Unavailable:
    """The error for a request without an answer.

    :param sent: whether the request may have reached the server.
    """
    fault = Unavailable(
        f"consul {question.name}: no answer from {where}: {why}", hint="Check that Consul runs and is reachable."
    )
    fault.maybe_written = question.writes and sent
    return fault


def fault_of(question: Question, status: int, headers: Mapping[str, str], body: bytes) -> Exception | None:
    """The error that an answer stands for, None when it is a good one.

    A 404 of the key-value store is a good answer ("no such key") when it carries an index; without one it comes from
    somebody else (``docs/consul-rules.md`` C1).
    """
    if status < _HEALTHY_BELOW:
        return None
    words = _words(headers, body)
    told = f"consul {question.name}: {status} {words}".rstrip()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _server_fault(question, headers, words, told)
    match status:
        case HTTPStatus.CONFLICT if question.name == "PUT /v1/txn":
            fault: Exception | None = TransactionRefusedError(body)
        case HTTPStatus.NOT_FOUND:
            fault = _absent(question, headers, told)
        case HTTPStatus.FORBIDDEN:
            fault = Forbidden(told, hint=_rights(words))
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            fault = _too_large(told)
        case HTTPStatus.TOO_MANY_REQUESTS:
            fault = RateLimited(told, retry_after_s=_seconds(headers.get("Retry-After")))
        case _:
            fault = Refused(told, hint="Check the address, and what stands between here and Consul.")
    return fault


def _absent(question: Question, headers: Mapping[str, str], told: str) -> VersiqiiError | None:
    if headers.get("X-Consul-Index") and question.name.startswith("GET /v1/kv/"):
        return None
    if question.name.startswith("PUT /v1/session/"):
        return NotFound("the session has ended", hint="Open a new one; its locks are gone.")
    return Refused(f"{told}: this is not Consul's answer", hint="Check the address: something else answers there.")


def _server_fault(question: Question, headers: Mapping[str, str], words: str, told: str) -> VersiqiiError:
    """A 5xx. Consul answers refusals with 500 too; only its words tell them apart."""
    fault: VersiqiiError
    if "No cluster leader" in words:
        fault = NoLeader(told, hint="Wait for the election, or look at the servers.")
    elif "rate limit" in words.lower():
        fault = RateLimited(told, retry_after_s=_seconds(headers.get("Retry-After")))
    elif "invalid session" in words:
        fault = NotFound("the session has ended", hint="Open a new one; its locks are gone.")
    elif "Invalid Session TTL" in words:
        fault = Refused(told, hint="Set session-ttl-s to what this Consul takes (session_ttl_min, 10 s by default).")
    elif "ACL not found" in words or "Permission denied" in words:
        fault = Forbidden(told, hint=_rights(words))
    else:
        fault = Unavailable(told, hint="Look at the log of that Consul server.")
        fault.maybe_written = question.writes
    return fault


def _rights(words: str) -> str:
    if "ACL not found" in words:
        return "The token is unknown or has expired: supply a new one."
    return "Give the token's policy the missing permission."


def knows_no_token(error: Forbidden) -> bool:
    """Whether the token is unknown to this server: it has ended, or the server lags behind the one that made it."""
    return "ACL not found" in error.message


def _too_large(told: str) -> TooLarge:
    found = _NUMBERS.search(told)
    size, limit = (int(number) for number in found.groups() if number) if found else (0, 0)
    return TooLarge(told, size=size, limit=limit, hint="Write less at once.")


def _words(headers: Mapping[str, str], body: bytes) -> str:
    """The first line of what the server said, if it is Consul that speaks: it does so in plain text."""
    if not headers.get("Content-Type", "").startswith("text/plain"):
        return ""
    return next(iter(body[: 4 * _WORDS_MAX].decode(errors="replace").splitlines()), "")[:_WORDS_MAX]


def _seconds(text: str | None) -> float | None:
    """``Retry-After`` in seconds; its other form, a date, is not used by Consul."""
    return float(text) if text is not None and text.isdecimal() else None
