"""Which backend a ``--store`` or ``--journal`` address means. Only ``daemon.py`` and the offline commands ask."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from versiqiid.engine.oversight import Oversight
from versiqiid.errors import InvalidSetting
from versiqiid.ports import Journal, Metrics
from versiqiid.settings import Settings

_SQLITE = "sqlite:///"


@asynccontextmanager
async def open_store(settings: Settings, metrics: Metrics, *, oversight: Oversight | None = None) -> AsyncIterator[Any]:
    """The key-value store, which is also the ``Locks`` of its commits; closed at the end.

    :param oversight: is told about the store's credential, and given what can be checked.
    :raises InvalidSetting: an address of no backend.
    """
    url = settings.store_url
    if url.startswith(_SQLITE):
        from versiqiid.adapters.sqlite.store import SqliteStore  # noqa: PLC0415

        async with await SqliteStore.open(sqlite_path(url)) as store:
            yield store
    elif url.startswith(("consul://", "consul+tls://")):
        from versiqiid.consul import open_consul  # noqa: PLC0415

        async with open_consul(settings, metrics, oversight or Oversight()) as store:
            yield store
    elif url.startswith("memory://"):
        from versiqiid.adapters.memory import MemoryStore  # noqa: PLC0415

        yield MemoryStore()
    else:
        raise InvalidSetting(
            f"setting 'store': {url.split('@')[-1]!r} is no address of a store",
            hint="Use sqlite:///FILE, consul://host:port, consul+tls://host:port or memory://.",
        )


@asynccontextmanager
async def open_journal(settings: Settings, *, create: bool = True) -> AsyncIterator[Journal]:
    """The journal; closed at the end.

    :param create: False for tools that only look: a missing journal is refused, never made.
    :raises InvalidSetting: an address of no backend.
    """
    url, origin = settings.journal_url, settings.log_origin or None
    if url.startswith(_SQLITE):
        from versiqiid.adapters.sqlite.journal import SqliteJournal  # noqa: PLC0415

        async with await SqliteJournal.open(sqlite_path(url), clock=time.time, origin=origin, create=create) as journal:
            yield journal
    elif url.startswith(("postgresql://", "postgres://")):
        from versiqiid.adapters.postgres.journal import PostgresJournal  # noqa: PLC0415

        async with await PostgresJournal.open(url, clock=time.time, origin=origin, create=create) as journal:
            yield journal
    else:
        raise InvalidSetting(
            "setting 'journal': no address of a journal", hint="Use sqlite:///FILE or postgresql://user@host/database."
        )


def sqlite_path(url: str) -> Path:
    """The file of ``sqlite:///relative`` or ``sqlite:////absolute``."""
    return Path(url.removeprefix(_SQLITE))
