"""Where one watch of the SQLite store stands, and what it has not seen. Synchronous, inside a read transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from versiqiid.adapters.sqlite import store_rows as rows
from versiqiid.ports import Batch

if TYPE_CHECKING:
    import sqlite3


@dataclass(slots=True)
class Following:
    """A watch on a prefix.

    :ivar index: everything up to this revision was looked at.
    :ivar known: the keys that the observer holds: a key that came and went unseen is no deletion.
    """

    prefix: str
    index: int = 0
    known: set[str] = field(default_factory=set)
    _since: int | None = None
    _data_version: int = -1

    def look(self, connection: sqlite3.Connection) -> Batch | None:
        """What is new, None when that is nothing. Without new commits in the file it costs a few microseconds."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._data_version and self._since is not None:
            return None
        changes = rows.read_changes(connection, self.prefix, self._since)
        self.index = changes.index
        self._data_version = version
        if changes.complete:
            self._since = None  # until the observer has it
            return Batch(changes.changed, index=changes.index, complete=True)
        deleted = tuple(key for key in changes.deleted if key in self.known)
        if changes.changed or deleted:
            return Batch(changes.changed, deleted, changes.index)
        self._since = changes.index
        return None

    def advance(self, batch: Batch) -> None:
        """The observer has the batch."""
        if batch.complete:
            self.known.clear()
        self.known.update(entry.key for entry in batch.changed)
        self.known.difference_update(batch.deleted)
        self._since = batch.index
