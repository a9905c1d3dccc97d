"""What one item of work wants written, as a value: guards, outputs and the fact that settles it.

An output may tell its own journal position, so it is rendered only when that position is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from versiqiid.core.impact import Item
from versiqiid.engine.workqueue import Work
from versiqiid.ports import Check, Delete, Draft, Operation, Set, StoreLimits


@dataclass(frozen=True, slots=True)
class Output:
    """One key to be written or removed (``raw`` None), over the revision it was seen at (0 = absent)."""

    key: str
    raw: bytes | None
    expect: int

    def operation(self, root: str) -> Operation:
        key = f"{root}/{self.key}"
        return Delete(key, self.expect) if self.raw is None else Set(key, self.raw, self.expect)


_OPERATION_BYTES = 120
"""What an operation takes beside its key and its value, which travels in base64."""

Render: TypeAlias = Callable[[int], tuple[Output, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """One item's wish.

    :ivar keys: what the outputs write or remove.
    :ivar value_bytes: at most so many bytes of values.
    :ivar render: journal position → outputs, exactly of these keys.
    :ivar draft: the fact that settles it, its ``observed.revision`` filled in then; None when nothing happened that is
        a fact (a foretold position put right).
    """

    work: Work[Item]
    guards: dict[str, int]
    keys: tuple[str, ...]
    value_bytes: int
    render: Render
    draft: Draft | None

    def touches(self, key: str) -> bool:
        return key in self.guards or key in self.keys


@dataclass(frozen=True, slots=True)
class Parcel:
    """Changes that go into one transaction, with their guards made once."""

    changes: tuple[Change, ...]
    outputs: tuple[Output, ...]
    operations: tuple[Operation, ...]


def parcels(changes: Iterable[Change], *, root: str, limits: StoreLimits, reserved: int) -> Iterator[list[Change]]:
    """Cut changes into transactions within the store's limits; guards that several share count once.

    :param reserved: operations the caller adds (fence, receipt).
    """
    taken: list[Change] = []
    keys: set[str] = set()
    size = 0
    for change in changes:
        wanted = change.guards.keys() | set(change.keys)
        bytes_wanted = change.value_bytes * 4 // 3 + sum(len(root) + len(key) + _OPERATION_BYTES for key in wanted)
        full = len(keys | wanted) + reserved > limits.operations_max
        if taken and (full or size + bytes_wanted > limits.transaction_bytes_max - 10_000):
            yield taken
            taken, keys, size = [], set(), 0
        taken.append(change)
        keys |= wanted
        size += bytes_wanted
    if taken:
        yield taken


def parcel(changes: list[Change], *, root: str, position: int) -> Parcel:
    """Render one transaction, its settlement expected to begin at ``position``."""
    outputs: tuple[Output, ...] = ()
    for change in changes:
        outputs += change.render(position)
        position += change.draft is not None
    written = {output.key for output in outputs}
    guards = {key: revision for change in changes for key, revision in change.guards.items() if key not in written}
    checks = tuple(Check(_full(root, key), revision) for key, revision in sorted(guards.items()))
    return Parcel(tuple(changes), outputs, (*checks, *(output.operation(root) for output in outputs)))


def _full(root: str, key: str) -> str:
    """The store key of a guard; the parts of an imported tree stand outside the root and begin with ``//``."""
    return key[2:] if key.startswith("//") else f"{root}/{key}"


def settled(draft: Draft, revision: int) -> Draft:
    """The draft with the revision that the transaction got."""
    if draft.observed is None:
        return draft
    return replace(
        draft,
        observed=replace(draft.observed, revision=revision),
        consul={"index": revision, "key": draft.observed.key},
    )
