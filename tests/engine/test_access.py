"""Facts of access reach the journal in order, once, and whoever tells them does not wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from tests.waiting import until
from versiqiid.core.access import Access
from versiqiid.engine import access
from versiqiid.engine.access import AccessLog
from versiqiid.errors import Unavailable
from versiqiid.ports import Draft

pytestmark = pytest.mark.anyio


class Notebook:
    """A journal that can be away."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.away = False
        self.asked = 0

    async def append(self, drafts: Sequence[Draft]) -> Any:
        self.asked += 1
        await anyio.lowlevel.checkpoint()
        if self.away:
            raise Unavailable("the journal does not answer")
        self.drafts += drafts

    @property
    def numbers(self) -> list[int]:
        return [draft.data["n"] for draft in self.drafts]


def fact(number: int, actor: str = "") -> Access:
    return Access("TokenIssued", "token/store", {"n": number}, actor)


def begun(book: Notebook) -> AccessLog:
    log = AccessLog(book.append)
    log.begin()
    return log


async def test_facts_are_recorded_in_order_and_what_waits_at_the_end_too() -> None:
    """Each has a correlation id of its own; who did it is the daemon unless the fact says otherwise."""
    book = Notebook()
    log = begun(book)
    async with log.running():
        for number in range(250):
            log.tell(fact(number))
        await until(lambda: len(book.drafts) == 250)
        log.tell(fact(250, "token-0123abcd"))
        log.tell(fact(251, "anonymous"))
    assert book.numbers == list(range(252))
    assert len({draft.correlation_id for draft in book.drafts}) == 252
    assert [draft.actor.kind for draft in book.drafts[-3:]] == ["daemon", "token", "user"]


async def test_nothing_is_recorded_before_it_may_be() -> None:
    """The first entry of a journal comes after the key that signs it; what was told before is not lost."""
    book = Notebook()
    log = AccessLog(book.append)
    async with log.running():
        log.tell(fact(0))
        await anyio.wait_all_tasks_blocked()
        assert book.asked == 0
        log.begin()
        await until(lambda: book.numbers == [0])
    never = AccessLog(book.append)
    async with never.running():
        never.tell(fact(1))
    assert book.numbers == [0]


async def test_a_journal_that_is_away_is_waited_for_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is bounded; what did not fit is counted, and told when the journal is back."""
    monkeypatch.setattr(access, "AGAIN_S", 0.01)
    book = Notebook()
    book.away = True
    log = begun(book)
    async with log.running():
        for number in range(access.WAITING_MAX + 7):
            log.tell(fact(number))
        await until(lambda: book.asked >= 3)
        assert book.drafts == []
        book.away = False
        await until(lambda: len(book.drafts) == access.WAITING_MAX)
    assert book.numbers == list(range(access.WAITING_MAX))
    assert [draft.data.get("missed") for draft in book.drafts[:2]] == [7, None]


async def test_what_strangers_cause_is_counted() -> None:
    """A thousand failures are one entry, and one more with the rest when it ends."""
    book = Notebook()
    log = begun(book)
    async with log.running():
        for _ in range(1000):
            log.tell_some(fact(1))
        await until(lambda: bool(book.drafts))
        assert len(book.drafts) == 1
    assert [draft.data.get("count") for draft in book.drafts] == [None, 999]


async def test_a_stop_does_not_wait_for_a_journal_that_is_away() -> None:
    book = Notebook()
    book.away = True
    log = begun(book)
    with anyio.fail_after(60):
        async with log.running():
            log.tell(fact(1))
    assert book.drafts == []
