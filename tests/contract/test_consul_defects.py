"""The defects of python-consul2 0.1.5, by the numbers of ``docs/consul-rules.md`` §2, and our way round each."""

from __future__ import annotations

import gc
import inspect
import json
import ssl
import threading
import warnings
from importlib.metadata import files, version
from typing import TYPE_CHECKING, get_type_hints

import anyio
import consul
import pytest
from consul import base
from consul.std import HTTPClient as RequestsClient

from tests.contract.wayside import Asked, Says, wayside
from versiqiid.adapters.consul.endpoints import Endpoints
from versiqiid.adapters.consul.settings import ConsulSettings, Tls, parse_addresses, settings_from
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import AnyioHTTP, Reply, Response, Timeouts
from versiqiid.errors import (
    Forbidden,
    InvalidInput,
    InvalidKey,
    InvalidSetting,
    NoLeader,
    NotFound,
    RateLimited,
    Refused,
    TooLarge,
    Unavailable,
    VersiqiiError,
)
from versiqiid.ports import SessionId, Set
from versiqiid.testing.store_contract import BAD_KEYS
from versiqiid.testing.watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.services.consul import Consul

pytestmark = pytest.mark.anyio

LARGE = b"x" * 500_000
"""Does not fit into a transaction, so that it goes through ``kv.put``."""


def at(address: str, **more: object) -> ConsulSettings:
    return ConsulSettings(parse_addresses(address), **more)  # type: ignore[arg-type]


def always(status: int, body: bytes = b"", **headers: str) -> Callable[[Asked], Says]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Says(status, body, named)


