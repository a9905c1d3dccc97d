"""Ed25519 keys as plain bytes: the one door to the signature primitives of ``cryptography``.

Pure functions of their arguments: signing is deterministic (RFC 8032) and making a key takes its 32 random bytes as an
argument. Files and randomness belong to ``adapters/signer.py``; formats of notes to ``core/note.py``.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from versiqiid.errors import InvalidInput

KEY_BYTES = 32
SIGNATURE_BYTES = 64


def public_key(seed: bytes) -> bytes:
    """The 32-byte public key of a 32-byte seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte signature; the same for the same message, always."""
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is this key's over exactly these bytes. Never raises: a malformed key verifies nothing."""
    if len(public) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def to_pem(seed: bytes) -> bytes:
    """The seed as an unencrypted PKCS #8 PEM."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def from_pem(pem: bytes, place: str) -> bytes:
    """The seed in a PKCS #8 PEM.

    :param place: the file's name, for the error; what the file holds is never quoted.
    :raises InvalidInput: not an unencrypted Ed25519 private key.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"{place}: expected an unencrypted PKCS #8 PEM with an Ed25519 private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(f"{place}: expected an Ed25519 private key, found another kind of key")
    return key.private_bytes_raw()
