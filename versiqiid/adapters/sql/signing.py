"""Checkpoints of a stored tree: what may be signed next, and keeping it before anybody sees it."""

from __future__ import annotations

from dataclasses import dataclass

from versiqiid.adapters.sql import queries, writes
from versiqiid.adapters.sql.database import Database
from versiqiid.core import merkle
from versiqiid.core.note import Checkpoint, VerifierKey, parse_note, parse_vkey, peek_checkpoint, signed
from versiqiid.errors import JournalRefused, Refused
from versiqiid.ports import Query

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to sign, and under which sequence number to keep it.

    :ivar released: the last checkpoint, when it already says all there is to say.
    """

    checkpoint: Checkpoint
    sequence: int
    released: bytes | None = None


def plan(db: Database, origin: str, vkey: str) -> Plan:
    """The next checkpoint, checked against the last one and against the entries that are new since.

    :raises JournalRefused: ``truncation``, ``fork`` or ``origin``: the stored log is no extension of the last
        checkpoint; ``entry``: a new entry is not what was appended.
    """
    size = queries.head(db).size
    nodes = queries.tree(db)
    last = queries.last_checkpoint(db)
    if last is None:
        _check_entries(db, 0, size)
        return Plan(Checkpoint(origin, size, merkle.root(size, nodes)), 0)
    sequence, note = last
    place = f"checkpoint {sequence}"
    before = peek_checkpoint(note, place)
    if before.origin != origin:
        raise JournalRefused("origin", place, f"it is of the log {before.origin}, this one is {origin}")
    if size < before.size:
        raise JournalRefused("truncation", place, f"it covers {before.size} entries, stored are {size}")
    if merkle.root(before.size, nodes) != before.root:
        raise JournalRefused("fork", place, "the entries that it covers are not those that are stored")
    if size == before.size and _is_signed_by(note, parse_vkey(vkey)):
        return Plan(before, sequence, note)
    _check_entries(db, before.size, size)
    return Plan(Checkpoint(origin, size, merkle.root(size, nodes)), sequence + 1)


def _check_entries(db: Database, start: int, stop: int) -> None:
    while start < stop:
        page = queries.read(db, Query(start=start, before=stop, limit=_PAGE))
        stored = queries.hashes(db, 0, start, start + len(page))
        for recorded, leaf in zip(page, stored, strict=True):
            if merkle.leaf_hash(recorded.entry) != leaf:
                raise JournalRefused("entry", f"position {recorded.position}", "not the entry that was appended")
        if not page:
            raise JournalRefused("missing", f"position {start}", "the entry is gone")
        start += len(page)


def _is_signed_by(note: bytes, key: VerifierKey) -> bool:
    signatures = parse_note(note, "checkpoint").signatures
    return any((found.name, found.key_id) == (key.name, key.key_id) for found in signatures)


def note_of(checkpoint: Checkpoint, vkey: str, signature: bytes) -> bytes:
    """The signed note of a checkpoint."""
    return signed(checkpoint.text(), parse_vkey(vkey), signature)


def keep(db: Database, decided: Plan, note: bytes) -> bool:
    """Keep the signed checkpoint if its sequence number is still free; False when another was faster."""
    last = queries.last_checkpoint(db)
    if decided.sequence != (0 if last is None else last[0] + 1):
        return False
    writes.insert_checkpoint(db, decided.sequence, decided.checkpoint.size, note)
    return True


def keep_cosigned(db: Database, note: bytes) -> bool:
    """Keep the newest checkpoint once more, with more signatures; False when it is no longer the newest.

    :raises JournalRefused: ``format``: no signed note. :raises Refused: it says something else, or lacks a signature.
    """
    sequence, last = queries.last_checkpoint(db) or (-1, b"")
    made, before = peek_checkpoint(note, "checkpoint"), peek_checkpoint(last, "checkpoint") if last else None
    if before is None or made.size < before.size:
        return False
    lacking = set(parse_note(last, "checkpoint").signatures) - set(parse_note(note, "checkpoint").signatures)
    if made != before or lacking:
        raise Refused("checkpoint: not the newest one with more signatures")
    if last != note:
        writes.insert_checkpoint(db, sequence + 1, made.size, note)
    return True
