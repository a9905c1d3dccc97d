"""Where Consul is and how it is spoken to: addresses, TLS, the ``CONSUL_*`` environment. No network, no third party.

The environment is read as Consul's own client reads it (https://github.com/hashicorp/consul/blob/main/api/api.go), not
as python-consul2 does (``docs/consul-rules.md`` C3 to C6).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from versiqiid.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
"""What Go's strconv.ParseBool takes, and nothing else (https://pkg.go.dev/strconv#ParseBool)."""

_PORTS = {"http": 80, "https": 443, "consul": 8500, "consul+tls": 8501}
_SECURE = frozenset({"https", "consul+tls"})


@dataclass(frozen=True, slots=True)
class Address:
    """One agent or server.

    :ivar base: what stands before ``/v1/`` in a URL.
    :ivar socket: path of a Unix socket, empty for TCP.
    """

    base: str
    socket: str = ""


@dataclass(frozen=True, slots=True)
class Tls:
    """How servers are verified and how we show who we are. Empty paths = the system's own authorities, no certificate.

    :ivar server_name: the name that the server's certificate must have, when it is not the host of the address.
    """

    ca_file: str = ""
    ca_path: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    verify: bool = True

    def context(self) -> ssl.SSLContext:
        """The settings as an SSL context.

        :raises InvalidSetting: a file is missing or no certificate; its path is named.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file or None, capath=self.ca_path or None)
        except (OSError, ssl.SSLError) as error:
            raise InvalidSetting(f"consul CA {self.ca_file or self.ca_path!r}: {error}") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file:
            try:
                context.load_cert_chain(self.cert_file, self.key_file or None)
            except (OSError, ssl.SSLError) as error:
                raise InvalidSetting(f"consul client certificate {self.cert_file!r}: {error}") from error
        return context


@dataclass(frozen=True, slots=True)
class ConsulSettings:
    """Everything about the connection but the token's rotation.

    :ivar addresses: asked in turn; the one that answered last is asked first.
    :ivar token: a token that never changes, empty = none. ``repr`` does not show it.
    :ivar auth: ``user:password`` for a proxy in front of Consul. ``repr`` does not show it.
    :ivar namespace: Consul Enterprise only, as ``partition``.
    """

    addresses: tuple[Address, ...] = (Address("http://127.0.0.1:8500"),)
    token: str = field(default="", repr=False)
    auth: str = field(default="", repr=False)
    tls: Tls = field(default_factory=Tls)
    namespace: str = ""
    partition: str = ""
    datacenter: str = ""


def parse_addresses(text: str, *, secure: bool = False) -> tuple[Address, ...]:
    """Addresses separated by commas; the scheme of the first holds for those that have none.

    Understood are ``host:port``, ``http://``, ``https://``, ``unix://`` as Consul's own client understands them, and
    ``consul://`` (port 8500 when none is named) and ``consul+tls://`` (8501).

    :param secure: what ``host:port`` without a scheme means.
    :raises InvalidSetting: an address that cannot be one. What stands before an ``@`` is not repeated.
    """
    parts = [part.strip() for part in text.split(",")]
    first, separator, _ = parts[0].partition("://")
    scheme = first if separator else "https" if secure else "http"
    return tuple(_address(part if "://" in part else f"{scheme}://{part}") for part in parts)


def settings_from(environ: Mapping[str, str]) -> ConsulSettings:
    """The settings that the ``CONSUL_*`` variables describe; defaults where they are absent or empty.

    A token file that is not empty wins over the token, as in Consul's own client.

    :raises InvalidSetting: a value that cannot be; the variable is named.
    """
    secure = _flag(environ, "CONSUL_HTTP_SSL", default=False)
    tls = Tls(
        ca_file=environ.get("CONSUL_CACERT", ""),
        ca_path=environ.get("CONSUL_CAPATH", ""),
        cert_file=environ.get("CONSUL_CLIENT_CERT", ""),
        key_file=environ.get("CONSUL_CLIENT_KEY", ""),
        server_name=environ.get("CONSUL_TLS_SERVER_NAME", ""),
        verify=_flag(environ, "CONSUL_HTTP_SSL_VERIFY", default=True),
    )
    return ConsulSettings(
        addresses=parse_addresses(environ.get("CONSUL_HTTP_ADDR") or "127.0.0.1:8500", secure=secure),
        token=_file_token(environ.get("CONSUL_HTTP_TOKEN_FILE", "")) or environ.get("CONSUL_HTTP_TOKEN", ""),
        auth=environ.get("CONSUL_HTTP_AUTH", ""),
        tls=tls,
        namespace=environ.get("CONSUL_NAMESPACE", ""),
        partition=environ.get("CONSUL_PARTITION", ""),
    )


def _address(text: str) -> Address:
    shown = text.rpartition("@")[2]
    if text.startswith("unix://"):
        path = text.removeprefix("unix://")
        if not path.startswith("/"):
            raise InvalidSetting(f"consul address {shown!r}: a Unix socket has an absolute path")
        return Address("http://localhost", path)
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise InvalidSetting(f"consul address {shown!r}: {error}") from error
    _refuse_unless_plain(url, shown)
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    scheme = "https" if url.scheme in _SECURE else "http"
    return Address(f"{scheme}://{host}:{_PORTS[url.scheme] if port is None else port}{url.path.rstrip('/')}")


def _refuse_unless_plain(url: SplitResult, shown: str) -> None:
    if url.scheme not in _PORTS:
        raise InvalidSetting(
            f"consul address {shown!r}: unknown scheme {url.scheme!r}", hint="Use consul:// or https://."
        )
    if url.username is not None:
        raise InvalidSetting(
            f"consul address {shown!r}: credentials do not belong into an address", hint="Use CONSUL_HTTP_TOKEN_FILE."
        )
    if not url.hostname or url.query or url.fragment:
        raise InvalidSetting(
            f"consul address {shown!r}: expected host:port", hint="For example consul://127.0.0.1:8500."
        )


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name, "")
    if not value:
        return default
    if value not in _TRUE | _FALSE:
        raise InvalidSetting(f"{name}: {value!r} is no boolean", hint="Use true or false, 1 or 0.")
    return value in _TRUE


def _file_token(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"CONSUL_HTTP_TOKEN_FILE: cannot read {path!r}: {error}") from error
