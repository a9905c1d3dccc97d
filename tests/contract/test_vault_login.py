"""Each way to log in to a real Vault, and what is missing for one."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.contract import vault_setup as setup
from tests.contract.vault_running import running, value
from tests.services.fixtures import launch
from tests.waiting import until
from versiqiid.adapters.vault import VaultAuth, VaultSettings
from versiqiid.adapters.vault.login import Login
from versiqiid.adapters.vault.settings import Unwrapped
from versiqiid.errors import Forbidden, InvalidSetting, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.services.vault import Vault

pytestmark = [pytest.mark.anyio, pytest.mark.vault]


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
