"""Vault sealed, restarted, frozen, rate-limited, a right removed, a login revoked: what is held stays; it recovers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.contract import vault_setup as setup
from tests.contract.vault_running import credentials, probe_of, running, started, value
from tests.waiting import until
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.vault import VaultAuth, VaultCredentials, VaultSettings
from versiqiid.core.access import Access
from versiqiid.core.lease import Step

if TYPE_CHECKING:
    from tests.services.consul import ConsulWithAcl
    from tests.services.vault import Vault, VaultOnDisk

pytestmark = [pytest.mark.anyio, pytest.mark.vault, pytest.mark.consul]


IMPATIENT = {"timeout_s": 1.0}
"""For a Vault that gives no answer. Elsewhere a slow answer must count: a token in an answer that nobody waited for is
taken back by Vault with the login, in the background."""


def prepare(vault: Vault, consul: ConsulWithAcl, *, ttl: str, max_ttl: str, **more: Any) -> VaultSettings:
    """Consul tokens of these times, for a login of an hour."""
    setup.connect_consul(vault, consul, ttl=ttl, max_ttl=max_ttl)
    mount = setup.unique(vault, "approle")
    role, secret = setup.approle(vault, mount)
    return VaultSettings(
        address=vault.url, auth=VaultAuth.APPROLE, auth_mount=mount, role=role, secret_id=secret,
        consul_role="versiqii", overlap_s=1, **more,
    )  # fmt: skip


async def works(consul: ConsulWithAcl, token: str) -> None:
    """The token is good for what it is for."""
    await probe_of(consul, token)


def hurry(made: VaultCredentials) -> None:
    """The Consul token's next step is due now, and not only in twelve seconds."""
    made._child.step = Step(made._child.step.action, 0.0)


def shown(metrics: PrometheusMetrics) -> str:
    """What ``/metrics`` would say."""
    return metrics.render(openmetrics=False)[0].decode()


@pytest.mark.parametrize("restart", [False, True], ids=["sealed", "restarted"])
async def test_sealed_and_unsealed(vault_on_disk: VaultOnDisk, consul_acl: ConsulWithAcl, restart: bool) -> None:
    """Renewals fail while it is sealed, the token in hand works on; unsealed, the same lease is renewed again."""
    settings = prepare(vault_on_disk, consul_acl, ttl="20s", max_ttl="1h", **IMPATIENT)
    metrics = PrometheusMetrics(version="0")
    async with running(settings, metrics=metrics) as made:
        token = value(made)
        await until(lambda: "versiqii_vault_up 1" in shown(metrics))
        await anyio.to_thread.run_sync(vault_on_disk.restart if restart else vault_on_disk.seal)
        hurry(made)
        await until(lambda: made.state.attempt >= 2)
        assert "503" in made.state.trouble
        assert made.note is not None, "for /readyz"
        await until(lambda: "versiqii_vault_up 0" in shown(metrics))
        assert value(made) == token
        await works(consul_acl, token)
        await anyio.to_thread.run_sync(vault_on_disk.unseal)
        await until(lambda: made.state.attempt == 0)
        assert value(made) == token, "renewed, not replaced"
        assert made.note is None
        await until(lambda: "versiqii_vault_up 1" in shown(metrics))
        assert made.state.rotations == 0


async def test_frozen(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """SIGSTOP: each request ends at its timeout, the loop goes on, and so does the token."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h", **IMPATIENT)
    async with running(settings) as made:
        token = value(made)
        vault.pause()
        hurry(made)
        await until(lambda: made.state.attempt >= 2)
        assert "no answer" in made.state.trouble
        await works(consul_acl, token)
        vault.resume()
        await until(lambda: made.state.attempt == 0)
        assert value(made) == token


async def test_a_right_removed_and_given_back(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """Forbidden to fetch, it does not log in again and again, keeps what it has, and goes on when it may again."""
    settings = prepare(vault, consul_acl, ttl="4s", max_ttl="8s")
    told: list[Access] = []
    async with running(settings, tell=told.append) as made:
        token, login = value(made), made._parent.held
        setup.allow(vault, policy='path "sys/leases/revoke" { capabilities = ["update"] }')
        await until(lambda: made.state.attempt >= 2)
        assert "consul/creds/versiqii: 403" in made.state.trouble
        assert value(made) == token
        assert made._parent.held is login, "the login is fine: only a right is missing"
        denied = [fact.data for fact in told if fact.type == "PolicyDenied"]
        assert len(denied) == 1, "one fact, however often it is tried"
        assert denied[0]["resource"] == "consul/creds/versiqii"
        setup.allow(vault)
        await until(lambda: made.state.attempt == 0)
        await works(consul_acl, value(made))


async def test_a_revoked_login_is_noticed_and_replaced(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """An operator revokes the login, and Vault with it the Consul token: both are had anew at the next renewal.

    Each is gone from Consul when it was waited for: Vault revokes what hangs on a login in the background, but what is
    handed back it is asked to revoke before it answers.
    """
    settings = prepare(vault, consul_acl, ttl="6s", max_ttl="1h")
    async with running(settings) as made:
        token, login = value(made), made._parent.held
        assert login is not None
        vault.demand("POST", "/v1/auth/token/revoke", {"token": login.grant.value})
        await until(lambda: token not in setup.consul_secrets(consul_acl))
        await until(lambda: value(made) != token)
        await works(consul_acl, value(made))
        assert made._parent.held is not login
        await until(lambda: made.state.attempt == 0)
    assert setup.consul_secrets(consul_acl) == set()


async def test_rate_limited(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """429 until the quota is lifted: told, waited for, nothing lost."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h")
    async with running(settings) as made:
        token = value(made)
        quota = {"rate": 0.0001, "interval": "1h", "path": "sys/leases/renew"}
        vault.demand("POST", "/v1/sys/quotas/rate-limit/tight", quota)
        while vault.call("POST", "/v1/sys/leases/renew", {"lease_id": "none"}).status != 429:
            pass  # use up what the quota lets through
        hurry(made)
        await until(lambda: made.state.attempt >= 1)
        assert "429" in made.state.trouble
        assert value(made) == token
        assert made._child.step.at <= anyio.current_time() + 60
        vault.demand("DELETE", "/v1/sys/quotas/rate-limit/tight")
        hurry(made)  # or in a minute: a Retry-After of an hour is not waited for
        await until(lambda: made.state.attempt == 0)
        assert value(made) == token


async def test_it_waits_for_a_vault_that_is_not_there_yet(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """Started first, it has nothing and says why; it is ready when Vault is."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h", **IMPATIENT)
    vault.pause()
    made = credentials(settings)

    async def later() -> None:
        await until(lambda: made.state.attempt >= 1)
        assert made.current() is None
        assert made.state.trouble
        vault.resume()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later)
        async with started(made):
            await works(consul_acl, value(made))
            assert made.state.attempt == 0


async def test_stopping_while_vault_is_frozen_is_bounded(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """Nothing can be handed back; the stop ends all the same, and Vault's own clock ends the lease."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h")
    with anyio.fail_after(60):  # the bound is 10 s
        async with running(settings):
            vault.pause()
    vault.resume()
