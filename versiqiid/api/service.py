"""The use cases behind every face: read, list, write, delete, transact. No HTTP and no terminal here.

A write goes to the store first and is recorded then. A note in the same transaction tells the process that leads whose
write it is, so that it is attributed to its author also where the watch is faster.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import anyio

from versiqiid.api.entries import digest_of
from versiqiid.api.expectation import ANYTHING, Expectation
from versiqiid.api.guards import check_immutable, check_module, is_draft, is_immutable
from versiqiid.api.marks import Mark, Turns, family_of, read_marks
from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.published import Published, record_key
from versiqiid.core.snapshot import Change, Value
from versiqiid.core.times import rfc3339
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.facts import Attribution, key_facts
from versiqiid.engine.gate import JournalGate
from versiqiid.errors import Conflict, Forbidden, InvalidInput, InvalidKey, NotFound, TooLarge
from versiqiid.operations import check_operations, check_size
from versiqiid.ports import ABSENT, Check, Delete, Entry, KeyRecord, KeyValueStore, Operation, Query, Set, StoreLimits

PAGE_SIZE_DEFAULT = 500
PAGE_SIZE_MAX = 10_000
OPERATIONS_MAX = 128
ATTEMPTS = 32
"""How often a write that is meant for whatever is there is tried again when others are faster. Arbitrary."""


@dataclass(frozen=True, slots=True)
class Item:
    """One key as people see it. ``key`` is relative to the root; times are RFC 3339 or None when unknown."""

    key: str
    raw: bytes
    revision: int
    created: str | None = None
    updated: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """:ivar next_token: what to give as ``page_token`` for the next page, None at the end."""

    items: tuple[Item, ...]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Write:
    """One operation of a transaction. ``op``: set | delete | check."""

    op: str
    key: str
    raw: bytes | None = None
    expect: Expectation = ANYTHING


@dataclass(frozen=True, slots=True)
class Written:
    """What a transaction did.

    :ivar revision: the store's revision of the commit; 0 when nothing was sent.
    :ivar keys: what really changed. :ivar revisions: of each key that is there now, its revision, which is its ETag.
    :ivar created: whether the first key was absent before.
    """

    revision: int
    correlation_id: str
    created: bool = False
    keys: tuple[str, ...] = ()
    revisions: Mapping[str, int] = field(default_factory=dict)


Inspection: TypeAlias = Callable[[Sequence[Write]], Awaitable[None]]
"""Looks at a transaction before it is sent; raises what refuses it."""


class Service:
    """Keys as use cases. ``root`` never shows in what it takes and gives."""

    def __init__(self, store: KeyValueStore, gate: JournalGate, attributions: Attributions, *, root: str) -> None:
        self.store = store
        self.gate = gate
        self._attributions = attributions
        self.root = root
        self.inspections: list[Inspection] = []
        self._turns = Turns()

    async def get(self, key: str) -> Item:
        """The key as the store holds it now.

        :raises InvalidKey: outside the key layout. :raises NotFound: nothing there.
        """
        _meaning(key)
        entry = await self.store.get(f"{self.root}/{key}")
        if entry is None:
            raise _absent(key)
        return (await self._items([entry]))[0]

    async def list(self, prefix: str, *, page_size: int = PAGE_SIZE_DEFAULT, page_token: str = "") -> Page:
        """Keys of the layout under a prefix that ends with ``/``, in byte order, one page of them.

        :param page_size: 1 to 10,000. :param page_token: ``next_token`` of the page before.
        :raises InvalidKey: a prefix that is no room of the key layout.
        """
        check_prefix(prefix)
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            msg = f"page_size must be 1 to {PAGE_SIZE_MAX}"
            raise InvalidInput(msg)
        listing = await self.store.scan(f"{self.root}/{prefix}")
        after = f"{self.root}/{page_token}" if page_token else ""
        strip = len(self.root) + 1
        page: list[Entry] = []
        for entry in listing.entries:
            if entry.key > after and is_listed(entry.key[strip:], prefix):
                if len(page) == page_size:
                    return Page(await self._items(page), page[-1].key[strip:])
                page.append(entry)
        return Page(await self._items(page), None)

    async def put(
        self, key: str, raw: bytes, *, expect: Expectation, by: Attribution, validate_only: bool = False
    ) -> Written:
        """Write a desired key; ``Written.revision`` is then the key's, also when it held this value already.

        :raises PreconditionRequired: ``expect`` says nothing and the key exists.
        :raises Conflict: another revision is there. :raises Forbidden: the key is the daemon's.
        """
        written = await self.transact((Write("set", key, raw, expect),), by=by, validate_only=validate_only)
        return replace(written, revision=written.revisions.get(key, 0))

    async def delete(self, key: str, *, expect: Expectation, by: Attribution, validate_only: bool = False) -> Written:
        """Remove a desired key.

        :raises NotFound: it does not exist. Else as ``put``.
        """
        write = Write("delete", key, None, expect)
        _check_shape((write,))
        if await self._before(key) is None:
            raise _absent(key)
        return await self.transact((write,), by=by, validate_only=validate_only)

    async def transact(self, writes: Sequence[Write], *, by: Attribution, validate_only: bool = False) -> Written:
        """All of it or nothing. ``by.correlation_id`` must be set.

        What is written is written over exactly what was looked at, and judged by what the families it is about hold
        then; where a writer minds nothing and somebody else is faster, it is looked at, judged and tried again.

        :param writes: at most 128, no key twice.
        :raises InvalidInput: no operation, too many, an unknown one, a key twice, or a value that may not be there.
        :raises Conflict: an expectation failed; nothing was written.
        """
        _check_shape(writes)
        families = sorted({name for write in writes if write.op != "check" and (name := family_of(write.key))})
        async with self._turns.at(families):
            return await self._decided(writes, families, by, validate_only=validate_only)

    async def _decided(
        self, writes: Sequence[Write], families: Sequence[str], by: Attribution, *, validate_only: bool
    ) -> Written:
        judged: tuple[Mark, ...] | None = None
        for _ in range(ATTEMPTS):
            marks = await read_marks(self._before, families)
            before = {write.key: await self._before(write.key) for write in writes}
            for write in writes:
                await self._check(write, before[write.key], writes)
            new = [write for write in writes if _is_new(write, before[write.key])]
            for inspect in self.inspections if marks != judged else ():
                await inspect(new)
            judged = marks
            operations = [self._operation(write, before[write.key]) for write in writes]
            moved = self._moved(marks, new)
            operations += moved
            check_operations(operations, self.store.limits)
            _check_room(operations, len(moved), self.store.limits)
            if validate_only:
                return Written(0, by.correlation_id, created=before[writes[0].key] is None)
            try:
                return await self._commit(writes, before, operations, by)
            except Conflict as conflict:
                lost = conflict
        raise lost

    def _moved(self, marks: Iterable[Mark], new: Iterable[Write]) -> tuple[Operation, ...]:
        """The marks of the families in which something changes, moved."""
        changing = {family_of(write.key) for write in new}
        return tuple(mark.moved(self.root) for mark in marks if mark.family in changing)

    async def _commit(
        self,
        writes: Sequence[Write],
        before: Mapping[str, Entry | None],
        operations: Sequence[Operation],
        by: Attribution,
    ) -> Written:
        """Commit and record. Once it is committed it is recorded, also when the caller is no longer there."""
        revision = int(await self.store.commit((*operations, *self._note(operations, by))))
        changes = [c for write in writes if (c := _change(write, before[write.key], revision)) is not None]
        if changes:
            with anyio.CancelScope(shield=True):
                await self.gate.append([fact for change in changes for fact in key_facts(change, by)])
        there = {key: entry.revision for key, entry in before.items() if entry is not None}
        there |= {change.key: revision for change in changes}
        gone = {write.key for write in writes if write.op == "delete"}
        return Written(
            revision,
            by.correlation_id,
            created=before[writes[0].key] is None,
            keys=tuple(change.key for change in changes),
            revisions={key: at for key, at in there.items() if key not in gone},
        )

    def _note(self, operations: Sequence[Operation], by: Attribution) -> tuple[Operation, ...]:
        """Who writes, for whoever leads; left out where the store takes no further operation."""
        strip = len(self.root) + 1
        removed = [operation.key[strip:] for operation in operations if isinstance(operation, Delete)]
        if not removed and not any(isinstance(operation, Set) for operation in operations):
            return ()
        key, raw = self._attributions.note(by, removed)
        note = Set(f"{self.root}/{key}", raw)
        try:
            check_size((*operations, note), self.store.limits)
        except TooLarge:
            return ()
        return (note,)

    async def _check(self, write: Write, before: Entry | None, writes: Sequence[Write]) -> None:
        raw = write.raw or b""
        if write.op == "set":
            check_module(write.key, raw, await self._parts(write.key, raw, writes))
            changes = before is None or before.value != raw
            if is_immutable(write.key) and changes and not await self._is_draft(write.key):
                check_immutable(write.key, raw, await self._held(write.key, before))
        write.expect.check(write.key, before.revision if before else ABSENT)

    async def _is_draft(self, key: str) -> bool:
        """Whether it is a schema that nobody has ever published: its text may still change."""
        meaning = k.parse(key)
        if not isinstance(meaning, k.SchemaKey) or await self._before(record_key(Published(key))) is not None:
            return False
        entry = await self._before(f"lifecycle/{meaning.family}/{meaning.version}")
        return entry is not None and is_draft(entry.value)

    async def _held(self, key: str, before: Entry | None) -> frozenset[str]:
        """Digests of all that an immutable key holds or ever held."""
        if before is not None:
            return frozenset({digest(before.value)})
        entries = await self.gate.journal.read(Query(key=key, limit=PAGE_SIZE_MAX))
        return frozenset(found for entry in entries if (found := digest_of(entry)) is not None)

    async def _parts(self, key: str, raw: bytes, writes: Iterable[Write]) -> dict[str, bytes]:
        """The parts of a module whose head is being written, from the store and from the same transaction."""
        if not isinstance(k.parse(key), k.ModuleKey) or not raw.lstrip().startswith(b"{"):
            return {}
        listing = await self.store.scan(f"{self.root}/{key}/")
        there = {entry.key[len(self.root) + 1 :]: entry.value for entry in listing.entries}
        return there | {w.key: w.raw or b"" for w in writes if w.op == "set" and w.key.startswith(f"{key}/")}

    async def _before(self, key: str) -> Entry | None:
        return await self.store.get(f"{self.root}/{key}")

    async def _items(self, entries: Sequence[Entry]) -> tuple[Item, ...]:
        """Entries as people see them; where the store keeps no times, the journal's projection has them."""
        strip = len(self.root) + 1
        timeless = [entry.key[strip:] for entry in entries if entry.created is None]
        known: dict[str, KeyRecord] = {}
        if timeless:
            near = _common_prefix(timeless[0], timeless[-1])  # in byte order, so of all of them
            known = {record.key: record for record in await self.gate.journal.keys(near)}
        return tuple(_item(entry, entry.key[strip:], known.get(entry.key[strip:])) for entry in entries)

    def _operation(self, write: Write, before: Entry | None) -> Operation:
        key, found = f"{self.root}/{write.key}", before.revision if before else ABSENT
        if write.op == "set":
            return Set(key, write.raw or b"", found)
        return Delete(key, found) if write.op == "delete" and found else Check(key, found)


