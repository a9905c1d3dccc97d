"""The state-store surface, the same on every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from versiqiid.adapters.consul.settings import ConsulSettings, parse_addresses
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.memory import MemoryStore
from versiqiid.adapters.sqlite.store import SqliteStore
from versiqiid.engine.state import EventType, StateStore, check_version, put, remove
from versiqiid.errors import Conflict, InvalidInput, InvalidKey, Unreadable

pytestmark = pytest.mark.anyio


class Surface:
    """What people expect of a state store."""

    async def test_set_and_get(self, state: StateStore) -> None:
        """A value comes back with a version that grows with each change and stays with an identical write."""
        first = await state.set("jobs/a", b"1")
        second = await state.set("jobs/a", b"2")
        assert second > first
        assert await state.set("jobs/a", b"2") >= second
        entry = await state.get("jobs/a")
        assert entry is not None
        assert (entry.value, entry.revision) == (b"2", second)
        assert await state.version("jobs/a") == second
        assert await state.version("jobs/none") == 0

    async def test_json(self, state: StateStore) -> None:
        """JSON goes in and out; what is no document is refused with its place."""
        await state.set_json("jobs/a", {"b": [1, None], "a": "ä"})
        assert await state.get_json("jobs/a") == {"a": "ä", "b": [1, None]}
        assert await state.get_json("jobs/none") is None
        await state.set("jobs/a", b"{")
        with pytest.raises(Unreadable):
            await state.get_json("jobs/a")

    async def test_delete_exists_list(self, state: StateStore) -> None:
        """A deletion says whether there was something; lists are in byte order; versions grow over deletion."""
        before = await state.set("jobs/b", b"1")
        await state.set("jobs/a", b"1")
        assert [entry.key for entry in await state.list("jobs/")] == ["jobs/a", "jobs/b"]
        assert await state.delete("jobs/b")
        assert not await state.delete("jobs/b")
        assert not await state.exists("jobs/b")
        assert await state.exists("jobs/a")
        assert await state.set("jobs/b", b"1") > before

    async def test_conditions(self, state: StateStore) -> None:
        """Compare-and-set tells what it expected and found; create-if-absent leaves what is there."""
        version = await state.create_if_not_exists("jobs/a", b"1")
        assert version
        assert await state.create_if_not_exists("jobs/a", b"2") is None
        newer = await state.compare_and_set("jobs/a", version, b"2")
        with pytest.raises(Conflict) as caught:
            await state.compare_and_set("jobs/a", version, b"3")
        assert (caught.value.expected, caught.value.found) == (version, newer)
        entry = await state.get("jobs/a")
        assert entry is not None
        assert entry.value == b"2"

    async def test_transaction(self, state: StateStore) -> None:
        """All or nothing over several keys."""
        a = await state.set("nodes/a", b"w")
        await state.set("nodes/b", b"")
        await state.transaction([check_version("nodes/a", a), put("nodes/b", b"w"), remove("nodes/a")])
        assert [(e.key, e.value) for e in await state.list("nodes/")] == [("nodes/b", b"w")]
        with pytest.raises(Conflict):
            await state.transaction([put("nodes/c", b"x"), check_version("nodes/b", a)])
        assert not await state.exists("nodes/c")

    async def test_watch_prefix(self, state: StateStore) -> None:
        """Created, updated, deleted; keys elsewhere are not told."""
        await state.set("jobs/old", b"1")
        async with state.watch("jobs/*") as events:
            await state.set("other/x", b"1")
            await state.set("jobs/new", b"1")
            seen = [await events.receive()]
            await state.set("jobs/new", b"2")
            seen.append(await events.receive())
            await state.delete("jobs/old")
            seen.append(await events.receive())
        assert [(event.type, event.key) for event in seen] == [
            (EventType.CREATED, "jobs/new"),
            (EventType.UPDATED, "jobs/new"),
            (EventType.DELETED, "jobs/old"),
        ]

    async def test_watch_one_key(self, state: StateStore) -> None:
        """A pattern without a star is one key, not a prefix."""
        async with state.watch("jobs/a") as events:
            await state.set("jobs/ab", b"1")
            await state.set("jobs/a", b"1")
            event = await events.receive()
        assert (event.type, event.key) == (EventType.CREATED, "jobs/a")

    async def test_refusals(self, state: StateStore) -> None:
        """Bad keys and patterns are refused before anything is asked."""
        with pytest.raises(InvalidKey):
            await state.set("jobs/../x", b"1")
        with pytest.raises(InvalidInput):
            async with state.watch("jobs/*/x"):
                pass


class TestMemory(Surface):
    @pytest.fixture
    def state(self) -> StateStore:
        return StateStore(MemoryStore())


class TestSqlite(Surface):
    @pytest.fixture
    async def state(self, tmp_path: Path) -> AsyncIterator[StateStore]:
        async with await SqliteStore.open(tmp_path / "store.db") as store:
            yield StateStore(store)


@pytest.mark.consul
class TestConsul(Surface):
    @pytest.fixture
    async def state(self, consul: object) -> AsyncIterator[StateStore]:
        address = getattr(consul, "address")  # noqa: B009 - the fixture's type lives in tests/services
        async with ConsulStore.connect(ConsulSettings(parse_addresses(address))) as store:
            yield StateStore(store)
