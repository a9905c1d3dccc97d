"""Any past state of all keys, reconstructed from the journal: the nearest snapshot before it, and the entries since.

A snapshot says how many entries it is made of and what their root is. One that does not fit the journal, or whose bytes
are not what was kept, is thrown away and made again: without any snapshot the answer is the same and only later.
"""

from __future__ import annotations

from typing import Protocol

from versiqiid.core import journal as entries
from versiqiid.core.canonical import digest
from versiqiid.core.past import Picture, Snapshot, pack, take, unpack
from versiqiid.engine.audit import AuditedJournal
from versiqiid.errors import InvalidInput, JournalRefused, Refused, Unavailable
from versiqiid.logs import logger
from versiqiid.ports import Query

log = logger("past")

_PAGE = 2000
INTERVAL = 5_000
"""Entries between two snapshots at least. Arbitrary: what is replayed in a tenth of a second."""

PER_KEY = 4
"""And at least so many for each key of the picture, so that all snapshots together are no larger than the journal."""


class Snapshots(Protocol):
    """Where snapshots are kept."""

    async def newest(self, size: int) -> Snapshot | None:
        """The newest one of at most ``size`` entries."""
        ...

    async def keep(self, snapshot: Snapshot) -> None: ...

    async def drop(self, size: int) -> None:
        """Throw away the one of that size, and all newer ones."""
        ...


class Past:
    """Reconstructs pictures of one journal."""

    def __init__(
        self, journal: AuditedJournal, snapshots: Snapshots, *, interval: int = INTERVAL, per_key: int = PER_KEY
    ) -> None:
        self._journal = journal
        self._snapshots = snapshots
        self._interval = interval
        self._per_key = per_key

    async def at(self, size: int) -> Picture:
        """What the keys were after the first ``size`` entries.

        :raises InvalidInput: there are not so many. :raises JournalRefused: an entry cannot be read.
        """
        if not 0 <= size <= await self._journal.size():
            raise InvalidInput(f"position {size}: the journal has {await self._journal.size()} entries")
        start, picture = await self._nearest(size)
        kept = start
        while start < size:
            page = await self._journal.read(Query(start=start, before=size, limit=min(_PAGE, self._interval)))
            for entry in page:
                told = entries.read(entry.entry, entry.position)
                if told.observed is not None:
                    take(picture, told.observed, told.position, told.time)
            start = page[-1].position + 1
            if start - kept >= max(self._interval, self._per_key * len(picture)):
                kept = start
                await self._keep(start, picture)
        return picture

    async def _nearest(self, size: int) -> tuple[int, Picture]:
        try:
            while (found := await self._snapshots.newest(size)) is not None:
                try:
                    return found.size, await self._verified(found)
                except JournalRefused as refusal:
                    log.warning("snapshot_refused", reason=refusal.message)
                    await self._snapshots.drop(found.size)
        except (Unavailable, Refused) as error:
            log.warning("snapshots_unavailable", reason=error.message)
        return 0, {}

    async def _verified(self, snapshot: Snapshot) -> Picture:
        place = f"snapshot {snapshot.size}"
        if digest(snapshot.body) != snapshot.digest:
            raise JournalRefused("snapshot", place, "its bytes are not those that were kept")
        if (await self._journal.root(snapshot.size)).hex() != snapshot.root:
            raise JournalRefused("snapshot", place, "it is one of other entries")
        return unpack(snapshot.body, place)

    async def _keep(self, size: int, picture: Picture) -> None:
        body = pack(picture)
        try:
            root = await self._journal.root(size)
            await self._snapshots.keep(Snapshot(size, root.hex(), digest(body), body))
        except (Unavailable, Refused) as error:
            log.warning("snapshot_not_kept", reason=error.message)


async def check_snapshots(journal: AuditedJournal, snapshots: Snapshots) -> int:
    """Recompute every snapshot from the entries alone and compare; how many there are.

    :raises JournalRefused: ``projection``: the first that is not what the entries say.
    """
    count, size = 0, await journal.size()
    while (found := await snapshots.newest(size)) is not None:
        picture = await Past(journal, _None()).at(found.size)
        sound = found.digest == digest(found.body) and found.root == (await journal.root(found.size)).hex()
        if not sound or found.body != pack(picture):
            hint = "versiqiid journal rebuild --repair throws snapshots away"
            raise JournalRefused("projection", f"snapshot {found.size}", "it is not what the entries say", hint=hint)
        count, size = count + 1, found.size - 1
    return count


class _None:
    """No snapshots."""

    async def newest(self, size: int) -> Snapshot | None:  # noqa: ARG002
        return None

    async def keep(self, snapshot: Snapshot) -> None: ...

    async def drop(self, size: int) -> None: ...
