"""Addresses in turn, TLS, tokens that rotate, cancellation: against real Consul servers."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.contract.consul_at import at, dead
from tests.contract.wayside import Asked, Says, wayside
from tests.services.consul import Consul
from tests.services.wire import free_ports
from versiqiid.adapters.consul.settings import Tls
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import Timeouts
from versiqiid.adapters.prometheus import PrometheusMetrics
from versiqiid.consul import open_consul
from versiqiid.engine.oversight import Oversight
from versiqiid.errors import Forbidden, InvalidSetting, RateLimited, Unavailable
from versiqiid.ports import Batch, Set, Trouble
from versiqiid.settings import Settings
from versiqiid.testing.watching import Watching, watching

if TYPE_CHECKING:
    from pathlib import Path

    from tests.services.consul import ConsulWithAcl

pytestmark = [pytest.mark.anyio, pytest.mark.consul]

QUICK = Timeouts(connect_s=1.0, answer_s=1.0)


# ------------------------------------------------------------------------------------------------------- addresses


async def test_a_dead_address_is_passed_over_and_the_good_one_is_remembered(consul: Consul) -> None:
    gone = dead()
    async with ConsulStore.connect(at(gone, consul.address), timeouts=QUICK) as store:
        await store.commit([Set("t/a", b"1")])
        assert store._endpoints.http.address.base.endswith(consul.address)
        entry = await store.get("t/a")
        assert entry is not None


async def test_an_address_that_says_nothing_is_that_of_the_environment(
    consul: Consul, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--store consul://``, as Consul's own commands find it; an address of one's own wins over the environment."""
    metrics, oversight = PrometheusMetrics(version="1"), Oversight()
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul.address)
    async with open_consul(Settings(store="consul://"), metrics, oversight) as store:
        await store.commit([Set("t/a", b"1")])
    monkeypatch.setenv("CONSUL_HTTP_ADDR", dead())
    async with open_consul(Settings(store=f"consul://{consul.address}"), metrics, oversight) as store:
        entry = await store.get("t/a")
        assert entry is not None


async def test_all_dead_is_unavailable_and_nothing_was_written() -> None:
    async with ConsulStore.connect(at(dead(), dead()), timeouts=QUICK) as store:
        with pytest.raises(Unavailable) as caught:
            await store.commit([Set("t/a", b"1")])
        assert not caught.value.maybe_written


async def test_a_rate_limited_server_is_left_for_the_next_at_once(consul: Consul) -> None:
    """The first is a real Consul that takes next to no writes; what it takes at first is its burst."""
    strict = 'limits { request_limits { mode = "enforcing", write_rate = 0.1 } }'
    with Consul(config=strict) as limited:
        async with ConsulStore.connect(at(limited.address), timeouts=QUICK) as store:
            told = await until_limited(store)
            assert not told.maybe_written
        async with ConsulStore.connect(at(limited.address, consul.address), timeouts=QUICK) as store:
            for number in range(9):
                await store.commit([Set("t/b", str(number).encode())])
            assert consul.call("GET", "/v1/kv/t/b?raw").body == b"8"


async def until_limited(store: ConsulStore) -> RateLimited:
    """Write until the server has had enough."""
    for number in range(1000):
        try:
            await store.commit([Set("t/a", str(number).encode())])
        except RateLimited as error:
            return error
    pytest.fail("a thousand writes and no limit")


async def test_a_write_that_may_have_been_done_is_not_repeated_elsewhere(consul: Consul) -> None:
    """A connection cut after the request: only the caller may decide what to do."""

    def cut(asked: Asked) -> Says:
        if asked.method == "PUT":
            raise ConnectionAbortedError
        return Says(200, b'{"Config": {"Version": "1.20.6"}}')

    with wayside(cut) as broken:
        async with ConsulStore.connect(at(broken.address, consul.address), timeouts=QUICK) as store:
            with pytest.raises(Unavailable) as caught:
                await store.commit([Set("t/once", b"1")])
            assert caught.value.maybe_written
            assert consul.call("GET", "/v1/kv/t/once").status == 404
            await store.commit([Set("t/once", b"1")])
            assert consul.call("GET", "/v1/kv/t/once?raw").body == b"1"


