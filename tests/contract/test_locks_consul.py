"""Sessions and locks on a real Consul keep the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import anyio
import pytest

from tests.contract.wayside import Asked, Says, wayside
from tests.services.consul import Consul
from tests.services.fixtures import launch
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.errors import Refused
from versiqiid.ports import Set
from versiqiid.testing.locks_contract import LocksContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.consul]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """A Consul that takes shorter sessions than usual, so that waiting for their end is no matter of minutes."""
    yield from launch(request, lambda: Consul(config='session_ttl_min = "1s"'))


@pytest.fixture
async def store(server: Consul) -> AsyncIterator[ConsulStore]:
    async with ConsulStore.connect(ConsulSettings(parse_addresses(f"consul://{server.address}"))) as store:
        yield store


class TestConsulLocks(LocksContract):
    ttl_s = 2.0

    @pytest.fixture
    async def store(self, server: Consul) -> AsyncIterator[ConsulStore]:
        async with ConsulStore.connect(ConsulSettings(parse_addresses(f"consul://{server.address}"))) as store:
            yield store


async def test_a_session_shorter_than_consul_takes_is_refused_by_the_name_of_the_setting(consul: Consul) -> None:
    """The limit is the server's own, so it is the server that is asked."""
    async with ConsulStore.connect(ConsulSettings(parse_addresses(consul.address))) as store:
        with pytest.raises(Refused, match="Invalid Session TTL") as caught:
            await store.open_session("leader", ttl_s=5)
        assert "session-ttl-s" in caught.value.hint
        session = await store.open_session("leader", ttl_s=10)
        assert session.ttl_s == 10
        await store.end_session(session.id)


async def test_a_longer_time_to_live_than_asked_is_told() -> None:
    """Consul may grant more than it was asked for; the renewal has to know."""

    def generous(asked: Asked) -> Says:
        if asked.path == "/v1/session/create":
            return Says(200, b'{"ID": "5f1c6f8e-0000-4000-8000-000000000000"}')
        return Says(200, b'[{"ID": "5f1c6f8e", "TTL": "1m30s"}]', {"X-Consul-Index": "9"})

    with wayside(generous) as server:
        async with ConsulStore.connect(ConsulSettings(parse_addresses(server.address))) as store:
            assert (await store.open_session("leader", ttl_s=10)).ttl_s == 90
        body = json.loads(server.asked[0].body)
        assert body == {"Name": "leader", "TTL": "10s", "LockDelay": "1s", "Behavior": "release"}


async def test_a_release_keeps_the_value_although_somebody_writes_meanwhile(store: ConsulStore) -> None:
    """Consul's own release writes the value sent with it: ours never brings an older one back."""
    session = (await store.open_session("writer", ttl_s=10)).id
    for number in range(5):
        assert await store.acquire("t/lock", b"first", session)
        value = f"blind {number}".encode()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.commit, [Set("t/lock", value)])
            assert await store.release("t/lock", session)
        entry = await store.get("t/lock")
        assert entry is not None
        assert entry.value == value


async def test_the_session_is_tied_to_the_health_of_its_node(server: Consul, store: ConsulStore) -> None:
    """Consul's default check is kept: a dead agent ends its sessions."""
    session = (await store.open_session("checked", ttl_s=10)).id
    info = server.call("GET", f"/v1/session/info/{session}").json()
    assert info[0]["NodeChecks"] == ["serfHealth"]
    assert info[0]["Behavior"] == "release"
