"""Credentials from a real Vault: each way to log in, Consul tokens on a real Consul, and the traps of the client."""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.contract import vault_setup as setup
from tests.services.fixtures import launch
from tests.services.wire import call
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.adapters.vault import VaultAuth, VaultCredentials, VaultSettings
from versiqiid.adapters.vault.client import VaultClient
from versiqiid.adapters.vault.login import Login
from versiqiid.adapters.vault.settings import Unwrapped
from versiqiid.core.access import Access, nickname
from versiqiid.errors import Forbidden, InvalidSetting, NotFound, RateLimited, Refused, Unavailable
from versiqiid.ports import Batch, Trouble, WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.services.consul import ConsulWithAcl
    from tests.services.vault import Vault

pytestmark = [pytest.mark.anyio, pytest.mark.vault]


def credentials(settings: VaultSettings, **more: Any) -> VaultCredentials:
    return VaultCredentials(settings, more.pop("metrics", PrometheusMetrics(version="0")), dice=lambda: 0.5, **more)


@asynccontextmanager
async def running(settings: VaultSettings, **more: Any) -> AsyncIterator[VaultCredentials]:
    """Credentials that have their first secret, and are stopped at the end."""
    made = credentials(settings, **more)
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(60):
            await tasks.start(made.run)
        assert made.current() is not None, made.state.trouble
        yield made
        tasks.cancel_scope.cancel()


async def until(condition: Any, seconds: float = 90) -> None:
    with anyio.fail_after(seconds):
        while not condition():
            await anyio.sleep(0.02)


def value(made: VaultCredentials) -> str:
    secret = made.current()
    assert secret is not None
    return secret.value


# ------------------------------------------------------------------------------------------------ ways to log in


async def test_approle_gives_a_token_that_is_revoked_at_stop(shared_vault: Vault) -> None:
    """Logged in, used, and after the stop Vault knows the token no more."""
    setup.allow(shared_vault)
    mount = setup.unique(shared_vault, "approle")
    role, secret = setup.approle(shared_vault, mount)
    settings = VaultSettings(
        address=shared_vault.url, auth=VaultAuth.APPROLE, auth_mount=mount, role=role, secret_id=secret
    )
    async with running(settings) as made:
        token = value(made)
        assert setup.alive(shared_vault, token)
        assert made.current().lifetime_s == 3600  # type: ignore[union-attr]
        assert token not in repr(made.current())
    assert not setup.alive(shared_vault, token)


async def test_a_wrapped_secret_id_works_once_and_is_remembered(shared_vault: Vault, tmp_path: Path) -> None:
    """Unwrapped at the first login, used again at the second; a token that was opened before is an alarm."""
    setup.allow(shared_vault)
    mount = setup.unique(shared_vault, "approle")
    role, _ = setup.approle(shared_vault, mount)
    file = tmp_path / "secret-id"
    file.write_text(setup.wrapped(shared_vault, f"/v1/auth/{mount}/role/daemon/secret-id") + "\n")
    settings = VaultSettings(
        address=shared_vault.url, auth=VaultAuth.APPROLE, auth_mount=mount, role=role,
        secret_id_file=file, secret_id_wrapped=True,
    )  # fmt: skip
    login = Login(settings)
    first, second = login()[1].value, login()[1].value
    assert first != second
    assert Login(settings)()[1].value, "another login of the same process, such as the signer's"
    elsewhere = dataclasses.replace(settings, unwrapped=Unwrapped())
    with pytest.raises(Forbidden, match="wrapping token is not valid") as caught:
        Login(elsewhere)()
    assert "stolen" in caught.value.hint
    file.write_text(setup.wrapped(shared_vault, "/v1/sys/wrapping/wrap", {"secret_id": "forged"}))
    with pytest.raises(Forbidden, match="was not made for a secret id"):
        Login(elsewhere)()
    file.write_text(setup.wrapped(shared_vault, f"/v1/auth/{mount}/role/daemon/secret-id"))
    assert login()[1].value, "a new wrapping token in the file is unwrapped in its turn"


