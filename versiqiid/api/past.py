"""The whole store as it was at a point, for the faces. No HTTP here, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import anyio

from versiqiid.api.history import History
from versiqiid.api.points import ByPosition, ByRevision, ByTime, UntilRevision
from versiqiid.core.past import PastKey, Picture
from versiqiid.engine.past import Past
from versiqiid.errors import InvalidInput
from versiqiid.ports import Journal, Query

PAGE_SIZE_MAX = 1000
PAGE_BYTES_MAX = 8 * 1024 * 1024
"""A page with values ends behind the value that reaches this. Arbitrary: some twenty of the largest documents."""


@dataclass(frozen=True, slots=True)
class PastPage:
    """:ivar size: the state is that after so many entries. :ivar next_token: None at the end."""

    size: int
    items: tuple[tuple[str, PastKey, bytes | None], ...]
    next_token: str | None


class PastStates:
    """Pages of past states."""

    def __init__(self, journal: Journal, history: History, past: Past) -> None:
        self._journal = journal
        self._history = history
        self._past = past
        self._one = anyio.Lock()
        self._newest: tuple[int, Picture] = (0, {})

    async def size_at(self, point: str) -> int:
        """How many entries there were at a time, or up to the end of one correlation id.

        :raises InvalidInput: a revision: every key has its own. :raises NotFound: no such correlation id.
        """
        place = await self._history.place(point)
        match place:
            case ByRevision() | UntilRevision():
                hint = "Give a time, a correlation id, or a position of the journal."
                raise InvalidInput(f"at {point[:40]}: a revision names no state of all keys", hint=hint)
            case ByPosition(position):
                return position + 1
            case ByTime(time):
                behind = (datetime.fromisoformat(time) + timedelta(microseconds=1)).isoformat()
                last = await self._journal.read(Query(until=behind, limit=1, descending=True))
                return last[0].position + 1 if last else 0

    async def page(
        self, size: int, prefix: str = "", *, page_size: int = 500, page_token: str = "", values: bool = False
    ) -> PastPage:
        """Keys under a prefix as they were after ``size`` entries, in byte order, one page of them.

        :param values: with the raw values, where the journal still keeps them.
        :raises InvalidInput: a size or page size that cannot be.
        """
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            raise InvalidInput(f"page_size must be 1 to {PAGE_SIZE_MAX}")
        picture = await self._picture(size)
        there = [key for key, known in picture.items() if known.digest and key.startswith(prefix) and key > page_token]
        there.sort(key=str.encode)
        items: list[tuple[str, PastKey, bytes | None]] = []
        held = 0
        for key in there[:page_size]:
            value = await self._value(picture[key]) if values else None
            items.append((key, picture[key], value))
            held += len(value or b"")
            if held >= PAGE_BYTES_MAX:
                break
        return PastPage(size, tuple(items), items[-1][0] if len(items) < len(there) else None)

    async def _picture(self, size: int) -> Picture:
        """One at a time: who waits finds the snapshots that the one before has left, or its very picture."""
        async with self._one:
            if self._newest[0] != size:
                self._newest = (size, await self._past.at(size))
            return self._newest[1]

    async def _value(self, known: PastKey) -> bytes | None:
        return await self._journal.document(known.digest) if known.digest else None


def item_json(key: str, known: PastKey) -> dict[str, Any]:
    """One item without its value."""
    return {
        "key": key,
        "revision": known.revision,
        "digest": known.digest,
        "position": known.position,
        "created": known.created,
        "updated": known.updated,
    }
