"""What every store promises about watches, as tests; part of ``StoreContract``."""
# ruff: noqa: S101, PLR2004 - asserts and example numbers are what a contract suite is made of

from __future__ import annotations

import anyio
import pytest

from versiqiid.ports import Batch, Delete, Reached, Set, Trouble, WatchEvent
from versiqiid.testing.watching import PATIENCE_S, Rooted, Store, Watching, watching


class WatchContract(Rooted):
    """The promises of ``KeyValueStore.watch``."""

    async def test_the_first_batch_is_complete_even_when_empty(self, store: Store, root: str) -> None:
        async with watching(store, f"{root}/") as seen:
            assert seen.batches()[0].complete
            assert seen.batches()[0].changed == ()

    async def test_a_watch_tells_what_was_there_and_what_comes(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"1"), Set(f"{root}x", b"not ours")])
        async with watching(store, f"{root}/") as seen:
            assert seen.values() == {f"{root}/a": b"1"}
            revision = await store.commit([Set(f"{root}/b", b"2")])
            await seen.until_values({f"{root}/a": b"1", f"{root}/b": b"2"})
            await store.commit([Set(f"{root}/a", b"3")])
            await seen.until_values({f"{root}/a": b"3", f"{root}/b": b"2"})
            await store.commit([Delete(f"{root}/b")])
            await seen.until_values({f"{root}/a": b"3"})
            batch = next(batch for batch in seen.batches() if any(entry.key == f"{root}/b" for entry in batch.changed))
            assert [entry.revision for entry in batch.changed if entry.key == f"{root}/b"] == [revision]
            assert batch.index >= revision

    async def test_keys_of_one_commit_arrive_in_one_batch(self, store: Store, root: str) -> None:
        async with watching(store, f"{root}/") as seen:
            for number in range(5):
                keys = [f"{root}/{number}/{name}" for name in "abc"]
                await store.commit([Set(key, b"x") for key in keys])
                await seen.until(lambda keys=keys: set(keys) <= seen.picture.keys())  # type: ignore[misc]
                await store.commit([Delete(keys[0]), Set(keys[1], b"y"), Set(f"{root}/z", str(number).encode())])
            await seen.until(lambda: f"{root}/4/a" not in seen.picture and len(seen.picture) == 11)
            for batch in seen.batches()[1:]:
                born = {entry.key.rpartition("/")[0] for entry in batch.changed if entry.value == b"x"}
                for place in born:
                    told = {entry.key for entry in batch.changed} | set(batch.deleted)
                    assert {f"{place}/a", f"{place}/b", f"{place}/c"} <= told

    async def test_identical_and_foreign_writes_are_no_events(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"1")])
        async with watching(store, f"{root}/") as seen:
            await store.commit([Set(f"{root}/a", b"1")])
            await store.commit([Set(f"{root}x/b", b"1")])
            await store.commit([Delete(f"{root}/nothing")])
            await store.commit([Set(f"{root}/last", b"1")])
            await seen.until(lambda: f"{root}/last" in seen.picture)
            told = [entry.key for batch in seen.batches()[1:] if not batch.complete for entry in batch.changed]
            assert told == [f"{root}/last"]

    async def test_what_comes_back_after_a_deletion_is_told(self, store: Store, root: str) -> None:
        key = f"{root}/a"
        await store.commit([Set(key, b"1")])
        async with watching(store, f"{root}/") as seen:
            for number in range(10):
                await store.commit([Delete(key)])
                await store.commit([Set(key, str(number).encode())])
            await store.commit([Delete(key)])
            await store.commit([Set(key, b"last")])
            await seen.until_values({key: b"last"})

    async def test_a_slow_observer_sees_the_last_value(self, store: Store, root: str) -> None:
        seen = Watching()
        gate, first = anyio.Event(), anyio.Event()

        async def slow(event: WatchEvent) -> None:
            first.set()
            await gate.wait()
            await seen.observe(event)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.watch, f"{root}/", slow)
            await first.wait()
            for number in range(50):
                await store.commit([Set(f"{root}/a", str(number).encode())])
            gate.set()
            await seen.until_values({f"{root}/a": b"49"})
            tasks.cancel_scope.cancel()

    async def test_an_observer_that_raises_loses_nothing_when_watching_again(self, store: Store, root: str) -> None:
        class RefusedError(Exception):
            pass

        async def refuse(_: WatchEvent) -> None:
            raise RefusedError

        await store.commit([Set(f"{root}/a", b"1")])
        with pytest.raises(RefusedError):
            await store.watch(f"{root}/", refuse)
        async with watching(store, f"{root}/") as seen:
            assert seen.values() == {f"{root}/a": b"1"}

    async def test_two_watches_see_the_same(self, store: Store, root: str) -> None:
        async with watching(store, f"{root}/") as one, watching(store, f"{root}/deep/") as two:
            await store.commit([Set(f"{root}/deep/a", b"1"), Set(f"{root}/b", b"2")])
            await one.until_values({f"{root}/deep/a": b"1", f"{root}/b": b"2"})
            await two.until_values({f"{root}/deep/a": b"1"})

    async def test_a_watch_ends_at_once_when_cancelled(self, store: Store, root: str) -> None:
        with anyio.fail_after(PATIENCE_S):
            async with watching(store, f"{root}/"):
                pass

    async def test_a_quiet_watch_has_no_trouble(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/before", b"1")])
        async with watching(store, f"{root}/") as seen:
            await store.commit([Set(f"{root}/a", b"1")])
            await seen.until_values({f"{root}/before": b"1", f"{root}/a": b"1"})
            assert not [event for event in seen.events if isinstance(event, Trouble)]
            assert all(event.index > 0 for event in seen.events if isinstance(event, Batch | Reached))
