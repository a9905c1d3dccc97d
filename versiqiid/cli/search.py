"""``versiqii search``: the index brought up to date, then asked; through the daemon, or beside a journal offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from versiqiid.cli.session import Session
from versiqiid.core.search import Asked, check
from versiqiid.engine.search import bring, find
from versiqiid.settings import load
from versiqiid.sides import open_beside
from versiqiid.stores import open_journal

_PAGE = 1000


def offline(journal: str | None, data_dir: Path | None, asked: Asked, *, rebuild: bool) -> list[dict[str, Any]]:
    """The newest entries that match, newest first, each with ``foundIn``: where the words are.

    :param rebuild: make the index anew first.
    :raises InvalidInput: no word that can be searched for. :raises JournalRefused: there is no journal.
    """
    check(asked.words)
    given = {"journal": journal, "data_dir": data_dir}
    settings = load({name: value for name, value in given.items() if value is not None})

    async def run() -> list[dict[str, Any]]:
        opened: Any
        async with open_journal(settings, create=False) as opened, open_beside(settings) as beside:
            if rebuild:
                await beside.index.clear()
            await bring(opened, beside.index)
            return [hit.as_json() for hit in await find(opened, beside.index, asked)]

    return anyio.run(run)


def online(session: Session, asked: Asked) -> list[dict[str, Any]]:
    """The same through the daemon, page by page; each question lets its index come further."""
    rows: list[dict[str, Any]] = []
    words = (f'"{word}"' if " " in word else word for word in asked.words)
    query: dict[str, Any] = {"q": " ".join(words), "page_size": min(_PAGE, asked.limit)}
    query |= {"in": asked.within} if asked.within else {}
    goal: int | None = None
    while True:
        page = session.get("/v1/search", **query).json()
        goal = page["size"] if goal is None else goal
        if page["indexed"] < goal:
            session.tell(f"{page['indexed']} of {goal} entries are indexed")
            continue
        rows += page["items"]
        if len(rows) >= asked.limit or "nextPageToken" not in page:
            return rows[: asked.limit]
        query["page_token"] = page["nextPageToken"]
