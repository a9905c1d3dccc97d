"""Figures of looking back: indexing and finding words, and the whole store at a past position. Never assertions.

``VERSIQII_BENCH_PAST`` sets how many entries the journal has (default 20,000).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import anyio

from tests.bench.bench_journal import PAGE, change
from tests.contract.test_journal_rebuild import PostgresPlace
from tests.services.finder import MissingServiceError
from tests.services.postgres import Postgres
from versiqiid.adapters.postgres.journal import PostgresJournal
from versiqiid.adapters.postgres.search import PostgresSearchIndex
from versiqiid.adapters.postgres.side import SideDatabase
from versiqiid.adapters.sql.snapshots import SqlSnapshots
from versiqiid.adapters.sqlite.journal import SqliteJournal
from versiqiid.adapters.sqlite.search import SearchIndex
from versiqiid.adapters.sqlite.side import SNAPSHOTS, SideFile
from versiqiid.core.search import Asked
from versiqiid.engine.past import Past
from versiqiid.engine.search import bring

Row = tuple[str, float, str]
ENTRIES = int(os.environ.get("VERSIQII_BENCH_PAST", "20000"))


async def _timed(work: Awaitable[Any]) -> float:
    start = time.perf_counter()
    await work
    return time.perf_counter() - start


async def _figures(journal: Any, index: Any, snapshots: Any, title: str) -> list[Row]:
    for start in range(0, ENTRIES, PAGE):
        await journal.append([change(number) for number in range(start, min(start + PAGE, ENTRIES))])
    rows = [(f"{title}: entries with 2 kB documents indexed", ENTRIES / await _timed(bring(journal, index)), "/s")]
    rare, common = Asked((str(ENTRIES // 2),)), Asked(("scan-engine", "ConfigRevised"))
    for name, asked in (("one word", rare), ("two words that stand everywhere, 20 newest", common)):
        rows.append((f"{title}: find {name}", 1000 * min([await _timed(index.find(asked)) for _ in range(5)]), "ms"))
    at = ENTRIES - 1
    for name in ("from all entries", "from a snapshot"):
        took = await _timed(Past(journal, snapshots).at(at))
        rows.append((f"{title}: the whole store at a position, {name}", 1000 * took, "ms"))
    return rows


async def _sqlite() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        async with await SqliteJournal.open(place / "journal.db", clock=time.time) as journal:
            snapshots = SqlSnapshots(SideFile(place / "snapshots.db", *SNAPSHOTS))
            return await _figures(journal, SearchIndex(place / "search.db"), snapshots, "SQLite")


async def _postgres(url: str) -> list[Row]:
    side = SideDatabase(url)
    async with await PostgresJournal.open(url, clock=time.time) as journal:
        rows = await _figures(journal, PostgresSearchIndex(side), SqlSnapshots(side), "PostgreSQL")
    await side.aclose()
    return rows


def run() -> list[Row]:
    """The figures, by backend."""
    rows = anyio.run(_sqlite)
    try:
        server = Postgres()
    except MissingServiceError:
        return rows
    with server:
        return rows + anyio.run(_postgres, PostgresPlace(server.create_database()).url)
