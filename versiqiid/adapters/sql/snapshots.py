"""Snapshots of the keys by the number of entries they are made of. Beside the journal, thrown away at any time."""

from __future__ import annotations

from versiqiid.adapters.sql.side import Side, Tables
from versiqiid.core.past import Snapshot

_NEWEST = "SELECT position, root, digest, body FROM snapshots WHERE position <= ? ORDER BY position DESC LIMIT 1"
_KEEP = (
    "INSERT INTO snapshots (position, root, digest, body) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (position) DO UPDATE SET root = excluded.root, digest = excluded.digest, body = excluded.body"
)


class SqlSnapshots:
    """``engine.past.Snapshots`` in a table."""

    def __init__(self, side: Side) -> None:
        self._side = side

    async def newest(self, size: int) -> Snapshot | None:
        """The newest one of at most ``size`` entries.

        :raises Unavailable: the database does not answer. :raises Refused: there are no such tables.
        """
        rows = await self._side.run(lambda db: db.query(_NEWEST, size))
        for position, root, digest, body in rows:
            return Snapshot(position, root, digest, bytes(body))
        return None

    async def keep(self, snapshot: Snapshot) -> None:
        """Keep one; errors as ``newest``."""
        row = (snapshot.size, snapshot.root, snapshot.digest, snapshot.body)
        await self._side.run(lambda db: db.many(_KEEP, [row]))

    async def drop(self, size: int) -> None:
        """Throw away the one of that size and all newer ones; errors as ``newest``."""

        def work(db: Tables) -> None:
            db.query("DELETE FROM snapshots WHERE position >= ?", size)

        await self._side.run(work)
