"""What can be set about Vault. Secrets are read from files where there are files, at the moment they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from versiqiid.errors import InvalidSetting

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class VaultAuth(StrEnum):
    """How the daemon proves to Vault who it is."""

    TOKEN = "token"  # noqa: S105 - the name of a way, no secret
    APPROLE = "approle"
    KUBERNETES = "kubernetes"
    JWT = "jwt"
    CERT = "cert"


class Unwrapped:
    """Secret ids by the wrapping token that held them: a wrapping token works once, and may be needed by two logins.

    For worker threads: ``open_`` is called once for each token, whoever asks first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def of(self, wrapping: str, open_: Callable[[], str]) -> str:
        """The secret id. Only that of the newest wrapping token is kept."""
        with self._lock:
            if wrapping not in self._known:
                self._known = {wrapping: open_()}
            return self._known[wrapping]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSettings:
    """Where Vault is, how to log in, and what to fetch.

    :ivar address: ``https://host:8200``.
    :ivar auth_mount: where the auth method is mounted; "" = its usual place.
    :ivar role: the role; for ``approle`` the role id.
    :ivar token: for ``token``; a file is followed as its content changes.
    :ivar secret_id: for ``approle``, or from ``secret_id_file`` (a systemd credential, for example).
    :ivar secret_id_wrapped: what is given is a wrapping token, which is unwrapped once and for all.
    :ivar jwt_file: for ``jwt`` and ``kubernetes``; read at each login, because it is renewed by others.
    :ivar ca_cert: PEM file of the only authorities to trust; None = those of the system.
    :ivar client_cert: PEM files shown to Vault; needed for ``cert``.
    :ivar consul_role: the role of the Consul secrets engine that tokens come from; "" = the Vault token itself.
    :ivar unwrapped: secret ids of wrapping tokens that were opened; shared by all logins of one process.
    :ivar timeout_s: of one request.
    :ivar overlap_s: how long a replaced token stays valid for requests that still carry it, if its own end permits.
    :ivar probe_s: how long a new Consul token may take to become known to Consul.
    :raises InvalidSetting: something is missing for the way to log in, by name.
    """

    address: str
    auth: VaultAuth = VaultAuth.TOKEN
    auth_mount: str = ""
    role: str = ""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    secret_id: str = field(default="", repr=False)
    secret_id_file: Path | None = None
    secret_id_wrapped: bool = False
    jwt_file: Path | None = None
    namespace: str = ""
    ca_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    consul_role: str = ""
    consul_mount: str = "consul"
    unwrapped: Unwrapped = field(default_factory=Unwrapped, repr=False, compare=False)
    timeout_s: float = 10.0
    overlap_s: float = 60.0
    probe_s: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidSetting("vault address: expected https://host:port", hint="as in VAULT_ADDR")
        for present, name in self._needs():
            if not present:
                raise InvalidSetting(f"vault-auth {self.auth.value} needs {name}")

    @property
    def use(self) -> str:
        """What the credential in use is for, as metrics and entries call it: ``store``, or ``vault`` itself."""
        return "store" if self.consul_role else "vault"

    @property
    def mount(self) -> str:
        """Where the auth method is mounted."""
        return self.auth_mount.strip("/") or self.auth.value

    def _needs(self) -> tuple[tuple[object, str], ...]:
        match self.auth:
            case VaultAuth.TOKEN:
                return ((self.token or self.token_file, "a token or a token file"),)
            case VaultAuth.APPROLE:
                return (
                    (self.role, "the role id as vault-role"),
                    (self.secret_id or self.secret_id_file, "a secret id or a file with it"),
                )
            case VaultAuth.KUBERNETES:
                return ((self.role, "vault-role"),)
            case VaultAuth.JWT:
                return ((self.role, "vault-role"), (self.jwt_file, "a file with the JWT"))
            case VaultAuth.CERT:
                return ((self.client_cert and self.client_key, "a client certificate and its key"),)
