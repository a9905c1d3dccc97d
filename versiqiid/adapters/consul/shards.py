"""One query of a watch: asked, and believed only as far as the server's word goes.

Which queries there are is decided in ``mosaic.py``, when they are asked in ``watch.py``, what to believe in
``core/guard.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import random
from typing import TYPE_CHECKING, TypeAlias

import anyio

from versiqiid.adapters.consul.drill import Names, drill
from versiqiid.adapters.consul.endpoints import listed_of, names_of
from versiqiid.adapters.consul.mosaic import Answered, Listed, Mosaic, Piece, weight
from versiqiid.adapters.consul.transport import Meta
from versiqiid.core.cursor import UNBLOCKED, Pace
from versiqiid.core.guard import Verdict, judge
from versiqiid.core.retry import Backoff
from versiqiid.core.shards import Kind, Sizes
from versiqiid.errors import Forbidden, VersiqiiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.transport import Reply
    from versiqiid.core.shards import Query
    from versiqiid.ports import Entry

_READS_MAX = 4
"""Shards that are read in full at the same time, so that a server that has just come back is not buried. Arbitrary."""

_QUESTIONS_MAX = 8
"""Small questions about heavy shards that are asked at the same time, for all of a watch's shards. Arbitrary."""

_DRILLS_MAX = 3
"""How often a heavy shard is looked through again because something was written meanwhile. Arbitrary."""

_WAIT_LEAST_S = 0.01
"""A wait of 0 would be one of five minutes: Consul takes it as "not told"."""

_UNHEARD_S = 10.0
"""When nobody asked for so long (a slow observer), the store may have been put back to an older state unseen, and grown
beyond the index that is held; deletions are forgotten after 15 minutes (rule 10). Longer than any delay of the pace."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch behaves.

    :ivar wait_s: how long a query of a whole tree blocks at most; Consul takes up to 600. The tree comes back after it.
    :ivar part_wait_s: how long one of many queries blocks at most.
    :ivar probe_s: while queries block, the server is asked this often for a sign of life, with a quorum behind it.
    :ivar resync_s: after so long, each shard is read and told again, however healthy the watch looks.
    :ivar shrink_share: the share of a shard's keys that may vanish at once without a second look.
    :ivar settle_s: with several shards, answers are told once no other has begun to come for so long: those of the same
        commit do within that.
    :ivar hold_s: the first of them waits no longer than this, also when others are known to be on their way.
    :ivar drill_from: a shard that cannot be cut is looked through for what changed above so many times ``sizes.whole``;
        below, reading it takes less than asking for its parts when many changed. Arbitrary.
    :ivar names: the pace of queries for names. Every write under a split point wakes them, and most bring nothing.
    :ivar own: delays after answers that bring only what this process wrote itself, and knows already: it writes a wave
        of changes in many commits, and each would be read back. What others write to the same part meanwhile is told so
        much later at most. Arbitrary.
    :ivar dice: throws for the spread of delays, 0 to 1.
    """

    wait_s: float = 300.0
    part_wait_s: float = 15.0
    probe_s: float = 5.0
    resync_s: float = 300.0
    shrink_share: float = 0.5
    settle_s: float = 0.015
    hold_s: float = 0.5
    drill_from: int = 4
    sizes: Sizes = field(default_factory=Sizes)
    pace: Pace = field(default_factory=Pace)
    names: Pace = field(default_factory=lambda: Pace(unchanged=Backoff(first_s=0.02, most_s=0.5)))
    own: Backoff = field(default_factory=lambda: Backoff(first_s=0.0005, most_s=2.0))
    dice: Callable[[], float] = random


Outcome: TypeAlias = Answered | Listed | VersiqiiError


