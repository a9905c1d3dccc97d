"""Ports and HTTP, as far as starting and asking a server needs them. No retries, no redirects, no sessions."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
from dataclasses import dataclass
from typing import Any

LOOPBACK = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_000
"""Below the range from which the kernel takes ports for outgoing connections (32768 on Linux, `ip_local_port_range`): a
port found free here is not taken by some client a moment later. Two test runs can still meet; the start is repeated."""
_dice = random.SystemRandom()


def free_ports(count: int) -> tuple[int, ...]:
    """`count` different loopback ports on which nobody listened just now."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = _dice.randrange(_FIRST, _LAST)
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                ports.append(port)
    return tuple(ports)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None when it is empty."""
        return json.loads(self.body) if self.body else None


def call(
    address: str,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = 10.0,
) -> Reply:
    """One HTTP exchange; every status is an answer.

    :param address: `host:port`.
    :param body: bytes as they are, anything else but None as JSON.
    :raises OSError: no connection, or no answer within `timeout_s` seconds.
    :raises http.client.HTTPException: the other side does not speak HTTP, or broke off.
    """
    payload = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    with contextlib.closing(http.client.HTTPConnection(address, timeout=timeout_s)) as connection:
        connection.request(method, path, payload, headers or {})
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
