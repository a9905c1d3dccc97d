"""What ``versiqii doctor`` says about the TLS of an address: whether there is any, whom it trusts, when it ends.

For servers that others talk to; a handshake is made and nothing is asked.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import anyio
from anyio.streams.tls import TLSAttribute

from versiqiid.core.certificates import ends_at
from versiqiid.core.findings import Finding, Level, certificate
from versiqiid.errors import InvalidInput

_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """How a server is spoken to.

    :ivar name: of the server, as ``consul``.
    :ivar urls: its addresses; those that are no URL of HTTP are left out.
    :ivar context: makes what connections are made with.
    :ivar verified: whether the server's certificate is checked at all.
    :ivar server_name: the name that it must have, when it is not the host of the address.
    :ivar client_cert: PEM file of the certificate that we show, "" = none.
    :ivar secure_hint: what to do about an address that is not encrypted.
    """

    name: str
    urls: tuple[str, ...]
    context: Callable[[], ssl.SSLContext]
    verified: bool = True
    server_name: str = ""
    client_cert: str = ""
    secure_hint: str = "Use https://."


class TlsProbe:
    """A check, see ``core/findings.py``."""

    def __init__(self, served: Served, *, wall: Callable[[], float] = time.time) -> None:
        """:param wall: seconds since the epoch."""
        self._served = served
        self._check = f"{served.name} tls"
        self._wall = wall

    async def __call__(self) -> Sequence[Finding]:
        found: list[Finding] = []
        for url in self._served.urls:
            found += await self._look(url)
        return [*found, *self._own()]

    async def _look(self, url: str) -> list[Finding]:
        parts = urlsplit(url)
        if parts.scheme == "http":
            if _is_loopback(parts.hostname or ""):
                return [Finding(self._check, Level.OK, f"{url} is on this machine and needs no encryption")]
            told = f"{url} is not encrypted: tokens can be read on their way"
            return [Finding(self._check, Level.WARNING, told, self._served.secure_hint)]
        if parts.scheme != "https":
            return []
        if not self._served.verified:
            told = f"{url} is not verified: anybody may answer there"
            return [Finding(self._check, Level.WARNING, told, "Name the authority to trust instead.")]
        try:
            return [await self._shown(url, parts.hostname or "", parts.port or 443)]
        except (OSError, ssl.SSLError, TimeoutError, anyio.BrokenResourceError) as error:
            hint = "Check the authority, the server's name, and the address."
            return [Finding(self._check, Level.ERROR, f"{url}: {error or type(error).__name__}", hint)]

    async def _shown(self, url: str, host: str, port: int) -> Finding:
        name = self._served.server_name or host
        with anyio.fail_after(_CONNECT_S):
            stream = await anyio.connect_tcp(host, port, ssl_context=self._served.context(), tls_hostname=name)
            async with stream:
                shown = stream.extra(TLSAttribute.peer_certificate) or {}  # noqa: S610 - anyio's word for an attribute
                version = stream.extra(TLSAttribute.tls_version)  # noqa: S610
        ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
        return certificate(self._check, f"the certificate of {url} ({version})", ends, self._wall())

    def _own(self) -> Iterator[Finding]:
        path = self._served.client_cert
        if not path:
            return
        try:
            ends = ends_at(Path(path).read_bytes())
        except (OSError, InvalidInput):
            told = f"the client certificate {path} cannot be read"
            yield Finding(self._check, Level.ERROR, told, "Check the path, and that it is PEM.")
            return
        yield certificate(self._check, f"the client certificate {path}", ends, self._wall())


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
