"""What lies beside a journal, by the journal's address: files beside a file, tables beside tables.

All of it can be removed at any time: the search index and the snapshots are made again, and what Kafka said of past
deliveries is forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from versiqiid.adapters.sql.deliveries import SqlDeliveries
from versiqiid.adapters.sql.snapshots import SqlSnapshots
from versiqiid.engine.past import Snapshots
from versiqiid.engine.search import Index
from versiqiid.settings import Settings
from versiqiid.stores import sqlite_path

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside one journal."""

    index: Index
    deliveries: SqlDeliveries
    snapshots: Snapshots


@asynccontextmanager
async def open_beside(settings: Settings) -> AsyncIterator[Beside]:
    """Nothing is made or asked before it is used.

    :raises InvalidSetting: an address of no backend.
    """
    url = settings.journal_url
    if url.startswith(_SQLITE):
        from versiqiid.adapters.sqlite.search import SearchIndex  # noqa: PLC0415
        from versiqiid.adapters.sqlite.side import DELIVERIES, SNAPSHOTS, SideFile  # noqa: PLC0415

        yield Beside(
            SearchIndex(_file(url, "search")),
            SqlDeliveries(SideFile(_file(url, "deliveries"), *DELIVERIES)),
            SqlSnapshots(SideFile(_file(url, "snapshots"), *SNAPSHOTS)),
        )
    else:
        from versiqiid.adapters.postgres.search import PostgresSearchIndex  # noqa: PLC0415
        from versiqiid.adapters.postgres.side import SideDatabase  # noqa: PLC0415

        side = SideDatabase(url)
        try:
            yield Beside(PostgresSearchIndex(side), SqlDeliveries(side), SqlSnapshots(side))
        finally:
            await side.aclose()


def _file(url: str, what: str) -> Path:
    journal = sqlite_path(url)
    return journal.with_name(f"{journal.stem}.{what}.db")
