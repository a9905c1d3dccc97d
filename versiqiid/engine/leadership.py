"""Who leads: one session, one lock, one term at a time; everybody else waits by watching the lock's key.

A lock is advice, so leading is never proof of anything: each write carries the session as its fence. What is done while
leading is given in as a function and is cancelled at once when the session is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from versiqiid.core.canonical import canonical
from versiqiid.engine.writer import LEADER, Term
from versiqiid.errors import FenceLost, NotFound, Refused, Unavailable, VersiqiiError, first_of
from versiqiid.logs import logger
from versiqiid.ports import Batch, Journal, KeyValueStore, Locks, Metrics, Session, Set, WatchEvent

log = logger("leadership")

RENEWALS_PER_TTL = 3
RETRY_S = 0.5
"""Pause after a failed attempt. Arbitrary: short against any session's time to live."""


@dataclass(frozen=True, slots=True)
class LeaderSettings:
    """:ivar name: what people know this process by. :ivar session_ttl_s: as asked of the store; it may grant more."""

    name: str
    root: str
    session_ttl_s: float = 10.0
    lock_delay_s: float = 1.0


class Leadership:
    """Runs for the lead until cancelled; calls ``lead`` for each term that it wins."""

    def __init__(
        self,
        store: KeyValueStore,
        locks: Locks,
        journal: Journal,
        settings: LeaderSettings,
        *,
        lead: Callable[[Term], Awaitable[None]],
        now: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._locks = locks
        self._journal = journal
        self._settings = settings
        self._lead = lead
        self._now = now
        self._metrics = metrics
        self._key = f"{settings.root}/{LEADER}"
        self.term: Term | None = None
        self.refusal: VersiqiiError | None = None

    async def run(self) -> None:
        """Try, lead, lose, try again, until cancelled; then end the session at once, so that others need not wait."""
        while True:
            self._metrics.gauge("versiqii_leader", 0)
            try:
                await self._one_session()
            except (Unavailable, NotFound, FenceLost) as error:
                log.warning("not_leading", code=error.code, reason=error.message)
            except Refused as error:
                self.refusal = error
                log.error("leading_refused", code=error.code, reason=error.message, hint=error.hint)
            await anyio.sleep(RETRY_S)

    async def _one_session(self) -> None:
        asked = self._settings
        session = await self._locks.open_session(
            f"{asked.root} {asked.name}", ttl_s=asked.session_ttl_s, lock_delay_s=asked.lock_delay_s
        )
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._renew, session, tasks.cancel_scope)
                await self._wait_and_lead(session)
                tasks.cancel_scope.cancel()
        except* (FenceLost, NotFound, Unavailable, Refused) as group:
            raise first_of(group) from None
        finally:
            self.term = None
            with anyio.move_on_after(2, shield=True):
                await self._end(session)

    async def _wait_and_lead(self, session: Session) -> None:
        while not await self._locks.acquire(self._key, self._announcement(0), session.id):
            await self._until_free()
        epoch = await self._journal.next_epoch()
        await self._claim_journal()
        await self._locks.acquire(self._key, self._announcement(epoch), session.id)
        self.refusal = None
        self.term = Term(session.id, epoch)
        self._metrics.gauge("versiqii_leader", 1)
        log.info("leading", epoch=epoch)
        await self._lead(self.term)

    async def _claim_journal(self) -> None:
        """One root, one journal.

        :raises Refused: this root belongs to another journal; nothing was changed.
        """
        key = f"{self._settings.root}/_system/journal"
        found = await self._store.get(key)
        if found is None:
            await self._store.commit((Set(key, self._journal.origin.encode(), 0),))
        elif found.value.decode("utf-8", "replace").strip() != self._journal.origin:
            belongs = found.value.decode("utf-8", "replace").strip()[:200]
            mine = self._journal.origin
            msg = f"root {self._settings.root!r} belongs to journal {belongs!r}, and this process has {mine!r}"
            raise Refused(msg, hint="Give every controller of one root the same --journal.")

    async def _until_free(self) -> None:
        """Return when the lock's key changes, or after a moment: a lock delay wakes nobody when it ends."""
        seen = False
        changed = anyio.Event()

        async def observe(event: WatchEvent) -> None:
            nonlocal seen
            if isinstance(event, Batch):
                if seen:
                    changed.set()
                seen = True

        with anyio.move_on_after(1.0):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._store.watch, self._key, observe)
                await changed.wait()
                tasks.cancel_scope.cancel()

    async def _renew(self, session: Session, scope: anyio.CancelScope) -> None:
        """Renew in time, or stop leading when the session may have ended: who cannot renew must assume the worst."""
        deadline = anyio.current_time() + session.ttl_s
        while True:
            await anyio.sleep(session.ttl_s / RENEWALS_PER_TTL)
            try:
                with anyio.fail_after(max(0.1, deadline - anyio.current_time())):
                    await self._locks.renew(session.id)
            except (Unavailable, TimeoutError) as error:
                if anyio.current_time() < deadline:
                    log.warning("renewal_failed", reason=str(error))
                    continue
                log.error("leadership_lost", reason="the session could not be renewed in time")
                scope.cancel()
                return
            deadline = anyio.current_time() + session.ttl_s

    async def _end(self, session: Session) -> None:
        try:
            await self._locks.end_session(session.id)
        except VersiqiiError as error:
            log.warning("session_not_ended", reason=error.message)

    def _announcement(self, epoch: int) -> bytes:
        return canonical({"leader": self._settings.name, "since": self._now(), "epoch": epoch})
