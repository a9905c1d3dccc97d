"""Checking a log against what it is claimed to be: entry by entry, without I/O, in memory that hardly grows with it.

Where entries, stored hashes and checkpoints come from is known to ``engine/audit*.py``; this room only compares, and
names the fault as precisely as can be known: the entry, the tile, or the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from versiqiid.core import merkle
from versiqiid.core.audit_range import StretchFound, stream_has_gap, time_goes_back
from versiqiid.core.cosignature import Cosignature
from versiqiid.core.note import Checkpoint, VerifierKey, verify_checkpoint
from versiqiid.core.tiles import Place
from versiqiid.core.times import rfc3339
from versiqiid.errors import JournalRefused


@dataclass(frozen=True, slots=True)
class Verified:
    """What was verified, and against what.

    :ivar size: entries that were read; ``signed_size`` of them are under the newest checkpoint.
    :ivar key_given: whether the key came from outside; a key that lies beside the log proves nothing about its signer.
    :ivar compared: checkpoints from elsewhere that the log was compared with.
    :ivar guards_missing: guards that the database lacks, None when there was no database.
    :ivar checkpoints: how many of the log's own checkpoints were verified, and how many it has.
    :ivar witnessed: by whom the newest checkpoint that all given witnesses cosigned was cosigned, and when.
    :ivar witnessed_size: how many entries that checkpoint covers.
    :ivar documents_missing: how many keys have a present value that is not kept.
    """

    origin: str
    size: int
    signed_size: int
    root: bytes
    key_given: bool
    compared: int = 0
    guards_missing: tuple[str, ...] | None = None
    checkpoints: tuple[int, int] = (1, 1)
    witnessed: tuple[Cosignature, ...] = ()
    witnessed_size: int = 0
    documents_missing: int = 0

    def remarks(self) -> tuple[str, ...]:
        """What was not checked, one sentence each."""
        found = []
        if not self.key_given:
            found.append("the key came from the log itself: nothing is proved about who signed it")
        if not self.compared:
            found.append("no earlier checkpoint was given: a return to an older state was not checked")
        if self.signed_size < self.size:
            found.append(f"{self.size - self.signed_size} entries are newer than the checkpoint")
        verified, there = self.checkpoints
        if verified < there:
            found.append(f"{there - verified} of {there} earlier checkpoints of its own were not looked at")
        if self.witnessed and self.witnessed_size < self.signed_size:
            found.append(f"{self.signed_size - self.witnessed_size} signed entries are newer than what was cosigned")
        if self.documents_missing:
            lost = f"keys whose present value is not kept: {self.documents_missing}"
            found.append(f"{lost} (restored without documents, or deleted since)")
        if self.guards_missing:
            found.append(f"the database lacks {', '.join(self.guards_missing)}")
        return tuple(found)

    def held_off(self) -> tuple[str, ...]:
        """Whose changes this verification would have shown, in the words of the threat model."""
        found = []
        if self.guards_missing == ():
            found.append("A: a bug of ours, B: a database user (constraints and guards are in place)")
        if self.key_given:
            found.append("B: a database user without the signing key (entries, tiles and checkpoint agree)")
        if self.compared:
            found.append("C: a superuser or root (it extends a checkpoint kept elsewhere)")
        if self.witnessed:
            said = ", ".join(f"{one.name} at {rfc3339(one.time_s)}" for one in self.witnessed)
            found.append(f"D: a thief of the signing key ({self.witnessed_size} entries cosigned by {said})")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Claim:
    """A checkpoint that the log has to agree with.

    :ivar fault: the class of the refusal when it does not: ``root`` for the log's own, ``fork`` for one from elsewhere.
    """

    checkpoint: Checkpoint
    place: str
    fault: str = "root"


def claims_from_elsewhere(
    notes: Sequence[bytes], keys: Sequence[VerifierKey], origin: str, size: int
) -> tuple[Claim, ...]:
    """Checkpoints kept elsewhere as claims on a log of this name and size.

    :raises JournalRefused: ``format``, ``signature`` or ``origin`` of one of them; ``truncation``: one covers more
        entries than the log has.
    """
    claims = []
    for number, note in enumerate(notes, 1):
        place = f"earlier checkpoint {number}"
        checkpoint = verify_checkpoint(note, keys, place)
        if checkpoint.origin != origin:
            raise JournalRefused("origin", place, f"it is of the log {checkpoint.origin}, this one is {origin}")
        if checkpoint.size > size:
            raise JournalRefused("truncation", place, f"it covers {checkpoint.size} entries, the log has {size}")
        claims.append(Claim(checkpoint, place, "fork"))
    return tuple(claims)


class LogCheck:
    """Takes a log's stretches in order, then its stored inner hashes, and says what is wrong.

    Hashes are compared as they come, but a difference is judged only at the end: when the entries alone lead to the
    signed root, the tile is wrong; when they do not, the entry is.
    """

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims = sorted(claims, key=lambda claim: claim.checkpoint.size)
        self._next = 0
        self._size = 0
        self._upper = merkle.Builder()  # over the roots of the complete tiles of entries
        self._parents: list[list[bytes]] = []
        self._time = ""
        self._streams: dict[str, int] = {}
        self._leaf_fault: int | None = None
        self._tile_fault: Place | None = None
        self._claim_faults: dict[str, Claim] = {}
        self._check_claims(0, None)

    @property
    def size(self) -> int:
        """Entries taken so far."""
        return self._size

    def marks(self, start: int, stop: int) -> tuple[int, ...]:
        """The sizes above ``start`` and up to ``stop`` for which a stretch has to tell its root."""
        return tuple(sorted({c.checkpoint.size for c in self._claims if start < c.checkpoint.size <= stop}))

    def take(self, found: StretchFound) -> None:
        """Take the next stretch, which was asked for the roots of ``marks``.

        :raises JournalRefused: ``entry``: no entry of a journal; ``column``; ``order``: it belongs elsewhere, its time
            goes back, or its stream has a gap.
        """
        wrong = self._edge_fault(found)
        if found.fault is not None and (wrong is None or found.fault.position < wrong[0]):
            raise found.fault.refusal()
        if wrong is not None:
            raise wrong[1]
        self._time = found.last_time or self._time
        self._streams.update((stream, last) for stream, (_, _, last) in found.streams.items())
        if self._leaf_fault is None:
            self._leaf_fault = found.leaf_fault
        for number, parent in enumerate(found.parents):
            self._check_tails(found, found.start + number * merkle.TILE_WIDTH)
            self._grow(parent)
        self._check_tails(found, found.start + len(found.parents) * merkle.TILE_WIDTH)
        self._size = found.stop

    def _edge_fault(self, found: StretchFound) -> tuple[int, JournalRefused] | None:
        """The first position where a stretch does not follow from those before it, with the refusal."""
        if found.first_time and found.first_time < self._time:
            return found.start, time_goes_back(found.start, found.first_time, self._time)
        wrong = [
            (position, stream, revision)
            for stream, (position, revision, _) in found.streams.items()
            if revision != self._streams.get(stream, 0) + 1
        ]
        if not wrong:
            return None
        position, stream, revision = min(wrong)
        return position, stream_has_gap(position, stream, revision, self._streams.get(stream, 0) + 1)

    def _grow(self, parent: bytes) -> None:
        self._keep(0, parent)
        for tile in self._upper.add(parent):
            self._keep(tile.level + 1, tile.parent)
        self._check_claims(self._upper.size * merkle.TILE_WIDTH, None)

    def _keep(self, level: int, node: bytes) -> None:
        if level == len(self._parents):
            self._parents.append([])
        self._parents[level].append(node)

    def _check_tails(self, found: StretchFound, first: int) -> None:
        """Check the claims that end in the tile which begins at ``first``."""
        while self._next < len(self._claims):
            size = self._claims[self._next].checkpoint.size
            if not first < size < first + merkle.TILE_WIDTH or size not in found.tails:
                return
            self._check_claims(size, found.tails[size])

    def _check_claims(self, size: int, tail: bytes | None) -> None:
        """Compare every claim of this size with the root: that over the complete tiles and the tail after them."""
        while self._next < len(self._claims) and self._claims[self._next].checkpoint.size == size:
            claim = self._claims[self._next]
            self._next += 1
            if claim.checkpoint.root != self._upper.root(tail):
                self._claim_faults.setdefault(claim.fault, claim)

    def inner_levels(self) -> tuple[int, ...]:
        """The number of inner hashes at each tile level, from level 1 on, for the entries taken."""
        return tuple(len(row) for row in self._parents)

    def inner(self, level: int, start: int, stored: Sequence[bytes]) -> None:
        """Take the stored hashes of an inner tile level (1 or more), beginning with number ``start``."""
        computed = self._parents[level - 1][start : start + len(stored)]
        for number, (mine, theirs) in enumerate(zip(computed, stored, strict=True), start):
            if mine != theirs and self._tile_fault is None:
                index = number // merkle.TILE_WIDTH
                width = min(merkle.TILE_WIDTH, len(self._parents[level - 1]) - index * merkle.TILE_WIDTH)
                self._tile_fault = Place(level, index, width)

    def finish(self) -> None:
        """All has been taken: return if everything agrees.

        :raises JournalRefused: ``truncation``: a checkpoint covers more; ``entry`` at a position or a tile; ``root`` or
            ``fork`` at a checkpoint; ``tile`` at its path.
        """
        if self._next < len(self._claims):
            claim = self._claims[self._next]
            raise JournalRefused(
                "truncation", claim.place, f"it covers {claim.checkpoint.size} entries, there are {self.size}"
            )
        if "root" in self._claim_faults:
            self._refuse_entries(self._claim_faults["root"])
        if "fork" in self._claim_faults:
            self._refuse_claim(self._claim_faults["fork"])
        self._refuse_tiles()

    def _refuse_entries(self, claim: Claim) -> None:
        """The entries do not lead to the root that the log itself has signed: name the first that is wrong."""
        if self._leaf_fault is not None:
            raise JournalRefused("entry", f"position {self._leaf_fault}", "not the entry that was signed")
        if self._tile_fault is not None:
            raise JournalRefused("entry", self._tile_fault.path, "an entry below it is not the one that was signed")
        self._refuse_claim(claim)

    def _refuse_claim(self, claim: Claim) -> None:
        raise JournalRefused(
            claim.fault, claim.place, f"the first {claim.checkpoint.size} entries are not those that were signed"
        )

    def _refuse_tiles(self) -> None:
        if self._leaf_fault is not None:
            width = min(merkle.TILE_WIDTH, self.size - self._leaf_fault // merkle.TILE_WIDTH * merkle.TILE_WIDTH)
            place = Place(0, self._leaf_fault // merkle.TILE_WIDTH, width)
            raise JournalRefused("tile", place.path, f"the hash of position {self._leaf_fault} is not its entry's")
        if self._tile_fault is not None:
            raise JournalRefused("tile", self._tile_fault.path, "its hashes are not those of the tiles below")
