"""A log as a directory in the public format: verified, and proved from, with nothing but its files.

Writing such a directory is ``engine/audit_export.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from anyio import to_thread

from versiqiid.core import merkle, tiles
from versiqiid.core.audit import Claim, LogCheck, Verified, claims_from_elsewhere
from versiqiid.core.audit_range import Row, StretchFound, check_stretch
from versiqiid.core.cosignature import Cosignature, WitnessKey, require_all
from versiqiid.core.note import Checkpoint, VerifierKey, parse_vkey, peek_checkpoint, verify_checkpoint
from versiqiid.core.proof import Receipt
from versiqiid.core.tiles import Place
from versiqiid.engine.audit_stretches import STRETCH, check_stretches
from versiqiid.errors import InvalidInput, JournalRefused, NotFound

_FILE_BYTES_MAX = merkle.TILE_WIDTH * (tiles.ENTRY_BYTES_MAX + 2)
"""The longest possible bundle; nothing longer is read."""


def verify_directory(
    directory: Path,
    keys: Sequence[VerifierKey] = (),
    *,
    against: Sequence[bytes] = (),
    witnesses: Sequence[WitnessKey] = (),
) -> Verified:
    """Read the whole log and return only if it is what was signed. Changes nothing.

    :param keys: the log's verifier keys; empty = the one in ``log.vkey``, which proves nothing about the signer.
    :param against: signed checkpoints that were kept elsewhere.
    :param witnesses: who must have cosigned its checkpoint.
    :raises JournalRefused: the fault and where it is.
    """
    begun = _begin(directory, keys, against, witnesses)
    checkpoint, check = begun.checkpoint, begun.check
    for start in range(0, checkpoint.size, STRETCH):
        stop = min(start + STRETCH, checkpoint.size)
        check.take(_stretch(directory, start, stop, check.marks(start, stop)))
    return _end(directory, begun)


async def verify_large_directory(
    directory: Path,
    keys: Sequence[VerifierKey] = (),
    *,
    against: Sequence[bytes] = (),
    witnesses: Sequence[WitnessKey] = (),
) -> Verified:
    """``verify_directory``, on every processor and beside an event loop."""
    begun = await to_thread.run_sync(_begin, directory, keys, against, witnesses)
    work = partial(_stretch, directory)
    await check_stretches(begun.check, begun.checkpoint.size, partial(to_thread.run_sync, work), work)
    return await to_thread.run_sync(_end, directory, begun)


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known before the first entry is read."""

    checkpoint: Checkpoint
    check: LogCheck
    key_given: bool
    compared: int
    witnessed: tuple[Cosignature, ...]


def _begin(
    directory: Path, keys: Sequence[VerifierKey], against: Sequence[bytes], witnesses: Sequence[WitnessKey]
) -> _Begun:
    trusted = list(keys) or [own_key(directory)]
    note = _read(directory, tiles.CHECKPOINT)
    checkpoint = verify_checkpoint(note, trusted, tiles.CHECKPOINT)
    witnessed = require_all(note, witnesses, tiles.CHECKPOINT)
    elsewhere = claims_from_elsewhere(against, trusted, checkpoint.origin, checkpoint.size)
    check = LogCheck([Claim(checkpoint, tiles.CHECKPOINT), *elsewhere])
    return _Begun(checkpoint, check, bool(keys), len(against), witnessed)


def _stretch(directory: Path, start: int, stop: int, marks: Sequence[int]) -> StretchFound:
    """Check the bundles and tiles of the entries from ``start`` up to ``stop``."""

    def rows() -> Iterator[Row]:
        bundles, leaves = tiles.level_places(None, stop, start), tiles.level_places(0, stop, start)
        for bundle, tile in zip(bundles, leaves, strict=True):
            entries = tiles.decode_bundle(_read_place(directory, bundle), bundle)
            hashes = tiles.decode_tile(_read_place(directory, tile), tile)
            for entry, stored in zip(entries, hashes, strict=True):
                yield entry, stored, None

    return check_stretch(start, rows(), marks)


def _end(directory: Path, begun: _Begun) -> Verified:
    """The inner tiles, and the judgement."""
    checkpoint, check = begun.checkpoint, begun.check
    for level in range(1, tiles.levels(checkpoint.size)):
        for place in tiles.level_places(level, checkpoint.size):
            stored_row = tiles.decode_tile(_read_place(directory, place), place)
            check.inner(level, place.index * merkle.TILE_WIDTH, stored_row)
    check.finish()
    return Verified(
        origin=checkpoint.origin,
        size=checkpoint.size,
        signed_size=checkpoint.size,
        root=checkpoint.root,
        key_given=begun.key_given,
        compared=begun.compared,
        witnessed=begun.witnessed,
        witnessed_size=checkpoint.size if begun.witnessed else 0,
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
