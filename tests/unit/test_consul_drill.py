"""What is found by indexes is what there is, whatever is written while it is looked for."""

from __future__ import annotations

import anyio
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_consul_mosaic import Store, keys, values
from versiqiid.adapters.consul.drill import Names, drill, parts_of
from versiqiid.core.scope import member_of
from versiqiid.core.shards import Kind, Query
from versiqiid.ports import Entry

prefixes = st.sampled_from(("", "a/", "a", "ab/a"))
trees = st.dictionaries(keys, values, max_size=30)
writes = st.dictionaries(keys, st.one_of(values, st.none()), min_size=1, max_size=4)


class Looking:
    """Answers from a store, into which somebody writes before each answer.

    :ivar asked: what was read with values.
    """

    def __init__(self, store: Store, meanwhile: list[dict[str, bytes | None]]) -> None:
        self.store = store
        self.meanwhile = meanwhile
        self.asked: list[Query] = []

    def _write(self) -> None:
        if self.meanwhile:
            self.store.commit(self.meanwhile.pop())

    async def names(self, prefix: str) -> Names:
        self._write()
        query = Query(prefix, Kind.NAMES)
        return Names(self.store.names(query), self.store.index(query))

    async def entries(self, query: Query) -> dict[str, Entry]:
        self._write()
        self.asked.append(query)
        return self.store.entries(query)


def look(store: Store, prefix: str, changes: list[dict[str, bytes | None]], reader: Looking, light: int) -> dict:  # type: ignore[type-arg]
    """Change the store, and look for what changed; every key weighs 1."""
    shard = Query(prefix, Kind.SUBTREE)
    held, since = store.entries(shard), store.index(shard)
    for change in changes:
        store.commit(change)
    names = store.names(Query(prefix, Kind.NAMES))

    async def run() -> dict[str, Entry]:
        return await drill(held, names, prefix, since=since, light=light, weigh=lambda _: 1, reader=reader)

    return anyio.run(run)


@given(prefix=prefixes, tree=trees, changes=st.lists(writes, max_size=4), light=st.integers(1, 6))
def test_in_a_quiet_store_it_finds_exactly_what_there_is(
    prefix: str, tree: dict[str, bytes], changes: list[dict[str, bytes | None]], light: int
) -> None:
    store = Store()
    store.commit(dict(tree))
    found = look(store, prefix, changes, reader := Looking(store, []), light)
    assert found == store.entries(Query(prefix, Kind.SUBTREE))
    assert list(found) == sorted(found)
    for one in reader.asked:
        assert sum(one.holds(key) for other in reader.asked if other != one for key in store.entries(other)) == 0


@given(prefix=prefixes, tree=trees, changes=st.lists(writes, max_size=3), later=st.lists(writes, max_size=12))
def test_while_others_write_it_misses_nothing_that_was_there_before(
    prefix: str, tree: dict[str, bytes], changes: list[dict[str, bytes | None]], later: list[dict[str, bytes | None]]
) -> None:
    """Every key is told as it was when the search began, or at a moment since."""
    store = Store()
    store.commit(dict(tree))
    began = store.now + len(changes)
    found = look(store, prefix, changes, Looking(store, later), 1)
    for key in filter(lambda key: key.startswith(prefix), store.moments):
        states = store.moments[key]
        ends = [at for at, _ in states[1:]] + [store.now + 1]
        since = [state for (_, state), end in zip(states, ends, strict=True) if end > began]
        assert (None if key not in found else (found[key].value, found[key].revision)) in since


def test_one_change_in_a_wide_tree_reads_a_small_part_of_it() -> None:
    store = Store()
    store.commit({f"{room}/{name:02}/{leaf}": b"1" for room in "abcde" for name in range(20) for leaf in range(20)})
    reader = Looking(store, [])
    look(store, "", [{"c/07/9": b"2"}], reader, 20)
    assert reader.asked == [Query("c/07", Kind.SUBTREE)]


@given(prefix=prefixes, tree=trees)
def test_parts_hold_every_member_once(prefix: str, tree: dict[str, bytes]) -> None:
    inside = [key for key in tree if key.startswith(prefix)]
    if inside:
        parts = parts_of(prefix, {member_of(key, prefix) for key in inside})
        assert all(part.kind is Kind.KEY or len(part.prefix) > len(prefix) for part in parts)
        for key in inside if parts else ():
            assert sum(part.holds(key) for part in parts) == 1
