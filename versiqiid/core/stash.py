"""What a step could not express, kept beside the config and never inside it; how it comes back. Nothing is run here.

A record is bound to the document that the step gave by that document's hash: as long as the config is still that
document, the way back restores everything. Once somebody has edited it, the record is not applied blindly (it would
revive what they changed): what the record would add and what they did are merged, as three ways::

    base    the way back from the document as it was converted, without the record
    kept    the same with the record: the document as it once was
    edited  the way back from the document as it is now

Where both changed one place, the edit wins and the place is reported as a conflict.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from versiqiid.core.canonical import canonical
from versiqiid.core.laws import same
from versiqiid.core.limits import pointer_token
from versiqiid.core.patch import validate_patch
from versiqiid.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from versiqiid.core.canonical import Json

RECORDS_MAX = 256
_FIELDS = frozenset({"from", "to", "sha256", "lost", "patch", "converted"})
_NEEDED = frozenset({"from", "to", "sha256"})
_HINT = "Give back the stash as it was given: an array of {from, to, sha256, lost | patch, converted}."
_HEX_DIGITS = 64

_ABSENT: Final[Any] = object()


@dataclass(frozen=True, slots=True)
class Stash:
    """One record: what the step from ``source`` to ``destination`` could not express.

    :ivar sha256: 64 hex digits, of the canonical form of the document that the step gave.
    :ivar lost: a guest's own stash, given back to it as it was; None where there is none.
    :ivar patch: the RFC 6902 patch from what the way back gives, with ``lost``, to what was there; None where that is
        the same.
    :ivar converted: the document that the step gave, so that edits of it can be told; ``known`` where it is here.
    """

    source: str
    destination: str
    sha256: str
    lost: Json = None
    patch: Json = None
    converted: Json = None
    known: bool = False

    def of(self, document: Json) -> bool:
        """Whether the document still is the one that the step gave."""
        return hash_of(document) == self.sha256

    def as_json(self) -> dict[str, Json]:
        told: dict[str, Json] = {"from": self.source, "to": self.destination, "sha256": self.sha256}
        if self.lost is not None:
            told["lost"] = self.lost
        if self.patch is not None:
            told["patch"] = self.patch
        return told | ({"converted": self.converted} if self.known else {})


@dataclass(frozen=True, slots=True)
class Merged:
    """:ivar conflicts: RFC 6901 pointers where both sides changed the document and the edit won."""

    document: Json
    conflicts: tuple[str, ...] = ()


def hash_of(document: Json) -> str:
    """The SHA-256 of the document's canonical form, as hex digits."""
    return hashlib.sha256(canonical(document)).hexdigest()


def keep(source: str, destination: str, converted: Json, *, lost: Json = None, patch: Json = None) -> Stash:
    """A record for the document that a step gave."""
    return Stash(source, destination, hash_of(converted), lost, patch, converted, known=True)


def parse_stashes(value: Json) -> tuple[Stash, ...]:
    """The records that a caller gives back.

    :raises InvalidInput: not a list of records, or two for the same step; the message names the place.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > RECORDS_MAX:
        raise InvalidInput(f"stash: expected an array of at most {RECORDS_MAX} records", hint=_HINT)
    found: dict[tuple[str, str], Stash] = {}
    for at, item in enumerate(value):
        record = _record(f"stash/{at}", item)
        if (record.source, record.destination) in found:
            raise InvalidInput(f"stash/{at}: a second record for the same step", hint=_HINT)
        found[record.source, record.destination] = record
    return tuple(found.values())


def merge(base: Json, kept: Json, edited: Json) -> Merged:
    """What the record adds and what the edit did, together.

    Objects are merged member by member, arrays of one length element by element; an array of another length is one
    value. A side that did not change a place yields to the one that did.
    """
    conflicts: list[str] = []
    document = _merged(base, kept, edited, "", conflicts)
    return Merged(None if document is _ABSENT else document, tuple(conflicts))


def _merged(base: Any, kept: Any, edited: Any, pointer: str, conflicts: list[str]) -> Any:
    if _equal(kept, edited) or _equal(base, kept):
        return edited
    if _equal(base, edited):
        return kept
    if isinstance(kept, dict) and isinstance(edited, dict):
        return _members(base if isinstance(base, dict) else {}, kept, edited, pointer, conflicts)
    if _lists(base, kept, edited):
        rows = enumerate(zip(base, kept, edited, strict=True))
        return [_merged(*row, pointer + pointer_token(at), conflicts) for at, row in rows]
    conflicts.append(pointer)
    return edited


def _members(
    base: dict[str, Any], kept: dict[str, Any], edited: dict[str, Any], pointer: str, conflicts: list[str]
) -> dict[str, Any]:
    merged = {}
    for name in _names(edited, kept, base):
        at = pointer + pointer_token(name)
        sides = base.get(name, _ABSENT), kept.get(name, _ABSENT), edited.get(name, _ABSENT)
        value = _merged(*sides, at, conflicts)
        if value is not _ABSENT:
            merged[name] = value
    return merged


def _lists(*sides: Any) -> bool:
    """Whether all of them are arrays of one length."""
    return all(isinstance(side, list) and len(side) == len(sides[0]) for side in sides)


def _names(*documents: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(name for document in documents for name in document)


def _equal(one: Any, other: Any) -> bool:
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return same(one, other)


def _record(place: str, value: Json) -> Stash:
    if not isinstance(value, dict) or not value.keys() >= _NEEDED or value.keys() - _FIELDS:
        raise InvalidInput(f"{place}: not a record of a stash", hint=_HINT)
    source, destination, sha256 = value["from"], value["to"], value["sha256"]
    texts = isinstance(source, str) and isinstance(destination, str)
    if not texts or not isinstance(sha256, str) or len(sha256) != _HEX_DIGITS:
        raise InvalidInput(f"{place}: 'from', 'to' and 'sha256' must be text, the last of 64 hex digits", hint=_HINT)
    if "patch" in value:
        try:
            validate_patch(value["patch"])
        except InvalidInput as error:
            raise InvalidInput(f"{place}/patch: {error.message}", hint=error.hint) from error
    known = "converted" in value
    record = Stash(
        source, destination, sha256, value.get("lost"), value.get("patch"), value.get("converted"), known=known
    )
    if known and not record.of(record.converted):
        raise InvalidInput(f"{place}/converted: not the document that 'sha256' names", hint=_HINT)
    return record
