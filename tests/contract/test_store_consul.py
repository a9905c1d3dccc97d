"""The Consul store keeps the contract, against a real Consul, on both event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.services.consul import Consul
from tests.services.fixtures import launch
from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.testing.store_contract import StoreContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.consul,
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"]),
]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """One server for all tests here: each keeps to a root of its own."""
    yield from launch(request, Consul)


class TestConsulStore(StoreContract):
    @pytest.fixture
    async def store(self, server: Consul) -> AsyncIterator[ConsulStore]:
        async with ConsulStore.connect(ConsulSettings(parse_addresses(f"consul://{server.address}"))) as store:
            yield store
