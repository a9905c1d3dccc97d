"""The watch on one prefix: blocking queries turned into batches that can be believed.

What to ask next and when is decided in ``core/cursor.py``, what to believe in ``core/guard.py``; this room asks,
compares and tells. It never deletes because something looked empty, and never gives up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from random import random
from typing import TYPE_CHECKING, TypeAlias

import anyio

from versiqiid.adapters.consul.endpoints import entries_of
from versiqiid.core import cursor as pacing
from versiqiid.core.cursor import UNBLOCKED, Answer, Cursor, Pace, Step
from versiqiid.core.guard import Seen, Verdict, judge
from versiqiid.errors import Forbidden, RateLimited, VersiqiiError
from versiqiid.ports import Batch, Entry, Reached, Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    from versiqiid.adapters.consul.endpoints import Endpoints
    from versiqiid.adapters.consul.transport import Meta, Reply
    from versiqiid.ports import Observe, WatchEvent

_WAIT_MAX_S = 600.0
"""Consul's own limit (``max_query_time``)."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch behaves.

    :ivar wait_s: how long one query blocks at most; Consul takes up to 600. The whole prefix comes back after it.
    :ivar probe_s: while a query blocks, the server is asked this often for a sign of life, with a quorum behind it.
    :ivar resync_s: after so long, everything is read and told again, however healthy the watch looks.
    :ivar shrink_share: the share of the keys that may vanish at once without a second look.
    :ivar dice: throws for the spread of delays, 0 to 1.
    """

    wait_s: float = 300.0
    probe_s: float = 5.0
    resync_s: float = 300.0
    shrink_share: float = 0.5
    pace: Pace = field(default_factory=Pace)
    dice: Callable[[], float] = random


@dataclass(frozen=True, slots=True)
class Picture:
    """One answer about the prefix.

    :ivar early: it blocked and came before its wait was over.
    :ivar confirmed: it was read with the quorum's word.
    """

    entries: dict[str, Entry]
    meta: Meta
    early: bool
    confirmed: bool


Outcome: TypeAlias = Picture | VersiqiiError | None
"""None: ask again at once, nothing is wrong."""


@dataclass(slots=True)
class _Asked:
    """A query that runs."""

    outcome: Outcome = None
    done: anyio.Event = field(default_factory=anyio.Event)


class PrefixWatch:
    """One run of a watch; ``run`` ends only by cancellation or by what ``observe`` raises."""

    def __init__(self, endpoints: Endpoints, prefix: str, observe: Observe, options: WatchOptions) -> None:
        self._endpoints = endpoints
        self._prefix = prefix
        self._observe = observe
        self._options = options
        self._cursor = Cursor()
        self._known: dict[str, tuple[int, int]] = {}
        self._resync_at = float("-inf")
        self._resync = True

    async def run(self) -> None:
        while True:
            outcome = await self._ask()
            if isinstance(outcome, Picture):
                outcome = await self._believe(outcome)
            if outcome is None:
                continue
            step = await self._tell(outcome) if isinstance(outcome, Picture) else await self._complain(outcome)
            self._cursor = step.cursor  # only now: what was not told is asked again
            await anyio.sleep(step.delay_s)

    # ------------------------------------------------------------------------------------------------- asking

    async def _ask(self) -> Outcome:
        until_resync_s = self._resync_at - anyio.current_time()
        if until_resync_s <= 0:
            self._resync = True
        if self._resync or self._cursor.index == UNBLOCKED:
            return await self._read()
        return await self._block(min(self._options.wait_s, until_resync_s, _WAIT_MAX_S))

    async def _read(self) -> Picture | VersiqiiError:
        """Everything, at once, with the quorum's word."""
        try:
            reply = await self._endpoints.kv.get(self._prefix, recurse=True, consistency="consistent")
            return _picture(reply, early=False, confirmed=True)
        except VersiqiiError as error:
            return error

    async def _block(self, wait_s: float) -> Outcome:
        """Everything, as soon as it changes or the wait is over.

        A blocking query is silent, whether the server is well or frozen. So another connection asks for a sign of life
        meanwhile; when the answer comes from another address, or from an older state, the query starts anew.
        """
        asked, address = _Asked(), self._endpoints.http.address
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._block_into, asked, wait_s)
                while not await _within(asked.done, self._options.probe_s):
                    trouble = await self._probe()
                    if asked.done.is_set():
                        break
                    moved = self._cursor.index == UNBLOCKED or self._endpoints.http.address != address
                    if trouble is not None or moved:
                        asked.outcome = trouble
                        break
                tasks.cancel_scope.cancel()
        except ExceptionGroup as group:  # only the observer raises in there; its error is its caller's, unwrapped
            raise group.exceptions[0] from group.exceptions[0].__cause__
        return asked.outcome

    async def _block_into(self, asked: _Asked, wait_s: float) -> None:
        begun = anyio.current_time()
        try:
            reply = await self._endpoints.kv.get(
                self._prefix, index=self._cursor.index, wait=f"{wait_s:.3f}s", recurse=True
            )
            early = anyio.current_time() - begun < wait_s
            asked.outcome = _picture(reply, early=early, confirmed=False)
        except VersiqiiError as error:
            asked.outcome = error
        asked.done.set()

    async def _probe(self) -> VersiqiiError | None:
        """A sign of life, told as ``Reached``; or what is wrong.

        The key asked for lies under the prefix, so that the token's rights on it are asked too. It is not there, so the
        answer has the index of the whole store; when that is below ours, the store was put back to an older state.
        """
        try:
            reply = await self._endpoints.kv.get(f"{self._prefix}_probe", consistency="consistent")
        except RateLimited:
            return None  # the blocking query is well all the same
        except VersiqiiError as error:
            return error
        if reply.meta.index < self._cursor.index and not entries_of(reply):
            self._cursor = replace(self._cursor, index=UNBLOCKED)
        else:
            await self._observe(Reached(self._cursor.index))
        return None

    # ---------------------------------------------------------------------------------------------- believing

    async def _believe(self, picture: Picture) -> Picture | VersiqiiError:
        """The picture, confirmed where that is needed; an error when it must not be acted on."""
        verdict = self._judge(picture)
        if verdict is Verdict.CONFIRM:
            again = await self._read()
            if isinstance(again, VersiqiiError):
                return again
            picture, verdict = again, self._judge(again)
        return picture if verdict is Verdict.BELIEVE else self._alarm(picture)

    def _judge(self, picture: Picture) -> Verdict:
        seen = Seen(
            known=len(self._known),
            missing=len(self._known.keys() - picture.entries.keys()),
            left=len(picture.entries),
            filtered=picture.meta.filtered,
            blind=picture.meta.blind,
            confirmed=picture.confirmed,
        )
        return judge(seen, self._options.shrink_share)

    def _alarm(self, picture: Picture) -> VersiqiiError:
        if picture.meta.filtered:
            return Forbidden(
                f"consul: the token may not read everything under {self._prefix!r}; nothing is taken as deleted",
                hint="Give the token's policy key_prefix read on it.",
            )
        return Forbidden(
            f"consul: {len(self._known)} keys under {self._prefix!r} shrank to {len(picture.entries)}, read without a"
            " token where tokens are needed; nothing is taken as deleted",
            hint="Supply the token; if the keys are really gone, start again.",
        )

    # ------------------------------------------------------------------------------------------------ telling

    async def _tell(self, picture: Picture) -> Step:
        marks = {key: (entry.revision, hash(entry.value)) for key, entry in picture.entries.items()}
        changed = [key for key, mark in marks.items() if self._known.get(key) != mark]
        deleted = [key for key in self._known if key not in marks]
        answer = Answer(picture.meta.index, changed=bool(changed or deleted), early=picture.early)
        options, now = self._options, anyio.current_time()
        step = pacing.answered(self._cursor, answer, now=now, seed=options.dice(), pace=options.pace)
        complete = self._resync or step.went_back
        await self._observe(_event(picture, changed, deleted, complete=complete))
        self._known = marks
        if complete:
            self._resync = False
            self._resync_at = now + options.resync_s
        return step

    async def _complain(self, error: VersiqiiError) -> Step:
        options, now = self._options, anyio.current_time()
        step = pacing.failed(self._cursor, now=now, seed=options.dice(), pace=options.pace)
        await self._observe(Trouble(error, step.cursor.failures, alarm=isinstance(error, Forbidden)))
        return step


def _picture(reply: Reply, *, early: bool, confirmed: bool) -> Picture:
    entries = {entry.key: entry for entry in entries_of(reply)}
    return Picture(entries, reply.meta, early, confirmed)


def _event(picture: Picture, changed: list[str], deleted: list[str], *, complete: bool) -> WatchEvent:
    entries, index = picture.entries, picture.meta.index
    if complete:
        return Batch(tuple(entries[key] for key in sorted(entries)), index=index, complete=True)
    if changed or deleted:
        return Batch(tuple(entries[key] for key in sorted(changed)), tuple(sorted(deleted)), index)
    return Reached(index)


async def _within(done: anyio.Event, seconds: float) -> bool:
    with anyio.move_on_after(seconds):
        await done.wait()
    return done.is_set()
