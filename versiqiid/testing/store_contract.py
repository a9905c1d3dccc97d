"""What every store promises, as tests. Subclass ``StoreContract``, give it a ``store`` fixture, and run it with pytest.

::

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self):
            async with MyStore() as store:
                yield store

The tests need nothing but the two protocols, keep to keys under ``root``, and hold on a store that others use too.
"""
# ruff: noqa: S101, PLR2004 - asserts and example numbers are what a contract suite is made of

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio
import pytest

from versiqiid.errors import Conflict, InvalidInput, InvalidKey, TooLarge
from versiqiid.ports import Check, Delete, Held, Operation, SessionId, Set
from versiqiid.testing.watch_contract import WatchContract

if TYPE_CHECKING:
    from versiqiid.testing.watching import Store

BAD_KEYS = (
    "",
    "/a",
    "a/",
    "a//b",
    "a/./b",
    "a/../b",
    "..",
    "a b",
    "a/é",
    "a/\x00",
    "a/%2e%2e/b",
    "a?b",
    "a#b",
    "a/-b",
    "a/.b",
    "x" * 129,
    "/".join(["x" * 100] * 6),
)


class StoreContract(WatchContract):
    """The promises of ``KeyValueStore``, watches included."""

    # ------------------------------------------------------------------------------------------ reading, writing

    async def test_an_absent_key_is_none(self, store: Store, root: str) -> None:
        assert await store.get(f"{root}/a") is None

    async def test_a_written_key_is_read_with_the_revision_of_its_commit(self, store: Store, root: str) -> None:
        revision = await store.commit([Set(f"{root}/a", b"\x00\xff binary \n")])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert (entry.key, entry.value, entry.revision) == (f"{root}/a", b"\x00\xff binary \n", revision)

    async def test_an_empty_value_is_a_value(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"")])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert entry.value == b""

    async def test_revisions_only_grow_over_deletions_too(self, store: Store, root: str) -> None:
        key = f"{root}/a"
        first = await store.commit([Set(key, b"1")])
        second = await store.commit([Set(key, b"2")])
        gone = await store.commit([Delete(key)])
        again = await store.commit([Set(key, b"1")])
        assert 0 < first < second < gone < again

    async def test_an_identical_write_moves_nothing(self, store: Store, root: str) -> None:
        first = await store.commit([Set(f"{root}/a", b"same")])
        later = await store.commit([Set(f"{root}/b", b"other")])
        answer = await store.commit([Set(f"{root}/a", b"same")])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert entry.revision == first
        assert answer >= later, "nothing changed, so the answer is the store's present index"

    async def test_an_identical_write_over_the_right_revision_passes(self, store: Store, root: str) -> None:
        first = await store.commit([Set(f"{root}/a", b"same")])
        await store.commit([Set(f"{root}/a", b"same", expect=first)])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert entry.revision == first

    async def test_all_writes_of_a_commit_share_its_revision(self, store: Store, root: str) -> None:
        before = await store.commit([Set(f"{root}/gone", b"x"), Set(f"{root}/same", b"s")])
        revision = await store.commit(
            [Set(f"{root}/a", b"1"), Set(f"{root}/b", b"2"), Delete(f"{root}/gone"), Set(f"{root}/same", b"s")]
        )
        listing = await store.scan(f"{root}/")
        found = {entry.key.removeprefix(f"{root}/"): entry.revision for entry in listing.entries}
        assert found == {"a": revision, "b": revision, "same": before}

    async def test_deleting_an_absent_key_is_done_already(self, store: Store, root: str) -> None:
        index = await store.commit([Set(f"{root}/a", b"1")])
        assert await store.commit([Delete(f"{root}/nothing")]) >= index

    async def test_an_empty_commit_tells_the_present_index(self, store: Store, root: str) -> None:
        index = await store.commit([Set(f"{root}/a", b"1")])
        assert await store.commit([]) >= index

    async def test_times_are_kept_or_not_kept(self, store: Store, root: str) -> None:
        key = f"{root}/a"
        await store.commit([Set(key, b"1")])
        first = await store.get(key)
        await store.commit([Set(key, b"2")])
        second = await store.get(key)
        assert first is not None
        assert second is not None
        if first.created is None:
            assert first.updated is second.created is second.updated is None
        else:
            assert second.created == first.created
            assert first.updated is not None
            assert second.updated is not None
            assert first.created <= first.updated <= second.updated

    # ---------------------------------------------------------------------------------------------- expectations

    async def test_create_only_refuses_what_is_there(self, store: Store, root: str) -> None:
        revision = await store.commit([Set(f"{root}/a", b"1", expect=0)])
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/a", b"2", expect=0)])
        assert (caught.value.key, caught.value.expected, caught.value.found) == (f"{root}/a", 0, revision)

    async def test_a_write_over_an_old_revision_is_refused(self, store: Store, root: str) -> None:
        old = await store.commit([Set(f"{root}/a", b"1")])
        new = await store.commit([Set(f"{root}/a", b"2", expect=old)])
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/a", b"3", expect=old)])
        assert (caught.value.expected, caught.value.found) == (old, new)

    async def test_a_write_over_a_revision_of_an_absent_key_is_refused(self, store: Store, root: str) -> None:
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/a", b"3", expect=7)])
        assert (caught.value.expected, caught.value.found) == (7, 0)

    async def test_a_deletion_of_an_old_revision_is_refused(self, store: Store, root: str) -> None:
        old = await store.commit([Set(f"{root}/a", b"1")])
        new = await store.commit([Set(f"{root}/a", b"2")])
        with pytest.raises(Conflict):
            await store.commit([Delete(f"{root}/a", expect=old)])
        await store.commit([Delete(f"{root}/a", expect=new)])
        assert await store.get(f"{root}/a") is None

    async def test_a_deletion_of_a_revision_of_an_absent_key_is_refused(self, store: Store, root: str) -> None:
        with pytest.raises(Conflict) as caught:
            await store.commit([Delete(f"{root}/a", expect=7)])
        assert (caught.value.expected, caught.value.found) == (7, 0)

    async def test_a_check_writes_nothing_and_guards_everything(self, store: Store, root: str) -> None:
        revision = await store.commit([Set(f"{root}/input", b"1")])
        await store.commit([Check(f"{root}/input", revision), Check(f"{root}/none", 0), Set(f"{root}/out", b"1")])
        await store.commit([Set(f"{root}/input", b"2")])
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/out", b"2"), Check(f"{root}/input", revision)])
        assert caught.value.key == f"{root}/input"
        with pytest.raises(Conflict) as caught:
            await store.commit([Check(f"{root}/out", 0)])
        assert caught.value.key == f"{root}/out"
        assert await store.get(f"{root}/none") is None

    async def test_a_refused_commit_leaves_no_trace(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/kept", b"1")])
        before = await store.scan(f"{root}/")
        with pytest.raises(Conflict):
            await store.commit(
                [Set(f"{root}/new", b"x"), Delete(f"{root}/kept"), Set(f"{root}/other", b"y"), Check(f"{root}/new", 9)]
            )
        assert (await store.scan(f"{root}/")).entries == before.entries

    async def test_a_check_and_a_write_of_one_key_are_both_kept(self, store: Store, root: str) -> None:
        key = f"{root}/a"
        one = await store.commit([Check(key, 0), Set(key, b"1")])
        two = await store.commit([Set(key, b"2", expect=one), Check(key, one)])
        with pytest.raises(Conflict):
            await store.commit([Check(key, one), Set(key, b"3")])
        with pytest.raises(Conflict):
            await store.commit([Check(key, two), Set(key, b"3", expect=one)])
        with pytest.raises(Conflict):
            await store.commit([Check(key, 0), Delete(key)])
        await store.commit([Check(key, two), Delete(key)])
        await store.commit([Check(key, 0), Delete(key)])
        assert await store.get(key) is None

    async def test_the_first_expectation_in_order_that_failed_is_named(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"1"), Set(f"{root}/b", b"1")])
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/c", b"1"), Set(f"{root}/b", b"2", expect=0), Check(f"{root}/a", 0)])
        assert caught.value.key == f"{root}/b"
        with pytest.raises(Conflict) as caught:
            await store.commit([Check(f"{root}/a", 0), Set(f"{root}/b", b"2", expect=0)])
        assert caught.value.key == f"{root}/a"

    # ------------------------------------------------------------------------------------------- what is refused

    @pytest.mark.parametrize("key", BAD_KEYS)
    async def test_keys_outside_the_grammar_are_refused_before_anything_is_asked(self, store: Store, key: str) -> None:
        operations: list[Operation] = [
            Set(key, b"x"),
            Delete(key),
            Check(key, 0),
            Held(key, SessionId("5f1c6f8e-0000-4000-8000-000000000000")),
        ]
        for operation in operations:
            with pytest.raises(InvalidKey):
                await store.commit([operation])
        with pytest.raises(InvalidKey):
            await store.get(key)
        with pytest.raises(InvalidKey):
            await store.acquire(key, b"", SessionId("x"))

    async def test_a_prefix_outside_the_grammar_is_refused(self, store: Store) -> None:
        for prefix in ("/", "a//", "../", "a/../", "a b"):
            with pytest.raises(InvalidKey):
                await store.scan(prefix)

    async def test_a_key_is_written_once_in_a_commit(self, store: Store, root: str) -> None:
        with pytest.raises(InvalidInput):
            await store.commit([Set(f"{root}/a", b"1"), Delete(f"{root}/a")])

    async def test_expectations_that_cannot_be_are_refused(self, store: Store, root: str) -> None:
        for operation in (Set(f"{root}/a", b"1", expect=-1), Delete(f"{root}/a", expect=0), Check(f"{root}/a", -3)):
            with pytest.raises(InvalidInput):
                await store.commit([operation])

    async def test_a_value_that_is_not_bytes_is_refused(self, store: Store, root: str) -> None:
        for value in ("text", None, {"x": 1}):
            with pytest.raises(InvalidInput):
                await store.commit([Set(f"{root}/a", value)])  # type: ignore[arg-type]

    async def test_the_largest_value_fits_and_one_byte_more_is_named(self, store: Store, root: str) -> None:
        largest = store.limits.value_bytes_max
        revision = await store.commit([Set(f"{root}/a", b"x" * largest)])
        entry = await store.get(f"{root}/a")
        assert entry is not None
        assert (len(entry.value), entry.revision) == (largest, revision)
        with pytest.raises(TooLarge) as caught:
            await store.commit([Set(f"{root}/a", b"x" * (largest + 1))])
        assert (caught.value.size, caught.value.limit) == (largest + 1, largest)

    async def test_the_largest_value_obeys_expectations(self, store: Store, root: str) -> None:
        value = b"x" * store.limits.value_bytes_max
        with pytest.raises(Conflict):
            await store.commit([Set(f"{root}/a", value, expect=3)])
        revision = await store.commit([Set(f"{root}/a", value, expect=0)])
        with pytest.raises(Conflict) as caught:
            await store.commit([Set(f"{root}/a", b"y" * len(value), expect=0)])
        assert caught.value.found == revision
        assert await store.commit([Set(f"{root}/a", b"y" * len(value), expect=revision)]) > revision

    async def test_the_largest_commit_fits_and_one_operation_more_is_named(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/first", b"x")])
        most = store.limits.operations_max
        await store.commit([Set(f"{root}/k{number}", b"x") for number in range(most)])
        assert len((await store.scan(f"{root}/k")).entries) == most
        with pytest.raises(TooLarge) as caught:
            await store.commit([Set(f"{root}/l{number}", b"x") for number in range(most + 1)])
        assert (caught.value.size, caught.value.limit) == (most + 1, most)

    async def test_as_many_guarded_deletions_as_operations_fit(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/first", b"x")])
        keys = [f"{root}/k{number}" for number in range(store.limits.operations_max)]
        revision = await store.commit([Set(key, b"x") for key in keys])
        await store.commit([Delete(key, expect=revision) for key in keys])
        assert (await store.scan(f"{root}/k")).entries == ()

    async def test_a_commit_over_the_byte_limit_is_named(self, store: Store, root: str) -> None:
        value = b"x" * (store.limits.value_bytes_max // 2)
        count = store.limits.transaction_bytes_max // len(value) + 1
        with pytest.raises(TooLarge) as caught:
            await store.commit([Set(f"{root}/k{number}", value) for number in range(count)])
        assert caught.value.size > caught.value.limit

    # --------------------------------------------------------------------------------------------------- listing

    async def test_a_listing_is_everything_under_the_prefix_in_byte_order(self, store: Store, root: str) -> None:
        names = ["b", "a/b", "a.b", "a", "a-b", "B", "a/b/c", "_x", "a_b", "0"]
        index = await store.commit([Set(f"{root}/{name}", name.encode()) for name in names])
        await store.commit([Set(f"{root}x/outside", b"")])
        listing = await store.scan(f"{root}/")
        assert [entry.key for entry in listing.entries] == sorted(f"{root}/{name}" for name in names)
        assert all(entry.value == entry.key.removeprefix(f"{root}/").encode() for entry in listing.entries)
        assert listing.index >= index

    async def test_a_prefix_need_not_end_at_a_segment(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/{name}", b"") for name in ("ab", "abc", "ab/c", "ac")])
        assert [entry.key.removeprefix(root) for entry in (await store.scan(f"{root}/ab")).entries] == [
            "/ab",
            "/ab/c",
            "/abc",
        ]

    async def test_the_listing_of_nothing_is_empty_and_has_an_index(self, store: Store, root: str) -> None:
        index = await store.commit([Set(f"{root}/a", b"")])
        listing = await store.scan(f"{root}/none/")
        assert listing.entries == ()
        assert listing.index >= index

    async def test_the_empty_prefix_is_everything(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"")])
        assert f"{root}/a" in {entry.key for entry in (await store.scan("")).entries}

    # ---------------------------------------------------------------------------------------------------- crowds

    async def test_counting_by_many_loses_no_increment(self, store: Store, root: str) -> None:
        key = f"{root}/count"

        async def increment(times: int) -> None:
            for _ in range(times):
                while True:
                    entry = await store.get(key)
                    number, expect = (int(entry.value), entry.revision) if entry else (0, 0)
                    with contextlib.suppress(Conflict):
                        await store.commit([Set(key, str(number + 1).encode(), expect)])
                        break

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(increment, 8)
        entry = await store.get(key)
        assert entry is not None
        assert entry.value == b"40"

    async def test_concurrent_commits_have_revisions_of_their_own(self, store: Store, root: str) -> None:
        revisions: list[int] = []

        async def write(number: int) -> None:
            revisions.append(await store.commit([Set(f"{root}/{number}", b"x")]))

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(write, number)
        assert len(set(revisions)) == 20
        listing = await store.scan(f"{root}/")
        assert sorted(entry.revision for entry in listing.entries) == sorted(revisions)

    async def test_a_moment_is_never_half_a_commit(self, store: Store, root: str) -> None:
        await store.commit([Set(f"{root}/a", b"0"), Set(f"{root}/b", b"0")])
        torn: list[tuple[bytes, ...]] = []
        done = anyio.Event()

        async def read() -> None:
            while not done.is_set():
                values = tuple(entry.value for entry in (await store.scan(f"{root}/")).entries)
                if len(set(values)) != 1:
                    torn.append(values)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            for number in range(1, 31):
                value = str(number).encode()
                await store.commit([Set(f"{root}/a", value), Set(f"{root}/b", value)])
            done.set()
        assert torn == []
