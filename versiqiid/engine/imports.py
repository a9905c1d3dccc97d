"""Follows one imported tree: its document joins the snapshot, its changes the journal, its ``updated-at`` is kept.

Every process follows; only the leader records and writes. The tree's own keys are never touched but ``updated-at``.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from versiqiid.core.canonical import digest
from versiqiid.core.imports import UPDATED_AT, Import, Imported, assemble
from versiqiid.core.snapshot import Snapshot, Value
from versiqiid.engine.observer import Observer
from versiqiid.errors import Conflict, InvalidInput, VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Batch, Entry, KeyValueStore, Set, WatchEvent

log = logger("imports")


class Importer:
    """One tree. ``run`` follows it until cancelled.

    :param now: RFC 3339 text of the present time.
    """

    def __init__(
        self, setting: Import, store: KeyValueStore, snapshot: Snapshot, observer: Observer, now: Callable[[], str]
    ) -> None:
        self._setting = setting
        self._store = store
        self._snapshot = snapshot
        self._observer = observer
        self._now = now
        self._leaves: dict[str, Entry] = {}
        self._known: Imported | None = None
        self._stale = False

    async def run(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._store.watch, f"{self._setting.prefix}/", self.observe)
            tasks.start_soon(self._stamp_when_leading)

    async def observe(self, event: WatchEvent) -> None:
        """Take in what the watch sees; a tree that is no config for the moment leaves the last good one in place."""
        if not isinstance(event, Batch):
            return
        self._take(event)
        try:
            found = assemble(self._setting, {path: entry.value for path, entry in self._leaves.items()})
        except InvalidInput as error:
            log.warning("import_unreadable", prefix=self._setting.prefix, reason=error.message)
            return
        if self._known is not None and self._known.key != found.key:
            await self._observer.imported(self._known.key, None, (), event.index)
        if await self._is_news(found):
            self._stale = True
        self._known = found
        revision = max(entry.revision for entry in self._leaves.values())
        parts = tuple((entry.key, entry.revision) for path, entry in self._leaves.items() if path != UPDATED_AT)
        await self._observer.imported(found.key, Value(found.raw, revision), parts, event.index)
        if self._observer.leads:
            await self._stamp()

    async def _is_news(self, found: Imported) -> bool:
        """Whether the content is another one than was last seen here or, at the start, than the journal knows."""
        if self._known is not None:
            return self._known != found
        recorded = [r.digest for r in await self._observer.journal.keys(found.key) if r.key == found.key]
        return UPDATED_AT not in self._leaves or (bool(recorded) and recorded[0] != digest(found.raw))

    async def _stamp_when_leading(self) -> None:
        """What changed while nobody led is stamped when this process comes to lead."""
        while True:
            await self._observer.leading.wait()
            await self._stamp()
            await self._observer.standing_by.wait()

    def _take(self, batch: Batch) -> None:
        strip = len(self._setting.prefix) + 1
        if batch.complete:
            self._leaves.clear()
        for entry in batch.changed:
            if not entry.key.endswith("/"):
                self._leaves[entry.key[strip:]] = entry
        for key in batch.deleted:
            self._leaves.pop(key[strip:], None)

    async def _stamp(self) -> None:
        """Write ``updated-at`` over what is there; whoever was faster has newer content, which is stamped in turn."""
        if not self._stale:
            return
        key, before = f"{self._setting.prefix}/{UPDATED_AT}", self._leaves.get(UPDATED_AT)
        try:
            await self._store.commit([Set(key, self._now().encode(), before.revision if before else 0)])
        except Conflict:
            return
        except VersiqiiError as error:
            log.warning("import_not_stamped", key=key, reason=error.message)
            return
        self._stale = False
