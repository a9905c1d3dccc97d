"""Entries, intents and signatures: what a backend of the journal promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NewType, Protocol

IntentId = NewType("IntentId", str)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. ``kind``: user | token | host | daemon. ``via``: cli | api | kv | gitops."""

    kind: str
    id: str
    via: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What an entry says about one key; the journal keeps the newest per key as a projection.

    :ivar key: relative to the root.
    :ivar revision: the store's revision of that write; for a deletion, the store index it was seen at.
    :ivar digest: ``sha256:<hex>`` of the raw value, None = deleted.
    :ivar present: this is what the store holds, read after everything recorded was written: when a newer revision is
        recorded, the store was put back. Without it an older revision is only a late report.
    """

    key: str
    revision: int
    digest: str | None
    present: bool = False


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The newest known state of a key in the journal. Times are RFC 3339 with six decimals and ``Z``."""

    key: str
    revision: int
    digest: str
    position: int
    created: str
    updated: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact to be appended. The journal adds position, time, stream revision and makes the bytes.

    :ivar stream: never empty, e.g. ``binding/prod/eu-fr/av-engine/default``.
    :ivar causation_id: None = a first cause (the correlation id is used).
    :ivar expect_stream_revision: number of entries the stream must have now; None = any.
    :ivar observed: set for a change of a key. A draft whose (key, revision, deleted?) is already recorded is skipped
        and the entry that recorded it is returned in its place; see ``Observed.present`` for the exception.
    :ivar documents: raw values to keep beside the journal by digest; ``data`` holds only their digests.
    :ivar follows: it is caused by the draft before it in the same append, whose entry is its causation id. When that
        one is recorded already, so is this one: it is skipped, and the same entry is returned in its place.
    """

    type: str
    stream: str
    data: Mapping[str, Any]
    actor: Actor
    correlation_id: str
    causation_id: str | None = None
    tenant: str = "default"
    expect_stream_revision: int | None = None
    consul: Mapping[str, Any] | None = None
    git: Mapping[str, Any] | None = None
    observed: Observed | None = None
    documents: tuple[bytes, ...] = ()
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as stored. ``entry`` is the leaf: canonical JSON, never serialised again.

    :ivar fresh: False when an idempotent draft was already there.
    """

    position: int
    time: str
    type: str
    stream: str
    stream_revision: int
    correlation_id: str
    entry: bytes
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Intent:
    """What a leader is about to write, made durable first, so that recovery never guesses from values.

    :ivar receipt_key: full store key that the same transaction sets to ``id``.
    :ivar drafts: the settlement: what is appended once the transaction is known to have happened.
    :ivar position: where the settlement is expected to begin.
    """

    id: IntentId
    receipt_key: str
    epoch: int
    position: int
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries to read; every part that is set must match. Times are RFC 3339 text, ``until`` exclusive.

    :ivar start: first position; ``limit``: at most that many (1 to 10,000).
    :ivar descending: newest first, from ``before`` (exclusive) downwards.
    """

    start: int = 0
    before: int | None = None
    limit: int = 1000
    stream: str | None = None
    stream_prefix: str | None = None
    type: str | None = None
    correlation_id: str | None = None
    key: str | None = None
    since: str | None = None
    until: str | None = None
    descending: bool = False


class Journal(Protocol):
    """The append-only record: event store, audit log and outbox in one place. Positions have no gaps and start at 0."""

    @property
    def origin(self) -> str:
        """The log's name for ever: its checkpoint origin and key name."""
        ...

    async def append(
        self, drafts: Sequence[Draft], *, settles: IntentId | None = None, epoch: int | None = None
    ) -> tuple[Recorded, ...]:
        """Append all or nothing, durable on return; entries, documents, outbox and projections in one commit.

        :param settles: the intent that this settles, in the same commit. An intent that is settled already: nothing is
            appended and the answer is empty.
        :param epoch: the leader's epoch; None for writers that are no leader.
        :raises Conflict: a stream is not at the expected revision; nothing was appended.
        :raises FenceLost: a higher epoch has written; nothing was appended.
        :raises Unavailable: no answer.
        """
        ...

    async def size(self) -> int:
        """The number of entries, which is the next position."""
        ...

    async def read(self, query: Query) -> tuple[Recorded, ...]: ...

    async def wait_beyond(self, position: int) -> None:
        """Return as soon as there are more than ``position`` entries."""
        ...

    async def document(self, digest: str) -> bytes | None:
        """The raw value kept under ``sha256:<hex>``, or None."""
        ...

    async def keys(self, prefix: str = "") -> tuple[KeyRecord, ...]:
        """The newest known state of every key (relative to the root) that is not deleted, by key."""
        ...

    async def intend(self, intent: Intent) -> None:
        """Make the intent durable. Epochs as in ``append``."""
        ...

    async def open_intents(self) -> tuple[Intent, ...]:
        """Intents neither settled nor superseded, oldest first."""
        ...

    async def supersede(self, intent: IntentId) -> None:
        """Close an intent whose transaction is known not to have happened."""
        ...

    async def next_epoch(self) -> int:
        """A leader epoch higher than any before, durable on return. From then on lower epochs are refused."""
        ...

    async def outbox_position(self, sink: str) -> int:
        """The first position that this sink has not acknowledged; 0 at first."""
        ...

    async def advance_outbox(self, sink: str, position: int) -> None:
        """Everything before ``position`` is acknowledged. Never moves backwards."""
        ...

    async def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint (a signed note), or None."""
        ...

    async def sign_checkpoint(self, signer: Signer) -> bytes:
        """Sign a checkpoint over everything committed, as an extension of the last one, and keep it.

        :raises JournalRefused: what is stored is no extension of the last checkpoint; nothing was signed.
        """
        ...


class Signer(Protocol):
    """Signs checkpoints."""

    @property
    def name(self) -> str:
        """The key name of the signed note."""
        ...

    @property
    def vkey(self) -> str:
        """The verifier key ``<name>+<8 hex>+<base64>``."""
        ...

    async def sign(self, message: bytes) -> bytes:
        """The raw 64-byte Ed25519 signature.

        :raises Unavailable: the signer is away; entries go on, the checkpoint lags.
        """
        ...
