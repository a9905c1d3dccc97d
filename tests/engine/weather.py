"""A store whose answers to the engine's transactions get lost, or come only when several are under way."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import anyio

from versiqiid.errors import NoLeader, Unavailable
from versiqiid.ports import Held, Operation, Revision


class Weather:
    """Passes everything on to what it wraps. Only transactions under a fence, which are the engine's, meet weather.

    :ivar share: how many of them get no answer, 0 to 1; of those a third was written, a third was not, and a third was
        refused for lack of a leader.
    :ivar together: how many must be under way before the first is carried out, once ``gather`` was called.
    :ivar most: how many were under way at a time. :ivar lost: how many got no answer.
    """

    def __init__(self, inner: Any, *, seed: int = 0, together: int = 1) -> None:
        self._inner = inner
        self._dice = random.Random(seed)  # noqa: S311 - the same weather again for the same seed
        self.share = 0.0
        self.together = together
        self.most = 0
        self.lost = 0
        self._under_way = 0
        self._enough = anyio.Event()
        self._enough.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def gather(self) -> None:
        """From now on, let the first ones wait until enough are under way."""
        self._enough = anyio.Event()

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        if not any(isinstance(operation, Held) for operation in operations):
            return await self._inner.commit(operations)  # type: ignore[no-any-return]
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        if self._under_way >= self.together:
            self._enough.set()
        try:
            await self._enough.wait()
            await anyio.sleep(self._dice.random() / 100)  # so that answers overtake each other
            return await self._answer(operations)
        finally:
            self._under_way -= 1

    async def _answer(self, operations: Sequence[Operation]) -> Revision:
        dice = self._dice.random() / self.share if self.share else 1.0
        if dice >= 1:
            return await self._inner.commit(operations)  # type: ignore[no-any-return]
        self.lost += 1
        if dice > 2 / 3:
            raise NoLeader("no leader")
        if dice > 1 / 3:
            await self._inner.commit(operations)
        raise Unavailable("no answer")