async def test_a_given_token_is_renewed_and_not_revoked(shared_vault: Vault, tmp_path: Path) -> None:
    """A token of four seconds lives on by renewal, past its first end, and past our stop: it is not ours."""
    wanted = {"period": "4s", "policies": ["default"], "renewable": True}
    token = shared_vault.demand("POST", "/v1/auth/token/create", wanted).json()["auth"]["client_token"]
    file = tmp_path / "token"
    file.write_text(token)
    async with running(VaultSettings(address=shared_vault.url, token_file=file)) as made:
        ends_at = anyio.current_time() + 5
        await until(lambda: anyio.current_time() > ends_at)
        assert value(made) == token
        assert made.state.attempt == 0
    assert setup.alive(shared_vault, token)


async def test_a_given_token_near_its_end_is_renewed_for_its_whole_time_at_once(shared_vault: Vault) -> None:
    """Not for what is left of it: then it would never live longer again."""
    wanted = {"ttl": "1h", "policies": ["default"], "renewable": True}
    token = shared_vault.demand("POST", "/v1/auth/token/create", wanted).json()["auth"]["client_token"]
    shared_vault.demand("POST", "/v1/auth/token/renew", {"token": token, "increment": "30s"})
    left = shared_vault.demand("POST", "/v1/auth/token/lookup", {"token": token}).json()["data"]["ttl"]
    assert left <= 30
    async with running(VaultSettings(address=shared_vault.url, token=token)) as made:
        assert made.current().lifetime_s == 3600  # type: ignore[union-attr]


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


