"""The state-store surface that people expect, as plain functions over the three verbs of ``ports.KeyValueStore``.

Nothing here knows a backend, and nothing of configs is decided: this is for programs that keep state of their own in
the same store. Keys are hierarchical; versions are the store's revisions, which only grow, also over deletion.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from versiqiid.core.canonical import Json, canonical
from versiqiid.core.document import read
from versiqiid.errors import Conflict, InvalidInput
from versiqiid.ports import ABSENT, Batch, Check, Delete, Entry, KeyValueStore, Operation, Revision, Set, WatchEvent

EVENTS_WAITING_MAX = 1_000
"""Events that may wait for a slow reader; the watch waits then and skips intermediate values, never the last."""


class EventType(StrEnum):
    """What happened to a key between two observations."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """One key that changed. ``entry`` is None when it was deleted; ``version`` is then the index it was seen at."""

    type: EventType
    key: str
    entry: Entry | None
    version: int


Events: TypeAlias = MemoryObjectReceiveStream[KeyEvent]


class StateStore:
    """Get, set, compare, transact and watch. Every error is one of ``versiqiid.errors``."""

    def __init__(self, store: KeyValueStore) -> None:
        self._store = store

    async def get(self, key: str) -> Entry | None:
        """The key with its version and times, or None."""
        return await self._store.get(key)

    async def get_json(self, key: str) -> Json:
        """The key's value as JSON, None when it is absent.

        :raises Unreadable: the value is no document.
        """
        entry = await self._store.get(key)
        return None if entry is None else read(entry.value, by_rule=True)

    async def set(self, key: str, value: bytes) -> Revision:
        """Create or replace; the key's version. Writing what is there already moves nothing."""
        return await self._store.commit([Set(key, value)])

    async def set_json(self, key: str, value: Json) -> Revision:
        """As ``set``, in canonical form, so that equal values are equal bytes."""
        return await self.set(key, canonical(value))

    async def delete(self, key: str) -> bool:
        """Remove; whether it was there."""
        entry = await self._store.get(key)
        if entry is None:
            return False
        await self._store.commit([Delete(key)])
        return True

    async def exists(self, key: str) -> bool:
        return await self._store.get(key) is not None

    async def version(self, key: str) -> int:
        """The key's version, 0 when it is absent."""
        entry = await self._store.get(key)
        return entry.revision if entry else ABSENT

    async def list(self, prefix: str) -> tuple[Entry, ...]:
        """Everything under the prefix, by key, as of one moment."""
        return (await self._store.scan(prefix)).entries

    async def create_if_not_exists(self, key: str, value: bytes) -> Revision | None:
        """The new key's version, or None when it exists already and stays as it is."""
        try:
            return await self._store.commit([Set(key, value, ABSENT)])
        except Conflict:
            return None

    async def compare_and_set(self, key: str, version: int, value: bytes) -> Revision:
        """Replace exactly this version (0 = absent).

        :raises Conflict: another version is there, told as ``expected`` and ``found``; nothing was written.
        """
        return await self._store.commit([Set(key, value, version)])

    async def transaction(self, operations: Sequence[Operation]) -> Revision:
        """All of it or nothing; build operations with ``check_version``, ``put`` and ``remove``.

        :raises Conflict: a version differs; nothing was written.
        """
        return await self._store.commit(operations)

    @asynccontextmanager
    async def watch(self, pattern: str) -> AsyncIterator[Events]:
        """Events of one key, or of all keys under ``<prefix>/*``, from now on, as long as the block runs.

        :raises InvalidInput: a ``*`` anywhere but at the end behind a slash.
        """
        prefix = _prefix(pattern)
        send, receive = anyio.create_memory_object_stream[KeyEvent](EVENTS_WAITING_MAX)
        watcher = _Watcher(send, exact=None if pattern.endswith("*") else pattern)
        async with anyio.create_task_group() as tasks, send, receive:
            tasks.start_soon(self._store.watch, prefix, watcher.observe)
            await watcher.ready.wait()
            yield receive
            tasks.cancel_scope.cancel()


class _Watcher:
    """Turns batches into events against what was seen before."""

    def __init__(self, send: MemoryObjectSendStream[KeyEvent], *, exact: str | None) -> None:
        self._send = send
        self._exact = exact
        self._known: dict[str, int] = {}
        self.ready = anyio.Event()

    async def observe(self, event: WatchEvent) -> None:
        if not isinstance(event, Batch):
            return
        changed = {e.key: e for e in event.changed if self._exact in (None, e.key)}
        gone = set(event.deleted) | (self._known.keys() - changed.keys() if event.complete else set())
        for key, entry in changed.items():
            await self._changed(key, entry)
        for key in sorted(gone & self._known.keys()):
            del self._known[key]
            await self._send.send(KeyEvent(EventType.DELETED, key, None, event.index))
        self.ready.set()

    async def _changed(self, key: str, entry: Entry) -> None:
        before = self._known.get(key)
        self._known[key] = entry.revision
        if before == entry.revision or not self.ready.is_set():
            return
        kind = EventType.CREATED if before is None else EventType.UPDATED
        await self._send.send(KeyEvent(kind, key, entry, entry.revision))


def check_version(key: str, version: int) -> Operation:
    """The transaction fails unless the key is at this version (0 = absent)."""
    return Check(key, version)


def put(key: str, value: bytes) -> Operation:
    return Set(key, value)


def remove(key: str) -> Operation:
    return Delete(key)


def _prefix(pattern: str) -> str:
    prefix = pattern.removesuffix("*")
    if "*" in prefix or (prefix != pattern and not prefix.endswith("/")):
        msg = f"pattern {pattern!r}: a '*' stands only at the end, behind a '/'"
        raise InvalidInput(msg, hint="Watch one key, or everything under workloads/*.")
    return prefix
