"""A tree that takes a server longer to put together than any answer may take is read all the same."""

from __future__ import annotations

import base64
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.consul_at import at
from tests.contract.wayside import Asked, Says, like_consul, wayside
from versiqiid.adapters.consul.patience import MOST_S, Patience
from versiqiid.adapters.consul.store import ConsulStore
from versiqiid.adapters.consul.transport import Timeouts
from versiqiid.adapters.consul.watch import WatchOptions
from versiqiid.errors import Unavailable
from versiqiid.testing.watching import watching

SLOW_S = 1.0
TIGHT = Timeouts(answer_s=0.3)

LISTING = json.dumps([{"Key": "t/a", "Value": base64.b64encode(b"1").decode(), "ModifyIndex": 5}]).encode()


def slow_with_listings(asked: Asked) -> Says:
    if ("recurse", "1") in asked.query and "index" not in dict(asked.query):
        time.sleep(SLOW_S)
        return Says(200, LISTING, {"X-Consul-Index": "5"})
    return like_consul(asked)


@pytest.mark.anyio
async def test_a_watch_reads_a_tree_that_takes_its_time() -> None:
    with wayside(slow_with_listings) as server:
        options = WatchOptions(probe_s=0.05)
        async with (
            ConsulStore.connect(at(server.address), watch=options, timeouts=TIGHT) as store,
            watching(store, "t/") as seen,
        ):
            assert seen.values() == {"t/a": b"1"}


@pytest.mark.anyio
async def test_a_scan_that_ran_out_of_time_has_more_of_it_the_next_time() -> None:
    with wayside(slow_with_listings) as server:
        async with ConsulStore.connect(at(server.address), timeouts=TIGHT) as store:
            with pytest.raises(Unavailable):
                await store.scan("t/")
            for _ in range(20):
                try:
                    listing = await store.scan("t/")
                except Unavailable:
                    continue
                break
            assert [entry.value for entry in listing.entries] == [b"1"]


def test_what_one_path_took_is_nothing_to_another() -> None:
    patience = Patience(10.0)
    patience.ran_out("a")
    assert (patience.of("a"), patience.of("b")) == (20.0, 10.0)


def test_a_listing_that_became_small_again_is_not_waited_for_long() -> None:
    patience = Patience(10.0)
    for _ in range(3):
        patience.ran_out("a")
    patience.took("a", 30.0)
    assert patience.of("a") == 60.0
    patience.took("a", 0.1)
    assert patience.of("a") == 10.0


@given(
    least=st.floats(0.01, 500),
    history=st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=30),
)
def test_patience_has_its_bounds_and_covers_what_was_seen(least: float, history: list[float | None]) -> None:
    """None = it ran out."""
    patience = Patience(least)
    for took in history:
        before = patience.of("a")
        if took is None:
            patience.ran_out("a")
            assert patience.of("a") >= min(before, max(least, MOST_S))
        else:
            patience.took("a", took)
            assert patience.of("a") >= min(took, max(least, MOST_S))
        assert least <= patience.of("a") <= max(least, MOST_S)
