"""Journal entries as values: what they say, and which revision of a key they record. Reading only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from versiqiid.core import keys as k
from versiqiid.core.upcast import current
from versiqiid.engine.facts import stream_of
from versiqiid.ports import Journal, Query, Recorded

PAGE = 2_000
"""Entries that are read at once. Arbitrary: a megabyte or two of them, as entries are."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a key. ``digest`` None = deleted by it.

    :ivar undoes: the correlation id whose undoing it is part of, None for any other.
    :ivar returned: the store was put back to it, from a later revision.
    """

    revision: int
    time: str
    correlation_id: str
    digest: str | None
    type: str
    position: int
    undoes: str | None = None
    returned: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "revision": self.revision,
            "time": self.time,
            "correlationId": self.correlation_id,
            "digest": self.digest,
            "type": self.type,
            "position": self.position,
        }


def entry_json(entry: Recorded) -> Any:
    """The entry as it is stored; the stored bytes are the truth, this is for reading."""
    return json.loads(entry.entry)


def data_of(entry: Recorded) -> dict[str, Any]:
    """What the entry tells of its fact, as its type is written now; empty when it tells nothing."""
    told = entry_json(entry)
    data = current(told).get("data") if isinstance(told, dict) else None
    return data if isinstance(data, dict) else {}


def digest_of(entry: Recorded) -> str | None:
    """The digest that a key got by this fact, None when it was removed or the fact is about no key."""
    found = data_of(entry).get("digest")
    return found if isinstance(found, str) else None


def revision_of(entry: Recorded) -> Revision:
    """The revision of a desired key that this fact records."""
    data = data_of(entry)
    revision, rollback = data.get("revision"), data.get("rollback")
    undoes = rollback.get("undo") if isinstance(rollback, dict) else None
    seen = data.get("observed")
    return Revision(
        revision=revision if isinstance(revision, int) else 0,
        time=entry.time,
        correlation_id=entry.correlation_id,
        digest=digest_of(entry),
        type=entry.type,
        position=entry.position,
        undoes=undoes if isinstance(undoes, str) else None,
        returned=isinstance(seen, dict) and seen.get("returned") is True,
    )


def about(key: str) -> Query:
    """Which entries are about a key. A config's stream is its own: it also holds rollbacks that moved nothing."""
    return Query(stream=stream_of(key)) if isinstance(k.parse(key), k.ConfigKey) else Query(key=key)


async def every(journal: Journal, query: Query) -> AsyncIterator[Recorded]:
    """All entries that match, oldest first, however many there are; as many of them in memory as a page has."""
    start = query.start
    while True:
        page = await journal.read(replace(query, start=start, limit=PAGE))
        for entry in page:
            yield entry
        if len(page) < PAGE:
            return
        start = page[-1].position + 1
