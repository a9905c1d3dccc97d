"""Defects of python-consul2 0.1.5 in what it takes for an answer, by the numbers of ``docs/consul-rules.md`` §2."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from consul import base

from tests.contract.consul_at import at, dead
from tests.contract.wayside import Asked, Says, always, like_consul, wayside
from versiqiid.adapters.consul.endpoints import Endpoints
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import AnyioHTTP, Reply, Response
from versiqiid.errors import Forbidden, NoLeader, NotFound, RateLimited, Refused, TooLarge, Unavailable, VersiqiiError
from versiqiid.ports import SessionId, Set

if TYPE_CHECKING:
    from tests.services.consul import Consul

pytestmark = pytest.mark.anyio


LARGE = b"x" * 500_000
"""Does not fit into a transaction, so that it goes through ``kv.put``."""


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


async def test_c11_no_foreign_error_comes_out() -> None:
    async with ConsulStore.connect(at(dead())) as store:
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
async def test_c18_a_body_that_is_no_text_comes_through(consul: Consul) -> None:
    http = AnyioHTTP(at(consul.address))
    snapshot: Reply = await base.Consul.Snapshot(Endpoints(http)).get()
    await http.aclose()
    assert snapshot.value.startswith(b"\x1f\x8b")


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
