"""Intent, transaction with receipt, settlement: the one way in which the leader writes.

Several transactions are under way at a time, each in a lane of its own. A lane's receipt key is set to the intent's id
by the same transaction, over the revision of the receipt before it. So at any time at most one transaction of a lane
can have happened that is not settled, a late one cannot slip in behind a newer one, and recovery looks at the receipts
instead of guessing from values. Settlements are appended in the order in which the transactions were begun.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from versiqiid.core.canonical import canonical
from versiqiid.core.impact import Item
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.changes import Change, Parcel, parcel, settled
from versiqiid.engine.gate import JournalGate, Place
from versiqiid.engine.lastgood import LastGood
from versiqiid.errors import Conflict, FenceLost, Refused, TooLarge, Unavailable
from versiqiid.ports import (
    Draft,
    Entry,
    Held,
    Intent,
    IntentId,
    KeyValueStore,
    Metrics,
    SessionId,
    Set,
)

RESERVED_OPERATIONS = 2
"""The fence and the receipt."""

LANES = 4
"""Transactions under way at a time. Arbitrary: enough to hide the store's and the journal's answer times behind each
other, few enough that what one conflict sends back is little."""

RECEIPTS = "_system/receipts/"
LEADER = "_system/leader"


class Superseded(Exception):
    """Nothing was written, because a key had moved; ``key`` is relative to the root, None when it is not known."""

    def __init__(self, key: str | None) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction wrote.

    :ivar keys: relative keys by item. :ivar misplaced: the statuses tell a journal position that another process took.
    """

    keys: dict[Item, tuple[str, ...]]
    misplaced: bool


@dataclass(frozen=True, slots=True)
class Term:
    """A term of leadership: the session that fences its writes and the epoch that the journal knows it by."""

    session: SessionId
    epoch: int


@dataclass(slots=True, eq=False)
class _Lane:
    """One chain of receipts.

    :ivar revision: of its receipt, 0 = there is none yet.
    :ivar unsure: the intent whose outcome is not recorded yet; it matters once nobody is busy with it any more.
    """

    key: str
    revision: int = 0
    unsure: Intent | None = None
    busy: bool = False