def like_consul(asked: Asked) -> Says:
    """An empty Consul, as far as these tests look at it."""
    if asked.path == "/v1/agent/self":
        return Says(200, b'{"Config": {"Version": "1.20.6"}}')
    if asked.path == "/v1/txn":
        return Says(200, b'{"Results": [], "Errors": null}')
    if asked.method == "GET":
        return Says(404, b"", {"X-Consul-Index": "7", "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "3"})
    return Says(200, b"true")


@pytest.fixture
def refusing_address() -> str:
    """An address where nobody listens."""
    with wayside(like_consul) as gone:
        return gone.address


# ------------------------------------------------------------------------------------------- the subclass is guarded


def test_the_library_is_the_one_that_was_read() -> None:
    """Its internals are subclassed, so another version has to be read first."""
    assert version("python-consul2") == consul.__version__ == "0.1.5"
    assert base.HTTPClient.__abstractmethods__ == {"get", "put", "delete", "post"}
    assert inspect.signature(base.HTTPClient.uri).parameters.keys() == {"self", "path", "params"}
    used = {
        base.Consul.KV.get: {"key", "index", "recurse", "wait", "consistency", "keys", "separator"},
        base.Consul.KV.put: {"key", "value", "cas", "acquire"},
        base.Consul.Session.renew: {"session_id"},
        base.Consul.Session.destroy: {"session_id"},
        base.Consul.Session.info: {"session_id", "consistency"},
        base.Consul.Txn.put: {"payload"},
        base.Consul.Agent.self: set(),
        base.CB.json: {"is_id"},
    }
    for function, parameters in used.items():
        assert parameters <= inspect.signature(function).parameters.keys(), function


@pytest.mark.parametrize("verb", ["get", "put", "delete", "post"])
def test_our_transport_takes_what_the_endpoints_hand_over(verb: str) -> None:
    ours = inspect.signature(getattr(AnyioHTTP, verb)).parameters.keys()
    assert inspect.signature(getattr(base.HTTPClient, verb)).parameters.keys() <= ours


# ------------------------------------------------------------------------------------------------------- the defects


async def test_c1_a_404_from_somebody_else_is_no_success() -> None:
    """The library makes (None, None) of it, which is truthy."""
    assert base.CB.json()(Response(404, {}, b"")) == (None, None)
    with wayside(always(404, b"no such page")) as proxy:
        async with ConsulStore.connect(at(proxy.address)) as store:
            for operation in (Set("t/a", b"x", expect=0), Set("t/a", LARGE, expect=0)):
                with pytest.raises(Refused, match="not Consul's answer"):
                    await store.commit([operation])
            with pytest.raises(Refused):
                await store.acquire("t/a", b"", SessionId("s"))
            with pytest.raises(Refused):
                await store.get("t/a")
            with pytest.raises(Refused):
                await store.scan("t/")


async def test_c1_only_the_word_true_is_a_yes() -> None:
    def odd(asked: Asked) -> Says:
        return Says(200, b'"yes"') if asked.method == "PUT" else like_consul(asked)

    with wayside(odd) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            assert not await store.acquire("t/a", b"", SessionId("s"))


@pytest.mark.parametrize("key", [*BAD_KEYS, "tenantA/../tenantB/x", "a/..%2fb"])
async def test_c2_no_path_reaches_the_wire_that_could_escape_its_tenant(key: str) -> None:
    with wayside(like_consul) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            for call in (
                store.get(key),
                store.commit([Set(key, b"")]),
                store.acquire(key, b"", SessionId("s")),
                store.release(key, SessionId("s")),
            ):
                with pytest.raises(InvalidKey):
                    await call
        assert {asked.path for asked in server.asked} <= {"/v1/agent/self"}


@pytest.mark.consul
async def test_c3_the_environment_does_not_override_what_the_store_was_told(
    consul: Consul, monkeypatch: pytest.MonkeyPatch, refusing_address: str
) -> None:
    for value in (refusing_address, "http://[::1]:8500", "nonsense:with:many:colons"):
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


def test_c6_the_whole_environment_of_consuls_own_client_is_read(tmp_path: object) -> None:
    from pathlib import Path  # noqa: PLC0415

    token = Path(str(tmp_path)) / "token"
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


async def test_c8_the_first_query_does_not_block_and_the_next_has_an_index_and_a_wait() -> None:
    second = threading.Event()
    release = threading.Event()

    def answer(asked: Asked) -> Says:
        if ("recurse", "1") in asked.query and any(name == "index" for name, _ in asked.query):
            second.set()
            release.wait(20)
        return Says(404, b"", {"X-Consul-Index": "0"}) if asked.method == "GET" else like_consul(asked)

    with wayside(answer) as server:
        async with ConsulStore.connect(at(server.address)) as store, watching(store, "t/"):
            assert await anyio.to_thread.run_sync(second.wait, 20)
        release.set()
        first, following = [dict(asked.query) for asked in server.asked if ("recurse", "1") in asked.query][:2]
    assert "index" not in first
    assert "wait" not in first
    assert following["index"] == "1", "an index below 1 would not block"
    assert following["wait"].endswith("s")


@pytest.mark.consul
async def test_c9_indexes_are_numbers_and_headers_are_kept(consul: Consul) -> None:
    http = AnyioHTTP(at(consul.address))
    reply: Reply = await Endpoints(http).kv.get("t/nothing", consistency="consistent")
    await http.aclose()
    assert isinstance(reply.meta.index, int)
    assert reply.meta.index > 0
    assert (reply.meta.known_leader, reply.meta.last_contact_ms, reply.meta.filtered) == (True, 0, False)


async def test_c9_a_leader_that_is_not_told_is_no_failure() -> None:
    with wayside(always(404, X_Consul_Index="3", X_Consul_KnownLeader="false")) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            assert await store.get("t/a") is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"Missing key name", Refused),
        (401, b"ACL support disabled", Refused),
        (403, b"ACL not found", Forbidden),
        (403, b"Permission denied: token with AccessorID 'x' lacks permission", Forbidden),
        (405, b"method PATCH not allowed", Refused),
        (413, b"Request body(524289 bytes) too large, max size: 524288 bytes.", TooLarge),
        (429, b"rate limit exceeded", RateLimited),
        (500, b"No cluster leader", NoLeader),
        (500, b'raft apply failed: invalid session "x"', NotFound),
        (500, b"rpc error making call: Permission denied", Forbidden),
        (500, b"rpc error making call: EOF", Unavailable),
        (502, b"bad gateway", Unavailable),
        (503, b"rate limit exceeded for operation that can only be performed by the leader", RateLimited),
        (301, b"", Refused),
    ],
)
async def test_c10_every_failure_has_its_own_type(status: int, body: bytes, kind: type[VersiqiiError]) -> None:
    with wayside(always(status, body, Retry_After="7", Location="http://elsewhere.example/")) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            with pytest.raises(VersiqiiError) as caught:
                await store.acquire("t/a", b"", SessionId("s"))
    assert type(caught.value) is kind
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after_s == 7
    if isinstance(caught.value, TooLarge):
        assert (caught.value.size, caught.value.limit) == (524289, 524288)
    if isinstance(caught.value, Unavailable):
        assert caught.value.maybe_written == (kind is Unavailable)


