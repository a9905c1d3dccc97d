"""What every store promises about sessions and locks, as tests. Subclass ``LocksContract`` with a ``store`` fixture."""
# ruff: noqa: S101 - asserts are what a contract suite is made of

from __future__ import annotations

import anyio
import pytest

from versiqiid.errors import Conflict, FenceLost, NotFound
from versiqiid.ports import Check, Delete, Held, Holding, SessionId, Set
from versiqiid.testing.watching import PATIENCE_S, Rooted, Store, watching


class LocksContract(Rooted):
    """The promises of ``Locks``, and of ``Held`` in commits."""

    async def test_one_session_holds_a_lock(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        assert await store.acquire(f"{root}/lock", b"one", one)
        assert not await store.acquire(f"{root}/lock", b"two", two)
        entry = await store.get(f"{root}/lock")
        assert entry is not None
        assert entry.value == b"one"

    async def test_the_granted_time_to_live_is_no_shorter_than_asked(self, store: Store) -> None:
        session = await store.open_session("test", ttl_s=self.ttl_s)
        assert session.ttl_s >= self.ttl_s
        await store.end_session(session.id)

    async def test_the_holder_may_acquire_again_with_another_value(self, store: Store, root: str) -> None:
        one, _ = await self._two(store)
        assert await store.acquire(f"{root}/lock", b"1", one)
        assert await store.acquire(f"{root}/lock", b"2", one)
        entry = await store.get(f"{root}/lock")
        assert entry is not None
        assert entry.value == b"2"

    async def test_acquiring_again_with_the_same_value_moves_nothing(self, store: Store, root: str) -> None:
        one, _ = await self._two(store)
        assert await store.acquire(f"{root}/lock", b"1", one)
        before = await store.get(f"{root}/lock")
        assert await store.acquire(f"{root}/lock", b"1", one)
        assert await store.get(f"{root}/lock") == before

    async def test_a_released_lock_keeps_its_value_and_is_free(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        assert await store.acquire(f"{root}/lock", b"mine", one)
        assert not await store.release(f"{root}/lock", two)
        assert await store.release(f"{root}/lock", one)
        assert not await store.release(f"{root}/lock", one)
        entry = await store.get(f"{root}/lock")
        assert entry is not None
        assert entry.value == b"mine"
        assert await store.acquire(f"{root}/lock", b"theirs", two)

    async def test_releasing_what_is_not_there_is_false(self, store: Store, root: str) -> None:
        one, _ = await self._two(store)
        assert not await store.release(f"{root}/nothing", one)

    async def test_who_holds_a_lock_is_told_and_nobody_when_it_is_free(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        lock = f"{root}/lock"
        assert await store.holder(lock) is None
        await store.commit([Set(lock, b"no lock")])
        assert await store.holder(lock) is None
        assert await store.acquire(lock, b"one", one)
        assert await store.holder(lock) == Holding(one, b"one")
        assert not await store.acquire(lock, b"two", two)
        await store.commit([Set(lock, b"blind")])
        assert await store.holder(lock) == Holding(one, b"blind")
        await store.end_session(one)
        assert await store.holder(lock) is None, "its value stays, and says nothing"
        assert await store.acquire(lock, b"", two)
        assert await store.holder(lock) == Holding(two, b"")

    async def test_held_lets_the_holder_write_and_nobody_else(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        lock = f"{root}/lock"
        with pytest.raises(FenceLost):
            await store.commit([Held(lock, one), Set(f"{root}/a", b"0")])
        assert await store.acquire(lock, b"", one)
        await store.commit([Held(lock, one), Set(f"{root}/a", b"1")])
        with pytest.raises(FenceLost):
            await store.commit([Set(f"{root}/a", b"2"), Held(lock, two)])
        await store.release(lock, one)
        with pytest.raises(FenceLost):
            await store.commit([Held(lock, one), Set(f"{root}/a", b"3")])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert entry.value == b"1"

    async def test_the_first_failure_in_order_decides_between_conflict_and_fence(self, store: Store, root: str) -> None:
        one, _ = await self._two(store)
        await store.commit([Set(f"{root}/a", b"1")])
        with pytest.raises(FenceLost):
            await store.commit([Held(f"{root}/lock", one), Set(f"{root}/a", b"2", expect=0)])
        with pytest.raises(Conflict):
            await store.commit([Check(f"{root}/a", 0), Held(f"{root}/lock", one)])

    async def test_a_plain_write_over_a_held_key_leaves_the_lock(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        lock = f"{root}/lock"
        assert await store.acquire(lock, b"1", one)
        await store.commit([Set(lock, b"blind")])
        await store.commit([Held(lock, one), Set(lock, b"fenced")])
        assert not await store.acquire(lock, b"2", two)

    async def test_deleting_a_held_key_frees_it(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        lock = f"{root}/lock"
        assert await store.acquire(lock, b"1", one)
        await store.commit([Held(lock, one), Delete(lock)])
        with pytest.raises(FenceLost):
            await store.commit([Held(lock, one)])
        assert await store.acquire(lock, b"2", two)

    async def test_an_ended_session_frees_its_locks_at_once_and_keeps_their_values(
        self, store: Store, root: str
    ) -> None:
        one, two = await self._two(store, lock_delay_s=self.ttl_s)
        assert await store.acquire(f"{root}/lock", b"mine", one)
        await store.end_session(one)
        entry = await store.get(f"{root}/lock")
        assert entry is not None
        assert entry.value == b"mine"
        assert await store.acquire(f"{root}/lock", b"theirs", two)

    async def test_an_ended_session_is_gone(self, store: Store, root: str) -> None:
        one, _ = await self._two(store)
        await store.end_session(one)
        await store.end_session(one)
        with pytest.raises(NotFound):
            await store.renew(one)
        with pytest.raises(NotFound):
            await store.acquire(f"{root}/lock", b"", one)
        assert not await store.release(f"{root}/lock", one)
        with pytest.raises(FenceLost):
            await store.commit([Held(f"{root}/lock", one)])

    async def test_a_session_of_ephemeral_keys_takes_them_along(self, store: Store, root: str) -> None:
        session = await store.open_session("host", ttl_s=self.ttl_s, delete=True)
        assert await store.acquire(f"{root}/hosts/h", b"here", session.id)
        async with watching(store, f"{root}/") as seen:
            await store.end_session(session.id)
            await seen.until_values({})
        assert await store.get(f"{root}/hosts/h") is None

    async def test_a_watch_sees_a_lock_change_hands(self, store: Store, root: str) -> None:
        one, two = await self._two(store)
        lock = f"{root}/lock"
        assert await store.acquire(lock, b"one", one)
        async with watching(store, lock) as seen:
            before = seen.picture[lock].revision
            await store.release(lock, one)
            await seen.until(lambda: seen.picture[lock].revision > before)
            assert await store.acquire(lock, b"two", two)
            await seen.until_values({lock: b"two"})

    async def test_a_session_that_is_not_renewed_loses_its_locks_after_the_delay(self, store: Store, root: str) -> None:
        one = (await store.open_session("one", ttl_s=self.ttl_s, lock_delay_s=3.0)).id
        two = (await store.open_session("two", ttl_s=self.ttl_s * 4)).id
        lock = f"{root}/lock"
        assert await store.acquire(lock, b"one", one)
        await self.pass_time(self.ttl_s * 0.6)
        await store.renew(one)
        await self.pass_time(self.ttl_s * 0.6)
        await store.commit([Held(lock, one)])
        revision = (await store.scan(lock)).entries[0].revision
        await self.pass_time(self.ttl_s * 0.45)
        with anyio.fail_after(PATIENCE_S + 2 * self.ttl_s):
            while (await store.scan(lock)).entries[0].revision == revision:
                await self.pass_time(0.1)
        with pytest.raises(NotFound):
            await store.renew(one)
        with pytest.raises(FenceLost):
            await store.commit([Held(lock, one), Set(f"{root}/late", b"!")])
        assert not await store.acquire(lock, b"two", two), "the delay gives the old holder time to notice"
        await self.pass_time(3.0)
        with anyio.fail_after(PATIENCE_S):
            while not await store.acquire(lock, b"two", two):
                await self.pass_time(0.1)
        assert await store.get(f"{root}/late") is None

    async def _two(self, store: Store, lock_delay_s: float = 1.0) -> tuple[SessionId, SessionId]:
        one = await store.open_session("one", ttl_s=self.ttl_s, lock_delay_s=lock_delay_s)
        two = await store.open_session("two", ttl_s=self.ttl_s, lock_delay_s=lock_delay_s)
        return one.id, two.id
