"""Receipts: the proof that one entry is in the log, to be checked offline with nothing but the log's verifier key.

Format: C2SP ``tlog-proof`` (https://c2sp.org/tlog-proof), without ``extra`` data of ours.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from versiqiid.core import merkle
from versiqiid.core.cosignature import WitnessKey, require_all
from versiqiid.core.note import Checkpoint, VerifierKey, verify_checkpoint
from versiqiid.errors import JournalRefused

MAGIC = "c2sp.org/tlog-proof@v1"
RECEIPT_BYTES_MAX = 131_072
"""Arbitrary: a checkpoint and 63 hashes need far less."""

_HASHES_MAX = 63


@dataclass(frozen=True, slots=True)
class Receipt:
    """A position, the path from its leaf to the root, and the signed checkpoint that holds the root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """The receipt as the text of a ``.tlog-proof`` file."""
        lines = [MAGIC, f"index {self.index}", *(base64.b64encode(node).decode() for node in self.hashes), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def parse_receipt(data: bytes, place: str = "receipt") -> Receipt:
    """The parts of a receipt; nothing is verified. An ``extra`` line is skipped: it is not authenticated.

    :raises JournalRefused: fault ``format``.
    """
    head, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise JournalRefused("format", place, "not ASCII before the checkpoint") from error
    if not blank or len(data) > RECEIPT_BYTES_MAX or lines[0] != MAGIC:
        raise JournalRefused("format", place, f"expected {MAGIC}, an index, hashes, a blank line and a checkpoint")
    rest = lines[2:] if lines[1:2] and lines[1].startswith("extra ") else lines[1:]
    index = re.fullmatch("index (0|[1-9][0-9]{0,18})", rest[0] if rest else "", re.ASCII)
    if index is None or len(rest) - 1 > _HASHES_MAX:
        raise JournalRefused("format", place, "expected a line with the index and at most 63 hashes")
    return Receipt(int(index[1]), tuple(_hash(line, place) for line in rest[1:]), checkpoint)


def _hash(line: str, place: str) -> bytes:
    try:
        value = base64.b64decode(line, validate=True)
    except ValueError as error:
        raise JournalRefused("format", place, "a hash is not base64") from error
    if len(value) != merkle.HASH_BYTES or base64.b64encode(value).decode() != line:
        raise JournalRefused("format", place, "a hash is not the base64 of 32 bytes")
    return value


def verify_receipt(
    receipt: bytes, entry: bytes, keys: Sequence[VerifierKey], witnesses: Sequence[WitnessKey] = ()
) -> tuple[int, Checkpoint]:
    """The position of exactly these entry bytes in the log that the receipt's checkpoint stands for.

    :raises JournalRefused: ``format``, ``signature``, ``origin`` or ``root`` of the receipt or its checkpoint;
        ``proof``: the entry is not at that position of that tree; ``witness``: not cosigned by all of these.
    """
    parsed = parse_receipt(receipt)
    checkpoint = verify_checkpoint(parsed.checkpoint, keys, "receipt")
    require_all(parsed.checkpoint, witnesses, "receipt")
    leaf = merkle.leaf_hash(entry)
    if not merkle.verify_inclusion(parsed.index, checkpoint.size, leaf, parsed.hashes, checkpoint.root):
        raise JournalRefused("proof", f"position {parsed.index}", "the entry is not what the checkpoint holds there")
    return parsed.index, checkpoint