async def test_c10_an_expired_token_is_told_apart_from_missing_rights_by_its_hint() -> None:
    hints = []
    for body in (b"ACL not found", b"Permission denied"):
        with wayside(always(403, body)) as server:
            async with ConsulStore.connect(at(server.address)) as store:
                with pytest.raises(Forbidden) as caught:
                    await store.get("t/a")
                hints.append(caught.value.hint)
    assert "expired" in hints[0]
    assert "permission" in hints[1]


async def test_c11_no_foreign_error_comes_out(refusing_address: str) -> None:
    async with ConsulStore.connect(at(refusing_address)) as store:
        for call in (store.get("t/a"), store.scan("t/"), store.commit([Set("t/a", b"")]), store.renew(SessionId("s"))):
            with pytest.raises(Unavailable) as caught:
                await call
            assert not caught.value.maybe_written, "nobody listened, so nothing was written"


@pytest.mark.parametrize("body", [b"<html>", b"\xff\xfe", b"[]", b"5", b'{"a": 1}', b'[{"Key": "t/a"}]', b""])
async def test_c11_rubbish_is_no_answer(body: bytes) -> None:
    with wayside(always(200, body, X_Consul_Index="5")) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            if body == b"[]":
                assert (await store.scan("t/")).entries == ()
                return
            with pytest.raises(Unavailable):
                await store.scan("t/")


async def test_c11_an_index_that_is_no_number_is_no_answer() -> None:
    with wayside(always(404, X_Consul_Index="soon")) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            with pytest.raises(Unavailable):
                await store.get("t/a")


@pytest.mark.consul
async def test_c12_no_requests_session_and_no_proxy_from_the_environment(
    consul: Consul, monkeypatch: pytest.MonkeyPatch, refusing_address: str
) -> None:
    assert not issubclass(AnyioHTTP, RequestsClient)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{refusing_address}")
    async with ConsulStore.connect(at(consul.address)) as store:
        assert await store.get("t/a") is None


@pytest.mark.consul
def test_c13_a_store_can_be_made_where_no_loop_runs(consul: Consul) -> None:
    made: list[ConsulStore] = []
    thread = threading.Thread(target=lambda: made.append(ConsulStore.connect(at(consul.address))))
    thread.start()
    thread.join()

    async def use() -> None:
        async with made[0]:
            assert await made[0].get("t/a") is None

    anyio.run(use)
    made.append(ConsulStore.connect(at(consul.address)))


async def test_c14_connections_are_kept() -> None:
    with wayside(like_consul) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            for _ in range(5):
                await store.get("t/a")
        assert len(server.asked) == 5
        assert server.connections == 1


@pytest.mark.parametrize("field", ["ca_file", "cert_file"])
async def test_c15_a_certificate_that_is_not_there_is_refused_by_name(field: str) -> None:
    """That certificates are used at all is shown against a Consul with TLS, in test_consul_transport.py."""
    tls = Tls(**{field: "/nowhere/file.pem"})
    async with ConsulStore.connect(at("https://127.0.0.1:1", tls=tls)) as store:
        with pytest.raises(InvalidSetting, match=r"/nowhere/file\.pem"):
            await store.get("t/a")


def test_c15_a_query_that_blocks_is_waited_for_as_long_as_the_server_may_take() -> None:
    """It adds up to a sixteenth of the wait (docs/consul-rules.md rule 4); above that, the time for any answer."""
    http = AnyioHTTP(ConsulSettings(), timeouts=Timeouts(answer_s=10))
    waiting = http._request("GET", "/v1/kv/t", [("index", 7), ("wait", "300.000s")], None)
    assert waiting.deadline_s == 300 + 300 / 16 + 10
    assert http._request("GET", "/v1/kv/t", [], None).deadline_s == 10


async def test_c15_deadlines_are_kept() -> None:
    release = threading.Event()

    def slow(_: Asked) -> Says:
        release.wait(20)
        return Says(404, b"", {"X-Consul-Index": "7"})

    with wayside(slow) as server:
        async with ConsulStore.connect(at(server.address), timeouts=Timeouts(answer_s=0.05)) as store:
            with pytest.raises(Unavailable):
                await store.get("t/a")
        release.set()


