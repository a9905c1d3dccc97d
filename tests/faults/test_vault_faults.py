"""Vault sealed, restarted, frozen, rate-limited, a right removed, a login revoked: what is held stays; it recovers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.contract import vault_setup as setup
from tests.contract.test_vault import probe_of, running, until, value
from versiqiid.adapters.vault import VaultAuth, VaultCredentials, VaultSettings
from versiqiid.core.lease import Step

if TYPE_CHECKING:
    from tests.services.consul import ConsulWithAcl
    from tests.services.vault import Vault, VaultOnDisk

pytestmark = [pytest.mark.anyio, pytest.mark.vault, pytest.mark.consul]


def prepare(vault: Vault, consul: ConsulWithAcl, *, ttl: str, max_ttl: str, **more: Any) -> VaultSettings:
    """Consul tokens of these times, for a login of an hour."""
    setup.connect_consul(vault, consul, ttl=ttl, max_ttl=max_ttl)
    mount = setup.unique(vault, "approle")
    role, secret = setup.approle(vault, mount)
    return VaultSettings(
        address=vault.url, auth=VaultAuth.APPROLE, auth_mount=mount, role=role, secret_id=secret,
        consul_role="versiqii", overlap_s=1, timeout_s=1, **more,
    )  # fmt: skip


async def works(consul: ConsulWithAcl, token: str) -> None:
    """The token is good for what it is for."""
    await probe_of(consul, token)


def hurry(made: VaultCredentials) -> None:
    """The Consul token's next step is due now, and not only in twelve seconds."""
    made._child.step = Step(made._child.step.action, 0.0)


@pytest.mark.parametrize("restart", [False, True], ids=["sealed", "restarted"])
async def test_sealed_and_unsealed(vault_on_disk: VaultOnDisk, consul_acl: ConsulWithAcl, restart: bool) -> None:
    """Renewals fail while it is sealed, the token in hand works on; unsealed, the same lease is renewed again."""
    settings = prepare(vault_on_disk, consul_acl, ttl="20s", max_ttl="1h")
    async with running(settings) as made:
        token = value(made)
        await anyio.to_thread.run_sync(vault_on_disk.restart if restart else vault_on_disk.seal)
        hurry(made)
        await until(lambda: made.state.attempt >= 2)
        assert "503" in made.state.trouble
        assert value(made) == token
        await works(consul_acl, token)
        await anyio.to_thread.run_sync(vault_on_disk.unseal)
        await until(lambda: made.state.attempt == 0)
        assert value(made) == token, "renewed, not replaced"
        assert made.state.rotations == 0


async def test_frozen(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """SIGSTOP: each request ends at its timeout, the loop goes on, and so does the token."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h")
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
    async with running(settings) as made:
        token, login = value(made), made._parent.held
        setup.allow(vault, policy='path "sys/leases/revoke" { capabilities = ["update"] }')
        await until(lambda: made.state.attempt >= 2)
        assert "consul/creds/versiqii: 403" in made.state.trouble
        assert value(made) == token
        assert made._parent.held is login, "the login is fine: only a right is missing"
        setup.allow(vault)
        await until(lambda: made.state.attempt == 0)
        await works(consul_acl, value(made))


async def test_a_revoked_login_is_noticed_and_replaced(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """An operator revokes the login, and Vault with it the Consul token: both are had anew at the next renewal."""
    settings = prepare(vault, consul_acl, ttl="6s", max_ttl="1h")
    async with running(settings) as made:
        token, login = value(made), made._parent.held
        assert login is not None
        vault.demand("POST", "/v1/auth/token/revoke", {"token": login.grant.value})
        # Vault revokes what hangs on a login in the background.
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
        vault.demand("DELETE", "/v1/sys/quotas/rate-limit/tight")
        hurry(made)  # Retry-After may be an hour
        await until(lambda: made.state.attempt == 0)
        assert value(made) == token


async def test_it_waits_for_a_vault_that_is_not_there_yet(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """Started first, it has nothing and says why; it is ready when Vault is."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h")
    vault.pause()
    async with anyio.create_task_group() as tasks:

        async def later() -> None:
            await anyio.sleep(1.5)  # one request has failed by then
            vault.resume()

        tasks.start_soon(later)
        async with running(settings) as made:
            await works(consul_acl, value(made))
            assert made.state.attempt == 0


async def test_stopping_while_vault_is_frozen_is_bounded(vault: Vault, consul_acl: ConsulWithAcl) -> None:
    """Nothing can be handed back; the stop ends all the same, and Vault's own clock ends the lease."""
    settings = prepare(vault, consul_acl, ttl="20s", max_ttl="1h")
    async with running(settings):
        vault.pause()
        asked = anyio.current_time()
    assert anyio.current_time() - asked < 12, "the bound of the hand-back"
    vault.resume()
