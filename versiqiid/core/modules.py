"""WebAssembly modules as keys: whole, or in parts above the store's comfortable value size. The digest decides."""

from __future__ import annotations

import hashlib

from versiqiid.core.document import read
from versiqiid.core.snapshot import Reads
from versiqiid.errors import InvalidInput, Unreadable

CHUNKS_MAX = 256
MODULE_BYTES_MAX = 64 * 1024 * 1024
PART_BYTES_MAX = 400_000


class MissingPart(Exception):
    """A module key, or one of its parts, does not exist; its text is the key."""


def assemble(reads: Reads, hexdigest: str) -> bytes:
    """The module's bytes, whole and of exactly this digest.

    :raises MissingPart: a key is not there.
    :raises InvalidInput: what is there has another digest or is no list of parts.
    """
    key = f"modules/{hexdigest}"
    value = reads.get(key)
    if value is None:
        raise MissingPart(key)
    if _sha256(value.raw) == hexdigest:
        return value.raw
    if not value.raw.lstrip().startswith(b"{"):
        raise InvalidInput(f"{key} holds bytes of another digest", hint="Write the module under its own sha256.")
    count, size = _parts(key, value.raw)
    parts = [reads.get(f"{key}/{index}") for index in range(count)]
    for index, part in enumerate(parts):
        if part is None:
            raise MissingPart(f"{key}/{index}")
    whole = b"".join(part.raw for part in parts if part is not None)
    if len(whole) != size or _sha256(whole) != hexdigest:
        raise InvalidInput(f"the parts of {key} have another size or digest together", hint="Write all parts again.")
    return whole


def split(module: bytes) -> dict[str, bytes]:
    """The relative keys and values that hold this module."""
    hexdigest = _sha256(module)
    if len(module) <= PART_BYTES_MAX:
        return {f"modules/{hexdigest}": module}
    pieces = [module[at : at + PART_BYTES_MAX] for at in range(0, len(module), PART_BYTES_MAX)]
    head = b'{"bytes":%d,"chunks":%d}' % (len(module), len(pieces))
    return {f"modules/{hexdigest}": head} | {f"modules/{hexdigest}/{i}": piece for i, piece in enumerate(pieces)}


def _parts(key: str, raw: bytes) -> tuple[int, int]:
    try:
        told = read(raw)
    except Unreadable as error:
        raise InvalidInput(f"{key} is neither the module nor a list of its parts: {error.message}") from error
    if not isinstance(told, dict) or told.keys() != {"chunks", "bytes"}:
        raise InvalidInput(f"{key}: expected exactly the fields 'chunks' and 'bytes'")
    count, size = told["chunks"], told["bytes"]
    if (
        type(count) is not int
        or not 1 <= count <= CHUNKS_MAX
        or type(size) is not int
        or not 0 < size <= MODULE_BYTES_MAX
    ):
        raise InvalidInput(f"{key}: 'chunks' must be 1 to {CHUNKS_MAX} and 'bytes' 1 to {MODULE_BYTES_MAX}")
    return count, size


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