class Writer:
    """Writes changes for one term of leadership."""

    def __init__(
        self,
        store: KeyValueStore,
        gate: JournalGate,
        last_good: LastGood,
        snapshot: Snapshot,
        *,
        root: str,
        term: Term,
        metrics: Metrics,
    ) -> None:
        self._store = store
        self._gate = gate
        self._last_good = last_good
        self._snapshot = snapshot
        self.root = root
        self._term = term
        self._metrics = metrics
        self._lanes = tuple(_Lane(f"{root}/{RECEIPTS}{number}") for number in range(LANES))
        self._room = anyio.Semaphore(LANES)
        self._finding_out = anyio.Lock()

    async def recover(self) -> None:
        """Settle what happened and close what did not, from the intents that an earlier process left open.

        Call it once, when the term begins and before anything is written.
        """
        listing = await self._store.scan(f"{self.root}/{RECEIPTS}")
        receipts = {entry.key: entry for entry in listing.entries}
        for lane in self._lanes:
            lane.revision = receipts[lane.key].revision if lane.key in receipts else 0
        told = [(intent, receipts.get(intent.receipt_key)) for intent in await self._gate.journal.open_intents()]
        for intent, receipt in sorted(told, key=lambda one: one[1].revision if one[1] else 0):
            await self._conclude(intent, receipt)
        await self._last_good.load()

    async def write(self, changes: list[Change]) -> Written:
        """Write these changes in one transaction, and record them. As many calls as there are lanes go on at a time.

        No two of them may write, or rely on, what the other writes.

        :raises Superseded: nothing was written; decide again.
        :raises Refused: nothing was written; as FenceLost, this process no longer leads.
        :raises TooLarge: nothing was written; the transaction is over a limit of the store.
        :raises Unavailable: it may have been written; ``make_sure`` finds out, and until then nothing else is written.
        """
        drafts = [draft for change in changes for draft in change.drafts]
        async with self._lane() as lane, self._gate.reserved(len(drafts)) as place:
            goods = parcel(changes, root=self.root, position=place.position)
            intent = self._intent(lane, drafts, place.position)
            await self._transact(lane, goods, intent)
            revision = lane.revision
            misplaced = bool(drafts) and await self._settle(intent, revision, place) != place.position
            lane.unsure = None
        for output in goods.outputs:
            self._snapshot.wrote(output.key, output.raw, revision)
        return Written({change.work.item: change.keys for change in changes}, misplaced)

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[_Lane]:
        """A lane for one transaction, once nothing is unsure that nobody is busy with."""
        async with self._room:
            await self.make_sure()
            lane = next(lane for lane in self._lanes if not lane.busy)
            lane.busy = True
            try:
                yield lane
            finally:
                lane.busy = False

    async def _transact(self, lane: _Lane, goods: Parcel, intent: Intent) -> None:
        """Steps 8 and 9. Until its outcome is recorded, the intent is what this lane is unsure of."""
        receipt = Set(lane.key, canonical({"intent": intent.id}), lane.revision)
        if intent.drafts:
            await self._gate.journal.intend(intent)
            lane.unsure = intent
        try:
            lane.revision = await self._store.commit((self._fence, *goods.operations, receipt))
        except Conflict as conflict:
            await self._close(lane, intent, "conflict")
            raise await self._superseded(lane, conflict) from conflict
        except (Refused, TooLarge) as error:
            await self._close(lane, intent, "fence_lost" if isinstance(error, FenceLost) else "refused")
            raise
        except Unavailable as error:
            if not error.maybe_written:
                await self._close(lane, intent, "unavailable")
            raise
        self._metrics.count("versiqii_commit_total", outcome="written")

    @property
    def _fence(self) -> Held:
        return Held(f"{self.root}/{LEADER}", self._term.session)

    async def _close(self, lane: _Lane, intent: Intent, outcome: str) -> None:
        """The transaction is known not to have happened."""
        self._metrics.count("versiqii_commit_total", outcome=outcome)
        if intent.drafts:
            await self._gate.journal.supersede(intent.id)
        lane.unsure = None

    def _intent(self, lane: _Lane, drafts: Sequence[Draft], position: int) -> Intent:
        return Intent(IntentId(uuid.uuid4().hex), lane.key, self._term.epoch, position, tuple(drafts))

    async def _superseded(self, lane: _Lane, conflict: Conflict) -> Superseded:
        if conflict.key != lane.key:
            return Superseded(conflict.key.removeprefix(f"{self.root}/"))
        receipt = await self._store.get(lane.key)
        lane.revision = receipt.revision if receipt else 0
        return Superseded(None)

    async def make_sure(self) -> None:
        """Find out about transactions whose answer was lost, and record those that happened.

        :raises Unavailable: it cannot be found out just now.
        :raises Refused: neither; as FenceLost, this process no longer leads, and the next one will find out.
        """
        async with self._finding_out:
            while lost := next((lane for lane in self._lanes if lane.unsure is not None and not lane.busy), None):
                await self._find_out(lost)

    async def _find_out(self, lane: _Lane) -> None:
        """Settle or close a lane's lost transaction.

        The receipt is written again over what was read, so that a lost transaction can no longer come late.
        """
        intent = lane.unsure
        if intent is None:
            return None
        receipt = await self._store.get(lane.key)
        if not _is_receipt_of(intent, receipt):
            barrier = Set(lane.key, canonical({"barrier": uuid.uuid4().hex}), receipt.revision if receipt else 0)
            try:
                lane.revision = await self._store.commit((self._fence, barrier))
            except Conflict:
                return await self._find_out(lane)
        elif receipt is not None:
            lane.revision = receipt.revision
        await self._conclude(intent, receipt)
        lane.unsure = None
        return None

    async def _conclude(self, intent: Intent, receipt: Entry | None) -> None:
        if receipt is not None and _is_receipt_of(intent, receipt):
            async with self._gate.reserved(len(intent.drafts)) as place:
                await self._settle(intent, receipt.revision, place)
            return
        self._metrics.count("versiqii_commit_total", outcome="lost")
        await self._gate.journal.supersede(intent.id)

    async def _settle(self, intent: Intent, revision: int, place: Place) -> int:
        """Step 10: record what happened; the position at which the settlement begins."""
        drafts = tuple(settled(draft, revision) for draft in intent.drafts)
        recorded = await place.append(drafts, settles=intent.id, epoch=self._term.epoch)
        if drafts and not recorded:  # an earlier attempt had been heard after all
            await self._last_good.load()
        for draft, entry in zip(drafts, recorded, strict=False):
            if draft.observed is not None:
                self._last_good.settled(draft.observed.key, draft.observed.digest, entry)
        return recorded[0].position if recorded else intent.position


def _is_receipt_of(intent: Intent, receipt: Entry | None) -> bool:
    return receipt is not None and receipt.value == canonical({"intent": intent.id})
