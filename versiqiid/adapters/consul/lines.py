"""Connections to one address, for any event loop: each carries one exchange at a time and is kept for the next.

The only door to httpx2 in this package. What is asked, and what an answer means, is ``transport.py``'s business.

Each line is a transport of its own with one connection. The library's pool would look through all of its connections,
with a system call for each, at each request and once more at its end: with sixty queries open, that was a third of the
processor time of a change (measured, ``docs/bench.md``). Here a line is found without looking at any other.
"""

from __future__ import annotations

import socket
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import httpx2

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping

_IDLE_MAX_S = 20.0
"""A connection that nobody wanted for so long is closed. Arbitrary: a few times the pause between signs of life."""

_CLOSE_MAX_S = 1.0
"""For the farewell of TLS. Arbitrary."""

_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.LocalProtocolError,
    httpx2.UnsupportedProtocol,
)

_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]
"""A blocking query is silent for minutes: without these a firewall that forgot the connection would not be noticed."""


class BrokenOffError(Exception):
    """There was no whole answer.

    :ivar sent: whether the request may have reached the server.
    :ivar late: it was given up, because nothing came for so long.
    """

    def __init__(self, why: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(why)
        self.sent = sent
        self.late = late


@dataclass(frozen=True, slots=True)
class Sent:
    """A request.

    :ivar answer_s: how long an answer may take to come, and each part of it.
    :ivar server_name: what the certificate must be for, empty = the address.
    :ivar arriving: called when the answer begins to come.
    """

    method: str
    url: str
    headers: dict[str, str]
    data: bytes | None
    connect_s: float
    answer_s: float
    server_name: str = ""
    arriving: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Came:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Lines:
    """Connections to one address.

    :param most: never more are open. Who comes then waits until one is free.
    :param path: of a socket; empty = the address is in each request.
    """

    def __init__(self, verify: ssl.SSLContext, most: int, path: str = "") -> None:
        self._verify = verify
        self._path = path
        self._room = anyio.Semaphore(most)
        self._idle: deque[tuple[float, httpx2.AsyncHTTPTransport]] = deque()
        self._closed = False

    async def exchange(self, sent: Sent) -> Came:
        """One request and its whole answer.

        :raises BrokenOffError: there was none; the line is closed.
        """
        limit = httpx2.Timeout(sent.answer_s, connect=sent.connect_s)
        extensions = {"timeout": limit.as_dict()} | ({"sni_hostname": sent.server_name} if sent.server_name else {})
        try:
            request = httpx2.Request(
                sent.method, sent.url, headers=sent.headers, content=sent.data, extensions=extensions
            )
            async with self._line(sent.answer_s) as line:
                answer = await line.handle_async_request(request)
                try:
                    if sent.arriving is not None:
                        sent.arriving()
                    return Came(answer.status_code, answer.headers, await answer.aread())
                finally:
                    await answer.aclose()
        except (httpx2.TransportError, httpx2.InvalidURL, OSError) as error:  # a TLS alert after the handshake is raw
            never = isinstance(error, (*_NEVER_SENT, httpx2.InvalidURL))
            late = isinstance(error, httpx2.ReadTimeout)
            raise BrokenOffError(str(error) or type(error).__name__, sent=not never, late=late) from error

    async def aclose(self) -> None:
        """Close what is not in use now; what is in use closes when its exchange is over."""
        self._closed = True
        while self._idle:
            await _close(self._idle.pop()[1])

    @asynccontextmanager
    async def _line(self, patience_s: float) -> AsyncIterator[httpx2.AsyncHTTPTransport]:
        """The line that was in use last, or a new one.

        :param patience_s: how long to wait while all are in use.
        """
        with anyio.move_on_after(patience_s) as waited:
            await self._room.acquire()
        if waited.cancelled_caught:
            raise BrokenOffError("all connections are in use", sent=False)
        try:
            line = self._idle.pop()[1] if self._idle else self._made()
            try:
                yield line
            except BaseException:
                await _close(line)
                raise
            if self._closed:
                await _close(line)
            else:
                self._idle.append((anyio.current_time(), line))
        finally:
            self._room.release()
        await self._tidy()

    async def _tidy(self) -> None:
        while self._idle and self._idle[0][0] < anyio.current_time() - _IDLE_MAX_S:
            await _close(self._idle.popleft()[1])

    def _made(self) -> httpx2.AsyncHTTPTransport:
        return httpx2.AsyncHTTPTransport(
            verify=self._verify,
            trust_env=False,  # no proxies, no .netrc: Consul is spoken to as told
            limits=httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_MAX_S),
            uds=self._path or None,
            socket_options=None if self._path else _KEEPALIVE,
        )


async def _close(line: httpx2.AsyncHTTPTransport) -> None:
    """Also when whoever used it was cancelled; a server that does not answer is not waited for."""
    with anyio.move_on_after(_CLOSE_MAX_S, shield=True):
        await line.aclose()
