"""Verifying and proving over a journal: what ``versiqii audit`` does against a database. No daemon is needed for it.

The comparisons are ``core/audit.py``'s; directories in the public format are ``engine/audit_directory.py``'s.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import zip_longest
from typing import Protocol

from versiqiid.core import merkle
from versiqiid.core.audit import Claim, LogCheck, Verified, claims_from_elsewhere
from versiqiid.core.audit_range import StretchFound
from versiqiid.core.canonical import digest
from versiqiid.core.cosignature import Cosignature, WitnessKey, cosignatures
from versiqiid.core.note import Checkpoint, VerifierKey, parse_vkey, peek_checkpoint, verify_checkpoint
from versiqiid.core.proof import Receipt, verify_receipt
from versiqiid.engine.audit_stretches import Work, check_stretches
from versiqiid.errors import JournalRefused, NotFound
from versiqiid.ports import Actor, Draft, Journal, Query, Signer

__all__ = ["AuditedJournal", "Tree", "prove", "sign_on_request", "verify_journal", "verify_receipt"]

CHECKPOINT_STREAM = "journal/checkpoints"
BOOKKEEPING = frozenset({"CheckpointSigned", "CheckpointTimestamped", "DocumentsRetired"})
"""Types of entries about the journal itself: news of these alone triggers no other checkpoint, stamp or archiving."""

_DOCUMENTS = 100
_CHECKPOINTS = 1000
"""How many of the newest checkpoints are verified, and how many others; arbitrary, a fraction of a second each."""


class Tree(Protocol):
    """The power to look into a journal's Merkle tree and its guards; both SQL journals have it."""

    async def last_checkpoint(self) -> tuple[int, bytes] | None:
        """Sequence number, from 0 without a gap, and note of the newest checkpoint."""
        ...

    async def checkpoint_rows(self, sequences: Sequence[int]) -> tuple[tuple[int, bytes], ...]:
        """Sequence number and note of these checkpoints, as far as they are there, ascending."""
        ...

    async def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries, from stored hashes."""
        ...

    async def inclusion_proof(self, position: int, size: int) -> tuple[bytes, ...]:
        """The path from an entry to the root over the first ``size`` entries, from stored hashes."""
        ...

    async def tree_hashes(self, level: int, start: int, stop: int) -> tuple[bytes, ...]:
        """Stored hashes of one tile level."""
        ...

    @property
    def stretch(self) -> Work:
        """What ``check_stretch`` does, for another process: it opens a connection of its own."""
        ...

    async def check_stretch(self, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
        """Check the entries from ``start`` up to ``stop``; see ``core.audit_range``."""
        ...

    async def documents(self, after: str = "", limit: int = 100) -> tuple[tuple[str, bytes], ...]:
        """Kept documents in the order of their digests, from the one behind ``after``."""
        ...

    async def missing_documents(self) -> int:
        """How many keys have a present value that is not kept; retention never takes one."""
        ...

    async def missing_guards(self) -> tuple[str, ...]:
        """The guards against change that the database lacks."""
        ...


class AuditedJournal(Journal, Tree, Protocol):
    """A journal that can be audited."""


async def verify_journal(
    journal: AuditedJournal,
    keys: Sequence[VerifierKey],
    *,
    key_given: bool,
    against: Sequence[bytes] = (),
    witnesses: Sequence[WitnessKey] = (),
    every_checkpoint: bool = False,
) -> Verified:
    """Read the whole journal and return only if it is what was signed. Changes nothing.

    Every entry, stored hash, column and document is compared with the newest checkpoint, and with thousands of earlier
    ones where there are so many: what the newest has signed includes what they have. What is added meanwhile is not
    looked at.

    :param keys: all keys that have ever signed this log.
    :param key_given: whether they came from outside of the journal's own machine.
    :param against: signed checkpoints that were kept elsewhere.
    :param witnesses: who must all have cosigned one of the journal's checkpoints.
    :param every_checkpoint: look at all of them; a million signatures take minutes.
    :raises JournalRefused: the fault and where it is.
    """
    if await journal.size() == 0:
        raise JournalRefused("empty", f"journal {journal.origin}", "there is nothing to verify")
    newest = await journal.last_checkpoint()
    if newest is None:
        raise JournalRefused("missing", "checkpoint", "the journal was never signed")
    size = await journal.size()  # after the checkpoint: a daemon may be adding to both
    sequences = _looked_at(newest[0], every=every_checkpoint)
    own = _own_claims(await journal.checkpoint_rows(sequences), sequences, keys, journal.origin)
    witnessed_size, witnessed = await _witnessed(journal, newest[0], witnesses)
    last = own[-1].checkpoint
    check = LogCheck([*own, *claims_from_elsewhere(against, keys, journal.origin, max(size, last.size))])
    await check_stretches(check, size, journal.check_stretch, journal.stretch)
    for level, count in enumerate(check.inner_levels(), 1):
        check.inner(level, 0, await journal.tree_hashes(level, 0, count))
    check.finish()
    await _check_documents(journal)
    return Verified(
        origin=journal.origin,
        size=size,
        signed_size=last.size,
        root=last.root,
        key_given=key_given,
        compared=len(against),
        guards_missing=await journal.missing_guards(),
        checkpoints=(len(own), newest[0] + 1),
        witnessed=witnessed,
        witnessed_size=witnessed_size,
        documents_missing=await journal.missing_documents(),
    )


def _looked_at(last: int, *, every: bool) -> Sequence[int]:
    """Which checkpoints to verify: all while they are few, else the newest, and others spread evenly."""
    if every or last < 2 * _CHECKPOINTS:
        return range(last + 1)
    spread = range(0, last - _CHECKPOINTS, last // _CHECKPOINTS)
    return (*spread, *range(last - _CHECKPOINTS + 1, last + 1))


def _own_claims(
    rows: Sequence[tuple[int, bytes]], sequences: Sequence[int], keys: Sequence[VerifierKey], origin: str
) -> list[Claim]:
    claims: list[Claim] = []
    for wanted, (sequence, note) in zip_longest(sequences, rows, fillvalue=(-1, b"")):
        place = f"checkpoint {wanted}"
        if sequence != wanted:
            raise JournalRefused("missing", place, "it is gone")
        checkpoint = verify_checkpoint(note, keys, place)
        if checkpoint.origin != origin:
            raise JournalRefused("origin", place, f"it is of the log {checkpoint.origin}, this one is {origin}")
        if claims and checkpoint.size < claims[-1].checkpoint.size:
            raise JournalRefused("order", place, "it covers less than the one before it")
        claims.append(Claim(checkpoint, place))
    return claims


async def _witnessed(journal: Tree, last: int, keys: Sequence[WitnessKey]) -> tuple[int, tuple[Cosignature, ...]]:
    """The size of the newest checkpoint that all of them have cosigned, and when they did."""
    if not keys:
        return 0, ()
    names = {key.name for key in keys}
    for stop in range(last + 1, 0, -_CHECKPOINTS):
        for sequence, note in reversed(await journal.checkpoint_rows(range(max(0, stop - _CHECKPOINTS), stop))):
            place = f"checkpoint {sequence}"
            found = cosignatures(note, keys, place) if all(name.encode() in note for name in names) else ()
            if {one.name for one in found} == names:
                return peek_checkpoint(note, place).size, found
    raise JournalRefused("witness", "checkpoint", f"none is cosigned by {', '.join(sorted(names))}")


async def _check_documents(journal: Tree) -> None:
    after = ""
    while page := await journal.documents(after, _DOCUMENTS):
        for name, value in page:
            if digest(value) != name:
                raise JournalRefused("document", name, "the bytes that are kept have another digest")
        after = page[-1][0]


# ---------------------------------------------------------------------------------------------------------- proving


async def prove(journal: AuditedJournal, position: int, *, signer: Signer | None = None) -> bytes:
    """The receipt of one entry: a ``.tlog-proof`` that can be verified offline. It was verified before it is returned.

    :param signer: signs a new checkpoint when the newest one does not cover the entry yet.
    :raises NotFound: no such entry, or not under a checkpoint and no signer to make one.
    :raises JournalRefused: what is stored does not lead to what was signed.
    """
    found = await journal.read(Query(start=position, limit=1)) if position >= 0 else ()
    if not found or found[0].position != position:
        raise NotFound(f"position {position}: the journal has {await journal.size()} entries")
    note = await journal.checkpoint()
    if note is None or peek_checkpoint(note, "checkpoint").size <= position:
        if signer is None:
            raise NotFound(f"position {position}: not under a checkpoint yet", hint="try again in a moment")
        note = await journal.sign_checkpoint(signer)
    checkpoint = peek_checkpoint(note, "checkpoint")
    path = await journal.inclusion_proof(position, checkpoint.size)
    if not merkle.verify_inclusion(position, checkpoint.size, merkle.leaf_hash(found[0].entry), path, checkpoint.root):
        raise JournalRefused("entry", f"position {position}", "not the entry that was signed")
    return Receipt(position, path, note).encode()


async def sign_on_request(journal: Journal, signer: Signer, *, actor: Actor, correlation_id: str) -> bytes:
    """A checkpoint over everything committed, and the entry ``CheckpointSigned`` that says who wanted it."""
    note = await journal.sign_checkpoint(signer)
    checkpoint = peek_checkpoint(note, "checkpoint")
    await journal.append([checkpoint_signed(checkpoint, signer, actor, correlation_id)])
    return note


def checkpoint_signed(checkpoint: Checkpoint, signer: Signer, actor: Actor, correlation_id: str) -> Draft:
    """The fact that a checkpoint was asked for, or went elsewhere."""
    key = parse_vkey(signer.vkey)
    return Draft(
        type="CheckpointSigned",
        stream=CHECKPOINT_STREAM,
        data={
            "size": checkpoint.size,
            "root": base64.b64encode(checkpoint.root).decode(),
            "key": f"{key.name}+{key.key_id.hex()}",
        },
        actor=actor,
        correlation_id=correlation_id,
    )
