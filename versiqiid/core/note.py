"""Signed notes, verifier keys and checkpoints: the words in which a log speaks about itself.

Formats: C2SP ``signed-note`` (https://c2sp.org/signed-note) with Ed25519 and ``tlog-checkpoint``
(https://c2sp.org/tlog-checkpoint). Reading is strict: what this module cannot write, it does not accept as ours.
No key is kept here, and no tree: see ``adapters/signer.py`` and ``core/merkle.py``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from versiqiid.core import ed25519, merkle
from versiqiid.errors import InvalidInput, JournalRefused

ORIGIN = re.compile(r"[a-z0-9][a-z0-9./-]*", re.ASCII)
"""The grammar of the setting ``log-origin``."""

NOTE_BYTES_MAX = 65_536
"""Arbitrary, far above 16 signatures, which every verifier has to take."""

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_DASH = "\u2014 "


# ------------------------------------------------------------------------------------------------------------- keys


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and an Ed25519 public key, which together own a key id."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """``SHA-256(name || 0x0A || 0x01 || public key)[:4]``."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """The verifier key ``<name>+<8 hex>+<base64(0x01 || public key)>``, as in ``log.vkey`` without its newline."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


def parse_vkey(text: str) -> VerifierKey:
    """The key that a ``log.vkey`` names; white space around it is ignored.

    :raises InvalidInput: not an Ed25519 verifier key, or its key id is not the one of its name and key.
    """
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    key = _unbase64(encoded)
    if not is_key_name(name) or key is None or len(key) != 1 + ed25519.KEY_BYTES or key[:1] != _ED25519:
        raise InvalidInput("verifier key: expected <name>+<8 hex>+<base64 of 0x01 and 32 bytes>")
    parsed = VerifierKey(name, key[1:])
    if key_id != parsed.key_id.hex():
        raise InvalidInput(f"verifier key of {name}: its key id should be {parsed.key_id.hex()}")
    return parsed


def is_key_name(name: str) -> bool:
    """Whether a signed note may carry this key name: not empty, no white space, no plus."""
    return bool(name) and "+" not in name and not any(c.isspace() or ord(c) < ord(" ") for c in name)


# ------------------------------------------------------------------------------------------------------------ notes


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note; what ``signature`` holds depends on the key's type."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, its final newline included, and its signatures. Nothing is verified yet."""

    text: bytes
    signatures: tuple[Signature, ...]


def signed(text: bytes, key: VerifierKey, signature: bytes) -> bytes:
    """The signed note of a text and one Ed25519 signature over it."""
    encoded = base64.b64encode(key.key_id + signature).decode()
    return text + f"\n{_DASH}{key.name} {encoded}\n".encode()


def parse_note(note: bytes, place: str) -> Note:
    """The parts of a signed note.

    :raises JournalRefused: fault ``format``: not a signed note.
    """
    try:
        decoded = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JournalRefused("format", place, "not UTF-8") from error
    text, blank, lines = decoded.rpartition("\n\n")
    controls = any(c < " " and c != "\n" for c in decoded)
    if not blank or not lines.endswith("\n") or controls or len(note) > NOTE_BYTES_MAX:
        raise JournalRefused("format", place, "expected text, a blank line and signature lines")
    signatures = tuple(_parse_signature(line, place) for line in lines[:-1].split("\n"))
    return Note((text + "\n").encode(), signatures)


def _parse_signature(line: str, place: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    value = _unbase64(encoded)
    if not line.startswith(_DASH) or not is_key_name(name) or value is None or len(value) <= _KEY_ID_BYTES:
        raise JournalRefused("format", place, "expected a signature line: dash, key name, base64")
    return Signature(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def verify_note(note: bytes, keys: Sequence[VerifierKey], place: str) -> bytes:
    """The text of a note that at least one of the keys has signed. Signatures of unknown keys are ignored.

    :raises JournalRefused: ``format``: no signed note; ``signature``: none by a known key, or a known key's is wrong.
    """
    parsed = parse_note(note, place)
    known = {(key.name, key.key_id): key for key in keys}
    count = 0
    for signature in parsed.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not ed25519.verify(key.public, signature.signature, parsed.text):
            raise JournalRefused("signature", place, f"the signature of {key.name} is wrong")
        count += 1
    if not count:
        names = ", ".join(str(key) for key in keys)
        raise JournalRefused("signature", place, f"not signed by {names}")
    return parsed.text


# ------------------------------------------------------------------------------------------------------ checkpoints


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's name, the number of its entries and the root over them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """The note text: three lines, no extension lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


def parse_checkpoint(text: bytes, place: str) -> Checkpoint:
    """The checkpoint that a note's text is.

    :raises JournalRefused: ``format``: not exactly three lines of origin, size and root (an extension line, or a second
        blank line, is none of ours); ``root``: size 0 with another root than that of the empty tree.
    """
    lines = text.decode("utf-8").split("\n")
    expected = 4  # three lines and what is after the last newline
    if len(lines) != expected or lines[-1] or not lines[0]:
        raise JournalRefused("format", place, "expected the three lines origin, size and root")
    root = _unbase64(lines[2])
    if not re.fullmatch("0|[1-9][0-9]{0,18}", lines[1], re.ASCII) or root is None or len(root) != merkle.HASH_BYTES:
        raise JournalRefused("format", place, "expected a decimal size and the base64 of a 32-byte root")
    checkpoint = Checkpoint(lines[0], int(lines[1]), root)
    if checkpoint.size == 0 and root != merkle.EMPTY_ROOT:
        raise JournalRefused("root", place, "size 0 with a root that is not the empty tree's")
    return checkpoint


def verify_checkpoint(note: bytes, keys: Sequence[VerifierKey], place: str) -> Checkpoint:
    """The checkpoint in a signed note, signed by a key that bears the log's own name.

    :param place: for errors: the file or position it came from.
    :raises JournalRefused: ``format``, ``signature`` or ``root`` as above; ``origin``: signed under another name.
    """
    checkpoint = parse_checkpoint(verify_note(note, keys, place), place)
    if all(checkpoint.origin != key.name for key in keys):
        raise JournalRefused("origin", place, f"the log calls itself {checkpoint.origin}, its key {keys[0].name}")
    return checkpoint


def peek_checkpoint(note: bytes, place: str) -> Checkpoint:
    """The checkpoint in a note, its signature unchecked: for what we have just stored or signed ourselves."""
    return parse_checkpoint(parse_note(note, place).text, place)


def _unbase64(text: str) -> bytes | None:
    """Standard base64 in its one canonical spelling, or None."""
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return value if base64.b64encode(value).decode() == text else None
