"""The operations that share commits: checked, and rendered as far as can be, before any transaction begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from versiqiid.core import journal
from versiqiid.core.canonical import digest
from versiqiid.core.journal import Facts, KeyState, Template
from versiqiid.errors import InvalidInput, TooLarge
from versiqiid.ports import Draft, Intent, IntentId

DRAFTS_MAX = 10_000
"""Arbitrary: what one append may hold, so that one caller cannot stop all others for long."""


@dataclass(slots=True)
class Needs:
    """What has to be read for a batch of operations."""

    streams: set[str] = field(default_factory=set)
    observed: set[KeyState] = field(default_factory=set)
    intents: set[str] = field(default_factory=set)
    documents: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A draft whose bytes wait only for their place."""

    draft: Draft
    made: Template
    documents: tuple[tuple[str, bytes], ...]
    present: bool = False


def prepare(draft: Draft) -> Prepared:
    """Check a draft before any transaction begins.

    :raises InvalidInput: see ``core.journal.template``.
    """
    seen = draft.observed
    facts = Facts(
        type=draft.type,
        stream=draft.stream,
        tenant=draft.tenant,
        actor={"kind": draft.actor.kind, "id": draft.actor.id, "via": draft.actor.via},
        correlation_id=draft.correlation_id,
        causation_id=draft.correlation_id if draft.causation_id is None else draft.causation_id,
        data=draft.data,
        consul=draft.consul,
        git=draft.git,
        observed=None if seen is None else KeyState(seen.key, seen.revision, seen.digest),
    )
    documents = tuple((digest(value), value) for value in draft.documents)
    return Prepared(draft, journal.template(facts), documents, present=seen is not None and seen.present)


def _check_followers(drafts: Sequence[Draft]) -> None:
    if drafts and drafts[0].follows:
        raise InvalidInput(f"{drafts[0].type}: it follows a draft of the same append, and is the first of it")


@dataclass(frozen=True, slots=True)
class Append:
    """See ``ports.Journal.append``."""

    drafts: tuple[Prepared, ...]
    settles: IntentId | None
    epoch: int | None

    @classmethod
    def of(cls, drafts: Sequence[Draft], settles: IntentId | None, epoch: int | None) -> Append:
        """:raises InvalidInput: a draft that cannot be recorded; ``TooLarge``: too many of them."""
        _check_followers(drafts)
        if len(drafts) > DRAFTS_MAX:
            raise TooLarge(f"an append of {len(drafts)} drafts", size=len(drafts), limit=DRAFTS_MAX)
        return cls(tuple(prepare(draft) for draft in drafts), settles, epoch)

    def needs(self, needs: Needs) -> None:
        for prepared in self.drafts:
            needs.streams.add(prepared.draft.stream)
            if prepared.made.facts.observed is not None:
                needs.observed.add(prepared.made.facts.observed)
            needs.documents.update(name for name, _ in prepared.documents)
        if self.settles is not None:
            needs.intents.add(self.settles)


@dataclass(frozen=True, slots=True)
class Intend:
    """See ``ports.Journal.intend``. The settlement's documents are kept right away, so that they are written once."""

    intent: Intent
    drafts: tuple[Prepared, ...]

    @classmethod
    def of(cls, intent: Intent) -> Intend:
        """:raises InvalidInput: a draft that could not be recorded at settlement."""
        _check_followers(intent.drafts)
        return cls(intent, tuple(prepare(draft) for draft in intent.drafts))

    def needs(self, needs: Needs) -> None:
        needs.intents.add(self.intent.id)
        needs.documents.update(name for prepared in self.drafts for name, _ in prepared.documents)
