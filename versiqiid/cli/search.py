"""``versiqii audit search``: the index beside the journal brought up to date, then asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from versiqiid.adapters.sqlite.search import SearchIndex
from versiqiid.core.search import COLUMNS, expression
from versiqiid.engine.search import bring
from versiqiid.ports import Query
from versiqiid.settings import Settings, load
from versiqiid.stores import open_journal, sqlite_path

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Asked:
    """:ivar within: ``entry`` or ``document``, None = both. :ivar rebuild: make the index anew first."""

    words: Sequence[str]
    limit: int = 20
    within: str | None = None
    rebuild: bool = False


def search(journal: str | None, data_dir: Path | None, asked: Asked) -> list[dict[str, Any]]:
    """The newest entries that match, newest first, each with ``foundIn``: where the words are.

    :raises InvalidInput: no word that can be searched for. :raises JournalRefused: there is no journal.
    """
    columns = COLUMNS if asked.within is None else (asked.within,)
    whole = expression(asked.words, asked.within)
    given = {"journal": journal, "data_dir": data_dir}
    settings = load({name: value for name, value in given.items() if value is not None})

    async def run() -> list[dict[str, Any]]:
        opened: Any
        async with open_journal(settings, create=False) as opened:
            index = SearchIndex(index_path(settings))
            if asked.rebuild:
                await index.clear()
            await bring(opened, index)
            positions = await index.find(whole, asked.limit)
            where = {column: set(await index.find(expression(asked.words, column), asked.limit)) for column in columns}
            return [await _row(opened, at, [c for c in columns if at in where[c]]) for at in positions]

    return anyio.run(run)


async def _row(journal: Any, position: int, found_in: list[str]) -> dict[str, Any]:
    (entry,) = await journal.read(Query(start=position, limit=1))
    told: dict[str, Any] = json.loads(entry.entry)
    return told | {"foundIn": found_in or list(COLUMNS)}


def index_path(settings: Settings) -> Path:
    """Beside the journal's file; for a journal in PostgreSQL, in the data directory."""
    url = settings.journal_url
    file = sqlite_path(url) if url.startswith(_SQLITE) else settings.data_dir / "journal.db"
    return file.with_name(f"{file.stem}.search.db")
