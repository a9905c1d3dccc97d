"""The use cases behind every face: read, list, write, delete, transact. No HTTP and no terminal here.

A write goes to the store first and is recorded then; while it is under way it is announced, so that the watch attributes
it to its author even when it is faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from versiqiid.api.guards import check_write
from versiqiid.core import keys as k
from versiqiid.core.canonical import digest
from versiqiid.core.snapshot import Change, Value
from versiqiid.core.times import rfc3339
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.facts import Attribution, key_fact
from versiqiid.engine.gate import JournalGate
from versiqiid.errors import Conflict, Forbidden, InvalidInput, InvalidKey, NotFound, VersiqiiError
from versiqiid.ports import Check, Delete, Entry, KeyRecord, KeyValueStore, Operation, Set

PAGE_SIZE_DEFAULT = 500
PAGE_SIZE_MAX = 10_000
OPERATIONS_MAX = 128


class PreconditionRequired(VersiqiiError):
    """A write over something that exists must say what it is written over. Nothing was written."""

    code = "precondition_required"


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
    """One operation of a transaction. ``op``: set | delete | check. ``revision``: None = whatever is there, 0 = absent."""

    op: str
    key: str
    raw: bytes | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """:ivar revision: the store's revision of the commit, the ETag of each key set by it."""

    revision: int
    correlation_id: str
    created: bool = False
    keys: tuple[str, ...] = field(default=())


class Service:
    """Keys as use cases. ``root`` never shows in what it takes and gives."""

    def __init__(self, store: KeyValueStore, gate: JournalGate, attributions: Attributions, *, root: str) -> None:
        self.store = store
        self.gate = gate
        self._attributions = attributions
        self._root = root

    async def get(self, key: str) -> Item:
        """The key as the store holds it now.

        :raises InvalidKey: outside the key layout. :raises NotFound: nothing there.
        """
        _meaning(key)
        entry = await self.store.get(f"{self._root}/{key}")
        if entry is None:
            msg = f"key {key!r} does not exist"
            raise NotFound(msg, hint="List what there is with `versiqii kv ls`.")
        times = {record.key: record for record in await self.gate.journal.keys(key)}
        return _item(entry, key, times.get(key))

    async def list(self, prefix: str, *, page_size: int = PAGE_SIZE_DEFAULT, page_token: str = "") -> Page:
        """Keys under a prefix that ends with ``/``, in byte order, one page of them.

        :param page_size: 1 to 10,000. :param page_token: ``next_token`` of the page before.
        :raises InvalidKey: a prefix that is no room of the key layout.
        """
        if prefix.split("/", 1)[0] not in (*k.DESIRED, *k.DAEMON):
            msg = f"prefix {prefix!r} is no room of the key layout"
            raise InvalidKey(msg, hint=f"Rooms are {', '.join((*k.DESIRED, *k.DAEMON))}.")
        if not 1 <= page_size <= PAGE_SIZE_MAX:
            msg = f"page_size must be 1 to {PAGE_SIZE_MAX}"
            raise InvalidInput(msg)
        listing = await self.store.scan(f"{self._root}/{prefix}")
        strip = len(self._root) + 1
        entries = [entry for entry in listing.entries if entry.key[strip:] > page_token]
        page, more = entries[:page_size], len(entries) > page_size
        known = {record.key: record for record in await self.gate.journal.keys(prefix)}
        items = tuple(_item(entry, entry.key[strip:], known.get(entry.key[strip:])) for entry in page)
        return Page(items, items[-1].key if more else None)

    async def put(self, key: str, raw: bytes, *, expect: int | None, by: Attribution, validate_only: bool = False) -> Written:
        """Write a desired key.

        :param expect: 0 = create only; n = over revision n; -1 = create, and say so when it exists already;
            None = whatever is there.
        :raises PreconditionRequired: ``expect`` is -1 and the key exists.
        :raises Conflict: another revision is there. :raises Forbidden: the key is the daemon's.
        """
        careful = expect is not None and expect < 0
        write = Write("set", key, raw, 0 if careful else expect)
        try:
            return await self.transact((write,), by=by, validate_only=validate_only)
        except Conflict as conflict:
            if careful and conflict.found != 0:
                raise _precondition(key, conflict.found) from conflict
            raise

    async def delete(self, key: str, *, expect: int | None, by: Attribution, validate_only: bool = False) -> Written:
        """Remove a desired key; ``expect`` as in ``put``.

        :raises NotFound: it does not exist.
        """
        item = await self.get(key)
        if expect is not None and expect < 0:
            raise _precondition(key, item.revision)
        revision = item.revision if expect is None else expect
        return await self.transact((Write("delete", key, None, revision),), by=by, validate_only=validate_only)

    async def transact(self, writes: Sequence[Write], *, by: Attribution, validate_only: bool = False) -> Written:
        """All of it or nothing. ``by.correlation_id`` must be set.

        :param writes: at most 128, no key twice.
        :raises InvalidInput: no operation, too many, an unknown one, a key twice, or a value that may not be there.
        :raises Conflict: an expectation failed; nothing was written.
        """
        _check_shape(writes)
        before = {write.key: await self._before(write.key) for write in writes}
        for write in writes:
            check_write(write.key, write.raw, before[write.key], is_set=write.op == "set")
        creates = all(before[write.key] is None for write in writes if write.op == "set")
        if validate_only:
            for write in writes:
                _check_revision(write, before[write.key])
            return Written(0, by.correlation_id, creates)
        slots = [(w.key, digest(w.raw) if w.raw is not None else None) for w in writes if w.op != "check"]
        with self._attributions.announced(slots, by):
            revision = await self._commit([self._operation(write, before[write.key]) for write in writes])
            facts = [change for write in writes if (change := _change(write, before[write.key], revision)) is not None]
            if facts:
                await self.gate.append([key_fact(change, by) for change in facts])
        return Written(revision, by.correlation_id, creates, tuple(change.key for change in facts))

    async def _commit(self, operations: Sequence[Operation]) -> int:
        try:
            return await self.store.commit(operations)
        except Conflict as conflict:
            key = conflict.key.removeprefix(f"{self._root}/")
            raise _conflict(key, conflict.expected, conflict.found) from conflict

    async def _before(self, key: str) -> Entry | None:
        return await self.store.get(f"{self._root}/{key}")

    def _operation(self, write: Write, before: Entry | None) -> Operation:
        key = f"{self._root}/{write.key}"
        match write.op:
            case "set":
                return Set(key, write.raw or b"", write.revision)
            case "delete":
                revision = write.revision
                return Check(key, 0) if before is None and not revision else Delete(key, revision)
            case _:
                return Check(key, write.revision or 0)