def check_prefix(prefix: str) -> None:
    """Return when keys can be listed under the prefix: a room of the layout or a place in one, ending with ``/``, or
    nothing at all, which is every room.

    :raises InvalidKey: anything else.
    """
    if not prefix:
        return
    room, *rest = prefix.removesuffix("/").split("/")
    if room not in (*k.DESIRED, *k.DAEMON) or not all(k.is_segment(segment) for segment in rest):
        rooms = ", ".join((*k.DESIRED, *k.DAEMON))
        raise InvalidKey(f"prefix {prefix[:200]!r} is no place of the key layout", hint=f"Rooms are {rooms}.")


def is_listed(key: str, prefix: str) -> bool:
    """Whether a list of this prefix shows the key: those of the layout, the daemon's own notes only when asked for."""
    meaning = k.parse(key)
    return meaning is not None and (bool(prefix) or not isinstance(meaning, k.SystemKey))


def _meaning(key: str) -> k.Key:
    meaning = k.parse(key)
    if meaning is None:
        msg = f"key {key[:200]!r} is not in the key layout"
        hint = "Keys look like configs/<target>/<schema version>/<name>; a prefix to list ends with '/'."
        raise InvalidKey(msg, hint=hint)
    return meaning


def _absent(key: str) -> NotFound:
    return NotFound(f"key {key!r} does not exist", hint="List what there is with `versiqii kv ls`.")


