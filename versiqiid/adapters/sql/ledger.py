"""What an operation on the journal does, decided before anything is written. Pure: rows in, rows out.

A ``Ledger`` stands for one write transaction. It begins with what was read (``Known``), takes operations one after the
other, and ends as the rows to be written. An operation that raises has changed nothing in it, so any number of them
share one commit and each is still all or nothing.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from versiqiid.adapters.sql.operations import Append, Intend, Prepared
from versiqiid.core import journal
from versiqiid.core.canonical import digest
from versiqiid.core.journal import KeyState
from versiqiid.core.merkle import leaf_hash
from versiqiid.core.past import created_by
from versiqiid.errors import Conflict, FenceLost, NotFound, Refused
from versiqiid.ports import Intent, IntentId, Recorded

OPEN, SETTLED, SUPERSEDED = "open", "settled", "superseded"

T = TypeVar("T")
Observation = tuple[str, int, str | None]
"""Key, revision and digest (None = deleted) of a recorded change."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """The newest known state of a key; ``digest`` None = deleted, and then ``recorded`` is the entry that says so."""

    revision: int
    digest: str | None
    position: int
    created: str
    updated: str
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where the journal stands."""

    size: int = 0
    time: str = ""
    epoch: int = 0


@dataclass(slots=True)
class Known:
    """What was read for a batch of operations. What is not in it is not there."""

    head: Head = field(default_factory=Head)
    streams: MutableMapping[str, int] = field(default_factory=dict)
    keys: MutableMapping[str, KeyRow] = field(default_factory=dict)
    recorded: MutableMapping[Observation, Recorded] = field(default_factory=dict)
    intents: MutableMapping[str, str] = field(default_factory=dict)
    documents: MutableMapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewEntry:
    """One row of entries."""

    recorded: Recorded
    tenant: str
    observed: KeyState | None


class Ledger:
    """The journal within one write transaction: what was read, then what will be written."""

    def __init__(self, known: Known) -> None:
        self.head = known.head
        self._known = known
        self.entries: list[NewEntry] = []
        self.streams: dict[str, int] = {}
        self.keys: dict[str, KeyRow] = {}
        self.documents: dict[str, bytes] = {}
        self.intended: list[Intent] = []
        self.closed: dict[str, str] = {}

    def append(self, operation: Append, now: str) -> tuple[Recorded, ...]:
        """Take an append, or raise and be as before.

        :param now: RFC 3339; an earlier time than the last entry's is replaced by that.
        """
        epoch = self._fence(operation.epoch)
        if operation.settles is not None:
            state = self._known.intents.get(operation.settles)
            if state is None:
                raise NotFound(f"intent {operation.settles}: not in this journal")
            if state == SUPERSEDED:
                raise Refused(f"intent {operation.settles}: superseded, its transaction did not happen")
            if state == SETTLED:
                return ()
        trial = _Trial(self._known, replace(self.head, time=max(now, self.head.time)))
        found: list[Recorded | None] = []
        for prepared in operation.drafts:
            found.append(trial.follower(prepared, found[-1]) if prepared.draft.follows else trial.draft(prepared))
        self._take(trial)
        self.head = replace(trial.head, epoch=epoch) if trial.entries else replace(self.head, epoch=epoch)
        if operation.settles is not None:
            self._close(operation.settles, SETTLED)
        return tuple(recorded for recorded in found if recorded is not None)

    def _take(self, trial: _Trial) -> None:
        """Make what an append would change part of what is written, and known to the operations after it."""
        self.entries += trial.entries
        self._known.recorded.update(trial.recorded.maps[0])
        _carry(trial.streams, self._known.streams, self.streams)
        _carry(trial.keys, self._known.keys, self.keys)
        _carry(trial.documents, self._known.documents, self.documents)

    def intend(self, operation: Intend) -> None:
        """Take an intent, or raise and be as before. The same intent again, while open, is done already."""
        intent = operation.intent
        epoch = self._fence(intent.epoch)
        state = self._known.intents.get(intent.id)
        if state == OPEN:
            return
        if state is not None:
            raise Refused(f"intent {intent.id}: {state} already", hint="make a new intent with a new id")
        for prepared in operation.drafts:
            for name, value in prepared.documents:
                if name not in self._known.documents:
                    self._known.documents[name] = self.documents[name] = value
        self._known.intents[intent.id] = OPEN
        self.intended.append(intent)
        self.head = replace(self.head, epoch=epoch)

    def supersede(self, intent: IntentId) -> None:
        """Close an open intent; one that is superseded already stays so."""
        state = self._known.intents.get(intent)
        if state is None:
            raise NotFound(f"intent {intent}: not in this journal")
        if state == SETTLED:
            raise Refused(f"intent {intent}: settled, its transaction did happen")
        self._close(intent, SUPERSEDED)

    def next_epoch(self) -> int:
        """An epoch above all that were given out or used."""
        self.head = replace(self.head, epoch=self.head.epoch + 1)
        return self.head.epoch

    def _close(self, intent: str, state: str) -> None:
        self._known.intents[intent] = self.closed[intent] = state

    def _fence(self, epoch: int | None) -> int:
        if epoch is None:
            return self.head.epoch
        if epoch < self.head.epoch:
            raise FenceLost(
                f"epoch {epoch}: the journal has seen epoch {self.head.epoch}",
                hint="another controller leads; this one must stop writing",
            )
        return epoch


