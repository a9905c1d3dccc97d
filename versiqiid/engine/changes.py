"""What one item of work wants written, as a value: guards, outputs and the fact that settles it.

An output may tell its own journal position, so it is rendered only when that position is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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

_SLACK_BYTES = 10_000
"""For the fence, the receipt and brackets."""

Render: TypeAlias = Callable[[int], tuple[Output, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """One item's wish.

    :ivar keys: what the outputs write or remove.
    :ivar value_bytes: at most so many bytes of values.
    :ivar render: journal position → outputs, exactly of these keys.
    :ivar draft: the fact that settles it, its ``observed.revision`` filled in then; None when nothing happened that is
        a fact (a foretold position put right).
    :ivar further: facts that follow from that one, recorded right behind it.
    """

    work: Work[Item]
    guards: dict[str, int]
    keys: tuple[str, ...]
    value_bytes: int
    render: Render
    draft: Draft | None
    further: tuple[Draft, ...] = ()

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """Everything that is recorded when it is written, the settlement first."""
        return () if self.draft is None else (self.draft, *self.further)

    def touches(self, key: str) -> bool:
        return key in self.guards or key in self.keys

    def within(self, operations: int) -> Change:
        """This change with no more guards than leave room for its outputs: keys that exist, then the nearest absences.

        Guards are in the order in which the decision looked. What is left out is no refusal by the store any more, but
        still asks for the item again when it moves: an environment may be deeper than a transaction is long.
        """
        room = max(0, operations - len(self.keys))
        if len(self.guards) <= room:
            return self
        first = sorted(self.guards, key=lambda key: self.guards[key] == 0)[:room]
        return replace(self, guards={key: self.guards[key] for key in first})


@dataclass(frozen=True, slots=True)
class Parcel:
    """Changes that go into one transaction, with their guards made once."""

    changes: tuple[Change, ...]
    outputs: tuple[Output, ...]
    operations: tuple[Operation, ...]


class Load:
    """Fills one transaction within the store's limits; keys that several changes look at count once.

    :param reserved: operations the caller adds (fence, receipt).
    """

    def __init__(self, *, root: str, limits: StoreLimits, reserved: int) -> None:
        self._root = root
        self._operations_max = limits.operations_max - reserved
        self._bytes_max = limits.transaction_bytes_max - _SLACK_BYTES
        self._keys: set[str] = set()
        self._bytes = 0
        self.full = False

    def takes(self, change: Change) -> bool:
        """Take the change aboard if it fits; the first one always does, and is divided no further."""
        wanted = change.guards.keys() | set(change.keys)
        more = wanted - self._keys
        size = change.value_bytes * 4 // 3 + sum(len(self._root) + len(key) + _OPERATION_BYTES for key in more)
        over = len(self._keys) + len(more) > self._operations_max or self._bytes + size > self._bytes_max
        if over and self._keys:
            self.full = True
            return False
        self._keys |= more
        self._bytes += size
        return True


class Claims:
    """What transactions under way write and what they rely on.

    Another one may neither write the latter nor rely on the former, or the store would refuse one of the two.
    """

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._relied_on: Counter[str] = Counter()

    def free(self, change: Change) -> bool:
        """Whether the change stays out of the way of everything claimed."""
        crossing = any(key in self._written or self._relied_on[key] for key in change.keys)
        return not crossing and self._written.isdisjoint(change.guards)

    def add(self, change: Change) -> None:
        self._written.update(change.keys)
        self._relied_on.update(change.guards.keys())

    def remove(self, change: Change) -> None:
        self._written.difference_update(change.keys)
        self._relied_on.subtract(change.guards.keys())
        for key in change.guards:
            if not self._relied_on[key]:
                del self._relied_on[key]


def parcel(changes: list[Change], *, root: str, position: int) -> Parcel:
    """Render one transaction, its settlement expected to begin at ``position``."""
    outputs: tuple[Output, ...] = ()
    for change in changes:
        outputs += change.render(position)
        position += len(change.drafts)
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
        observed=replace(draft.observed, revision=revision, present=True),
        consul={"index": revision, "key": draft.observed.key},
    )
