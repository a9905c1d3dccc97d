"""What a witness says: that a log's newest checkpoint extends all that it has seen of the log before.

Formats: C2SP ``tlog-cosignature`` (https://c2sp.org/tlog-cosignature), Ed25519 only, and the bodies of C2SP
``tlog-witness`` (https://c2sp.org/tlog-witness). Who asks a witness, and when, is known to ``engine/witnessing.py``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from versiqiid.core import ed25519
from versiqiid.core.note import Signature, is_key_name, parse_note
from versiqiid.errors import InvalidInput, JournalRefused

SIZE_TYPE = "text/x.tlog.size"
PROOF_LINES_MAX = 63

_COSIGNATURE_V1 = b"\x04"
_TIME_BYTES = 8
_TIME_MAX = (1 << 63) - 1
_VKEY = re.compile(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's name and its Ed25519 public key for cosignatures, which together own a key id."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """``SHA-256(name || 0x0A || 0x04 || public key)[:4]``."""
        return hashlib.sha256(self.name.encode() + b"\n" + _COSIGNATURE_V1 + self.public).digest()[:4]

    def __str__(self) -> str:
        """The verifier key ``<name>+<8 hex>+<base64(0x04 || public key)>``."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_COSIGNATURE_V1 + self.public).decode()}"


def parse_witness_key(text: str) -> WitnessKey:
    """The key that a witness publishes; white space around it is ignored.

    :raises InvalidInput: no verifier key for cosignatures, or its key id is not the one of its name and key.
    """
    found = _VKEY.fullmatch(text.strip())
    try:
        key = base64.b64decode(found[3], validate=True) if found else b""
    except ValueError:
        key = b""
    if not found or not is_key_name(found[1]) or len(key) != 1 + ed25519.KEY_BYTES or key[:1] != _COSIGNATURE_V1:
        raise InvalidInput("witness key: expected <name>+<8 hex>+<base64 of 0x04 and 32 bytes>")
    parsed = WitnessKey(found[1], key[1:])
    if found[2] != parsed.key_id.hex():
        raise InvalidInput(f"witness key of {parsed.name}: its key id should be {parsed.key_id.hex()}")
    return parsed


@dataclass(frozen=True, slots=True)
class Cosignature:
    """That the witness ``name`` saw the checkpoint at ``time_s``, seconds since the epoch by its own clock."""

    name: str
    time_s: int


def cosignatures(note: bytes, keys: Sequence[WitnessKey], place: str) -> tuple[Cosignature, ...]:
    """The valid cosignatures of these witnesses on a note; lines of unknown keys are ignored.

    :raises JournalRefused: ``format``: no signed note; ``witness``: a known witness's line is wrong.
    """
    parsed = parse_note(note, place)
    known = {(key.name, key.key_id): key for key in keys}
    found = []
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            found.append(Cosignature(key.name, _verified(line, key, parsed.text, place)))
    return tuple(found)


def _verified(line: Signature, key: WitnessKey, text: bytes, place: str) -> int:
    time_s = int.from_bytes(line.signature[:_TIME_BYTES])
    message = b"cosignature/v1\ntime %d\n" % time_s + text
    is_whole = len(line.signature) == _TIME_BYTES + ed25519.SIGNATURE_BYTES and time_s <= _TIME_MAX
    if not is_whole or not ed25519.verify(key.public, line.signature[_TIME_BYTES:], message):
        raise JournalRefused("witness", place, f"the cosignature of {key.name} is wrong")
    return time_s


def require_all(note: bytes, keys: Sequence[WitnessKey], place: str) -> tuple[Cosignature, ...]:
    """The cosignatures of all of these witnesses.

    :raises JournalRefused: as ``cosignatures``; ``witness``: one of them has not cosigned.
    """
    found = cosignatures(note, keys, place)
    for name in sorted({key.name for key in keys} - {one.name for one in found}):
        raise JournalRefused("witness", place, f"not cosigned by {name}")
    return found


# -------------------------------------------------------------------------------------------- talking to a witness


def request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of ``add-checkpoint``.

    :param old: the size that the witness cosigned last; ``proof``: from there to the note's size, empty from 0.
    """
    lines = [f"old {old}", *(base64.b64encode(node).decode() for node in proof), "", ""]
    return "\n".join(lines).encode() + note


def parse_size(body: bytes, place: str) -> int:
    """The size that a witness tells with a conflict.

    :raises JournalRefused: ``format``.
    """
    told = re.fullmatch(rb"(0|[1-9][0-9]{0,18})\n?", body)
    if told is None:
        raise JournalRefused("format", place, "the witness's conflict does not tell a size")
    return int(told[1])


def with_cosignatures(note: bytes, answer: bytes, key: WitnessKey, place: str) -> bytes:
    """The note with the witness's valid lines after its own. Lines of other keys in the answer are left out.

    :raises JournalRefused: ``format``: the answer is no signature lines; ``witness``: none of them is this witness's,
        or one is wrong.
    """
    text = note.partition(b"\n\n")[0]
    lines = answer.splitlines(keepends=True)
    own = [line for line in lines if _is_of(parse_note(text + b"\n\n" + line, place).signatures[0], key)]
    known = set(note.partition(b"\n\n")[2].splitlines(keepends=True))
    made = note + b"".join(line for line in dict.fromkeys(own) if line not in known)
    require_all(made, [key], place)
    return made


def _is_of(line: Signature, key: WitnessKey) -> bool:
    return (line.name, line.key_id) == (key.name, key.key_id)
