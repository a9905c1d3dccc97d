"""The server's sign of life, beside queries that are silent for minutes whether it is well or frozen.

While it gives none, only the pulse asks, and everybody else waits: one small request instead of a full read by each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from versiqiid.adapters.consul.endpoints import entries_of
from versiqiid.core.retry import delay_s
from versiqiid.errors import RateLimited, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.settings import Address
    from versiqiid.adapters.consul.shards import WatchOptions


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life.

    :ivar moved: it came from another address than the one before.
    :ivar older: its index is below one that was heard: the store was put back to an older state.
    :ivar index: of the whole store; 0 = not told.
    """

    moved: bool = False
    older: bool = False
    index: int = 0


class Pulse:
    """Asks every ``probe_s``, and with growing delays while there is no answer.

    The key asked for lies under the prefix, so that the token's rights on it are asked too. It is not there, so the
    answer has the index of the whole store.

    :param told: the newest index that the watch told.
    :param news: called when there is something to take.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        prefix: str,
        options: WatchOptions,
        *,
        told: Callable[[], int],
        news: Callable[[], None],
    ) -> None:
        self._endpoints = endpoints
        self._key = f"{prefix}_probe"
        self._options = options
        self._told = told
        self._news = news
        self._up, self._down = anyio.Event(), anyio.Event()
        self._up.set()
        self._found: Beat | VersiqiiError | None = None
        self._address: Address = endpoints.http.address
        self._newest = 0

    @property
    def newest(self) -> int:
        """The newest index that the store was heard to have."""
        return self._newest

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def up(self) -> None:
        """Return when the server is believed to answer."""
        await self._up.wait()

    def missed(self) -> None:
        """Somebody got no answer: nobody else asks until there is one again."""
        if self.is_up:
            self._up = anyio.Event()
            self._down.set()

    def take(self) -> Beat | VersiqiiError | None:
        """What was found last, once."""
        found, self._found = self._found, None
        return found

    async def run(self) -> None:
        attempt = 0
        while True:
            await self._pause(attempt)
            try:
                self._found = await self._ask()
                attempt = 0
            except RateLimited:
                continue  # the blocking queries are well all the same
            except VersiqiiError as error:
                self._found, attempt = error, attempt + 1
                self.missed()
            else:
                self._down = anyio.Event()
                self._up.set()
            self._news()

    async def _pause(self, attempt: int) -> None:
        options = self._options
        if self.is_up:
            with anyio.move_on_after(options.probe_s):
                await self._down.wait()
        if not self.is_up:
            await anyio.sleep(delay_s(options.pace.failed, max(attempt, 1), options.dice()))

    async def _ask(self) -> Beat:
        newest = max(self._newest, self._told())  # before it is sent: the answer can only be later
        reply = await self._endpoints.kv.get(self._key, consistency="consistent")
        address = self._endpoints.http.address
        moved, self._address = address != self._address, address
        if entries_of(reply):  # somebody made the key: its index says nothing about the store
            return Beat(moved=moved)
        self._newest = reply.meta.index
        return Beat(moved=moved, older=reply.meta.index < newest, index=reply.meta.index)