class Asker:
    """Asks for the pieces of one picture.

    :param tripped: called each time the guard does not believe an answer.
    """

    def __init__(
        self, endpoints: Endpoints, mosaic: Mosaic, options: WatchOptions, tripped: Callable[[], None]
    ) -> None:
        self._endpoints = endpoints
        self._mosaic = mosaic
        self._options = options
        self._tripped = tripped
        self._reads = anyio.CapacityLimiter(_READS_MAX)
        self._questions = anyio.CapacityLimiter(_QUESTIONS_MAX)

    async def ask(self, piece: Piece, wait_s: float, arriving: Callable[[], None]) -> Outcome:
        """What is there, as soon as it is news or the wait is over; or what is wrong.

        :param arriving: called when an answer begins to come.
        """
        if self._is_unheard(piece):
            piece.cursor = replace(piece.cursor, index=UNBLOCKED)
        try:
            if piece.query.kind is Kind.NAMES:
                return await self._names(piece, wait_s, arriving)
            return await self._believed(piece, *await self._entries(piece, wait_s, arriving))
        except VersiqiiError as error:
            return error

    async def _names(self, piece: Piece, wait_s: float, arriving: Callable[[], None]) -> Listed | VersiqiiError:
        begun, index = anyio.current_time(), piece.cursor.index
        names = self._endpoints.names(arriving)
        reply = await names.get(piece.query.prefix, keys=True, separator="/", **_blocking(index, wait_s))
        if reply.meta.filtered:
            self._tripped()
            return _rights(piece)
        now = anyio.current_time()
        return Listed(names_of(reply), reply.meta.index, _early(index, now - begun, wait_s), now)

    async def _entries(self, piece: Piece, wait_s: float, arriving: Callable[[], None]) -> tuple[Answered, Meta]:
        if piece.cursor.index == UNBLOCKED and await self._is_unchanged(piece):
            piece.cursor = replace(piece.cursor, index=piece.index, failures=0)
        if piece.cursor.index == UNBLOCKED:
            async with self._reads:
                return await self._get(piece, UNBLOCKED, wait_s)
        if piece.query.kind is Kind.SUBTREE and (not self._mosaic.cover.is_whole or self._is_heavy(piece)):
            return await self._woken(piece, wait_s, arriving)
        return await self._get(piece, piece.cursor.index, wait_s, arriving)

    def _is_heavy(self, piece: Piece) -> bool:
        return piece.load > self._options.sizes.whole

    async def _woken(self, piece: Piece, wait_s: float, arriving: Callable[[], None]) -> tuple[Answered, Meta]:
        """Woken by the list of names, which is small, and read only then: so waits can be short.

        They have to be. Consul goes on with a query whose asker is gone, and counts its connection, until something
        changes or the wait is over: with long waits, three restarts of a daemon with sixty queries would use up all
        the connections of its address.
        """
        begun, prefix, index = anyio.current_time(), piece.query.prefix, piece.cursor.index
        reader = _Reader(self._endpoints, self._questions)
        below = await reader.wait(prefix, arriving, _blocking(index, wait_s))
        now = anyio.current_time()
        early = _early(index, now - begun, wait_s)
        if below.index <= index:
            return Answered(piece.held, below.index, early, now), reader.meta
        if piece.load <= self._options.drill_from * self._options.sizes.whole:
            answer, meta = await self._get(piece, UNBLOCKED, 0)
            return replace(answer, early=early), meta
        held, index = await self._drilled(piece, below, reader)
        return Answered(held, index, early, anyio.current_time()), reader.meta

    async def _drilled(self, piece: Piece, below: Names, reader: _Reader) -> tuple[dict[str, Entry], int]:
        """Read only where something changed, until nothing was written meanwhile, so that commits are not torn; a few
        times at most.
        """
        held, since, light = piece.held, piece.index, self._options.sizes.split
        prefix = piece.query.prefix
        for _ in range(_DRILLS_MAX):
            held = await drill(held, below.names, prefix, since=since, light=light, weigh=weight, reader=reader)
            since, below = below.index, await reader.names(prefix)
            if below.index <= since:
                break
        return held, min(since, below.index)

    async def _get(
        self, piece: Piece, index: int, wait_s: float, arriving: Callable[[], None] | None = None
    ) -> tuple[Answered, Meta]:
        begun = anyio.current_time()
        recurse = piece.query.kind is Kind.SUBTREE
        entries = self._endpoints.entries(arriving)
        reply = await entries.get(piece.query.prefix, recurse=recurse, **_blocking(index, wait_s))
        found = {entry.key: entry for entry in listed_of(reply)}
        now = anyio.current_time()
        return Answered(found, reply.meta.index, _early(index, now - begun, wait_s), now), reply.meta

    async def _is_unchanged(self, piece: Piece) -> bool:
        """After a pause: whether the server's keys and their newest index are those that are held.

        Names cost a sixtieth of values of 2 kB, so a server that has just come back is not asked for everything. A
        state that another history brought to the very same index and names is found by the resync.
        """
        paused = piece.cursor.failures or self._is_unheard(piece)
        if not paused or piece.whole_again or not piece.index or piece.query.kind is Kind.KEY:
            return False
        reply = await self._endpoints.kv.get(piece.query.prefix, keys=True, consistency="consistent")
        return reply.meta.index == piece.index and names_of(reply) == tuple(piece.held)

    def _is_unheard(self, piece: Piece) -> bool:
        return 0 < piece.heard_at < anyio.current_time() - _UNHEARD_S

    # ---------------------------------------------------------------------------------------------- believing

    async def _believed(self, piece: Piece, answer: Answered, meta: Meta) -> Outcome:
        """The answer, confirmed where that is needed; an error when it must not be acted on."""
        confirmed = piece.cursor.index == UNBLOCKED
        verdict = self._judge(piece, answer, meta, confirmed=confirmed)
        if verdict is not Verdict.BELIEVE:
            self._tripped()
        if verdict is Verdict.CONFIRM:
            answer, meta = await self._get(piece, UNBLOCKED, 0)
            verdict = self._judge(piece, answer, meta, confirmed=True)
        if verdict is Verdict.BELIEVE:
            return answer
        return _rights(piece) if meta.filtered else _shrunk(piece, answer)

    def _judge(self, piece: Piece, answer: Answered, meta: Meta, *, confirmed: bool) -> Verdict:
        seen = self._mosaic.seen(piece, answer.entries)
        seen = replace(seen, filtered=meta.filtered, blind=meta.blind, confirmed=confirmed)
        return judge(seen, self._options.shrink_share)


