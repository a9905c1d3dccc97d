"""Facts of access on their way into the journal: in order, and never in the way of what they are about.

Whoever tells a fact does not wait. A journal that is away is waited for here, with a bounded queue; what did not fit is
counted in the entry that comes next.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeAlias

import anyio

from versiqiid.core.access import Access, Sieve
from versiqiid.engine.facts import DAEMON
from versiqiid.errors import VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Actor, Draft

log = logger("access")

WAITING_MAX = 1000
"""Facts that wait for the journal. Arbitrary: some minutes of rotations and logins."""
BATCH = 100
AGAIN_S = 1.0
DUE_S = 5.0
"""How often counts that wait are looked at. Arbitrary, well below the sieve's own time."""
FLUSH_S = 2.0
"""How long a stop waits for a journal that does not answer."""

Append: TypeAlias = Callable[[Sequence[Draft]], Awaitable[Any]]


class AccessLog:
    """Takes facts and appends them.

    :ivar append: how; may be replaced by a better way while it runs.
    """

    def __init__(self, append: Append, *, clock: Callable[[], float] = anyio.current_time) -> None:
        """:param clock: seconds that never go back."""
        self.append = append
        self._clock = clock
        self._sieve = Sieve()
        self._waiting: deque[Access] = deque()
        self._missed = 0
        self._bell = anyio.Event()
        self._begun = False

    def begin(self) -> None:
        """From now on facts may be appended; until then they wait."""
        self._begun = True
        self._bell.set()

    def tell(self, fact: Access) -> None:
        """A fact that is rare by its nature, such as a rotation: an entry for each."""
        if len(self._waiting) >= WAITING_MAX:
            self._missed += 1
            return
        self._waiting.append(fact)
        self._bell.set()

    def tell_some(self, fact: Access) -> None:
        """A fact that strangers can cause at will: an entry for the first of its kind, then counts."""
        passed = self._sieve.offer(fact, self._clock())
        if passed is not None:
            self.tell(passed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Append while this is open; at its end what waits is appended, if the journal answers."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run)
            try:
                yield
            finally:
                tasks.cancel_scope.cancel()
        for fact in self._sieve.due(float("inf")):
            self.tell(fact)
        with anyio.move_on_after(FLUSH_S, shield=True):
            await self._write()

    async def _run(self) -> None:
        while True:
            self._bell = anyio.Event()
            if not await self._write():
                await anyio.sleep(AGAIN_S)
                continue
            with anyio.move_on_after(DUE_S):
                await self._bell.wait()
            for fact in self._sieve.due(self._clock()):
                self.tell(fact)

    async def _write(self) -> bool:
        """Append everything that waits, once it may be; False when the journal does not take it now."""
        while self._begun and self._waiting:
            batch = [self._waiting[at] for at in range(min(BATCH, len(self._waiting)))]
            missed = self._missed
            if missed:
                batch[0] = replace(batch[0], data={**batch[0].data, "missed": missed})
            with anyio.CancelScope(shield=True):  # what was cancelled half-way would be recorded twice
                try:
                    await self.append([_draft(fact) for fact in batch])
                except VersiqiiError as error:
                    log.warning(
                        "access_not_recorded", code=error.code, reason=error.message, waiting=len(self._waiting)
                    )
                    return False
            self._missed -= missed
            for _ in batch:
                self._waiting.popleft()
        return True


def _draft(fact: Access) -> Draft:
    actor = Actor("token" if fact.actor.startswith("token-") else "user", fact.actor, "api") if fact.actor else DAEMON
    return Draft(fact.type, fact.stream, fact.data, actor, str(uuid.uuid4()))
