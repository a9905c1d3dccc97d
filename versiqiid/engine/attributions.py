"""Who wrote: a note that the API puts into the same transaction as the keys, and that the observer reads with them.

The store keeps no author. Whoever leads records what it sees, which may be another process than the one whose API was
asked, or the same one after a crash; the note tells it whose write that was, and as what it is to be recorded. All keys
of one commit share a revision, so the note's own revision says which writes it is about.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from versiqiid.core.canonical import canonical
from versiqiid.core.snapshot import Change, Value
from versiqiid.engine.facts import Attribution
from versiqiid.ports import Actor

ROOM = "_system/writers/"
SLOTS = 64
"""Notes kept for each name of a process. Arbitrary: how many commits a leader may be behind and still know."""

_NOBODY = Attribution()


@dataclass(frozen=True, slots=True)
class _Note:
    revision: int
    by: Attribution
    removed: frozenset[str]


class Attributions:
    """Notes of all processes, as seen, and the making of our own.

    :param writer: what this process is called; part of a key.
    """

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._next = uuid.uuid4().int % SLOTS
        self._notes: dict[str, _Note] = {}

    def note(self, by: Attribution, removed: Sequence[str]) -> tuple[str, bytes]:
        """The key, relative to the root, and the value to write together with the keys that ``by`` writes.

        :param removed: keys that the transaction removes: they have no revision to be known by.
        """
        self._next = (self._next + 1) % SLOTS
        told: dict[str, Any] = {
            "nonce": uuid.uuid4().hex,  # the same note twice would keep its first revision
            "actor": {"kind": by.actor.kind, "id": by.actor.id, "via": by.actor.via},
            "correlationId": by.correlation_id,
            "removed": list(removed),
        }
        told |= {"type": by.type} if by.type else {}
        told |= {"git": dict(by.git)} if by.git else {}
        told |= {"data": dict(by.data)} if by.data else {}
        return f"{ROOM}{self._writer}-{self._next}", canonical(told)

    def take_in(self, changed: Mapping[str, Value]) -> None:
        """Remember the notes among what was observed."""
        for key, value in changed.items():
            if key.startswith(ROOM) and (note := _read(value)) is not None:
                self._notes[key] = note

    def of(self, change: Change) -> Attribution:
        """Who made this change, or nobody known."""
        for note in self._notes.values():
            if change.after is not None:
                if note.revision == change.after.revision:
                    return note.by
            elif change.key in note.removed and (change.before is None or note.revision > change.before.revision):
                return note.by
        return _NOBODY


def _read(value: Value) -> _Note | None:
    """A note, None when it is none: the room is no interface, but anybody can write there."""
    try:
        told = json.loads(value.raw)
        actor = Actor(str(told["actor"]["kind"]), str(told["actor"]["id"]), str(told["actor"]["via"]))
        by = Attribution(actor, str(told["correlationId"]), told.get("type"), told.get("git"), told.get("data"))
        return _Note(value.revision, by, frozenset(map(str, told["removed"])))
    except (ValueError, KeyError, TypeError):
        return None
