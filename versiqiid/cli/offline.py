"""Stores opened by the command line itself, without a daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

import anyio

from versiqiid.cli.silent import Silent
from versiqiid.ports import Batch, WatchEvent
from versiqiid.settings import Settings
from versiqiid.stores import open_store

T = TypeVar("T")


def with_store(url: str, work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the store, do the work, close it."""

    async def run() -> T:
        async with open_store(Settings(store=url), Silent()) as store:
            return await work(store)

    return anyio.run(run)


def follow(url: str, prefix: str, strip: int) -> Iterator[dict[str, Any]]:
    """Events of a prefix, for ever: the watch runs in a thread of its own and ends with the process."""
    events: Queue[dict[str, Any]] = Queue()
    known: dict[str, int] = {}
    first = True

    async def observe(event: WatchEvent) -> None:
        nonlocal first
        if not isinstance(event, Batch):
            return
        gone = set(event.deleted) | (known.keys() - {e.key for e in event.changed} if event.complete else set())
        for entry in event.changed:
            if known.get(entry.key) != entry.revision and not first:
                kind = "updated" if entry.key in known else "created"
                events.put({"event": kind, "key": entry.key[strip:], "revision": entry.revision})
            known[entry.key] = entry.revision
        for key in sorted(gone & known.keys()):
            del known[key]
            events.put({"event": "deleted", "key": key[strip:], "revision": event.index})
        first = False

    def run() -> None:
        async def watch(store: Any) -> None:
            await store.watch(prefix, observe)

        with_store(url, watch)

    watcher = Thread(target=run, daemon=True)
    watcher.start()
    while watcher.is_alive():
        try:
            yield events.get(timeout=1)
        except Empty:
            continue
