"""What the settings say about Vault, for the parts of the composition root that need it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from versiqiid.adapters.vault.settings import Unwrapped, VaultAuth, VaultSettings
from versiqiid.core.findings import Check
from versiqiid.settings import Settings

if TYPE_CHECKING:
    from versiqiid.adapters.vault.credentials import VaultCredentials

_UNWRAPPED: Final = Unwrapped()
"""Of this process: the store's login and the signer's may be given the same wrapping token."""


def vault_settings(settings: Settings, *, consul_role: str = "") -> VaultSettings:
    """Where Vault is and how to log in.

    :param consul_role: the role that Consul tokens come from; empty = none is fetched.
    :raises InvalidSetting: something is missing for the way to log in, by name.
    """
    environ = os.environ
    return VaultSettings(
        address=settings.vault,
        auth=VaultAuth(settings.vault_auth),
        auth_mount=settings.vault_auth_mount,
        role=settings.vault_role,
        token=environ.get("VAULT_TOKEN", ""),
        token_file=settings.vault_token_file or systemd_credential("vault-token"),
        secret_id_file=settings.vault_secret_id_file or systemd_credential("vault-secret-id"),
        secret_id_wrapped=settings.vault_secret_id_wrapped,
        unwrapped=_UNWRAPPED,
        jwt_file=settings.vault_jwt_file,
        namespace=environ.get("VAULT_NAMESPACE", ""),
        ca_cert=path_from(environ, "VAULT_CACERT"),
        client_cert=path_from(environ, "VAULT_CLIENT_CERT"),
        client_key=path_from(environ, "VAULT_CLIENT_KEY"),
        consul_role=consul_role,
    )


def vault_checks(vault: VaultSettings, credentials: VaultCredentials | None = None) -> list[Check]:
    """What a doctor looks at. :param credentials: those that run on these settings, None = somebody else logs in."""
    from versiqiid.adapters.tls import Served, TlsProbe  # noqa: PLC0415 - what only a doctor needs
    from versiqiid.adapters.vault.probe import VaultProbe  # noqa: PLC0415

    served = Served(
        "vault",
        (vault.address,),
        lambda: ssl.create_default_context(cafile=str(vault.ca_cert) if vault.ca_cert else None),
        client_cert=str(vault.client_cert or ""),
    )
    return [VaultProbe(vault, credentials), TlsProbe(served)]


def systemd_credential(name: str) -> Path | None:
    """A credential that systemd handed over (``LoadCredential=``), None when there is none of this name."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / name
    return path if folder and path.is_file() else None


def path_from(environ: Mapping[str, str], name: str) -> Path | None:
    """The path in an environment variable, None when it is empty or not there."""
    return Path(environ[name]) if environ.get(name) else None
