"""What the contract suites share: both protocols as one, a place of one's own in the store, and a watch that runs."""
# ruff: noqa: S101 - asserts are what a contract suite is made of

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Protocol

import anyio
import pytest

from versiqiid.ports import Batch, Entry, KeyValueStore, Locks, WatchEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PATIENCE_S = 20.0
"""How long a watch may take to tell. A bound against hanging, not a promise."""


class Store(KeyValueStore, Locks, Protocol):
    """Both protocols of one store."""


class Watching:
    """A watch that runs, with what it told and the picture that follows from it.

    :ivar picture: key → entry, as an observer that believes every event holds it.
    """

    def __init__(self) -> None:
        self.events: list[WatchEvent] = []
        self.picture: dict[str, Entry] = {}
        self._news = anyio.Event()

    async def observe(self, event: WatchEvent) -> None:
        """What the store calls."""
        self.events.append(event)
        if isinstance(event, Batch):
            if event.complete:
                assert event.deleted == (), "a complete batch deletes by leaving out"
                self.picture.clear()
            for key in event.deleted:
                assert key in self.picture, f"{key} was never seen"
                del self.picture[key]
            self.picture.update((entry.key, entry) for entry in event.changed)
        news, self._news = self._news, anyio.Event()
        news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return when the condition holds; it is looked at after each event."""
        with anyio.fail_after(PATIENCE_S):
            while not condition():
                await self._news.wait()

    async def until_values(self, expected: dict[str, bytes]) -> None:
        """Return when the picture is exactly this."""
        await self.until(lambda: self.values() == expected)

    def values(self) -> dict[str, bytes]:
        return {key: entry.value for key, entry in self.picture.items()}

    def batches(self) -> list[Batch]:
        return [event for event in self.events if isinstance(event, Batch)]


@contextlib.asynccontextmanager
async def watching(store: KeyValueStore, prefix: str) -> AsyncIterator[Watching]:
    """A watch on the prefix, running until the block ends; its first batch has come."""
    seen = Watching()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(store.watch, prefix, seen.observe)
        await seen.until(lambda: bool(seen.batches()))
        yield seen
        tasks.cancel_scope.cancel()


class Rooted:
    """What both suites share: a place of their own in the store.

    :cvar ttl_s: the shortest time to live that the store takes, in seconds.
    """

    ttl_s = 10.0

    @pytest.fixture
    def root(self) -> str:
        """A prefix that no other test uses."""
        return f"t-{uuid.uuid4().hex[:12]}"

    async def pass_time(self, seconds: float) -> None:
        """Let time go by for sessions. Stores with a clock of the test's own override this."""
        await anyio.sleep(seconds)
