"""The traps of Vault's client, with something that is not Vault at its address."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract import vault_setup as setup
from versiqiid.adapters.vault import VaultAuth, VaultSettings
from versiqiid.adapters.vault.client import VaultClient
from versiqiid.adapters.vault.login import Login
from versiqiid.errors import Forbidden, NotFound, RateLimited, Refused, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


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
