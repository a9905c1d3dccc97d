"""Credentials of a Vault that run, for tests of what they do there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from tests.services.wire import call
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.vault import VaultCredentials, VaultSettings
from versiqiid.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.services.consul import ConsulWithAcl


def credentials(settings: VaultSettings, **more: Any) -> VaultCredentials:
    return VaultCredentials(settings, more.pop("metrics", PrometheusMetrics(version="0")), dice=lambda: 0.5, **more)


@asynccontextmanager
async def running(settings: VaultSettings, **more: Any) -> AsyncIterator[VaultCredentials]:
    """Credentials that have their first secret, and are stopped at the end."""
    async with started(credentials(settings, **more)) as made:
        yield made


@asynccontextmanager
async def started(made: VaultCredentials) -> AsyncIterator[VaultCredentials]:
    """The same for credentials that somebody holds already."""
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(60):
            await tasks.start(made.run)
        assert made.current() is not None, made.state.trouble
        yield made
        tasks.cancel_scope.cancel()


def value(made: VaultCredentials) -> str:
    secret = made.current()
    assert secret is not None
    return secret.value


def ask(consul: ConsulWithAcl, token: str, path: str) -> int:
    return call(consul.address, "GET", path, headers={"X-Consul-Token": token}, timeout_s=30).status


async def probe_of(consul: ConsulWithAcl, token: str) -> None:
    if await anyio.to_thread.run_sync(ask, consul, token, "/v1/kv/versiqii/?keys") not in (200, 404):
        raise Forbidden("consul does not know the token yet")
