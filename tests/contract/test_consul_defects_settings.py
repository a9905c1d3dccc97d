"""Defects of python-consul2 0.1.5 in what it takes from its settings, by the numbers of ``docs/consul-rules.md`` §2."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
from consul.std import HTTPClient as RequestsClient

from tests.contract.consul_at import at, dead
from tests.contract.wayside import Asked, Says, like_consul, wayside
from versiqiid.adapters.consul.settings import Tls, parse_addresses, settings_from
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import AnyioHTTP
from versiqiid.errors import InvalidSetting, Refused
from versiqiid.ports import SessionId, Set

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.consul import Consul

pytestmark = pytest.mark.anyio


@pytest.mark.consul
async def test_c3_the_environment_does_not_override_what_the_store_was_told(
    consul: Consul, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in (dead(), "http://[::1]:8500", "nonsense:with:many:colons"):
        monkeypatch.setenv("CONSUL_HTTP_ADDR", value)
        monkeypatch.setenv("CONSUL_HTTP_TOKEN", "somebody-elses")
        async with ConsulStore.connect(at(consul.address)) as store:
            await store.commit([Set("t/a", b"x")])
            assert await store.get("t/a") is not None
    with wayside(like_consul) as server:
        async with ConsulStore.connect(at(server.address, token="ours")) as store:
            await store.get("t/a")
        async with ConsulStore.connect(at(server.address)) as store:
            await store.get("t/a")
        assert [asked.headers.get("x-consul-token") for asked in server.asked] == ["ours", None]


def test_c4_booleans_are_those_of_go() -> None:
    for text in ("1", "t", "T", "TRUE", "true", "True"):
        settings = settings_from({"CONSUL_HTTP_SSL": text, "CONSUL_HTTP_SSL_VERIFY": text})
        assert settings.addresses[0].base == "https://127.0.0.1:8500"
        assert settings.tls.verify
    for text in ("0", "f", "F", "FALSE", "false", "False"):
        settings = settings_from({"CONSUL_HTTP_SSL": text, "CONSUL_HTTP_SSL_VERIFY": text})
        assert settings.addresses[0].base == "http://127.0.0.1:8500"
        assert not settings.tls.verify
        assert settings.tls.context().verify_mode is ssl.CERT_NONE
    for name in ("CONSUL_HTTP_SSL", "CONSUL_HTTP_SSL_VERIFY"):
        with pytest.raises(InvalidSetting, match=name):
            settings_from({name: "yes"})
    assert settings_from({}).tls.context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("text", "bases"),
    [
        ("127.0.0.1:8500", ["http://127.0.0.1:8500"]),
        ("https://consul.example", ["https://consul.example:443"]),
        ("http://consul.example/behind/", ["http://consul.example:80/behind"]),
        ("[::1]:8500", ["http://[::1]:8500"]),
        ("consul://a,b:8501", ["http://a:8500", "http://b:8501"]),
        ("consul://a:8500,b:8500", ["http://a:8500", "http://b:8500"]),
        ("consul+tls://a,https://b:1", ["https://a:8501", "https://b:1"]),
    ],
)
def test_c5_addresses_are_read_as_consul_reads_them(text: str, bases: list[str]) -> None:
    assert [address.base for address in parse_addresses(text)] == bases


def test_c5_a_unix_socket_is_an_address() -> None:
    (address,) = parse_addresses("unix:///run/consul.sock")
    assert address.socket == "/run/consul.sock"


@pytest.mark.parametrize("text", ["", "ftp://a", "a:port", "http://", "unix://run", "http://a:8500?x=1", "a:99999"])
def test_c5_an_address_that_is_none_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidSetting, match="consul address"):
        parse_addresses(text)


def test_c5_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidSetting) as caught:
        parse_addresses("http://me:hunter2@a:8500")
    assert "hunter2" not in str(caught.value)


def test_c6_the_whole_environment_of_consuls_own_client_is_read(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("from-file\n")
    settings = settings_from(
        {
            "CONSUL_HTTP_ADDR": "b:1,a:2",
            "CONSUL_HTTP_TOKEN": "from-variable",
            "CONSUL_HTTP_TOKEN_FILE": str(token),
            "CONSUL_HTTP_AUTH": "user:word",
            "CONSUL_CACERT": "/ca.pem",
            "CONSUL_CAPATH": "/ca",
            "CONSUL_CLIENT_CERT": "/cert.pem",
            "CONSUL_CLIENT_KEY": "/key.pem",
            "CONSUL_TLS_SERVER_NAME": "server.dc1.consul",
            "CONSUL_NAMESPACE": "ns1",
            "CONSUL_PARTITION": "part1",
        }
    )
    assert [address.base for address in settings.addresses] == ["http://b:1", "http://a:2"]
    assert (settings.token, settings.auth) == ("from-file", "user:word")
    assert settings.tls == Tls("/ca.pem", "/ca", "/cert.pem", "/key.pem", "server.dc1.consul", verify=True)
    assert (settings.namespace, settings.partition) == ("ns1", "part1")
    assert "from-file" not in repr(settings)
    assert "word" not in repr(settings)
    assert settings_from({"CONSUL_HTTP_TOKEN": "from-variable"}).token == "from-variable"
    with pytest.raises(InvalidSetting, match="CONSUL_HTTP_TOKEN_FILE"):
        settings_from({"CONSUL_HTTP_TOKEN_FILE": str(token / "no")})


@pytest.mark.consul
async def test_c7_namespace_and_partition_are_sent(consul: Consul) -> None:
    """Consul's free edition refuses them by name, which shows that they arrive."""
    async with ConsulStore.connect(at(consul.address, namespace="team")) as store:
        with pytest.raises(Refused, match="Namespaces are a Consul Enterprise feature"):
            await store.get("t/a")
    async with ConsulStore.connect(at(consul.address, partition="part")) as store:
        with pytest.raises(Refused, match="Partitions are a Consul Enterprise feature"):
            await store.scan("t/")


@pytest.mark.consul
async def test_c12_no_requests_session_and_no_proxy_from_the_environment(
    consul: Consul, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not issubclass(AnyioHTTP, RequestsClient)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{dead()}")
    async with ConsulStore.connect(at(consul.address)) as store:
        assert await store.get("t/a") is None


@pytest.mark.parametrize("field", ["ca_file", "cert_file"])
async def test_c15_a_certificate_that_is_not_there_is_refused_by_name(field: str) -> None:
    """That certificates are used at all is shown against a Consul with TLS, in test_consul_transport.py."""
    tls = Tls(**{field: "/nowhere/file.pem"})
    async with ConsulStore.connect(at("https://127.0.0.1:1", tls=tls)) as store:
        with pytest.raises(InvalidSetting, match=r"/nowhere/file\.pem"):
            await store.get("t/a")


async def test_c22_the_datacentre_is_sent_once() -> None:
    def answer(asked: Asked) -> Says:
        return Says(200, b'[{"ID": "s", "TTL": "10s"}]') if "renew" in asked.path else like_consul(asked)

    with wayside(answer) as server:
        async with ConsulStore.connect(at(server.address, datacenter="dc7")) as store:
            await store.renew(SessionId("s"))
            await store.get("t/a")
            await store.commit([Set("t/a", b"")])
        assert [[value for name, value in asked.query if name == "dc"] for asked in server.asked] == [["dc7"]] * len(
            server.asked
        )
