"""The memory store keeps the contract, on both event loops."""

from __future__ import annotations

import anyio
import pytest

from tests.contract.clocks import HandClock
from versiqiid.adapters.memory import MemoryStore
from versiqiid.ports import Delete, Reached, Set
from versiqiid.testing.store_contract import StoreContract
from versiqiid.testing.watching import watching

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])]


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


async def test_a_watch_too_far_behind_starts_anew_and_sees_deletions() -> None:
    """Bounded memory: what is forgotten is made good by a complete batch."""
    store = MemoryStore(history=3)
    await store.commit([Set("t/gone", b"1"), Set("t/stays", b"1")])
    gate = anyio.Event()
    async with watching(store, "t/") as seen:
        original = seen.observe

        async def slow(event: object) -> None:
            await gate.wait()
            await original(event)  # type: ignore[arg-type]

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, "t/", slow)
            await store.commit([Delete("t/gone")])
            for number in range(10):
                await store.commit([Set("t/stays", str(number).encode())])
            gate.set()
            await seen.until_values({"t/stays": b"9"})
            tasks.cancel_scope.cancel()


async def test_times_come_from_the_injected_clock() -> None:
    clock = HandClock(5.0)
    store = MemoryStore(wall=clock)
    await store.commit([Set("a", b"1")])
    clock.advance(2)
    await store.commit([Set("a", b"2")])
    entry = await store.get("a")
    assert entry is not None
    assert (entry.created, entry.updated) == (5.0, 7.0)


async def test_a_quiet_watch_says_that_it_is_well() -> None:
    store = MemoryStore(reached_s=0.01)
    index = await store.commit([Set("a", b"1")])
    async with watching(store, "") as seen:
        await seen.until(lambda: Reached(index) in seen.events)
