"""Stores opened by the command line itself, without a daemon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from queue import Queue
from threading import Thread
from typing import Any, TypeVar

import anyio

from versiqiid.cli.silent import Silent
from versiqiid.errors import NotFound, VersiqiiError
from versiqiid.ports import Batch, Trouble, WatchEvent
from versiqiid.settings import load
from versiqiid.stores import open_store, sqlite_path

T = TypeVar("T")


def with_store(url: str, work: Callable[[Any], Awaitable[T]], *, create: bool = False) -> T:
    """Open the store, do the work, close it.

    :param create: whether a SQLite file that is not there is made; who only looks shall not leave one behind.
    :raises NotFound: there is no such file. :raises InvalidSetting: no address of a store.
    """
    settings = load({"store": url})
    if url.startswith("sqlite:///") and not create and not sqlite_path(url).exists():
        raise NotFound(f"there is no store at {url}", hint="Name the file that versiqiid uses.")

    async def run() -> T:
        async with open_store(settings, Silent()) as store:
            return await work(store)

    return anyio.run(run)


def follow(url: str, prefix: str, begun: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Events of a prefix, by full key, for ever: the watch runs in a thread of its own and ends with the process.

    :raises VersiqiiError: the store cannot be opened or watched.
    """
    told: Queue[dict[str, Any] | VersiqiiError | None] = Queue()
    Thread(target=_watch, args=(url, prefix, told), daemon=True).start()
    while True:
        event = told.get()
        if isinstance(event, VersiqiiError):
            raise event
        if event is None:
            begun()
        else:
            yield event


def _watch(url: str, prefix: str, told: Queue[dict[str, Any] | VersiqiiError | None]) -> None:
    known: dict[str, int] | None = None

    async def observe(event: WatchEvent) -> None:
        nonlocal known
        if isinstance(event, Trouble):
            told.put(event.error)
        elif isinstance(event, Batch) and known is None:
            known = {entry.key: entry.revision for entry in event.changed}
            told.put(None)
        elif isinstance(event, Batch) and known is not None:
            for change in _changes(known, event):
                told.put(change)

    try:
        with_store(url, lambda store: store.watch(prefix, observe))
    except VersiqiiError as error:
        told.put(error)


def _changes(known: dict[str, int], batch: Batch) -> Iterator[dict[str, Any]]:
    """What a batch says beside what was known, which it becomes."""
    gone = set(batch.deleted) & known.keys()
    if batch.complete:
        gone |= known.keys() - {entry.key for entry in batch.changed}
    for entry in batch.changed:
        if known.get(entry.key) != entry.revision:
            kind = "updated" if entry.key in known else "created"
            known[entry.key] = entry.revision
            yield {"event": kind, "key": entry.key, "revision": entry.revision}
    for key in sorted(gone):
        del known[key]
        yield {"event": "deleted", "key": key, "revision": batch.index}
