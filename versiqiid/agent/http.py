"""One GET to a service on (or near) this host, for probes and versions. Nothing is followed, kept or sent along."""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import anyio.to_thread

from versiqiid.errors import Unavailable

BODY_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """``body`` is at most its first 64 KiB."""

    status: int
    body: bytes


async def get(url: str, *, timeout_s: float) -> Answer:
    """One request, one answer; redirects are answers like any other. Certificates are verified by the system's store.

    :param timeout_s: for the whole of it.
    :raises Unavailable: no connection, no answer in time, or no HTTP.
    """
    answer: Answer | None = None
    with anyio.move_on_after(timeout_s):
        try:
            # The thread may outlive a cancelled wait by its socket timeout, never longer than one more timeout.
            answer = await anyio.to_thread.run_sync(_get, url, timeout_s, abandon_on_cancel=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unavailable(f"{_place(url)}: {type(error).__name__}") from error
    if answer is None:
        raise Unavailable(f"{_place(url)}: no answer within {timeout_s:g} s")
    return answer


def _get(url: str, timeout_s: float) -> Answer:
    parts = urlsplit(url)
    host, path = parts.hostname or "", parts.path or "/"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    try:
        connection.request("GET", path + (f"?{parts.query}" if parts.query else ""), headers={"Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, response.read(BODY_BYTES_MAX))
    finally:
        connection.close()


def _place(url: str) -> str:
    """The address without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