def caller(by: Attribution, **data: Any) -> Attribution:
    """The same author with more to say in the entry's data."""
    return replace(by, data={**dict(by.data or {}), **data})


def _meaning(key: str) -> k.Key:
    meaning = k.parse(key)
    if meaning is None:
        msg = f"key {key[:200]!r} is not in the key layout"
        raise InvalidKey(msg, hint="Keys look like configs/<target>/<schema version>/<name>; see docs/kv-layout.md.")
    return meaning


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


def _check_revision(write: Write, before: Entry | None) -> None:
    found = before.revision if before else 0
    if write.revision is not None and write.revision != found:
        raise _conflict(write.key, write.revision, found)


def _conflict(key: str, expected: int, found: int | None) -> Conflict:
    there = "somewhere else" if found is None else f"at revision {found}" if found else "absent"
    wanted = f"revision {expected}" if expected else "absent"
    msg = f"key {key!r} is {there}, not {wanted}; nothing was written"
    return Conflict(msg, key=key, expected=expected, found=found, hint="Read the key again and decide on what it holds now.")


def _precondition(key: str, found: int | None) -> PreconditionRequired:
    msg = f"key {key!r} exists already, at revision {found}"
    return PreconditionRequired(msg, hint=f'Send If-Match: "{found}" to write over that revision, or If-Match: * over any.')


def _change(write: Write, before: Entry | None, revision: int) -> Change | None:
    """What a committed operation did, None when it did nothing."""
    old = Value(before.value, before.revision) if before else None
    if write.op == "set" and (before is None or before.value != write.raw):
        return Change(write.key, old, Value(write.raw or b"", revision), revision)
    if write.op == "delete" and before is not None:
        return Change(write.key, old, None, revision)
    return None


def _item(entry: Entry, key: str, known: KeyRecord | None) -> Item:
    if entry.created is not None and entry.updated is not None:
        return Item(key, entry.value, entry.revision, rfc3339(entry.created), rfc3339(entry.updated))
    if known is not None:
        return Item(key, entry.value, entry.revision, known.created, known.updated)
    return Item(key, entry.value, entry.revision)

