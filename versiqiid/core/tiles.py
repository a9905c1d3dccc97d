"""The public layout of a log: which tiles and entry bundles a tree of a given size has, their paths and their bytes.

Format: C2SP ``tlog-tiles`` (https://c2sp.org/tlog-tiles). Pure: who reads and writes the files is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from versiqiid.core import merkle
from versiqiid.errors import JournalRefused

CHECKPOINT = "checkpoint"
VKEY = "log.vkey"
ENTRY_BYTES_MAX = 65_535
"""What the two length bytes of an entry bundle can say."""

_DIGITS = 1000
_LENGTH_BYTES = 2


@dataclass(frozen=True, slots=True)
class Place:
    """One tile or bundle.

    :ivar level: tile level from 0, or None for an entry bundle.
    :ivar width: number of hashes or entries, 256 when complete.
    """

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Where it is served: ``tile/<L>/<N>[.p/<W>]`` or ``tile/entries/<N>[.p/<W>]``."""
        kind = "entries" if self.level is None else str(self.level)
        suffix = "" if self.width == merkle.TILE_WIDTH else f".p/{self.width}"
        return f"tile/{kind}/{_index_path(self.index)}{suffix}"

    def complete(self) -> Place:
        """The same place once it is full: what a log may keep in its stead."""
        return Place(self.level, self.index, merkle.TILE_WIDTH)


def _index_path(index: int) -> str:
    parts = [f"{index % _DIGITS:03}"]
    while index >= _DIGITS:
        index //= _DIGITS
        parts.append(f"x{index % _DIGITS:03}")
    return "/".join(reversed(parts))


def level_places(level: int | None, size: int, start: int = 0) -> Iterator[Place]:
    """The tiles of one level (None: the bundles) of a tree of ``size`` leaves, from the one with leaf ``start``."""
    shift = merkle.TILE_HEIGHT * (level or 0)
    count = size >> shift
    for index in range((start >> shift) // merkle.TILE_WIDTH, -(-count // merkle.TILE_WIDTH)):
        yield Place(level, index, min(merkle.TILE_WIDTH, count - index * merkle.TILE_WIDTH))


def levels(size: int) -> int:
    """The number of tile levels of a tree of ``size`` leaves."""
    return len(merkle.edge(size))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle: each with its length in two bytes, big endian."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES) + entry for entry in entries)


def decode_bundle(data: bytes, place: Place) -> tuple[bytes, ...]:
    """The first ``place.width`` entries of a bundle (the full bundle may stand in for a partial one).

    :raises JournalRefused: fault ``size``: another number of entries than that, or bytes that are no whole entry.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start])
        if at > len(data) or start > len(data):
            raise JournalRefused("size", place.path, f"the bundle ends inside entry {len(entries)}")
        entries.append(data[start:at])
    _check_width(len(entries), place, "entries")
    return tuple(entries[: place.width])


def encode_tile(hashes: Sequence[bytes]) -> bytes:
    """Hashes as a tile: one after the other."""
    return b"".join(hashes)


def decode_tile(data: bytes, place: Place) -> tuple[bytes, ...]:
    """The first ``place.width`` hashes of a tile (the full tile may stand in for a partial one).

    :raises JournalRefused: fault ``size``: another number of hashes than that, or bytes that are no whole hash.
    """
    if len(data) % merkle.HASH_BYTES:
        raise JournalRefused("size", place.path, f"{len(data)} bytes are no whole number of hashes")
    hashes = tuple(data[at : at + merkle.HASH_BYTES] for at in range(0, len(data), merkle.HASH_BYTES))
    _check_width(len(hashes), place, "hashes")
    return hashes[: place.width]


def _check_width(found: int, place: Place, what: str) -> None:
    if found not in (place.width, merkle.TILE_WIDTH):
        raise JournalRefused("size", place.path, f"expected {place.width} {what}, found {found}")