async def test_jwt(shared_vault: Vault, tmp_path: Path) -> None:
    """A signed JWT from a file; one signed by somebody else is refused without a word of it."""
    mount, key = setup.unique(shared_vault, "jwt"), setup.new_key()
    shared_vault.demand("POST", f"/v1/auth/{mount}/config", {"jwt_validation_pubkeys": [setup.public_pem(key)]})
    role = {"role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["default"]}
    shared_vault.demand("POST", f"/v1/auth/{mount}/role/daemon", role)
    claims = {"sub": "versiqiid", "aud": "vault", "exp": int(time.time()) + 300, "iat": int(time.time()) - 5}
    file = tmp_path / "jwt"
    file.write_text(setup.jwt(key, claims))
    settings = VaultSettings(
        address=shared_vault.url, auth=VaultAuth.JWT, auth_mount=mount, role="daemon", jwt_file=file
    )
    async with running(settings) as made:
        assert setup.alive(shared_vault, value(made))
    forged = setup.jwt(setup.new_key(), claims)
    file.write_text(forged)
    with pytest.raises(Forbidden) as caught:
        Login(settings)()
    assert forged not in str(caught.value)


async def test_kubernetes(shared_vault: Vault, tmp_path: Path) -> None:
    """A service account's token, reviewed by the cluster's API, of which the one answer that Vault needs is played."""
    claims = {
        "iss": "kubernetes/serviceaccount",
        "sub": "system:serviceaccount:prod:versiqiid",
        "kubernetes.io/serviceaccount/namespace": "prod",
        "kubernetes.io/serviceaccount/service-account.name": "versiqiid",
        "kubernetes.io/serviceaccount/service-account.uid": "u-1",
        "kubernetes.io/serviceaccount/secret.name": "s",
    }
    file = tmp_path / "token"
    file.write_text(setup.jwt(setup.new_key(), claims))

    def review(method: str, path: str, _headers: dict[str, str], body: bytes) -> setup.Answer:
        assert (method, path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews")
        asked = json.loads(body)["spec"]["token"]
        groups = ["system:serviceaccounts", "system:serviceaccounts:prod", "system:authenticated"]
        user = {"username": "system:serviceaccount:prod:versiqiid", "uid": "u-1", "groups": groups}
        status = {"authenticated": asked == file.read_text(), "user": user}
        told = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
        return 201, {"Content-Type": "application/json"}, json.dumps(told).encode()

    mount = setup.unique(shared_vault, "kubernetes")
    with setup.http_server(review) as address:
        config = {"kubernetes_host": f"http://{address}", "token_reviewer_jwt": "r", "disable_local_ca_jwt": True}
        shared_vault.demand("POST", f"/v1/auth/{mount}/config", config)
        role = {"bound_service_account_names": "versiqiid", "bound_service_account_namespaces": "prod"}
        shared_vault.demand("POST", f"/v1/auth/{mount}/role/daemon", role)
        settings = VaultSettings(
            address=shared_vault.url, auth=VaultAuth.KUBERNETES, auth_mount=mount, role="daemon", jwt_file=file
        )
        async with running(settings) as made:
            assert setup.alive(shared_vault, value(made))


@pytest.fixture
def vault_tls(request: pytest.FixtureRequest) -> Iterator[setup.VaultTls]:
    yield from launch(request, setup.VaultTls)


async def test_a_client_certificate_over_tls(vault_tls: setup.VaultTls, tmp_path: Path) -> None:
    """The private authority is trusted only when it is named; the certificate is the credential."""
    cert, key = setup.certificate(tmp_path, "versiqiid")
    vault_tls.demand_tls("POST", "/v1/sys/auth/cert", {"type": "cert"})
    vault_tls.demand_tls("POST", "/v1/auth/cert/certs/daemon", {"certificate": cert.read_text(), "token_ttl": "1h"})
    settings = {
        "address": vault_tls.url,
        "auth": VaultAuth.CERT,
        "role": "daemon",
        "client_cert": cert,
        "client_key": key,
    }
    async with running(VaultSettings(**settings, ca_cert=vault_tls.ca)) as made:
        assert made.current().lifetime_s == 3600  # type: ignore[union-attr]
    with pytest.raises(Unavailable, match="cannot connect"):
        Login(VaultSettings(**settings))()
    other = setup.certificate(tmp_path, "other")
    stranger = settings | {"client_cert": other[0], "client_key": other[1], "ca_cert": vault_tls.ca}
    with pytest.raises(Forbidden):
        Login(VaultSettings(**stranger))()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"auth": VaultAuth.TOKEN}, "a token"),
        ({"auth": VaultAuth.APPROLE, "role": "r"}, "secret id"),
        ({"auth": VaultAuth.APPROLE, "secret_id": "s"}, "vault-role"),
        ({"auth": VaultAuth.JWT, "role": "r"}, "JWT"),
        ({"auth": VaultAuth.KUBERNETES}, "vault-role"),
        ({"auth": VaultAuth.CERT}, "certificate"),
        ({"address": "vault:8200", "token": "t"}, "https://host:port"),
    ],
)
async def test_what_is_missing_is_named_at_once(given: dict[str, Any], missing: str) -> None:
    """Before anything is asked of Vault."""
    with pytest.raises(InvalidSetting, match=missing):
        VaultSettings(**({"address": "http://127.0.0.1:1"} | given))


# ------------------------------------------------------------------------------------------------- Consul tokens


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


def ask(consul: ConsulWithAcl, token: str, path: str) -> int:
    return call(consul.address, "GET", path, headers={"X-Consul-Token": token}, timeout_s=30).status


async def probe_of(consul: ConsulWithAcl, token: str) -> None:
    if await anyio.to_thread.run_sync(ask, consul, token, "/v1/kv/versiqii/?keys") not in (200, 404):
        raise Forbidden("consul does not know the token yet")


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


# ------------------------------------------------------------------------------------------------------- traps


