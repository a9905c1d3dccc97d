"""Sessions and locks of the embedded stores keep the contract, on a clock moved by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.clocks import HandClock
from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.sqlite.store import SqliteOptions, SqliteStore
from versiqiid.adapters.sqlite.store_locks import HostClock, host_clock
from versiqiid.errors import InvalidInput, NotFound
from versiqiid.testing.locks_contract import LocksContract
from versiqiid.testing.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


class ByHand(LocksContract):
    @pytest.fixture(autouse=True)
    def clock(self) -> HandClock:
        self.hand = HandClock()
        return self.hand

    async def pass_time(self, seconds: float) -> None:
        self.hand.advance(seconds)


class TestMemoryLocks(ByHand):
    @pytest.fixture
    def store(self, clock: HandClock) -> MemoryStore:
        return MemoryStore(monotonic=clock)


class TestSqliteLocks(ByHand):
    @pytest.fixture
    async def store(self, clock: HandClock, tmp_path: Path) -> AsyncIterator[SqliteStore]:
        options = SqliteOptions(clock=HostClock("boot", clock))
        async with await SqliteStore.open(tmp_path / "keys.db", options) as store:
            yield store


async def test_a_session_ends_for_every_process_of_the_host(tmp_path: Path) -> None:
    """Two stores on one file share sessions and see the same end, also through a watch that only waits."""
    clock = HandClock()
    options = SqliteOptions(clock=HostClock("boot", clock))
    path = tmp_path / "keys.db"
    async with await SqliteStore.open(path, options) as one, await SqliteStore.open(path, options) as two:
        session = (await one.open_session("host", ttl_s=5, lock_delay_s=0, delete=True)).id
        assert await one.acquire("t/host", b"here", session)
        await two.renew(session)
        async with watching(two, "t/") as seen:
            assert seen.values() == {"t/host": b"here"}
            clock.advance(6)
            await seen.until_values({})
        with pytest.raises(NotFound):
            await one.renew(session)


async def test_a_session_from_before_a_reboot_has_ended(tmp_path: Path) -> None:
    clock = HandClock()
    path = tmp_path / "keys.db"
    async with await SqliteStore.open(path, SqliteOptions(clock=HostClock("before", clock))) as store:
        session = (await store.open_session("leader", ttl_s=100, lock_delay_s=60)).id
        assert await store.acquire("t/lock", b"old", session)
    clock.seconds = 1.0
    async with await SqliteStore.open(path, SqliteOptions(clock=HostClock("after", clock))) as store:
        with pytest.raises(NotFound):
            await store.renew(session)
        fresh = (await store.open_session("leader", ttl_s=100)).id
        assert await store.acquire("t/lock", b"new", fresh)


async def test_an_ephemeral_key_is_not_read_after_its_session(tmp_path: Path) -> None:
    """Nobody needs to be awake when a session ends: the next reader ends it first."""
    clock = HandClock()
    options = SqliteOptions(clock=HostClock("boot", clock))
    for store in (MemoryStore(monotonic=clock), await SqliteStore.open(tmp_path / "keys.db", options)):
        session = (await store.open_session("host", ttl_s=5, delete=True)).id
        assert await store.acquire("t/host", b"here", session)
        clock.advance(6)
        assert await store.get("t/host") is None
        assert (await store.scan("t/")).entries == ()
        if isinstance(store, SqliteStore):
            await store.aclose()


async def test_a_time_to_live_of_nothing_is_refused(tmp_path: Path) -> None:
    async with await SqliteStore.open(tmp_path / "keys.db") as store:
        for each in (store, MemoryStore()):
            with pytest.raises(InvalidInput):
                await each.open_session("x", ttl_s=0)


async def test_the_host_clock_only_grows_and_is_named_by_its_boot() -> None:
    clock = host_clock()
    assert clock == host_clock() or clock.boot == host_clock().boot
    assert clock.now() <= clock.now()
