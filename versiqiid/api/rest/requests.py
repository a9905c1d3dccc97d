"""What a request says beside its body: preconditions, author, correlation, git provenance."""

from __future__ import annotations

import re
import uuid

from starlette.requests import Request

from versiqiid.engine.facts import Attribution
from versiqiid.errors import InvalidInput, TooLarge
from versiqiid.ports import Actor

BODY_BYTES_MAX = 1024 * 1024
_ETAG = re.compile(r'(?:W/)?"([0-9]{1,20})"\Z')
_CORRELATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}\Z")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")


def expectation(request: Request) -> int | None:
    """The precondition as the service takes it: a revision, 0 = create only, None = any, -1 = none was given.

    :raises InvalidInput: an entity tag that none of our answers ever carried.
    """
    match_ = request.headers.get("if-match")
    none_match = request.headers.get("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*":
            msg = "If-None-Match takes only * here"
            raise InvalidInput(msg, hint="Send If-None-Match: * to create only.")
        return 0
    if match_ is None:
        return -1
    if match_.strip() == "*":
        return None
    found = _ETAG.match(match_.strip())
    if not found:
        msg = "If-Match must be a quoted revision or *"
        raise InvalidInput(msg, hint='Send If-Match: "17" with the revision that the ETag of a GET told.')
    return int(found[1])


def author(request: Request) -> Attribution:
    """Who asks, as far as the request tells; the correlation id is made when none came.

    :raises InvalidInput: a correlation id that could be mistaken for a revision or a time, or is ill-formed.
    """
    via = "cli" if request.headers.get("user-agent", "").startswith("versiqii/") else "api"
    who = request.scope.get("versiqii.actor", "anonymous")
    git = {
        name: value
        for name, header in (("repository", "x-git-repository"), ("commit", "x-git-commit"), ("path", "x-git-path"))
        if (value := request.headers.get(header))
    }
    actor = Actor("token" if "versiqii.actor" in request.scope else "user", who, via)
    return Attribution(actor, correlation_id(request), git=git or None)


def correlation_id(request: Request) -> str:
    """``X-Correlation-Id``, else the trace id of ``traceparent``, else a new one.

    :raises InvalidInput: as ``author``.
    """
    given = request.headers.get("x-correlation-id")
    if given is None:
        trace = _TRACEPARENT.match(request.headers.get("traceparent", ""))
        return f"trace-{trace[1]}" if trace else str(uuid.uuid4())
    if not _CORRELATION.match(given) or given.isdigit() or _TIME.match(given):
        msg = "X-Correlation-Id must be 1 to 128 characters of [A-Za-z0-9._:-], and neither all digits nor a time"
        raise InvalidInput(msg)
    return given


async def body(request: Request) -> bytes:
    """The raw body.

    :raises TooLarge: over 1 MiB; the rest is not read.
    """
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise _too_large(int(length))
    whole = bytearray()
    async for piece in request.stream():
        whole += piece
        if len(whole) > BODY_BYTES_MAX:
            raise _too_large(len(whole))
    return bytes(whole)


def _too_large(size: int) -> TooLarge:
    msg = f"a body of {size} bytes or more is over the limit of {BODY_BYTES_MAX}"
    return TooLarge(msg, size=size, limit=BODY_BYTES_MAX)