async def test_a_redirect_does_not_carry_the_token_to_another_host() -> None:
    """Neither followed nor taken for success."""
    visits: list[dict[str, str]] = []

    def thief(_method: str, _path: str, headers: dict[str, str], _body: bytes) -> setup.Answer:
        visits.append(headers)
        return 200, {}, b'{"data": {"ttl": 0}}'

    def lure(*_: Any) -> setup.Answer:
        return 307, {"Location": f"http://{there}/v1/auth/token/lookup-self"}, b""

    with setup.http_server(thief) as there, setup.http_server(lure) as here:
        client = VaultClient(VaultSettings(address=f"http://{here}", token="t"), "t")
        with pytest.raises(Unavailable, match="307") as caught:
            client.look_up()
    assert "redirect" in caught.value.hint
    assert visits == []


async def test_the_environment_adds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token, authority, proxy or password from the environment, a home or a netrc gets into a request."""
    seen: list[dict[str, str]] = []

    def listen(_method: str, _path: str, headers: dict[str, str], _body: bytes) -> setup.Answer:
        seen.append(headers)
        return 200, {}, b'{"auth": {"client_token": "new", "lease_duration": 9, "renewable": true}}'

    (tmp_path / ".vault-token").write_text("from-home")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login u password p\n")
    for name, text in {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "VAULT_TOKEN": "from-env",
        "VAULT_NAMESPACE": "from-env",
        "http_proxy": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, text)
    with setup.http_server(listen) as address:
        settings = VaultSettings(address=f"http://{address}", auth=VaultAuth.APPROLE, role="r", secret_id="s")
        assert Login(settings)()[1].value == "new"
    names = {name.lower() for headers in seen for name in headers}
    assert not names & {"x-vault-token", "authorization", "x-vault-namespace", "proxy-authorization"}


@pytest.mark.parametrize(
    ("status", "kind", "written"),
    [
        (400, Refused, None), (401, Forbidden, None), (403, Forbidden, None), (404, NotFound, None),
        (405, Refused, None), (412, Unavailable, False), (429, RateLimited, False), (472, Unavailable, False),
        (473, Unavailable, False), (474, Unavailable, False), (500, Unavailable, True), (501, Unavailable, False),
        (502, Unavailable, True), (503, Unavailable, False), (504, Unavailable, True), (530, Unavailable, False),
        (302, Unavailable, False),
    ],
)  # fmt: skip
async def test_each_status_says_what_to_do_next(status: int, kind: type[Exception], written: bool | None) -> None:
    """Also those for which hvac has one word; and Vault's own words, kept short, with no token in them."""
    body = json.dumps({"errors": ["too bad", "x" * 5000]}).encode()
    with setup.http_server(lambda *_: (status, {"Retry-After": "7"}, body)) as address:
        client = VaultClient(VaultSettings(address=f"http://{address}", token="hush"), "hush")
        with pytest.raises(kind) as caught:
            client.revoke_token()
    assert type(caught.value) is kind
    assert f"vault POST auth/token/revoke-self: {status} too bad" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "hush" not in str(caught.value)
    if written is not None:
        assert caught.value.maybe_written is written  # type: ignore[attr-defined]
    if kind is RateLimited:
        assert caught.value.retry_after_s == 7  # type: ignore[attr-defined]


async def test_an_answer_that_is_not_vaults_is_told() -> None:
    """A login page of some gateway is not a grant."""
    with setup.http_server(lambda *_: (200, {}, b"<html>")) as address:
        client = VaultClient(VaultSettings(address=f"http://{address}", token="t"), "t")
        with pytest.raises(Unavailable, match="no JSON"):
            client.look_up()
    with pytest.raises(Unavailable, match="cannot connect"):
        client.look_up()


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"data": {"ttl": "soon"}}', b'{"data": null, "auth": null}'])
async def test_json_that_is_not_vaults_is_told(body: bytes) -> None:
    """The answer of something else is waited out like any other trouble, whatever was asked."""
    with setup.http_server(lambda *_: (200, {}, body)) as address:
        settings = VaultSettings(address=f"http://{address}", auth=VaultAuth.APPROLE, role="r", secret_id="s")
        client = VaultClient(settings, "t")
        for ask in (client.look_up, client.given, lambda: client.consul_token("r"), Login(settings)):
            with pytest.raises(Unavailable, match="not Vault's"):
                ask()
