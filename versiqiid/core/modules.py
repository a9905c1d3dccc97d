"""WebAssembly modules as keys: whole, or in parts above the store's comfortable value size. The digest decides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from versiqiid.core.document import read
from versiqiid.core.snapshot import Reads, Snapshot
from versiqiid.errors import InvalidInput, Unreadable

CHUNKS_MAX = 256
MODULE_BYTES_MAX = 64 * 1024 * 1024
WHOLE_BYTES_MAX = 400_000
"""The largest module that stands in one key."""
PART_BYTES = 380_000
"""Of the parts of a larger one: with a note of who wrote it, and in base64, one fits into a transaction of 512 KiB."""


class MissingPart(Exception):
    """A module key, or one of its parts, does not exist; its text is the key."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A module's bytes, or why there are none: a key that is missing, or a fault and what to do about it."""

    whole: bytes | None = None
    missing: str = ""
    fault: str = ""
    hint: str = ""


def assemble(reads: Reads, hexdigest: str) -> bytes:
    """The module's bytes, whole and of exactly this digest.

    The digest decides, so of its parts only one that is missing is a guard: a module has more parts than a transaction
    has operations. What changes a part asks again (``topic``).

    :raises MissingPart: a key is not there.
    :raises InvalidInput: what is there has another digest or is no list of parts.
    """
    key = f"modules/{hexdigest}"
    if reads.get(key) is None:
        raise MissingPart(key)
    reads.listing(topic(hexdigest))
    found = reads.snapshot.kept(key, "whole", lambda: _look(reads.snapshot, hexdigest))
    if found.missing:
        reads.get(found.missing)
        raise MissingPart(found.missing)
    if found.whole is None:
        raise InvalidInput(found.fault, hint=found.hint)
    return found.whole


def topic(hexdigest: str) -> str:
    """The list of a module's keys."""
    return f"modules/{hexdigest}/"


def _look(snapshot: Snapshot, hexdigest: str) -> _Found:
    try:
        return _Found(_whole(snapshot, hexdigest))
    except MissingPart as missing:
        return _Found(missing=str(missing))
    except InvalidInput as error:
        return _Found(fault=error.message, hint=error.hint or "")


def _whole(snapshot: Snapshot, hexdigest: str) -> bytes:
    key = f"modules/{hexdigest}"
    head = _there(snapshot, key)
    if _sha256(head) == hexdigest:
        return head
    if not head.lstrip().startswith(b"{"):
        raise InvalidInput(f"{key} holds bytes of another digest", hint="Write the module under its own sha256.")
    count, size = _parts(key, head)
    whole = b"".join([_there(snapshot, f"{key}/{index}") for index in range(count)])
    if len(whole) != size or _sha256(whole) != hexdigest:
        raise InvalidInput(f"the parts of {key} have another size or digest together", hint="Write all parts again.")
    return whole


def _there(snapshot: Snapshot, key: str) -> bytes:
    value = snapshot.get(key)
    if value is None:
        raise MissingPart(key)
    return value.raw


def split(module: bytes) -> dict[str, bytes]:
    """The relative keys and values that hold this module."""
    hexdigest = _sha256(module)
    if len(module) <= WHOLE_BYTES_MAX:
        return {f"modules/{hexdigest}": module}
    pieces = [module[at : at + PART_BYTES] for at in range(0, len(module), PART_BYTES)]
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
