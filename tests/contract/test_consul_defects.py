"""The defects of python-consul2 0.1.5, by the numbers of ``docs/consul-rules.md`` §2, and our way round each.

Here are those of its calls; ``test_consul_defects_settings.py`` and ``test_consul_defects_answers.py`` have the others.
"""

from __future__ import annotations

import gc
import inspect
import json
import threading
import warnings
from importlib.metadata import files, version
from typing import TYPE_CHECKING, get_type_hints

import anyio
import consul
import pytest
from consul import base

from tests.contract.consul_at import at
from tests.contract.wayside import Asked, Says, like_consul, wayside
from versiqiid.adapters.consul.endpoints import Endpoints
from versiqiid.adapters.consul.settings import ConsulSettings
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import AnyioHTTP, Reply, Timeouts
from versiqiid.errors import InvalidInput, InvalidKey, Unavailable
from versiqiid.ports import SessionId, Set
from versiqiid.testing.store_contract import BAD_KEYS
from versiqiid.testing.watching import watching

if TYPE_CHECKING:
    from tests.services.consul import Consul

pytestmark = pytest.mark.anyio


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
