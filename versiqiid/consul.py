"""Consul with its credentials, put together from settings: the part of the composition root that only Consul needs."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses, settings_from
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.ports import Credentials, Metrics, Secret
from versiqiid.settings import Settings


@asynccontextmanager
async def open_consul(
    settings: Settings, metrics: Metrics, *, rotated: Callable[[Secret], Awaitable[None]] | None = None
) -> AsyncIterator[ConsulStore]:
    """The store, with a token that is kept fresh as long as it is open.

    :param rotated: told of each replacement of the token.
    :raises InvalidSetting: an address, certificate or credential that cannot be used, by name.
    """
    consul = replace(settings_from(os.environ), addresses=parse_addresses(settings.store_url))
    watch = WatchOptions(resync_s=settings.resync_s, shrink_share=settings.shrink_guard)
    credentials = _credentials(settings, consul, metrics, rotated)
    if credentials is None:
        async with ConsulStore.connect(consul, watch=watch) as store:
            yield store
        return

    def token() -> str | None:
        secret = credentials.current()
        return secret.value if secret else None

    async with anyio.create_task_group() as tasks:
        await _first_token(credentials, tasks)
        async with ConsulStore.connect(consul, token=token, watch=watch) as store:
            yield store
        tasks.cancel_scope.cancel()


async def _first_token(credentials: Credentials, tasks: Any) -> None:
    """Run the credentials; return when there is a token to begin with."""
    if credentials.current() is None:
        await tasks.start(credentials.run)
    else:
        tasks.start_soon(credentials.run)


def _credentials(
    settings: Settings, consul: ConsulSettings, metrics: Metrics, rotated: Callable[[Secret], Awaitable[None]] | None
) -> Credentials | None:
    """Where Consul's token comes from, None when the environment's own is all there is."""
    if settings.vault and settings.vault_consul_role:
        return _from_vault(settings, consul, metrics, rotated)
    file = (
        settings.consul_token_file or _path(os.environ, "CONSUL_HTTP_TOKEN_FILE") or systemd_credential("consul-token")
    )
    if file is None:
        return None
    from versiqiid.adapters.tokenfile import TokenFile  # noqa: PLC0415

    return TokenFile(file)


def _from_vault(
    settings: Settings, consul: ConsulSettings, metrics: Metrics, rotated: Callable[[Secret], Awaitable[None]] | None
) -> Credentials:
    from versiqiid.adapters.vault import VaultAuth, VaultCredentials, VaultSettings  # noqa: PLC0415

    environ = os.environ
    vault = VaultSettings(
        address=settings.vault,
        auth=VaultAuth(settings.vault_auth),
        auth_mount=settings.vault_auth_mount,
        role=settings.vault_role,
        token=environ.get("VAULT_TOKEN", ""),
        token_file=settings.vault_token_file or systemd_credential("vault-token"),
        secret_id_file=settings.vault_secret_id_file or systemd_credential("vault-secret-id"),
        secret_id_wrapped=settings.vault_secret_id_wrapped,
        jwt_file=settings.vault_jwt_file,
        namespace=environ.get("VAULT_NAMESPACE", ""),
        ca_cert=_path(environ, "VAULT_CACERT"),
        client_cert=_path(environ, "VAULT_CLIENT_CERT"),
        client_key=_path(environ, "VAULT_CLIENT_KEY"),
        consul_role=settings.vault_consul_role,
    )

    async def probe(token: str) -> None:
        """A token that Consul does not know yet is refused; one that it knows may read the root."""
        async with ConsulStore.connect(consul, token=lambda: token) as store:
            await store.get(f"{settings.root}/_system/leader")

    return VaultCredentials(vault, metrics, dice=random.random, probe=probe, rotated=rotated)


def systemd_credential(name: str) -> Path | None:
    """A credential that systemd handed over (``LoadCredential=``), None when there is none of this name."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / name
    return path if folder and path.is_file() else None


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None
