"""Consul tokens from a real Vault on a real Consul: rotated, watched with, and never swapped for a bad one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract import vault_setup as setup
from tests.contract.vault_running import ask, probe_of, running, value
from tests.waiting import until
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.adapters.vault import VaultAuth, VaultSettings
from versiqiid.core.access import Access, nickname
from versiqiid.errors import Forbidden
from versiqiid.ports import Batch, Trouble, WatchEvent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.consul import ConsulWithAcl
    from tests.services.vault import Vault

pytestmark = [pytest.mark.anyio, pytest.mark.vault]


@pytest.fixture
def both(vault: Vault, consul_acl: ConsulWithAcl) -> tuple[Vault, ConsulWithAcl, VaultSettings]:
    """Vault that gives Consul tokens of three seconds, six at most, to logins of four seconds, nine at most."""
    setup.connect_consul(vault, consul_acl, ttl="3s", max_ttl="6s")
    mount = setup.unique(vault, "approle")
    role, secret = setup.approle(vault, mount, ttl="4s", max_ttl="9s")
    settings = VaultSettings(
        address=vault.url, auth=VaultAuth.APPROLE, auth_mount=mount, role=role, secret_id=secret,
        consul_role="versiqii", overlap_s=1,
    )  # fmt: skip
    return vault, consul_acl, settings


async def test_a_token_file_is_followed(both: tuple[Vault, ConsulWithAcl, VaultSettings], tmp_path: Path) -> None:
    """Another token in the file is logged in with at once, and so is a Consul token of its own; a bad one is told, and
    the one in hand goes on. No token that was given is revoked.
    """
    vault, consul, settings = both
    setup.set_consul_role(vault, ttl="1h", max_ttl="2h")

    def new() -> str:
        wanted = {"ttl": "1h", "policies": ["versiqii"]}
        return str(vault.demand("POST", "/v1/auth/token/create", wanted).json()["auth"]["client_token"])

    file, first, second = tmp_path / "token", new(), new()
    file.write_text(first + "\n")
    settings = dataclasses.replace(settings, auth=VaultAuth.TOKEN, auth_mount="", token_file=file)
    async with running(settings) as made:
        before = value(made)
        file.write_text("hvs.not-a-token")
        await until(lambda: made.state.attempt >= 1)
        assert "403" in made.state.trouble
        assert made.note is not None
        assert value(made) == before
        file.write_text("")
        await until(lambda: "is empty" in made.state.trouble)
        file.write_text(second + "\n")
        await until(lambda: value(made) != before and made.state.attempt == 0)
        assert made._parent.held.grant.value == second  # type: ignore[union-attr]
        await until(lambda: setup.consul_secrets(consul) == {value(made)})
    assert setup.consul_secrets(consul) == set()
    assert setup.alive(vault, first)
    assert setup.alive(vault, second)


@pytest.mark.consul
async def test_tokens_rotate_without_a_refused_or_broken_read(both: tuple[Vault, ConsulWithAcl, VaultSettings]) -> None:
    """Over several rotations of token and login, no read with the token in hand is refused, no blocking read cut short.

    After the stop, Consul holds no token of ours and Vault no login.
    """
    vault, consul, settings = both
    consul.call("PUT", "/v1/kv/versiqii/x", b"1")
    statuses: list[int] = []
    used: set[str] = set()
    told: list[Access] = []

    async def read(path: str) -> None:
        while True:
            token = value(made)
            used.add(token)
            statuses.append(await anyio.to_thread.run_sync(ask, consul, token, path))

    async with running(settings, probe=lambda token: probe_of(consul, token), tell=told.append) as made:
        async with anyio.create_task_group() as readers:
            readers.start_soon(read, "/v1/kv/versiqii/x")
            readers.start_soon(read, "/v1/kv/versiqii/x?index=99999999&wait=4s")
            await until(lambda: made.state.rotations >= 4)
            readers.cancel_scope.cancel()
        login = made._parent.held.grant.value  # type: ignore[union-attr]
        assert made.state.attempt == 0, made.state.trouble
        last = value(made)
    assert set(statuses) == {200}
    assert len(used) >= 4
    assert setup.consul_secrets(consul) == set()
    assert not setup.alive(vault, login)
    _is_the_whole_story(told, last, used)


def _is_the_whole_story(told: list[Access], last: str, used: set[str]) -> None:
    """Every token was given, used and taken back, in this order, and no secret is in what is told."""
    tokens = [fact for fact in told if fact.stream == "token/store"]
    given = [fact.data["subject"] for fact in tokens if fact.type == "TokenIssued"]
    taken = [fact.data["subject"] for fact in tokens if fact.type == "TokenRevoked"]
    in_use = [fact for fact in tokens if fact.type in ("TokenUsed", "TokenRotated")]
    assert in_use[0].type == "TokenUsed"
    assert [fact.data["previous"] for fact in in_use[1:]] == [fact.data["subject"] for fact in in_use[:-1]]
    assert [fact.data["subject"] for fact in in_use] == given
    assert given[-1] == nickname(last)
    assert {nickname(token) for token in used} <= set(given)
    assert sorted(given) == sorted(taken)
    logins = [fact.type for fact in told if fact.stream == "token/vault"]
    assert logins.count("LoggedIn") == logins.count("TokenRevoked") >= 1
    assert told[-1].stream == "token/vault", "the login is handed back last"
    assert told[-1].data["reason"] == "stopped"
    assert not [token for token in used | {last} if token in repr(told)]


@pytest.mark.consul
async def test_a_watch_goes_on_over_rotations(both: tuple[Vault, ConsulWithAcl, VaultSettings]) -> None:
    """A query that blocks outlives the token it was asked with, and the next one goes on from the same index: nothing
    is read anew, no trouble is told, and no change is missed.
    """
    _, consul, settings = both
    wanted = {f"versiqii/{number}": b"" for number in range(4)}
    found: dict[str, bytes] = {}
    complete, trouble = [], []

    async def observe(event: WatchEvent) -> None:
        if isinstance(event, Batch):
            complete.append(event.complete)
            found.update({entry.key: entry.value for entry in event.changed})
        elif isinstance(event, Trouble):
            trouble.append(event)

    async with running(settings, probe=lambda token: probe_of(consul, token)) as made:
        where = ConsulSettings(addresses=parse_addresses(f"consul://{consul.address}"))
        async with (
            ConsulStore.connect(where, token=lambda: value(made), watch=WatchOptions(resync_s=3600)) as store,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(store.watch, "versiqii/", observe)
            await until(lambda: bool(complete))
            for number, key in enumerate(wanted):
                revoked, at_least = value(made), made.state.rotations + 1
                await until(lambda: made.state.rotations >= at_least)  # noqa: B023 - awaited within the turn
                await until(lambda: revoked not in setup.consul_secrets(consul))  # noqa: B023
                assert len(found) == number
                await anyio.to_thread.run_sync(consul.call, "PUT", f"/v1/kv/{key}", b"")
                await until(lambda: key in found)  # noqa: B023
            tasks.cancel_scope.cancel()
    assert found == wanted
    assert trouble == []
    assert complete == [True, False, False, False, False]


@pytest.mark.consul
async def test_a_token_that_does_not_work_is_never_swapped_in(both: tuple[Vault, ConsulWithAcl, VaultSettings]) -> None:
    """The probe refuses everything after the first: the first stays in hand, and what failed is revoked."""
    vault, consul, settings = both
    setup.set_consul_role(vault, ttl="4s", max_ttl="4s")
    seen: list[str] = []

    async def probe(token: str) -> None:
        seen.append(token)
        if token != seen[0]:
            raise Forbidden("consul does not know the token yet")

    settings = dataclasses.replace(settings, probe_s=0.2)
    async with running(settings, probe=probe) as made:
        first = value(made)
        await until(lambda: made.state.attempt >= 2)
        assert value(made) == first
        assert "does not know the token yet" in made.state.trouble
        tried = set(seen) - {first}
        await until(lambda: not tried & setup.consul_secrets(consul))
    assert setup.consul_secrets(consul) == set()
