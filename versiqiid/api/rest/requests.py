"""What a request says beside its body: preconditions, author, correlation, git provenance. And the body, bounded."""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request

from versiqiid.api.expectation import ABSENT, ANYTHING, UNSAID, Expectation
from versiqiid.api.points import is_time
from versiqiid.core.provenance import traceparent, without_credentials
from versiqiid.engine.facts import Attribution
from versiqiid.errors import InvalidInput, TooLarge
from versiqiid.ports import Actor

BODY_BYTES_MAX = 1024 * 1024
"""The largest value and a little more; arbitrary, above every store's own limit."""

BULK_BYTES_MAX = 16 * 1024 * 1024
"""The largest transaction or batch of cases. Arbitrary: what a daemon may hold in memory for one request."""

CORRELATION_FORM = "1 to 128 characters of [A-Za-z0-9._:-], and neither all digits nor a time"
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")

# RFC 9110, section 8.8.3: entity-tag = [ weak ] opaque-tag
_TAG = re.compile(r'\s*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|\Z)')
_REVISION = re.compile(r'"([1-9][0-9]{0,18})"\Z')


def expectation(request: Request) -> Expectation:
    """The precondition of a write.

    "An origin server MUST use the strong comparison function when comparing entity tags for If-Match" (RFC 9110,
    section 13.1.1): a weak tag, or one that none of our answers ever carried, matches nothing.

    :raises InvalidInput: no precondition that can be meant.
    """
    match_, none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    if match_ is not None and none_match is not None:
        raise InvalidInput("If-Match and If-None-Match exclude each other", hint="Send one of them.")
    if none_match is not None:
        if none_match.strip() != "*":
            raise InvalidInput("If-None-Match takes only * here", hint="Send If-None-Match: * to create only.")
        return ABSENT
    if match_ is None:
        return UNSAID
    if match_.strip() == "*":
        return ANYTHING
    found = (_REVISION.match(tag) for tag in _tags("If-Match", match_))
    return Expectation(frozenset(int(revision[1]) for revision in found if revision))


def has(request: Request, etag: str) -> bool:
    """Whether the reader has this entity tag already, so that it need not be sent again (weak comparison)."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or etag in (tag.removeprefix("W/") for tag in _tags("If-None-Match", given))


def _tags(header: str, text: str) -> list[str]:
    found, at = [], 0
    while at < len(text):
        tag = _TAG.match(text, at)
        if tag is None:
            hint = f'Send {header}: "17" with the revision that the ETag of a GET told.'
            raise InvalidInput(f"{header} must be a quoted revision or *", hint=hint)
        found.append(tag[1])
        at = tag.end()
    return found


def author(request: Request) -> Attribution:
    """Who asks, as far as the request tells; the correlation id is made when none came.

    :raises InvalidInput: a correlation id that could be mistaken for a revision or a time, or is ill-formed.
    """
    via = "cli" if request.headers.get("user-agent", "").startswith("versiqii/") else "api"
    known = request.scope.get("versiqii.actor")
    git = {
        name: without_credentials(value)[:1024]
        for name, header in (("repository", "x-git-repository"), ("commit", "x-git-commit"), ("path", "x-git-path"))
        if (value := request.headers.get(header))
    }
    actor = Actor("token", known, via) if known else Actor("user", "anonymous", via)
    trace = traceparent(request.headers.get("traceparent", ""))
    data = None if trace is None else {"traceparent": trace}
    return Attribution(actor, correlation_id(request), git=git or None, data=data)


def correlation_id(request: Request) -> str:
    """``X-Correlation-Id``, else the trace id of ``traceparent``, else a new one; the same at every call.

    :raises InvalidInput: as ``author``.
    """
    given = request.headers.get("x-correlation-id")
    if given is None:
        trace = traceparent(request.headers.get("traceparent", ""))
        made = f"trace-{trace.split('-')[1]}" if trace else str(uuid.uuid4())
        return str(request.scope.setdefault("versiqii.correlation", made))
    if not _CORRELATION.match(given) or given.isdigit() or is_time(given):
        raise InvalidInput(f"X-Correlation-Id must be {CORRELATION_FORM}")
    return given


async def body(request: Request, *, limit: int = BODY_BYTES_MAX) -> bytes:
    """The raw body.

    :raises TooLarge: over the limit; the rest is not read.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _too_large(int(length), limit)
    whole = bytearray()
    async for piece in request.stream():
        whole += piece
        if len(whole) > limit:
            raise _too_large(len(whole), limit)
    return bytes(whole)


def _too_large(size: int, limit: int) -> TooLarge:
    msg = f"a body of {size} bytes or more is over the limit of {limit}"
    return TooLarge(msg, size=size, limit=limit, hint="Split it over several requests.")
