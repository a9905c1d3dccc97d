"""What a writer says is there before it writes: the preconditions of all faces, as values. No HTTP here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from versiqiid.errors import Conflict, VersiqiiError


class PreconditionRequired(VersiqiiError):
    """A write over something that exists must say what it is written over. Nothing was written."""

    code = "precondition_required"


@dataclass(frozen=True, slots=True)
class Expectation:
    """Which revisions of a key a write is meant for.

    :ivar revisions: any one of these, 0 = absent; None = whatever is there; empty = none that we ever gave out.
    :ivar said: False when the writer said nothing, which is only good for creating.
    """

    revisions: frozenset[int] | None
    said: bool = True

    def check(self, key: str, found: int) -> None:
        """Return when the key, at revision ``found`` (0 = absent), is what the writer means.

        :raises PreconditionRequired: it exists, and the writer did not say that it knows.
        :raises Conflict: it is at another revision. Nothing was written in either case.
        """
        if self.revisions is None or found in self.revisions:
            return
        if not self.said:
            raise PreconditionRequired(
                f"key {key!r} exists already, at revision {found}",
                hint=f'Send If-Match: "{found}" to write over that revision, or If-Match: * over any.',
            )
        raise _conflict(key, max(self.revisions, default=0), found, known=bool(self.revisions))


ANYTHING: Final = Expectation(None)
ABSENT: Final = Expectation(frozenset({0}))
UNSAID: Final = Expectation(frozenset({0}), said=False)


def at(revision: int) -> Expectation:
    """Exactly this revision, 0 = absent."""
    return Expectation(frozenset({revision}))


def _conflict(key: str, expected: int, found: int, *, known: bool) -> Conflict:
    there = f"at revision {found}" if found else "absent"
    wanted = (f"at revision {expected}" if expected else "absent") if known else "what the precondition names"
    return Conflict(
        f"key {key!r} is {there}, not {wanted}; nothing was written",
        key=key,
        expected=expected,
        found=found,
        hint="Read the key again and decide on what it holds now.",
    )
