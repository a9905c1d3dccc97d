"""The queue: once each, oldest first, backed off after failures, and who follows others lets them go first."""

from __future__ import annotations

import anyio
import pytest

from versiqiid.core.status import Cause
from versiqiid.engine.workqueue import BACKOFF_FIRST_S, PATIENCE_S, WorkQueue

pytestmark = pytest.mark.anyio

CAUSE = Cause("cause")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


async def take(queue: WorkQueue[str], count: int) -> list[str]:
    with anyio.fail_after(60):
        return [(await queue.take()).item for _ in range(count)]


async def test_patient_items_let_the_others_go_first_for_a_while() -> None:
    """A drift is told from many statuses: while these are decided it would be decided again and again."""
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock, patient=str.isupper)
    queue.add(["D", "a"], CAUSE)
    queue.add(["b"], CAUSE)
    assert await take(queue, 3) == ["a", "b", "D"]
    for item in "abD":
        queue.release(item)
    queue.add(["D"], CAUSE)
    clock.now += PATIENCE_S + 0.1
    queue.add(["a"], CAUSE)
    assert await take(queue, 2) == ["D", "a"], "but not for ever"
    assert not queue.idle
    for item in "Da":
        queue.release(item)
    assert queue.idle


async def test_what_is_asked_for_again_while_it_is_taken_is_taken_once_more_afterwards() -> None:
    """Never by two at a time; with the newest cause."""
    queue: WorkQueue[str] = WorkQueue(Clock(), patient=str.isupper)
    for item in ("a", "D"):
        queue.add([item], CAUSE)
        assert await take(queue, 1) == [item]
        queue.add([item], Cause("newer"))
        with anyio.move_on_after(0.01) as nothing:
            await queue.take()
        assert nothing.cancelled_caught
        queue.release(item)
        with anyio.fail_after(60):
            assert (await queue.take()).cause == Cause("newer")
        queue.release(item)
    assert queue.idle


async def test_a_failure_comes_back_later_and_in_its_own_line() -> None:
    """Its back-off doubles; somebody who asks for it meanwhile ends it."""
    clock = Clock()
    queue: WorkQueue[str] = WorkQueue(clock, patient=str.isupper)
    queue.add(["D", "a"], CAUSE)
    with anyio.fail_after(60):
        works = [await queue.take(), await queue.take()]
    for work in works:
        queue.retry(work)
        queue.release(work.item)
    assert len(queue) == 2
    clock.now += BACKOFF_FIRST_S / 2
    queue.add(["D"], CAUSE)
    assert await take(queue, 1) == ["D"], "asked for anew"
    clock.now += BACKOFF_FIRST_S
    assert await take(queue, 1) == ["a"]
