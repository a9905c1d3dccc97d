"""Changes of keys as the store shows them, to be streamed. States, not writes: what is quick may be skipped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from versiqiid.api.service import Service, check_prefix, is_listed
from versiqiid.ports import Batch, Entry, WatchEvent


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """:ivar event: created | updated | deleted. :ivar revision: of the change; for a deletion, when it was seen."""

    event: str
    key: str
    revision: int


class Differences:
    """Turns batches of a watch into events: the first batch is what there is, and no event."""

    def __init__(self) -> None:
        self._known: dict[str, int] | None = None

    def of(self, batch: Batch) -> list[KeyEvent]:
        """What happened, by store keys in byte order of keys within one batch."""
        if self._known is None:
            self._known = {entry.key: entry.revision for entry in batch.changed}
            return []
        gone = set(batch.deleted)
        if batch.complete:
            gone |= self._known.keys() - {entry.key for entry in batch.changed}
        found = [event for entry in batch.changed if (event := self._event(self._known, entry)) is not None]
        for key in sorted(gone & self._known.keys()):
            del self._known[key]
            found.append(KeyEvent("deleted", key, batch.index))
        return found

    def _event(self, known: dict[str, int], entry: Entry) -> KeyEvent | None:
        before = known.get(entry.key)
        known[entry.key] = entry.revision
        if before == entry.revision:
            return None
        return KeyEvent("created" if before is None else "updated", entry.key, entry.revision)


async def changes(service: Service, prefix: str, tell: Callable[[list[KeyEvent]], Awaitable[None]]) -> None:
    """Tell events under a prefix that ends with ``/`` until cancelled; the first list is empty and says that from now
    on nothing is missed.

    :raises InvalidKey: a prefix that is no place of the key layout.
    """
    check_prefix(prefix)
    differences, strip = Differences(), len(service.root) + 1
    standing = False

    async def observe(event: WatchEvent) -> None:
        nonlocal standing
        if not isinstance(event, Batch):
            return
        found = [KeyEvent(e.event, e.key[strip:], e.revision) for e in differences.of(event)]
        found = [e for e in found if is_listed(e.key, prefix)]
        if found or not standing:
            standing = True
            await tell(found)

    await service.store.watch(f"{service.root}/{prefix}", observe)