async def test_c16_concurrent_calls_do_not_mix_and_closing_early_is_fine() -> None:
    def echo(asked: Asked) -> Says:
        if asked.path == "/v1/agent/self":
            return like_consul(asked)
        item = {"Key": asked.path.removeprefix("/v1/kv/"), "Value": None, "ModifyIndex": 4}
        return Says(200, json.dumps([item]).encode(), {"X-Consul-Index": "4"})

    with wayside(echo) as server:
        unused = ConsulStore.connect(at(server.address))
        await unused.aclose()
        async with ConsulStore.connect(at(server.address)) as store:
            found: dict[str, str] = {}

            async def ask(key: str) -> None:
                entry = await store.get(key)
                assert entry is not None
                found[key] = entry.key

            async with anyio.create_task_group() as tasks:
                for number in range(30):
                    tasks.start_soon(ask, f"t/{number}")
        assert found == {f"t/{number}": f"t/{number}" for number in range(30)}


async def test_c17_nothing_warns_when_a_store_is_dropped() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ConsulStore.connect(at("127.0.0.1:1"))
        gc.collect()
    assert [str(warning.message) for warning in caught if "consul" in str(warning.message).lower()] == []


@pytest.mark.consul
async def test_c18_a_body_that_is_no_text_comes_through(consul: Consul) -> None:
    http = AnyioHTTP(at(consul.address))
    snapshot: Reply = await base.Consul.Snapshot(Endpoints(http)).get()
    await http.aclose()
    assert snapshot.value.startswith(b"\x1f\x8b")


async def test_c19_only_bytes_leave_the_house() -> None:
    with wayside(like_consul) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            for value in ({"x": 1}, "text", None, bytearray(b"x")):
                with pytest.raises(InvalidInput):
                    await store.commit([Set("t/a", value)])  # type: ignore[arg-type]
                with pytest.raises(InvalidInput):
                    await store.acquire("t/a", value, SessionId("s"))  # type: ignore[arg-type]
        assert {asked.path for asked in server.asked} == {"/v1/agent/self"}


async def test_c20_no_assertion_of_the_library_is_relied_on() -> None:
    """They are gone under -O: keys are checked by us, times to live by the server (test_locks_consul.py)."""
    async with ConsulStore.connect(at("127.0.0.1:1")) as store:
        with pytest.raises(InvalidKey):
            await store.get("/a")
        with pytest.raises(Unavailable):
            await store.open_session("s", ttl_s=1)


@pytest.mark.parametrize("part", ["event", "acl", "catalog", "health", "config", "query", "operator", "coordinate"])
def test_c21_c24_parts_with_defects_of_their_own_are_not_there(part: str) -> None:
    """``event.list`` never decodes, ``acl`` calls what Consul removed: nobody can reach them by mistake."""
    assert not hasattr(Endpoints(AnyioHTTP(ConsulSettings())), part)


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


@pytest.mark.parametrize(
    ("release", "most"), [("1.13.9", 64), ("1.14.0", 128), ("1.14.0-beta1", 128), ("1.20.6+ent", 128), ("2.0.0", 128)]
)
async def test_c23_transactions_know_the_limit_of_the_server_and_read_consistently(release: str, most: int) -> None:
    def answer(asked: Asked) -> Says:
        if asked.path == "/v1/agent/self":
            return Says(200, json.dumps({"Config": {"Version": release}}).encode())
        return like_consul(asked)

    with wayside(answer) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            assert store.limits.operations_max == 64, "until it is known"
            await store.commit([Set(f"t/{number}", b"") for number in range(most)])
            assert store.limits.operations_max == most
            with pytest.raises(TooLarge):
                await store.commit([Set(f"t/{number}", b"") for number in range(most + 1)])
        transactions = [asked for asked in server.asked if asked.path == "/v1/txn"]
        assert [asked.query for asked in transactions] == [[("consistent", "1")]]


async def test_c23_an_agent_that_does_not_tell_its_version_gets_64() -> None:
    def answer(asked: Asked) -> Says:
        return Says(403, b"Permission denied") if asked.path == "/v1/agent/self" else like_consul(asked)

    with wayside(answer) as server:
        async with ConsulStore.connect(at(server.address)) as store:
            await store.commit([Set("t/a", b"")])
            await store.commit([Set("t/a", b"")])
            assert store.limits.operations_max == 64
        assert sum(asked.path == "/v1/agent/self" for asked in server.asked) == 1


def test_c25_no_warning_at_construction() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ConsulStore.connect()
    assert caught == []


def test_c26_the_library_has_no_types_and_our_face_has_them_all() -> None:
    assert not [file for file in files("python-consul2") or () if file.name == "py.typed"]
    for name, member in vars(ConsulStore).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            parameters = [each for each in inspect.signature(member).parameters if each != "self"]
            assert {*parameters, "return"} <= member.__annotations__.keys(), name
    assert get_type_hints(Reply)
