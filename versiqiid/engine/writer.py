"""Intent, transaction with receipt, settlement: the one way in which the leader writes.

The receipt key is set to the intent's id by the same transaction, over the revision of the receipt before it. So at any
time at most one transaction can have happened that is not settled, a late one cannot slip in behind a newer one, and
recovery looks at the receipt instead of guessing from values.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from versiqiid.core.canonical import canonical
from versiqiid.core.impact import Item
from versiqiid.core.snapshot import Snapshot
from versiqiid.engine.changes import Change, Parcel, parcel, settled
from versiqiid.engine.gate import JournalGate
from versiqiid.engine.lastgood import LastGood
from versiqiid.errors import Conflict, Refused, TooLarge, Unavailable
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

RECEIPT = "_system/receipts/0"
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
        self._receipt_revision = 0
        self._unsure: Intent | None = None

    async def recover(self) -> None:
        """Settle what happened and close what did not, from the intents that an earlier process left open.

        Call it once, when the term begins and before anything is written.
        """
        receipt = await self._store.get(f"{self.root}/{RECEIPT}")
        self._receipt_revision = receipt.revision if receipt else 0
        for intent in await self._gate.journal.open_intents():
            await self._conclude(intent, receipt)
        await self._last_good.load()

    async def write(self, changes: list[Change]) -> Written:
        """Write these changes in one transaction, and record them.

        :raises Superseded: nothing was written; decide again.
        :raises Refused: nothing was written; as FenceLost, this process no longer leads.
        :raises TooLarge: nothing was written; the transaction is over a limit of the store.
        :raises Unavailable: it may have been written; the next call finds out before it writes anything.
        """
        await self._make_sure()
        async with self._gate.held() as position:
            goods = parcel(changes, root=self.root, position=position)
            intent = self._intent([change.draft for change in changes if change.draft is not None], position)
            revision = await self._transact(goods, intent)
            misplaced = bool(intent.drafts) and await self._settle(intent, revision) != position
        for output in goods.outputs:
            self._snapshot.wrote(output.key, output.raw, revision)
        return Written({change.work.item: change.keys for change in changes}, misplaced)

    async def _transact(self, goods: Parcel, intent: Intent) -> int:
        """Steps 8 and 9. Until its outcome is known, the intent is what this writer is unsure of."""
        receipt = Set(f"{self.root}/{RECEIPT}", canonical({"intent": intent.id}), self._receipt_revision)
        fence = Held(f"{self.root}/{LEADER}", self._term.session)
        if intent.drafts:
            await self._gate.journal.intend(intent)
            self._unsure = intent
        try:
            self._receipt_revision = await self._store.commit((fence, *goods.operations, receipt))
        except Conflict as conflict:
            await self._close(intent, "conflict")
            raise await self._superseded(conflict) from conflict
        except (Refused, TooLarge):
            await self._close(intent, "refused")
            raise
        except Unavailable as error:
            if not error.maybe_written:
                await self._close(intent, "unavailable")
            raise
        self._metrics.count("versiqii_commit_total", outcome="written")
        return self._receipt_revision

    async def _close(self, intent: Intent, outcome: str) -> None:
        """The transaction is known not to have happened."""
        self._metrics.count("versiqii_commit_total", outcome=outcome)
        if intent.drafts:
            await self._gate.journal.supersede(intent.id)
        self._unsure = None

    def _intent(self, drafts: Sequence[Draft], position: int) -> Intent:
        name = IntentId(uuid.uuid4().hex)
        return Intent(name, f"{self.root}/{RECEIPT}", self._term.epoch, position, tuple(drafts))

    async def _superseded(self, conflict: Conflict) -> Superseded:
        key = conflict.key.removeprefix(f"{self.root}/")
        if key != RECEIPT:
            return Superseded(key)
        receipt = await self._store.get(conflict.key)
        self._receipt_revision = receipt.revision if receipt else 0
        return Superseded(None)

    async def _make_sure(self) -> None:
        """Find out about a transaction whose answer was lost, before anything else is written.

        The receipt is written again over what was read, so that the lost transaction can no longer come late.
        """
        intent = self._unsure
        if intent is None:
            return None
        key = f"{self.root}/{RECEIPT}"
        receipt = await self._store.get(key)
        if not _is_receipt_of(intent, receipt):
            fence = Held(f"{self.root}/{LEADER}", self._term.session)
            barrier = Set(key, canonical({"barrier": uuid.uuid4().hex}), receipt.revision if receipt else 0)
            try:
                self._receipt_revision = await self._store.commit((fence, barrier))
            except Conflict:
                return await self._make_sure()
        elif receipt is not None:
            self._receipt_revision = receipt.revision
        await self._conclude(intent, receipt)
        return None

    async def _conclude(self, intent: Intent, receipt: Entry | None) -> None:
        if receipt is not None and _is_receipt_of(intent, receipt):
            await self._settle(intent, receipt.revision)
        else:
            await self._close(intent, "lost")

    async def _settle(self, intent: Intent, revision: int) -> int:
        """Step 10: record what happened; the position at which the settlement begins."""
        drafts = tuple(settled(draft, revision) for draft in intent.drafts)
        recorded = await self._gate.settle(drafts, intent=intent.id, epoch=self._term.epoch)
        self._unsure = None
        for draft, entry in zip(drafts, recorded, strict=False):
            if draft.observed is not None:
                self._last_good.settled(draft.observed.key, draft.observed.digest, entry)
        return recorded[0].position if recorded else intent.position


def _is_receipt_of(intent: Intent, receipt: Entry | None) -> bool:
    return receipt is not None and receipt.value == canonical({"intent": intent.id})
