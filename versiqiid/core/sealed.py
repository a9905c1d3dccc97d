"""A document sealed under a data key that lies, itself encrypted by somebody else, in front of it. Pure.

::

    versiqii-sealed/v1 <the encrypted data key> LF  nonce, 12 bytes  AES-256-GCM with the first line as associated data

Who keeps the key that data keys are encrypted with, and random bytes, are not known here. This is the one door to the
AEAD primitives of ``cryptography``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from versiqiid.errors import JournalRefused

KEY_BYTES, NONCE_BYTES = 32, 12
_MAGIC = b"versiqii-sealed/v1 "
_HEADER_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key, and itself in encrypted form. A nonce must never be used twice with it."""

    plain: bytes = field(repr=False)
    wrapped: str


def seal(key: DataKey, nonce: bytes, data: bytes) -> bytes:
    """The data under this key."""
    header = _MAGIC + key.wrapped.encode("ascii") + b"\n"
    return header + nonce + AESGCM(key.plain).encrypt(nonce, data, header)


def wrapped_key(sealed: bytes, place: str) -> str:
    """The encrypted data key of something sealed.

    :raises JournalRefused: ``sealed``: it was not sealed here.
    """
    end = sealed.find(b"\n", 0, _HEADER_BYTES_MAX)
    header = sealed[:end]
    if end < 0 or not header.startswith(_MAGIC) or not header.isascii():
        raise JournalRefused("sealed", place, "expected versiqii-sealed/v1 and a data key")
    return header[len(_MAGIC) :].decode("ascii")


def unseal(plain: bytes, sealed: bytes, place: str) -> bytes:
    """What was sealed.

    :param plain: the data key that ``wrapped_key`` names.
    :raises JournalRefused: ``sealed``: changed since, or under another key.
    """
    start = sealed.index(b"\n") + 1
    nonce, body = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    try:
        return AESGCM(plain).decrypt(nonce, body, sealed[:start])
    except (InvalidTag, ValueError) as error:
        raise JournalRefused("sealed", place, "not sealed under its data key, or changed since") from error
