"""The mark of a family: how what was judged from a family's keys, and the write that relied on it, are one decision.

A verdict on a schema, a life cycle or a migration depends on the family's other keys, and so many cannot all be checks
of one commit. Every write of a face that may change such a verdict moves ``_system/families/<family>`` instead, over
exactly the revision that stood there before anything was read. Of two writes that were judged without each other, on
whatever hosts, one is refused by the store and judged again. Raw key writes move no mark: they are taken as they stand,
and told afterwards.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakValueDictionary

import anyio

from versiqiid.core import keys as k
from versiqiid.core.canonical import INTEGER_MAX, canonical
from versiqiid.core.status import state_of
from versiqiid.ports import ABSENT, Entry, Set

ROOM = "_system/families/"

Get: TypeAlias = Callable[[str], Awaitable[Entry | None]]
"""Reads a key that is relative to the root, as it is now."""


@dataclass(frozen=True, slots=True)
class Mark:
    """:ivar revision: of its key, 0 where it has never been moved. :ivar count: how often it was."""

    family: str
    revision: int
    count: int

    def moved(self, root: str = "") -> Set:
        """The operation that fails when somebody else has moved the mark; without a root its key is relative."""
        key = f"{root}/{ROOM}{self.family}" if root else f"{ROOM}{self.family}"
        return Set(key, canonical({"count": self.count + 1}), self.revision)


class Turns:
    """Writers of one process take turns at a family: each is judged once, instead of all again after each of them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, families: Iterable[str]) -> AsyncIterator[None]:
        """The turn at all of these families, which are in order, so that nobody waits in a circle."""
        async with AsyncExitStack() as stack:
            for family in families:
                await stack.enter_async_context(self._locks.setdefault(family, anyio.Lock()))
            yield


def family_of(key: str) -> str | None:
    """The family whose verdicts depend on this key, None where none do."""
    meaning = k.parse(key)
    if isinstance(meaning, k.FamilyKey | k.SchemaKey | k.LifecycleKey | k.MigrationKey):
        return meaning.family
    return None


async def read_marks(get: Get, families: Iterable[str]) -> tuple[Mark, ...]:
    """The marks of these families as they are now: to be read before anything that a write is judged by."""
    return tuple([_mark(family, await get(ROOM + family)) for family in families])


def _mark(family: str, entry: Entry | None) -> Mark:
    if entry is None:
        return Mark(family, ABSENT, 0)
    count = state_of(entry.value).get("count")
    return Mark(family, entry.revision, count if isinstance(count, int) and 0 <= count < INTEGER_MAX else 0)