class _Reader:
    """Asks for parts of a shard, and remembers whether anything was held back in any answer."""

    def __init__(self, endpoints: Endpoints, questions: anyio.CapacityLimiter) -> None:
        self._endpoints = endpoints
        self._questions = questions
        self.meta = Meta(0, None, None, filtered=False, consistency="", blind=False)

    async def wait(self, prefix: str, arriving: Callable[[], None], blocking: dict[str, object]) -> Names:
        """The names, as soon as anything below the prefix is news."""
        reply = await self._endpoints.names(arriving).get(prefix, keys=True, separator="/", **blocking)
        self._note(reply)
        return Names(names_of(reply), reply.meta.index)

    async def names(self, prefix: str) -> Names:
        async with self._questions:
            reply = await self._endpoints.kv.get(prefix, keys=True, separator="/", consistency="consistent")
        self._note(reply)
        return Names(names_of(reply), reply.meta.index)

    async def entries(self, query: Query) -> dict[str, Entry]:
        recurse = query.kind is Kind.SUBTREE
        async with self._questions:
            reply = await self._endpoints.entries().get(query.prefix, recurse=recurse, consistency="consistent")
        self._note(reply)
        return {entry.key: entry for entry in listed_of(reply)}

    def _note(self, reply: Reply) -> None:
        filtered, blind = self.meta.filtered or reply.meta.filtered, self.meta.blind or reply.meta.blind
        self.meta = replace(reply.meta, filtered=filtered, blind=blind)


def _blocking(index: int, wait_s: float) -> dict[str, object]:
    """Parameters of a query: it blocks, or it has the quorum's word."""
    if index == UNBLOCKED:
        return {"consistency": "consistent"}
    return {"index": index, "wait": f"{max(wait_s, _WAIT_LEAST_S):.3f}s"}


def _early(index: int, took_s: float, wait_s: float) -> bool:
    return index != UNBLOCKED and took_s < wait_s


def _rights(piece: Piece) -> Forbidden:
    return Forbidden(
        f"consul: the token may not read everything under {piece.query.prefix!r}; nothing is taken as deleted",
        hint="Give the token's policy key_prefix read on it.",
    )


def _shrunk(piece: Piece, answer: Answered) -> Forbidden:
    return Forbidden(
        f"consul: {len(piece.held)} keys under {piece.query.prefix!r} shrank to {len(answer.entries)}, read without a"
        " token where tokens are needed; nothing is taken as deleted",
        hint="Supply the token; if the keys are really gone, start again.",
    )
