"""The whole store as it was at a point, for the faces. No HTTP here, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from versiqiid.api.history import History
from versiqiid.api.points import ByPosition, ByRevision, ByTime
from versiqiid.core.past import PastKey
from versiqiid.engine.past import Past
from versiqiid.errors import InvalidInput
from versiqiid.ports import Journal, Query

PAGE_SIZE_MAX = 1000


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

    async def size_at(self, point: str) -> int:
        """How many entries there were at a time, or up to the end of one correlation id.

        :raises InvalidInput: a revision: every key has its own. :raises NotFound: no such correlation id.
        """
        place = await self._history.place(point)
        match place:
            case ByRevision():
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
        picture = await self._past.at(size)
        there = [key for key, known in picture.items() if known.digest and key.startswith(prefix) and key > page_token]
        there.sort(key=str.encode)
        chosen = there[:page_size]
        items = [(key, picture[key], await self._value(picture[key]) if values else None) for key in chosen]
        return PastPage(size, tuple(items), chosen[-1] if len(there) > page_size else None)

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
