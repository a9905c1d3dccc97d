"""What the engine needs from the world, written from the engine's side. Protocols and the plain values they carry.

No behaviour lives here, and no third party is named. A new backend is one module in ``adapters/`` and one subclass of
the contract suite in ``testing/``.

Keys in this module are *full* store keys (``versiqii/envs/prod/av/version``): roots are the engine's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType, Protocol, TypeAlias

from versiqiid.core.violation import Violation
from versiqiid.errors import VersiqiiError

Revision = NewType("Revision", int)
"""A number that only grows, given by the store at each write. 0 means "absent"."""

SessionId = NewType("SessionId", str)
IntentId = NewType("IntentId", str)

ABSENT = 0


# --------------------------------------------------------------------------------------------- key-value store


@dataclass(frozen=True, slots=True)
class Entry:
    """One key as the store holds it.

    :ivar revision: the store's revision of the last write that changed the value. All writes of one commit share one.
    :ivar created: seconds since the epoch of the first write, None where the store keeps no times (Consul).
    :ivar updated: seconds since the epoch of the last change, None where the store keeps no times (Consul).
    """

    key: str
    value: bytes
    revision: int
    created: float | None = None
    updated: float | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """Write a value. Writing the value that is already there changes nothing, its revision included.

    :ivar expect: None = whatever is there; 0 = only when absent; n = only over revision n.
    """

    key: str
    value: bytes
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key. Removing an absent key with ``expect=None`` is done already.

    :ivar expect: None = whatever is there; n > 0 = only revision n.
    """

    key: str
    expect: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """Write nothing, but fail the commit unless the key is at this revision (0 = absent)."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Held:
    """Write nothing, but fail the commit with FenceLost unless this session holds the lock on the key."""

    key: str
    session: SessionId


Operation: TypeAlias = Set | Delete | Check | Held


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """What one value and one commit may be. A caller plans its batches by these; the adapter refuses what is over."""

    value_bytes_max: int
    operations_max: int
    transaction_bytes_max: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Everything under a prefix at one moment, by key in byte order."""

    entries: tuple[Entry, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Observed differences since the last batch of the same watch, consistent with one moment of the store.

    :ivar complete: True when ``changed`` is the whole prefix (first batch, and every full resynchronisation): whatever
        is not in it is gone.
    :ivar deleted: keys seen before and gone now; always empty when ``complete``.
    """

    changed: tuple[Entry, ...]
    deleted: tuple[str, ...] = ()
    index: int = 0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Reached:
    """The watch had a good answer that changed nothing; the age of the last success starts again."""

    index: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """The watch cannot reach its prefix just now, goes on trying, and keeps what it had.

    :ivar attempt: 1 for the first failure in a row.
    :ivar alarm: True when a person must act (rights lost, a guard that will not confirm), not only wait.
    """

    error: VersiqiiError
    attempt: int
    alarm: bool = False


WatchEvent: TypeAlias = Batch | Reached | Trouble
Observe: TypeAlias = Callable[[WatchEvent], Awaitable[None]]


class KeyValueStore(Protocol):
    """Hierarchical keys with revisions, all-or-nothing commits and watches."""

    @property
    def limits(self) -> StoreLimits: ...

    async def get(self, key: str) -> Entry | None:
        """The key as it is now (never stale), or None.

        :raises InvalidKey: the key is outside the grammar; nothing was asked.
        :raises Unavailable: no answer.
        """
        ...

    async def scan(self, prefix: str) -> Listing:
        """Every key that starts with the prefix, as of one moment, never stale, in byte order of keys.

        :raises Unavailable: no answer.
        :raises Forbidden: the answer would be incomplete for lack of rights.
        """
        ...

    async def commit(self, operations: Sequence[Operation]) -> Revision:
        """All of it or nothing, in one step; the revision that every changed key now has.

        Sets of an identical value do not move that key's revision; the returned number is then the newest one the
        store gave out for this commit or, if nothing changed, the store's present index.

        :param operations: at most ``limits.operations_max``, no key set or deleted twice; Check and Held may name a
            key that is also written.
        :raises Conflict: an expectation failed (the first in order); nothing was written.
        :raises FenceLost: a Held failed; nothing was written.
        :raises TooLarge: over a limit, before anything was sent.
        :raises Refused: the store said no; nothing was written.
        :raises Unavailable: no answer; it may have been written unless ``maybe_written`` is False.
        """
        ...

    async def watch(self, prefix: str, observe: Observe) -> None:
        """Observe the prefix until cancelled; the first batch is complete. Never returns, never gives up.

        ``observe`` is awaited for each event in order; the watch advances only after it returned, so an observer that
        raises loses nothing when the watch is started again. Intermediate values may be skipped: the last never is.
        Keys written by one commit arrive in one batch.
        """
        ...


@dataclass(frozen=True, slots=True)
class Session:
    """A lease in the store.

    :ivar ttl_s: what the store granted, in seconds; it may be longer than what was asked.
    """

    id: SessionId
    ttl_s: float


@dataclass(frozen=True, slots=True)
class Holding:
    """A lock that is held. :ivar session: by whom. :ivar value: what its key says, read in the same moment."""

    session: SessionId
    value: bytes


class Locks(Protocol):
    """Sessions and locks of the store that the commits go to, so that ``Held`` can fence them."""

    async def open_session(
        self, name: str, *, ttl_s: float, lock_delay_s: float = 1.0, delete: bool = False
    ) -> Session:
        """A new session that ends unless renewed within ``ttl_s``.

        :param lock_delay_s: after the session ends *unasked*, its locks stay unavailable for this long.
        :param delete: keys held by the session are deleted when it ends (for ephemeral keys); otherwise released.
        """
        ...

    async def renew(self, session: SessionId) -> None:
        """Start the time to live again.

        :raises NotFound: the session has ended; its locks are gone.
        """
        ...

    async def end_session(self, session: SessionId) -> None:
        """End it now; its locks are released (or their keys deleted) at once. One that has ended is done already."""
        ...

    async def acquire(self, key: str, value: bytes, session: SessionId) -> bool:
        """Take the lock on the key and write the value, or False when another session holds it or it is delayed.

        Holding it already, the value is written again and the answer is True.

        :raises NotFound: the session has ended.
        """
        ...

    async def release(self, key: str, session: SessionId) -> bool:
        """Give the lock back; the key keeps its value. False when the session did not hold it."""
        ...

    async def holder(self, key: str) -> Holding | None:
        """Who holds the lock now (never stale), or None when nobody does, whatever the key's value says.

        :raises Unavailable: no answer.
        """
        ...


# ----------------------------------------------------------------------------------------------------- journal


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
    """

    key: str
    revision: int
    digest: str | None


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
        and the entry that recorded it is returned in its place.
    :ivar documents: raw values to keep beside the journal by digest; ``data`` holds only their digests.
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


# ------------------------------------------------------------------------------------------------------ others


class Runtime(StrEnum):
    """What a migration step is written in."""

    WASM = "wasm"
    JSON_PATCH = "json-patch"
    LENS = "lens"
    LUA = "lua"


@dataclass(frozen=True, slots=True)
class GuestCall:
    """One call of a migration guest.

    :ivar module: the WebAssembly bytes; ``digest`` their ``sha256:<hex>``, checked by the caller.
    :ivar entry: ``vq_up`` or ``vq_down``.
    :ivar envelope: RFC 8785 JSON of ``{config, context, stash?}``.
    """

    module: bytes
    digest: str
    entry: str
    envelope: bytes


@dataclass(frozen=True, slots=True)
class GuestResult:
    """What the guest gave: raw bytes, the fuel it took, and what it logged (at most 64 kB)."""

    output: bytes
    fuel: int
    log: str = ""


class MigrationRuntime(Protocol):
    """Runs guests: bytes to bytes, under limits that give the same verdict on every machine."""

    async def run(self, call: GuestCall) -> GuestResult:
        """
        :raises MigrationFailed: wrong ABI, exports or imports, trap, limit; the sentence names which.
        """
        ...


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """One document against one schema.

    :ivar schema: parsed JSON; ``schema_digest``: ``sha256:<hex>`` of its raw bytes, for caching compiled schemas.
    :ivar formats: whether ``format`` is asserted instead of being an annotation.
    :ivar remotes: address → schema that references may name; ``schema_digest`` must tell them apart too.
    """

    schema: Any
    schema_digest: str
    document: Any
    formats: bool = False
    remotes: Mapping[str, Any] = field(default_factory=dict)


class Validator(Protocol):
    """Judges documents against schemas off the event loop, so that a hostile schema cannot stall the daemon."""

    async def validate(self, request: ValidationRequest) -> tuple[Violation, ...]:
        """The violations, empty when the document fits.

        :raises UnusableSchema: the schema cannot judge anything, or a validation went over 2 s of CPU; the message of
            the latter begins with ``work limit``.
        """
        ...

    async def check_schema(self, request: ValidationRequest) -> None:
        """Return when the schema is usable; its document is ignored.

        :raises UnusableSchema: as above.
        """
        ...


class EventSink(Protocol):
    """Where journal entries go."""

    @property
    def name(self) -> str: ...

    async def publish(self, events: Sequence[Recorded]) -> int:
        """Send in order and return how many, from the first, are acknowledged without a gap.

        :raises Unavailable: none is known to be acknowledged.
        """
        ...

    async def aclose(self) -> None: ...


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


@dataclass(frozen=True, slots=True)
class Secret:
    """A credential with its lifetime. Its ``repr`` never shows the value.

    :ivar lifetime_s: seconds from issue, None = no end known.
    """

    value: str = field(repr=False)
    lifetime_s: float | None = None
    renewable: bool = False


class Credentials(Protocol):
    """Secrets with a lifetime, renewed ahead of time."""

    def current(self) -> Secret | None:
        """What to use now, without waiting."""
        ...

    async def run(self) -> None:
        """Obtain, renew and rotate until cancelled; then hand back what can be revoked."""
        ...


class Metrics(Protocol):
    """Numbers for the operator. Names and labels are declared in ``adapters/prometheus.py``; labels are bounded."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...
