"""Differences between two points of a key: as a patch, and as changes for people. Nothing is written.

Lists of a config are compared by the keys that its schema names, where it names any (``core/listkeys.py``).
"""

from __future__ import annotations

from typing import Any

from anyio import to_thread

from versiqiid.api.history import History
from versiqiid.api.service import Service
from versiqiid.core import keys as k
from versiqiid.core.canonical import Json
from versiqiid.core.document import read
from versiqiid.core.listkeys import Place
from versiqiid.core.objects import read_target
from versiqiid.core.structural import differences, patch
from versiqiid.errors import InvalidInput, NotFound


class Differences:
    """Compares past states of desired keys."""

    def __init__(self, history: History, service: Service) -> None:
        self._history = history
        self._service = service

    async def patch(self, key: str, first: str, second: str) -> list[dict[str, Json]]:
        """The RFC 6902 patch that leads from one point to the other.

        :raises Unreadable: one of the two is no document. :raises NotFound: the key has no content at a point.
        """
        before, after = await self._both(key, first, second)
        place = await self._place(key)
        return await to_thread.run_sync(lambda: patch(read(before), read(after), place))

    async def changes(self, key: str, first: str, second: str) -> list[dict[str, Any]]:
        """What changed, item by item; errors as ``patch``."""
        before, after = await self._both(key, first, second)
        place = await self._place(key)

        def compare() -> list[dict[str, Any]]:
            return [change.as_json() for change in differences(read(before), read(after), place)]

        return await to_thread.run_sync(compare)

    async def _both(self, key: str, first: str, second: str) -> tuple[bytes, bytes]:
        one, other = await self._history.at(key, first), await self._history.at(key, second)
        return await self._history.content(key, one), await self._history.content(key, other)

    async def _place(self, key: str) -> Place:
        """The root place of a config's schema; one without keys where there is no such schema."""
        meaning = k.parse(key)
        if not isinstance(meaning, k.ConfigKey):
            return Place({})
        try:
            target = read_target((await self._service.get(f"targets/{meaning.target}")).raw)
            schema = await self._service.get(f"schemas/{target.family}/{meaning.schema_version}")
            return Place(read(schema.raw))
        except (NotFound, InvalidInput):
            return Place({})
