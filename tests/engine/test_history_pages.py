"""The revisions of a key in pages: all of them, once, in order; and no question about one holds them all in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.api.entries import PAGE, Revision
from versiqiid.api.history import PAGE_SIZE_MAX, History
from versiqiid.api.points import ByPosition, ByRevision, ByTime, Place, Standing, UntilRevision
from versiqiid.core.canonical import canonical
from versiqiid.errors import InvalidInput, InvalidKey, NotFound
from versiqiid.ports import Query, Recorded

pytestmark = pytest.mark.anyio

KEY = "configs/av/1.0.0/default"


class Written:
    """A journal in which one key was written so many times: entry 2n+1 is its revision n+1. Made as it is read."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.largest = 0

    async def read(self, query: Query) -> tuple[Recorded, ...]:
        if query.key != KEY:
            return ()
        first = query.start // 2
        found = tuple(_entry(number) for number in range(first, min(self.count, first + query.limit)))
        self.largest = max(self.largest, len(found))
        return found


def _entry(number: int) -> Recorded:
    data = {"key": KEY, "revision": number + 1, "digest": f"sha256:{number:064}", "padding": "x" * 400}
    return Recorded(2 * number + 1, "t", "ConfigRevised", "s", number, f"c{number}", canonical({"data": data}))


@pytest.mark.parametrize("page_size", [1, 7, 10, 11, 500])
async def test_pages_hold_every_revision_once_and_in_order(page_size: int) -> None:
    """Whatever the pages' size: also where the last one is full, nothing is missing and no empty page follows."""
    written: Any = Written(70)
    token, numbers, pages = "", [], 0
    while True:
        page = await History(written).page(KEY, page_size=page_size, page_token=token)
        assert 0 < len(page.items) <= page_size
        numbers += [revision.revision for revision in page.items]
        pages += 1
        if page.next_token is None:
            break
        token = page.next_token
    assert numbers == list(range(1, 71))
    assert pages == -(-70 // page_size)


async def test_what_cannot_be_asked_is_refused() -> None:
    written: Any = Written(3)
    history = History(written)
    for token in ("x", "-1", "1" * 30, "²"):
        with pytest.raises(InvalidInput, match="page_token"):
            await history.page(KEY, page_token=token)
    for size in (0, PAGE_SIZE_MAX + 1):
        with pytest.raises(InvalidInput, match="page_size"):
            await history.page(KEY, page_size=size)
    with pytest.raises(NotFound):
        await history.page("configs/av/1.0.0/other")
    with pytest.raises(NotFound):
        await history.standing("configs/av/1.0.0/other", ByRevision(1))
    with pytest.raises(InvalidKey):
        await history.page("status/prod/av/default")


async def test_a_question_about_a_key_of_many_revisions_needs_little_memory() -> None:
    """However often a config was written, it is looked through a page at a time: a few megabytes, not all of it."""
    written: Any = Written(20_000)
    tracemalloc.start()
    try:
        found = await History(written).standing(KEY, ByRevision(19_999))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found is not None
    assert found.position == 2 * 19_998 + 1
    assert written.largest <= PAGE
    assert peak < 10 * 2**20


revisions = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3), st.booleans()), max_size=12)
places = st.one_of(
    st.builds(ByRevision, st.integers(1, 9)),
    st.builds(UntilRevision, st.integers(1, 9)),
    st.builds(ByPosition, st.integers(0, 12)),
    st.builds(lambda hour: ByTime(str(hour)), st.integers(0, 9)),
)


@given(revisions, places)
def test_where_a_key_stood_is_what_its_whole_story_says(told: Sequence[tuple[int, int, bool]], place: Place) -> None:
    """Against the story looked at backwards: the last return, and what was counted above it since."""
    time, known = 0, []
    for position, (number, later, returned) in enumerate(told):
        time = min(9, time + later)
        known.append(Revision(number, str(time), "c", "d", "ConfigRevised", position, returned=returned))
    standing = Standing(place)
    for revision in known:
        standing.take(revision)
    assert standing.found == _backwards(known, place)


def _backwards(known: Sequence[Revision], place: Place) -> Revision | None:
    match place:
        case ByRevision(number):
            return next((one for one in reversed(known) if one.revision == number), None)
        case UntilRevision(number):
            story = [one for one in known if one.revision <= number]
        case ByTime(time):
            story = [one for one in known if one.time <= time]
        case ByPosition(position):
            story = list(known[: position + 1])
    last = max((at for at, one in enumerate(story) if one.returned), default=0)
    return max(story[last:], key=lambda one: (one.revision, one.position), default=None)