def _carry(new: ChainMap[str, T], *into: MutableMapping[str, T]) -> None:
    for target in into:
        target.update(new.maps[0])


class _Trial:
    """One append on top of a ledger: everything it would change, given back only when all of it could be done."""

    def __init__(self, known: Known, head: Head) -> None:
        self.head = head
        self.entries: list[NewEntry] = []
        self.streams: ChainMap[str, int] = ChainMap({}, known.streams)
        self.keys: ChainMap[str, KeyRow] = ChainMap({}, known.keys)
        self.recorded: ChainMap[Observation, Recorded] = ChainMap({}, known.recorded)
        self.documents: ChainMap[str, bytes] = ChainMap({}, known.documents)

    def draft(self, prepared: Prepared) -> Recorded | None:
        """Place one draft: the entry, the one that recorded it before, or None for the deletion of an unknown key."""
        observed = prepared.made.facts.observed
        if observed is not None:
            row = self.keys.get(observed.key)
            before = self.recorded.get((observed.key, observed.revision, observed.digest))
            if _returns(observed, row, before, present=prepared.present):
                observed = replace(observed, returned=True)
                prepared = replace(prepared, made=journal.template(replace(prepared.made.facts, observed=observed)))
            elif before is not None:
                return replace(before, fresh=False)
            elif observed.digest is None and (row is None or row.digest is None):
                return None if row is None or row.recorded is None else replace(row.recorded, fresh=False)
        recorded = self._place(prepared)
        if observed is not None:
            self._observe(observed, recorded)
        return recorded

    def follower(self, prepared: Prepared, cause: Recorded | None) -> Recorded | None:
        """Place a draft that the one before it causes, unless that one is no new entry."""
        if cause is None or not cause.fresh:
            return cause
        facts = replace(prepared.made.facts, causation_id=leaf_hash(cause.entry).hex())
        return self.draft(replace(prepared, made=journal.template(facts)))

    def _place(self, prepared: Prepared) -> Recorded:
        draft, facts = prepared.draft, prepared.made.facts
        revision = self.streams.get(draft.stream, 0)
        if draft.expect_stream_revision not in (None, revision):
            raise Conflict(
                f"stream {draft.stream}: revision moved",
                key=draft.stream,
                expected=draft.expect_stream_revision or 0,
                found=revision,
                hint="read the stream again",
            )
        rendered = journal.render(prepared.made, self.head.size, self.head.time, revision + 1)
        if rendered.whole is not None:
            self._keep([(digest(rendered.whole), rendered.whole)])
        self._keep(prepared.documents)
        recorded = Recorded(
            position=self.head.size,
            time=self.head.time,
            type=draft.type,
            stream=draft.stream,
            stream_revision=revision + 1,
            correlation_id=draft.correlation_id,
            entry=rendered.entry,
        )
        self.entries.append(NewEntry(recorded, draft.tenant, facts.observed))
        self.streams[draft.stream] = revision + 1
        self.head = replace(self.head, size=self.head.size + 1)
        return recorded

    def _observe(self, observed: KeyState, recorded: Recorded) -> None:
        """Move the projection, unless it already knows a newer revision of the key."""
        self.recorded[observed.key, observed.revision, observed.digest] = recorded
        row = self.keys.get(observed.key)
        moved = observe(row, observed, recorded.position, recorded.time)
        if moved is not row:
            self.keys[observed.key] = replace(moved, recorded=recorded if observed.digest is None else None)

    def _keep(self, documents: Iterable[tuple[str, bytes]]) -> None:
        for name, value in documents:
            if name not in self.documents:
                self.documents[name] = value


def _returns(observed: KeyState, row: KeyRow | None, before: Recorded | None, *, present: bool) -> bool:
    """Whether the store must have been put back for this to be.

    A key stands below a revision that is recorded only after a return; so a recorded revision above where the key
    stands is a number that the store has given out a second time.
    """
    if row is None or (observed.revision, observed.digest) == (row.revision, row.digest):
        return False
    if observed.digest is None and row.digest is None:
        return False
    if observed.revision > row.revision:
        return before is not None
    return present and (observed.revision < row.revision or before is not None)


def observe(row: KeyRow | None, observed: KeyState, position: int, time: str) -> KeyRow:
    """The newest known state of a key after an entry about it."""
    created = created_by(row, observed, time)
    if row is not None and created is None:
        return row
    return KeyRow(observed.revision, observed.digest, position, created or time, time)
