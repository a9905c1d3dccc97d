"""Steps 1 and 2: observations become the snapshot, facts in the journal, and items in the queue, in this order.

A standby keeps its snapshot warm and records nothing. The journal comes before the queue, so that a cause always stands
before its effect.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.imports import Import
from versiqiid.core.merkle import leaf_hash
from versiqiid.core.provenance import ANNOTATIONS, read_annotation
from versiqiid.core.snapshot import Change, Observation, Snapshot, Value
from versiqiid.core.status import Cause
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.facts import is_fact, key_facts
from versiqiid.engine.gate import JournalGate
from versiqiid.engine.reconciler import Reconciler
from versiqiid.errors import FenceLost, Forbidden, InvalidInput, Unavailable, VersiqiiError
from versiqiid.logs import logger
from versiqiid.ports import Batch, Draft, Journal, KeyRecord, Listing, Metrics, Reached, Recorded, Trouble, WatchEvent

log = logger("watch")

FACTS_AT_ONCE = 500
"""Facts per append. Arbitrary: bounds one transaction of the journal."""

JOURNAL_RETRY_S = 0.5

CATCH_UPS = 3
"""How often a new leader looks for what is not recorded: once more than things may move meanwhile. Arbitrary."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is looked at.

    :ivar root: of the keys. :ivar scan: everything under a prefix of the store, never stale.
    :ivar imports: trees that act as configs. Their keys are not in the root, so they are not missed there.
    """

    root: str
    scan: Callable[[str], Awaitable[Listing]]
    imports: Sequence[Import] = ()


class Observer:
    """Takes in what the watch sees. ``lead`` and ``stand_by`` switch recording on and off.

    :param clock: monotonic seconds.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        gate: JournalGate,
        attributions: Attributions,
        watched: Watched,
        *,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._snapshot = snapshot
        self._gate = gate
        self._attributions = attributions
        self._root = watched.root
        self._metrics = metrics
        self._clock = clock
        self._scan = watched.scan
        self._imports = watched.imports
        self._reconciler: Reconciler | None = None
        self._epoch = 0
        self.complete = anyio.Event()
        self.leading = anyio.Event()
        self.standing_by = anyio.Event()
        self.reached_at: float | None = None
        self.trouble: VersiqiiError | None = None
        self._alarmed = False

    @property
    def journal(self) -> Journal:
        return self._gate.journal

    async def lead(self, reconciler: Reconciler, epoch: int) -> None:
        """Record from now on: first everything that the journal does not know yet, then each change as it is seen."""
        self._reconciler, self._epoch = reconciler, epoch
        await self.complete.wait()
        self.leading.set()
        self.standing_by = anyio.Event()
        causes = await self._catch_up()
        reconciler.all_again(causes[-1] if causes else Cause(str(uuid.uuid4())))

    async def _catch_up(self) -> list[Cause]:
        """Record what the journal does not know, and look again: others write and record meanwhile, and what was read a
        moment before must not stand above it.
        """
        causes: list[Cause] = []
        for _ in range(CATCH_UPS):
            found = await self._unrecorded()
            if not found:
                break
            causes += await self._record([change for change in found if _went_on(change)])
            causes += await self._record([change for change in found if not _went_on(change)], present=True)
        return causes

    def stand_by(self) -> None:
        """Record nothing from now on."""
        self._reconciler = None
        self.standing_by.set()
        self.leading = anyio.Event()

    @property
    def leads(self) -> bool:
        """Whether this process records and writes just now."""
        return self._reconciler is not None

    async def imported(self, key: str, value: Value | None, parts: tuple[tuple[str, int], ...], index: int) -> None:
        """Take in an imported tree as the config it acts as, or its end; recorded first, as any change.

        :param parts: full store keys and revisions that the document was made of: the guards of what is made from it.
        """
        reconciler = self._reconciler
        change = self._snapshot.virtual_change(key, value, index)
        if change is None:
            self._snapshot.set_virtual(key, value, parts)
            return
        cause = Cause(str(uuid.uuid4()))
        if reconciler is not None and not await self._is_recorded(change):
            causes = await self._record([change])
            cause = causes[-1] if causes else cause
        self._snapshot.set_virtual(key, value, parts)
        if reconciler is not None and reconciler is self._reconciler:
            reconciler.touched([key], cause)

    async def _is_recorded(self, change: Change) -> bool:
        """Whether the journal knows the key with this content: a tree that is seen for the first time is no news."""
        try:
            known = {record.key: record.digest for record in await self.journal.keys(change.key)}
        except Unavailable:
            return False  # recording it waits for the journal, and knows it again if it is known
        return change.after is not None and known.get(change.key) == digest(change.after.raw)

    async def observe(self, event: WatchEvent) -> None:
        """Take in one event of the watch. Returns only when all that it says is recorded, or this is a standby."""
        match event:
            case Batch():
                self._reached(wholly=event.complete)
                await self._take_in(event)
            case Reached():
                self._reached(wholly=True)
            case Trouble(error, attempt, alarm):
                self.trouble, self._alarmed = error, alarm
                self._metrics.count("versiqii_watch_trouble_total", code=error.code)
                self._metrics.gauge("versiqii_store_up", 0)
                log.warning("watch_trouble", code=error.code, reason=error.message, attempt=attempt, alarm=alarm)

    def _reached(self, *, wholly: bool) -> None:
        """The store answered. One part of a tree that is well does not end the alarm of another."""
        self.reached_at = self._clock()
        if self._alarmed and not wholly:
            return
        if self.trouble is not None:
            log.info("watch_recovered")
        self.trouble, self._alarmed = None, False
        self._metrics.gauge("versiqii_store_up", 1)

    async def _take_in(self, batch: Batch) -> None:
        seen = self._relative(batch)
        self._attributions.take_in(seen.changed)
        reconciler = self._reconciler
        cause = None if reconciler is None else await self._record_first(seen)
        changes = self._snapshot.apply(seen)
        self._measure(batch.index)
        if not self.complete.is_set():
            self._metrics.gauge("versiqii_snapshot_complete", 1)
            self.complete.set()
        if cause is not None and changes and reconciler is self._reconciler and reconciler is not None:
            reconciler.touched([change.key for change in changes], cause)

    async def _record_first(self, seen: Observation) -> Cause:
        """Record what will change before anybody can decide from it."""
        facts = [c for c in self._snapshot.differences(seen) if is_fact(c.key)]
        causes = await self._record(facts, present=self._snapshot.went_back(seen), seen=seen.changed)
        return causes[-1] if causes else Cause(str(uuid.uuid4()))

    def _relative(self, batch: Batch) -> Observation:
        prefix = f"{self._root}/"
        changed = {e.key.removeprefix(prefix): Value(e.value, e.revision) for e in batch.changed}
        deleted = tuple(key.removeprefix(prefix) for key in batch.deleted)
        scope = None if batch.scope is None else batch.scope.under(prefix)
        return Observation(changed, deleted, batch.index, batch.complete, scope)

    def _measure(self, index: int) -> None:
        self._metrics.gauge("versiqii_snapshot_keys", len(self._snapshot))
        self._metrics.gauge("versiqii_unknown_keys", len(self._snapshot.unknown))
        self._metrics.gauge("versiqii_watch_index", index)

    async def _record(
        self, changes: Sequence[Change], *, present: bool = False, seen: Mapping[str, Value] | None = None
    ) -> list[Cause]:
        """Record these facts; the journal's absence is waited out, because what is not recorded is not acted on.

        :param present: the store is known to hold this, whatever newer revisions are recorded: it was put back.
        :param seen: what was observed with them and is not in the snapshot yet.
        """
        causes: list[Cause] = []
        made = str(uuid.uuid4())
        for at in range(0, len(changes), FACTS_AT_ONCE):
            drafts: list[Draft] = []
            for change in changes[at : at + FACTS_AT_ONCE]:
                by = self._attributions.of(change)
                if not by.correlation_id:
                    by = replace(by, correlation_id=made, git=self._annotated(change, seen or {}))
                draft, *further = key_facts(change, by)
                about = None if draft.observed is None else replace(draft.observed, present=present)
                drafts += [replace(draft, observed=about), *further]
            causes += [cause_of(entry) for entry in await self._append(drafts)]
        return causes

    def _annotated(self, change: Change, seen: Mapping[str, Value]) -> dict[str, str] | None:
        """Where a plain key write comes from: what its annotation says, if that is newer than the key's last change."""
        name = ANNOTATIONS + change.key
        note = seen.get(name) or self._snapshot.get(name)
        if note is None or (change.before is not None and note.revision <= change.before.revision):
            return None
        try:
            return read_annotation(note.raw)
        except InvalidInput:
            return None  # whoever wrote it sees it: the change is recorded without a place in Git

    async def _append(self, drafts: Sequence[Draft]) -> tuple[Recorded, ...]:
        while True:
            try:
                return await self._gate.append(drafts, epoch=self._epoch)
            except FenceLost:
                # Another process leads by now and records; what was not recorded here is recorded there.
                self.stand_by()
                return ()
            except Unavailable as error:
                log.warning("journal_unavailable", reason=error.message)
                await anyio.sleep(JOURNAL_RETRY_S)

    async def _unrecorded(self) -> list[Change]:
        """What differs between the store and what the journal knows of desired keys.

        The snapshot may be behind what other processes have written and recorded already. So what differs from it is
        looked at once more in the store itself, after the journal was read: it is either not recorded yet, or the store
        was put back to it.
        """
        records = [record for record in await self._gate.journal.keys() if is_fact(record.key)]
        known = {r.key: r for r in records if r.key in self._snapshot.parts or not self._is_imported(r.key)}
        there = {key: value for key, value in self._snapshot.items() if is_fact(key)}
        if not any(_differs(known.get(key), there.get(key)) for key in known.keys() | there.keys()):
            return []
        now, index = await self._present()
        now |= {key: value for key, value in there.items() if key in self._snapshot.parts}
        found = []
        for key in sorted(known.keys() | now.keys()):
            record, value = known.get(key), now.get(key)
            if _differs(record, value):
                raw = await self._gate.journal.document(record.digest) if record else None
                before = Value(raw or b"", record.revision) if record else None
                found.append(Change(key, before, value, value.revision if value else index))
        return found

    def _is_imported(self, key: str) -> bool:
        """Whether an imported tree acts as this key, seen or not yet."""
        meaning = k.parse(key)
        if not isinstance(meaning, k.ConfigKey):
            return False
        return any((each.target, each.name) == (meaning.target, meaning.name) for each in self._imports)

    async def _present(self) -> tuple[dict[str, Value], int]:
        """The facts that the store holds now and its index; its absence is waited out."""
        strip = len(self._root) + 1
        while True:
            try:
                listing = await self._scan(f"{self._root}/")
            except (Unavailable, Forbidden) as error:
                log.warning("store_unavailable", reason=error.message)
                await anyio.sleep(JOURNAL_RETRY_S)
            else:
                found = {entry.key[strip:]: Value(entry.value, entry.revision) for entry in listing.entries}
                self._attributions.take_in(found)  # it may be newer than what the watch has seen
                return {key: value for key, value in found.items() if is_fact(key)}, listing.index


def _differs(record: KeyRecord | None, value: Value | None) -> bool:
    """Whether the journal does not know the key as it is. A value that was written again is known by a newer number."""
    if record is None or value is None:
        return (record is None) != (value is None)
    if record.digest != digest(value.raw):
        return True
    return record.revision > value.revision


def _went_on(change: Change) -> bool:
    """Whether the key is at a later revision than the journal knows: no return, whatever is recorded meanwhile."""
    return change.before is not None and change.after is not None and change.after.revision > change.before.revision


def cause_of(entry: Recorded) -> Cause:
    """What follows from an entry belongs to it, and to its trace."""
    trace = json.loads(entry.entry)["data"].get("traceparent")
    return Cause(entry.correlation_id, leaf_hash(entry.entry).hex(), trace if isinstance(trace, str) else None)
