"""A watch in shards keeps the contract of every watch, and agrees with a dictionary."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from tests.contract.consul_at import at
from tests.contract.sharding import PATIENT
from tests.services.consul import Consul
from tests.services.fixtures import launch
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.core.shards import Sizes
from versiqiid.testing.store_machine import StoreMachine
from versiqiid.testing.watch_contract import WatchContract

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = [pytest.mark.anyio, pytest.mark.consul]

TINY = replace(PATIENT, sizes=Sizes(whole=1_600, split=1_100, merge=600, spare=1), settle_s=0.05)
"""A key weighs 500 and a little: shards of two keys, trees of three in one piece."""


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Consul]:
    """One server for the whole contract: each test keeps to a root of its own."""
    yield from launch(request, Consul)


DRILLED = replace(TINY, sizes=Sizes(whole=600, split=550, merge=300, spare=0))
"""With a single query, all is in one shard, which is looked through for what changed as soon as there are two keys."""


@pytest.mark.parametrize(("watch", "queries"), [(TINY, 64), (DRILLED, 1)], ids=["cut", "drilled"])
class TestShardedWatch(WatchContract):
    """All the promises of a watch, when it is always cut, and when its shard is always too heavy."""

    @pytest.fixture
    async def store(self, server: Consul, watch: WatchOptions, queries: int) -> AsyncIterator[ConsulStore]:
        options = replace(watch, settle_s=0.7)
        async with ConsulStore.connect(at(server), watch=options, queries_max=queries) as store:
            yield store


@pytest.mark.parametrize(("watch", "queries"), [(TINY, 64), (DRILLED, 1)], ids=["cut", "drilled"])
def test_consul_in_shards_agrees_with_a_dictionary(consul: Consul, watch: WatchOptions, queries: int) -> None:
    class ShardedMachine(StoreMachine):
        @contextlib.asynccontextmanager
        async def make_store(self) -> AsyncIterator[ConsulStore]:
            async with ConsulStore.connect(at(consul), watch=watch, queries_max=queries) as store:
                yield store

        def _start_watch(self) -> None:
            super()._start_watch()
            self.key_shown: dict[str, int] = {}
            self.before: dict[str, bytes] = {}

        @invariant()
        def every_picture_was_a_moment(self) -> None:
            """Key by key, in the order of its states: commits that follow each other in several shards may be told
            in another order, a single key's may not.
            """
            pictures, self.pictures = self.pictures, []
            for picture in pictures:
                for key in sorted(picture.keys() | self.before.keys()):
                    if picture.get(key) != self.before.get(key):
                        self._advance(key, picture.get(key))
                self.before = picture

        def _advance(self, key: str, value: bytes | None) -> None:
            at = self.key_shown.get(key, self.shown)
            while at < len(self.moments) and self.moments[at].get(key) != value:
                at += 1
            assert at < len(self.moments), f"{key} never was {value!r}, or was before what is known"
            self.key_shown[key] = at

    plan = settings(
        max_examples=12,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(ShardedMachine, settings=plan)
