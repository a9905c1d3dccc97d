"""Rules for ``not`` and for ``if``, ``then``, ``else``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versiqiid.core.compatibility.json_schema.found import Compare, Found, found
from versiqiid.core.compatibility.json_schema.model import Kind, Node

if TYPE_CHECKING:
    from collections.abc import Iterator


def compare_nots(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    """What is excluded now must have been excluded before, so the two change places."""
    before, after = old.child("not"), new.child("not")
    if before is None or after is None:
        return
    details = ask.differences(after, before)
    if details:
        yield found(f"NOT_TYPE_{'NARROWED' if ask.compatible(details) else 'EXTENDED'}", new, "not")


def compare_conditions(old: Node, new: Node, ask: Compare) -> Iterator[Found]:
    """The same documents have to take the same branch, and each branch must fit."""
    test_before, test_after = old.child("if"), new.child("if")
    if test_before is None or test_after is None:
        return
    if not (ask.fits(test_before, test_after) and ask.fits(test_after, test_before)):
        yield found("CONDITION_CHANGED", new, "if")
        return
    for branch in ("then", "else"):
        before, after = old.child(branch), new.child(branch)
        if before is None and after is not None and after.kind is not Kind.ANY:
            yield found("CONDITION_ADDED", new, branch)
        elif before is not None and after is None:
            yield found("CONDITION_REMOVED", old, branch)
        elif before is not None and after is not None:
            yield from ask.differences(before, after)
