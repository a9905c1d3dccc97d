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
from versiqiid.errors import FenceLost, Forbidden, NotFound, Refused, Unavailable, VersiqiiError, first_of
from versiqiid.logs import logger
from versiqiid.ports import Batch, Journal, KeyValueStore, Locks, Metrics, Session, SessionId, Set, WatchEvent

log = logger("leadership")

RENEWALS_PER_TTL = 3
RETRY_S = 0.5
"""Pause after a failed attempt. Arbitrary: short against any session's time to live."""
LOOK_S = 5.0
"""How often a held lock is looked at though its watch is silent. Arbitrary: the watch promises to wake us before."""
TRIES_PER_DELAY = 10
"""How often a free but delayed lock is tried within the delay: its end wakes nobody."""
TRY_MOST_S = 1.0
TRY_LEAST_S = 0.05
END_S = 2.0
"""How long handing the lead back may take when the store does not answer."""
RESIGN_S = 0.5
"""How long the lead is kept for the entry that it is handed back. Arbitrary: a tenth of it is enough for a journal that
is well, and a standby must not wait for one that is not."""


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
        resigned: Callable[[Term], Awaitable[object]] | None = None,
    ) -> None:
        """:param resigned: records that a term ends of which the lock is still held; it may fail."""
        self._resigned = resigned
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
        self._metrics.gauge("versiqii_leader", 0)
        while True:
            try:
                await self._one_session()
            except (Unavailable, NotFound, FenceLost) as error:
                log.warning("not_leading", code=error.code, reason=error.message)
            except Refused as error:
                self.refusal = error
                log.error("leading_refused", code=error.code, reason=error.message, hint=error.hint)
            await anyio.sleep(RETRY_S)

    def leads(self, session: SessionId) -> bool:
        """Whether the holder of the lock, as just read from the store, is this process in its present term."""
        return self.term is not None and self.term.session == session

    async def _one_session(self) -> None:
        asked, asked_at = self._settings, anyio.current_time()
        session = await self._locks.open_session(
            f"{asked.root} {asked.name}", ttl_s=asked.session_ttl_s, lock_delay_s=asked.lock_delay_s
        )
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._end_in_the_end, session)
                tasks.start_soon(self._renew, session, asked_at, tasks.cancel_scope)
                await self._wait_and_lead(session)
                tasks.cancel_scope.cancel()
        except* (FenceLost, NotFound, Unavailable, Refused) as group:
            raise first_of(group) from None
        finally:
            self._resign()

    async def _wait_and_lead(self, session: Session) -> None:
        await self._acquire(session)
        epoch = await self._journal.next_epoch()
        await self._claim_journal()
        await self._locks.acquire(self._key, self._announcement(epoch), session.id)
        self.refusal = None
        self.term = Term(session.id, epoch)
        self._metrics.gauge("versiqii_leader", 1)
        log.info("leading", epoch=epoch)
        await self._lead(self.term)

    async def _acquire(self, session: Session) -> None:
        """Return with the lock. A change of its key wakes at once; nothing is written while another one holds it."""
        bell = _Bell()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._store.watch, self._key, bell.observe)
            while True:
                rung = bell.armed()  # before looking, so that no change slips in between
                held = await self._locks.holder(self._key) is not None
                if not held and await self._locks.acquire(self._key, self._announcement(0), session.id):
                    break
                with anyio.move_on_after(LOOK_S if held else self._between_tries_s()):
                    await rung.wait()
            tasks.cancel_scope.cancel()

    def _between_tries_s(self) -> float:
        """For a lock that nobody holds and nobody gets: the delay after a leader that vanished."""
        return min(TRY_MOST_S, max(TRY_LEAST_S, self._settings.lock_delay_s / TRIES_PER_DELAY))

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

    async def _renew(self, session: Session, asked_at: float, scope: anyio.CancelScope) -> None:
        """Renew in time, or stop leading when the session may have ended: who cannot renew must assume the worst.

        :param asked_at: when the session was asked for; the store's own clock began at some time after this.
        """
        ends_at = asked_at + session.ttl_s
        while True:
            with anyio.move_on_after(ends_at - anyio.current_time()) as in_time:
                ends_at = await self._renewed_at(session) + session.ttl_s
            if in_time.cancelled_caught:
                log.error("leadership_lost", reason="the session could not be renewed in time")
                scope.cancel()
                return

    async def _renewed_at(self, session: Session) -> float:
        """Renew once it is time; when the renewal that worked was asked for.

        No answer is tried again, and so is a refusal: a token may be on its way out while its successor is fetched, and
        the session lives on without it.
        """
        await anyio.sleep(session.ttl_s / RENEWALS_PER_TTL)
        while True:
            asked_at = anyio.current_time()
            try:
                await self._locks.renew(session.id)
            except (Unavailable, Forbidden) as error:
                log.warning("renewal_failed", code=error.code, reason=error.message)
                await anyio.sleep(RETRY_S)
            else:
                return asked_at

    async def _end_in_the_end(self, session: Session) -> None:
        """Hand the lead back as soon as it is over, while whoever was at work for it still comes to an end.

        What they may yet send is fenced by the session, which is gone by then; a standby need not wait for them.
        """
        try:
            await anyio.sleep_forever()
        finally:
            term = self.term
            self._resign()
            try:
                with anyio.move_on_after(RESIGN_S, shield=True):
                    await self._tell(term)
            finally:
                with anyio.move_on_after(END_S, shield=True):
                    await self._end(session)

    async def _tell(self, term: Term | None) -> None:
        """Record the end of a term, if it lasts until now. Whoever leads next has a higher epoch, so that the journal
        takes no late word of this one.
        """
        if term is None or self._resigned is None:
            return
        try:
            holding = await self._locks.holder(self._key)
            if holding is not None and holding.session == term.session:
                await self._resigned(term)
        except VersiqiiError as error:
            log.warning("resignation_not_recorded", code=error.code, reason=error.message)

    def _resign(self) -> None:
        self.term = None
        self._metrics.gauge("versiqii_leader", 0)

    async def _end(self, session: Session) -> None:
        try:
            await self._locks.end_session(session.id)
        except VersiqiiError as error:
            log.warning("session_not_ended", reason=error.message)

    def _announcement(self, epoch: int) -> bytes:
        return canonical({"leader": self._settings.name, "since": self._now(), "epoch": epoch})


class _Bell:
    """Rings when a watch tells of a change; each ring is for whoever armed it before."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def armed(self) -> anyio.Event:
        self._event = anyio.Event()
        return self._event

    async def observe(self, event: WatchEvent) -> None:
        if isinstance(event, Batch):
            self._event.set()
