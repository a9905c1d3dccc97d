"""What the keys of a store were at a point of the journal: how one entry moves them, and a picture of them as bytes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from versiqiid.core.journal import KeyState
from versiqiid.errors import JournalRefused


class Row(Protocol):
    """What is known of one key; ``digest`` None = it is gone."""

    @property
    def revision(self) -> int: ...
    @property
    def digest(self) -> str | None: ...
    @property
    def created(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PastKey:
    """A key at a point of the journal. ``position``: of the entry that made it so."""

    revision: int
    digest: str | None
    position: int
    created: str
    updated: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture that is kept.

    :ivar size: of how many entries it is made. :ivar root: over them, in hex. :ivar digest: of ``body`` as it was kept.
    """

    size: int
    root: str
    digest: str
    body: bytes


Picture = dict[str, PastKey]
"""Key → what was known of it, keys that were gone included: what comes after depends on them."""


def created_by(row: Row | None, observed: KeyState, time: str) -> str | None:
    """When the key was created, once an entry says this about it; None when the entry moves nothing.

    The highest revision counts, the later entry among equals, and whatever the store was put back to.
    """
    if row is not None and observed.revision < row.revision and not observed.returned:
        return None
    return row.created if row is not None and row.digest is not None else time


def take(picture: Picture, observed: KeyState, position: int, time: str) -> None:
    """Move the picture on by one entry."""
    created = created_by(picture.get(observed.key), observed, time)
    if created is not None:
        picture[observed.key] = PastKey(observed.revision, observed.digest, position, created, time)


def pack(picture: Mapping[str, PastKey]) -> bytes:
    """The picture as bytes; equal pictures give equal bytes."""
    rows = [[name, k.revision, k.digest, k.position, k.created, k.updated] for name, k in sorted(picture.items())]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode())


def unpack(body: bytes, place: str) -> Picture:
    """
    :raises JournalRefused: ``snapshot``: not what ``pack`` makes.
    """
    try:
        return {name: PastKey(*rest) for name, *rest in json.loads(zlib.decompress(body))}
    except (ValueError, TypeError, zlib.error) as error:
        raise JournalRefused("snapshot", place, "not a picture of keys") from error
