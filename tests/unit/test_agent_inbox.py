"""What a watch tells becomes what is wanted, whatever the order, and only news wakes the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from versiqiid.agent.inbox import Inbox
from versiqiid.errors import Unavailable
from versiqiid.ports import Batch, Entry, Reached, Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio
PREFIX = "r/effective/prod/av/"


def batch(changed: dict[str, bytes], deleted: Sequence[str] = (), *, complete: bool = False) -> Batch:
    entries = tuple(Entry(PREFIX + name, value, 1) for name, value in changed.items())
    return Batch(entries, tuple(PREFIX + name for name in deleted), complete=complete)


names = st.sampled_from(["a", "b", "c"])
values = st.dictionaries(names, st.sampled_from([b"1", b"2"]), max_size=3)


@given(st.lists(st.tuples(values, st.lists(names, max_size=2), st.booleans()), max_size=8))
def test_it_follows_like_a_dictionary(steps: list[tuple[dict[str, bytes], list[str], bool]]) -> None:
    """Against a plain dictionary; a complete batch forgets what is not in it."""
    inbox, model = Inbox("r", "prod", "av"), dict[str, bytes]()
    for changed, deleted, complete in steps:
        before, gone = inbox.wanted, [] if complete else [name for name in deleted if name not in changed]
        event = inbox.arm()
        inbox._take(batch(changed, gone, complete=complete))
        model = dict(changed) if complete else {k: v for k, v in (model | changed).items() if k not in gone}
        assert inbox.wanted == model
        assert event.is_set() == (before != model)


async def test_foreign_keys_below_the_prefix_do_not_count() -> None:
    """``prod/av`` may be an environment too, and folders made by a UI are nothing."""
    inbox = Inbox("r", "prod", "av")
    await inbox.observe(batch({"x/y": b"1", "a/": b"1", "": b"1", "ok": b"1"}, complete=True))
    assert inbox.wanted == {"ok": b"1"}


async def test_trouble_wakes_only_who_has_nothing_yet() -> None:
    """A host that starts goes on with its last good copies; one that runs just remembers why."""
    inbox = Inbox("r", "prod", "av")
    event = inbox.arm()
    await inbox.observe(Trouble(Unavailable("no answer"), 1))
    assert event.is_set()
    assert not inbox.seen
    await inbox.observe(batch({}, complete=True))
    event = inbox.arm()
    await inbox.observe(Trouble(Unavailable("no answer"), 1))
    assert not event.is_set()
    assert (inbox.wanted, inbox.trouble) == ({}, "no answer")
    await inbox.observe(Reached(5))
    assert inbox.trouble == ""
