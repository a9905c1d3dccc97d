"""Transactions of the registry: keys of the layout and its own records together, and the facts recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import anyio

from versiqiid.core.registry.subjects import family_of
from versiqiid.core.snapshot import Change, Value
from versiqiid.engine.attributions import Attributions
from versiqiid.engine.facts import Attribution, is_fact, key_facts
from versiqiid.engine.gate import JournalGate
from versiqiid.operations import check_size
from versiqiid.ports import Delete, Draft, Entry, KeyValueStore, Operation, Set

OPERATIONS_MAX = 40
"""How many operations one transaction is planned with: every store takes more than that with its note."""


class Keys:
    """The store below one root, by relative keys."""

    def __init__(self, store: KeyValueStore, gate: JournalGate, attributions: Attributions, *, root: str) -> None:
        self._store = store
        self._gate = gate
        self._attributions = attributions
        self._root = root

    @property
    def root(self) -> str:
        return self._root

    async def get(self, key: str) -> Entry | None:
        return await self._store.get(f"{self._root}/{key}")

    async def under(self, prefix: str) -> dict[str, Entry]:
        """What stands under the prefix, by the rest of its key."""
        listing = await self._store.scan(f"{self._root}/{prefix}")
        strip = len(self._root) + 1 + len(prefix)
        return {entry.key[strip:]: entry for entry in listing.entries}

    async def commit(
        self,
        operations: Sequence[Operation],
        before: Mapping[str, Entry | None],
        by: Attribution,
        fact: Mapping[str, Any] | None = None,
    ) -> None:
        """All of it or nothing. What changed is recorded, also when the caller is no longer there.

        :param operations: with keys relative to the root.
        :param before: what stood under each desired key that is written.
        :param fact: what else happened, which no desired key shows (``RegistryChanged``).
        :raises Conflict: something has moved; nothing was written.
        """
        full = [_below(self._root, operation) for operation in operations]
        removed = [each.key for each in operations if isinstance(each, Delete) and is_fact(each.key)]
        note, raw = self._attributions.note(by, removed)
        full.append(Set(f"{self._root}/{note}", raw))
        check_size(full, self._store.limits)
        revision = int(await self._store.commit(full))
        changes = [
            Change(
                each.key,
                _value(before.get(each.key)),
                Value(each.value, revision) if isinstance(each, Set) else None,
                revision,
            )
            for each in operations
            if isinstance(each, Set | Delete) and is_fact(each.key) and _changes(each, before.get(each.key))
        ]
        drafts = [fact for change in changes for fact in key_facts(change, by)]
        if fact is not None:
            stream = f"registry/{family_of(fact['subject']) if fact.get('subject') else 'all'}"
            drafts.append(Draft("RegistryChanged", stream, fact, by.actor, by.correlation_id, git=by.git))
        if drafts:
            with anyio.CancelScope(shield=True):
                await self._gate.append(drafts)


def _below(root: str, operation: Operation) -> Operation:
    if isinstance(operation, Set):
        return Set(f"{root}/{operation.key}", operation.value, operation.expect)
    if isinstance(operation, Delete):
        return Delete(f"{root}/{operation.key}", operation.expect)
    return operation


def _value(entry: Entry | None) -> Value | None:
    return Value(entry.value, entry.revision) if entry else None


def _changes(operation: Set | Delete, before: Entry | None) -> bool:
    if isinstance(operation, Set):
        return before is None or before.value != operation.value
    return before is not None