def _check_shape(writes: Sequence[Write]) -> None:
    if not 1 <= len(writes) <= OPERATIONS_MAX:
        msg = f"a transaction has 1 to {OPERATIONS_MAX} operations, not {len(writes)}"
        raise InvalidInput(msg)
    seen: set[str] = set()
    for write in writes:
        if write.op not in ("set", "delete", "check"):
            msg = f"unknown operation {write.op[:40]!r}; known are set, delete, check"
            raise InvalidInput(msg)
        _meaning(write.key)
        if not k.is_desired(write.key) and write.op != "check":
            msg = f"key {write.key!r} is written by the daemon only"
            raise Forbidden(msg, hint="Write desired state; effective state follows from it.")
        if write.key in seen:
            msg = f"key {write.key!r} appears twice in one transaction"
            raise InvalidInput(msg)
        seen.add(write.key)


def _check_room(operations: Sequence[Operation], marks: int, limits: StoreLimits) -> None:
    """As ``check_size``, for operations of which so many are marks that the writer knows nothing of.

    One value alone may be as large as a value may be: a store need not make a transaction of it.
    """
    if len(operations) == 1:
        return
    try:
        check_size(operations, limits)
    except TooLarge as error:
        if marks:
            error.hint += f" {marks} of them are marks: each family that is written to takes one."
        raise


def _is_new(write: Write, before: Entry | None) -> bool:
    """Whether the write would change anything."""
    return write.op != "check" and (before.value if before else None) != write.raw


def _change(write: Write, before: Entry | None, revision: int) -> Change | None:
    """What a committed operation did, None when it did nothing."""
    old = Value(before.value, before.revision) if before else None
    if write.op == "set" and (before is None or before.value != write.raw):
        return Change(write.key, old, Value(write.raw or b"", revision), revision)
    if write.op == "delete" and before is not None:
        return Change(write.key, old, None, revision)
    return None


def _common_prefix(one: str, other: str) -> str:
    """What both begin with."""
    length = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    return one[:length] if length is not None else min(one, other, key=len)


def _item(entry: Entry, key: str, known: KeyRecord | None) -> Item:
    if entry.created is not None and entry.updated is not None:
        return Item(key, entry.value, entry.revision, rfc3339(entry.created), rfc3339(entry.updated))
    if known is not None:
        return Item(key, entry.value, entry.revision, known.created, known.updated)
    return Item(key, entry.value, entry.revision)
