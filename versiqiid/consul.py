"""Consul with its credentials, put together from settings: the part of the composition root that only Consul needs."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio

from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses, settings_from
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.access import Access, nickname
from versiqiid.core.findings import Check
from versiqiid.engine.oversight import Oversight
from versiqiid.ports import Credentials, Metrics
from versiqiid.settings import Settings
from versiqiid.vault import path_from, systemd_credential, vault_checks, vault_settings

FROM_ENVIRONMENT = "consul://"
"""The address that says nothing: Consul is where ``CONSUL_HTTP_ADDR`` and ``CONSUL_HTTP_SSL`` say."""


@asynccontextmanager
async def open_consul(settings: Settings, metrics: Metrics, oversight: Oversight) -> AsyncIterator[ConsulStore]:
    """The store, with a token that is kept fresh as long as it is open.

    :param oversight: is told about the token, and given what can be checked.
    :raises InvalidSetting: an address, certificate or credential that cannot be used, by name.
    """
    consul = settings_from(os.environ)
    if settings.store_url != FROM_ENVIRONMENT:
        consul = replace(consul, addresses=parse_addresses(settings.store_url))
    watch = WatchOptions(resync_s=settings.resync_s, shrink_share=settings.shrink_guard)
    more: dict[str, Any] = {"watch": watch, "metrics": metrics, "queries_max": settings.consul_queries_max}
    credentials = _credentials(settings, consul, metrics, oversight)

    def token() -> str | None:
        secret = credentials.current() if credentials is not None else None
        return secret.value if secret else None

    oversight.checks.extend(_checks(settings, consul, token if credentials is not None else None))
    if credentials is None:
        if consul.token:
            fact = {"credential": "store", "method": "environment", "subject": nickname(consul.token)}
            oversight.tell(Access("TokenUsed", "token/store", fact))
        async with ConsulStore.connect(consul, **more) as store:
            yield store
        return

    async with anyio.create_task_group() as tasks:
        await _first_token(credentials, tasks)
        async with ConsulStore.connect(consul, token=token, **more) as store:
            yield store
        tasks.cancel_scope.cancel()


def _checks(settings: Settings, consul: ConsulSettings, token: Callable[[], str | None] | None) -> list[Check]:
    """What a doctor looks at."""
    from versiqiid.adapters.consul.probe import ConsulProbe, Scope  # noqa: PLC0415 - what only a doctor needs
    from versiqiid.adapters.tls import Served, TlsProbe  # noqa: PLC0415

    served = Served(
        "consul",
        tuple(address.base for address in consul.addresses if not address.socket),
        consul.tls.context,
        verified=consul.tls.verify,
        server_name=consul.tls.server_name,
        client_cert=consul.tls.cert_file,
        secure_hint="Use consul+tls:// and the agent's HTTPS port.",
    )
    scope = Scope(settings.root, tuple(table["prefix"] for table in settings.imports))
    return [ConsulProbe(consul, scope, token=token), TlsProbe(served)]


async def _first_token(credentials: Credentials, tasks: Any) -> None:
    """Run the credentials; return when there is a token to begin with."""
    if credentials.current() is None:
        await tasks.start(credentials.run)
    else:
        tasks.start_soon(credentials.run)


def _credentials(
    settings: Settings, consul: ConsulSettings, metrics: Metrics, oversight: Oversight
) -> Credentials | None:
    """Where Consul's token comes from, None when the environment's own is all there is."""
    if settings.vault and settings.vault_consul_role:
        return _from_vault(settings, consul, metrics, oversight)
    file = (
        settings.consul_token_file
        or path_from(os.environ, "CONSUL_HTTP_TOKEN_FILE")
        or systemd_credential("consul-token")
    )
    if file is None:
        return None
    from versiqiid.adapters.tokenfile import TokenFile  # noqa: PLC0415

    followed = TokenFile(file, tell=oversight.tell)
    oversight.notes.append(lambda: followed.state.trouble or None)
    return followed


def _from_vault(settings: Settings, consul: ConsulSettings, metrics: Metrics, oversight: Oversight) -> Credentials:
    from versiqiid.adapters.vault import VaultCredentials  # noqa: PLC0415

    vault = vault_settings(settings, consul_role=settings.vault_consul_role)

    async def probe(token: str) -> None:
        """A token that Consul does not know yet is refused; one that it knows may read the root."""
        async with ConsulStore.connect(consul, token=lambda: token) as store:
            await store.get(f"{settings.root}/_system/leader")

    made = VaultCredentials(vault, metrics, dice=random.random, probe=probe, tell=oversight.tell)
    oversight.notes.append(lambda: made.note)
    oversight.checks.extend(vault_checks(vault, made))
    return made
