"""What a forger does to a log directory: edits, and whole logs written and signed anew with the log's own key."""

from __future__ import annotations

import shutil
from pathlib import Path

from versiqiid.core import ed25519, merkle, note, tiles
from versiqiid.core.tiles import Place
from versiqiid.testing.journal_tools import LocalSigner

SIZE = 600
ORIGIN = "audit.test/log"
SIGNER = LocalSigner(ORIGIN)


def edit(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(bytes(data))


def forge(directory: Path, entries: list[bytes], *, size: int | None = None) -> None:
    """Write a whole log over these entries, as somebody would who holds the signing key."""
    shutil.rmtree(directory / "tile")
    builder = merkle.Builder()
    rows: dict[int, list[bytes]] = {}
    for entry in entries:
        leaf = merkle.leaf_hash(entry)
        rows.setdefault(0, []).append(leaf)
        for tile in builder.add(leaf):
            rows.setdefault(tile.level + 1, []).append(tile.parent)
    for level, row in rows.items():
        for place in tiles.level_places(level, len(row) << (8 * level)):
            put(directory, place, b"".join(row[place.index * 256 : place.index * 256 + place.width]))
    for place in tiles.level_places(None, len(entries)):
        put(directory, place, tiles.encode_bundle(entries[place.index * 256 : place.index * 256 + place.width]))
    sign(directory, note.Checkpoint(ORIGIN, len(entries) if size is None else size, builder.root()))


def put(directory: Path, place: Place, data: bytes) -> None:
    path = directory / place.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def sign(directory: Path, checkpoint: note.Checkpoint, signer: LocalSigner = SIGNER) -> None:
    text = checkpoint.text()
    (directory / "checkpoint").write_bytes(note.signed(text, signer.key, ed25519.sign(signer._seed, text)))


def entries_of(directory: Path, size: int = SIZE) -> list[bytes]:
    found: list[bytes] = []
    for place in tiles.level_places(None, size):
        found += tiles.decode_bundle((directory / place.path).read_bytes(), place)
    return found