async def test_a_unix_socket_is_spoken_to(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with Consul(config=f'addresses {{ http = "127.0.0.1 unix://{path}" }}'):
        async with ConsulStore.connect(at(f"unix://{path}")) as store:
            await store.commit([Set("t/a", b"1")])
            assert (await store.scan("t/")).entries[0].value == b"1"


async def test_a_blocking_query_ends_at_once_when_cancelled(consul: Consul) -> None:
    async with ConsulStore.connect(at(consul.address)) as store:
        with anyio.fail_after(60):  # the query itself blocks for minutes
            async with watching(store, "t/"):
                pass
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(store._endpoints.http.get, lambda _: None, "/v1/kv/t", [("index", 10**9)])
                tasks.cancel_scope.cancel()


# ------------------------------------------------------------------------------------------------------------- TLS


def issue(folder: Path, name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None) -> tuple:  # type: ignore[type-arg]
    """A key and a certificate, signed by the issuer or by itself; both also as PEM files in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer[0].subject if issuer else subject
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names[: 1 if name == "server.dc1.consul" else 2]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key((issuer[1] if issuer else key).public_key()),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=issuer is None,
                crl_sign=issuer is None,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if issuer:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        built = built.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    certificate = built.sign(issuer[1] if issuer else key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / f"{name}.key").write_bytes(pem)
    return certificate, key


async def test_tls_with_client_certificates(tmp_path: Path) -> None:
    authority = issue(tmp_path, "authority", None)
    for name in ("server.dc1.consul", "client"):
        issue(tmp_path, name, authority)
    (port,) = free_ports(1)
    config = f"""
ports {{ https = {port} }}
tls {{ https {{
  ca_file = "{tmp_path}/authority.pem"
  cert_file = "{tmp_path}/server.dc1.consul.pem"
  key_file = "{tmp_path}/server.dc1.consul.key"
  verify_incoming = true
}} }}
"""
    ca, cert, key = (str(tmp_path / name) for name in ("authority.pem", "client.pem", "client.key"))
    good = Tls(ca_file=ca, cert_file=cert, key_file=key, server_name="server.dc1.consul")
    with Consul(config=config):
        async with ConsulStore.connect(at(f"consul+tls://127.0.0.1:{port}", tls=good)) as store:
            await store.commit([Set("t/a", b"1")])
            assert await store.get("t/a") is not None
        bad = {
            "no authority": Tls(cert_file=cert, key_file=key, server_name="server.dc1.consul"),
            "no certificate": Tls(ca_file=ca, server_name="server.dc1.consul"),
            "another name": Tls(ca_file=ca, cert_file=cert, key_file=key),
        }
        for name, tls in bad.items():
            async with ConsulStore.connect(at(f"https://127.0.0.1:{port}", tls=tls), timeouts=QUICK) as store:
                with pytest.raises(Unavailable):
                    await store.get("t/a")
                assert name
        unverified = Tls(cert_file=cert, key_file=key, verify=False)
        async with ConsulStore.connect(at(f"https://127.0.0.1:{port}", tls=unverified)) as store:
            assert await store.get("t/a") is not None


# ---------------------------------------------------------------------------------------------------------- tokens


async def test_a_token_replaced_while_a_query_waits_is_used_without_a_word(consul_acl: ConsulWithAcl) -> None:
    """The old token is revoked under a running query: the watch goes on with the new one, without trouble."""
    rules = 'key_prefix "t/" { policy = "write" } agent_prefix "" { policy = "read" }'
    tokens = [consul_acl.create_token(rules), consul_acl.create_token(rules)]
    current = [tokens[0]]
    async with (
        ConsulStore.connect(at(consul_acl.address), token=lambda: current[0]) as store,
        watching(store, "t/") as seen,
    ):
        await store.commit([Set("t/a", b"1")])
        await seen.until_values({"t/a": b"1"})
        current[0] = tokens[1]
        consul_acl.revoke_token(tokens[0])
        await store.commit([Set("t/a", b"2")])
        await seen.until_values({"t/a": b"2"})
        assert not [event for event in seen.events if isinstance(event, Trouble)]


async def test_a_token_that_one_server_does_not_know_is_taken_to_the_next(consul_acl: ConsulWithAcl) -> None:
    """A server that has just come back lags behind, and does not know the newest tokens for a moment. The others do."""
    token = consul_acl.create_token('key_prefix "t/" { policy = "write" }')
    with wayside(lambda _: Says(403, b"ACL not found")) as lagging:
        async with ConsulStore.connect(at(lagging.address, consul_acl.address, token=token)) as store:
            await store.commit([Set("t/a", b"1")])
            asked = len(lagging.asked)
            assert await store.get("t/a")
            assert len(lagging.asked) == asked, "the one that knows it is asked from then on"
        async with ConsulStore.connect(at(lagging.address, consul_acl.address, token="unknown")) as store:
            with pytest.raises(Forbidden, match="ACL not found"):
                await store.get("t/a")


async def test_missing_rights_are_forbidden_and_nothing_is_written(consul_acl: ConsulWithAcl) -> None:
    token = consul_acl.create_token('key_prefix "t/" { policy = "read" } key_prefix "t/mine/" { policy = "write" }')
    async with ConsulStore.connect(at(consul_acl.address, token=token)) as store:
        await store.commit([Set("t/mine/a", b"1")])
        with pytest.raises(Forbidden) as caught:
            await store.commit([Set("t/mine/b", b"1"), Set("t/other", b"1", expect=0)])
        assert "t/other" in str(caught.value)
        with pytest.raises(Forbidden):
            await store.get("u/a")
        assert [entry.key for entry in (await store.scan("t/")).entries] == ["t/mine/a"]
    for wrong in ("11111111-2222-3333-4444-555555555555", "not-a-token"):
        async with ConsulStore.connect(at(consul_acl.address, token=wrong)) as store:
            with pytest.raises(Forbidden) as caught:
                await store.get("t/mine/a")
            assert wrong not in str(caught.value)
            assert "expired" in caught.value.hint


async def test_a_listing_that_would_be_incomplete_is_forbidden(consul_acl: ConsulWithAcl) -> None:
    token = consul_acl.create_token('key_prefix "t/open/" { policy = "read" }')
    consul_acl.call("PUT", "/v1/kv/t/open/a", b"1")
    consul_acl.call("PUT", "/v1/kv/t/closed/a", b"1")
    async with ConsulStore.connect(at(consul_acl.address, token=token)) as store:
        assert [entry.key for entry in (await store.scan("t/open/")).entries] == ["t/open/a"]
        with pytest.raises(Forbidden):
            await store.scan("t/")
        seen = Watching()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, "t/", seen.observe)
            await seen.until(lambda: bool(seen.events))
            tasks.cancel_scope.cancel()
        (trouble,) = seen.events
        assert isinstance(trouble, Trouble)
        assert trouble.alarm
        assert not [event for event in seen.events if isinstance(event, Batch)]


async def test_a_token_with_a_line_break_is_refused_before_it_is_sent() -> None:
    async with ConsulStore.connect(at(dead(), token="secret\nX-Evil: 1")) as store:
        with pytest.raises(InvalidSetting) as caught:
            await store.get("t/a")
    assert "secret" not in str(caught.value)
