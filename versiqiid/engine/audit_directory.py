"""A log as a directory in the public format: verified, and proved from, with nothing but its files.

Synchronous and bound by the processor: call it from a worker thread, or from a program that does nothing else.
Writing such a directory is ``engine/audit_export.py``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from versiqiid.core import merkle, tiles
from versiqiid.core.audit import Claim, LogCheck, Verified, claims_from_elsewhere
from versiqiid.core.note import Checkpoint, VerifierKey, parse_vkey, peek_checkpoint, verify_checkpoint
from versiqiid.core.proof import Receipt
from versiqiid.core.tiles import Place
from versiqiid.errors import InvalidInput, JournalRefused, NotFound

_FILE_BYTES_MAX = merkle.TILE_WIDTH * (tiles.ENTRY_BYTES_MAX + 2)
"""The longest possible bundle; nothing longer is read."""


def verify_directory(directory: Path, keys: Sequence[VerifierKey] = (), *, against: Sequence[bytes] = ()) -> Verified:
    """Read the whole log and return only if it is what was signed. Changes nothing.

    :param keys: the log's verifier keys; empty = the one in ``log.vkey``, which proves nothing about the signer.
    :param against: signed checkpoints that were kept elsewhere.
    :raises JournalRefused: the fault and where it is.
    """
    trusted = list(keys) or [own_key(directory)]
    checkpoint = verify_checkpoint(_read(directory, tiles.CHECKPOINT), trusted, tiles.CHECKPOINT)
    size = checkpoint.size
    elsewhere = claims_from_elsewhere(against, trusted, checkpoint.origin, size)
    check = LogCheck([Claim(checkpoint, tiles.CHECKPOINT), *elsewhere])
    for bundle, tile in zip(tiles.level_places(None, size), tiles.level_places(0, size), strict=True):
        entries = tiles.decode_bundle(_read_place(directory, bundle), bundle)
        hashes = tiles.decode_tile(_read_place(directory, tile), tile)
        for entry, stored in zip(entries, hashes, strict=True):
            check.add(entry, stored)
    for level in range(1, tiles.levels(size)):
        for place in tiles.level_places(level, size):
            stored_row = tiles.decode_tile(_read_place(directory, place), place)
            check.inner(level, place.index * merkle.TILE_WIDTH, stored_row)
    check.finish()
    return Verified(
        origin=checkpoint.origin,
        size=size,
        signed_size=size,
        root=checkpoint.root,
        key_given=bool(keys),
        compared=len(against),
    )


def own_key(directory: Path) -> VerifierKey:
    """The key that lies beside the log.

    :raises JournalRefused: ``missing`` or ``format``.
    """
    try:
        return parse_vkey(_read(directory, tiles.VKEY).decode("utf-8", "replace"))
    except InvalidInput as error:
        raise JournalRefused("format", tiles.VKEY, error.message) from error


def prove_from_directory(directory: Path, position: int) -> bytes:
    """The receipt of one entry, from tiles alone. It was verified (all but the signature) before it is returned.

    :raises NotFound: no such entry under the directory's checkpoint.
    :raises JournalRefused: the tiles do not lead to what was signed.
    """
    note = _read(directory, tiles.CHECKPOINT)
    checkpoint = peek_checkpoint(note, tiles.CHECKPOINT)
    if not 0 <= position < checkpoint.size:
        raise NotFound(f"position {position}: the checkpoint covers {checkpoint.size} entries")
    nodes = directory_nodes(directory, checkpoint)
    path = merkle.inclusion_proof(position, checkpoint.size, nodes)
    (leaf,) = nodes(0, position, position + 1)
    if not merkle.verify_inclusion(position, checkpoint.size, leaf, path, checkpoint.root):
        raise JournalRefused("tile", f"position {position}", "the tiles do not lead to the signed root")
    return Receipt(position, path, note).encode()


def directory_nodes(directory: Path, checkpoint: Checkpoint) -> merkle.Nodes:
    """The tiles under a checkpoint as the functions of ``core.merkle`` read them (never across a tile's end)."""

    def nodes(level: int, start: int, stop: int) -> Sequence[bytes]:
        count = checkpoint.size >> (merkle.TILE_HEIGHT * level)
        index = start // merkle.TILE_WIDTH
        first = index * merkle.TILE_WIDTH
        place = Place(level, index, min(merkle.TILE_WIDTH, count - first))
        return tiles.decode_tile(_read_place(directory, place), place)[start - first : stop - first]

    return nodes


def _read_place(directory: Path, place: Place) -> bytes:
    """A tile or bundle, or the full one that has taken a partial one's place."""
    try:
        return _read(directory, place.path)
    except JournalRefused as error:
        if place.width == merkle.TILE_WIDTH or error.fault != "missing":
            raise
        complete = directory / place.complete().path
        if not complete.is_file():
            raise
        return _read(directory, place.complete().path)


def _read(directory: Path, name: str) -> bytes:
    try:
        with (directory / name).open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise JournalRefused("missing", name, f"not in {directory}") from error
    except OSError as error:
        raise InvalidInput(f"{directory / name}: {error.strerror}") from error
    if len(data) > _FILE_BYTES_MAX:
        raise JournalRefused("size", name, f"longer than {_FILE_BYTES_MAX} bytes")
    return data
