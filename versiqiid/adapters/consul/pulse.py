"""The server's sign of life, beside queries that are silent for minutes whether it is well or frozen.

While it gives none, only the pulse asks, and everybody else waits: one small request instead of a full read by each.

A server that is well can pass a query on to one that is not: to a leader that froze and was deposed, say. Such a query
is silent for as long as it waits, whatever is written. So each sign of life also compares what was told with what is
there: what was written before one of them and is not told at the next makes the queries be asked anew. A change is seen
after two signs of life at the latest, and the time of a read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from versiqiid.adapters.consul.endpoints import entries_of, names_of
from versiqiid.core.retry import delay_s
from versiqiid.errors import RateLimited, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.mosaic import Mosaic
    from versiqiid.adapters.consul.settings import Address
    from versiqiid.adapters.consul.shards import WatchOptions


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life.

    :ivar moved: it came from another address than the one before.
    :ivar older: its index is below one that was heard: the store was put back to an older state.
    :ivar silent: what was there at the sign of life before has not been told since.
    :ivar index: of the whole store; 0 = not told.
    """

    moved: bool = False
    older: bool = False
    silent: bool = False
    index: int = 0


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is under the prefix, as a quorum says.

    :ivar index: of the newest write under it; without meaning when there is nothing.
    """

    index: int
    empty: bool


class Pulse:
    """Asks every ``probe_s``, and with growing delays while there is no answer.

    The key asked for lies under the prefix, so that the token's rights on it are asked too. It is not there, so the
    answer has the index of the whole store.

    :param picture: what the watch told.
    :param news: called when there is something to take.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        prefix: str,
        options: WatchOptions,
        *,
        picture: Mosaic,
        news: Callable[[], None],
    ) -> None:
        self._endpoints = endpoints
        self._prefix = prefix
        self._key = f"{prefix}_probe"
        self._options = options
        self._picture = picture
        self._news = news
        self._up, self._down = anyio.Event(), anyio.Event()
        self._up.set()
        self._found: Beat | VersiqiiError | None = None
        self._address: Address = endpoints.http.address
        self._newest = 0
        self._look: _Look | None = None

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
        newest = max(self._newest, self._picture.index)  # before it is sent: the answer can only be later
        reply = await self._endpoints.kv.get(self._key, consistency="consistent")
        address = self._endpoints.http.address
        moved, self._address = address != self._address, address
        known = not entries_of(reply)  # else somebody made the key: its index says nothing about the store
        index = reply.meta.index if known else 0
        silent = await self._is_silent(index)
        if not known:
            return Beat(moved=moved, silent=silent)
        self._newest = index
        return Beat(moved=moved, older=index < newest, silent=silent, index=index)

    async def _is_silent(self, index: int) -> bool:
        """Whether what was there at the last look should have been told by now; told of once for each look.

        :param index: of the whole store, 0 = not known. What is told up to there leaves nothing to look for.
        """
        before, self._look = self._look, None
        if before is not None and self._is_untold(before):
            return True
        if not 0 < index <= self._picture.told:
            self._look = await self._looked()
        return False

    def _is_untold(self, look: _Look) -> bool:
        return self._picture.holds_any if look.empty else look.index > self._picture.told

    async def _looked(self) -> _Look:
        reply = await self._endpoints.kv.get(self._prefix, keys=True, separator="/", consistency="consistent")
        return _Look(reply.meta.index, empty=not names_of(reply))
