"""Writing a journal as a directory in the public format (C2SP ``tlog-tiles``), to be served or verified by anybody.

Tiles and bundles are written once and never again; ``checkpoint`` comes last. Stopped at any moment and repeated, the
end is the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from versiqiid.core import merkle, tiles
from versiqiid.core.note import Checkpoint, parse_vkey, peek_checkpoint, verify_checkpoint
from versiqiid.core.tiles import Place
from versiqiid.engine.audit import AuditedJournal, checkpoint_signed
from versiqiid.engine.audit_directory import own_key
from versiqiid.errors import JournalRefused, Refused
from versiqiid.ports import Actor, Query, Signer

_BUNDLES = 16
"""Bundles read at once; arbitrary, bounds the memory."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What now lies in the directory. ``before`` is the size it had, 0 when it was new."""

    checkpoint: bytes
    size: int
    before: int


async def export(
    journal: AuditedJournal, signer: Signer, directory: Path, *, actor: Actor, correlation_id: str
) -> Exported:
    """Sign a checkpoint over everything committed and write the log up to it; then record ``CheckpointSigned``.

    A directory that holds an earlier export of the same log is extended.

    :raises JournalRefused: ``fork`` or ``truncation``: the directory holds something that is no beginning of this
        journal; ``tile``: one of its files is not what the journal has; ``entry``: the journal's own entry is not what
        was appended. The directory's checkpoint is then as it was.
    :raises Refused: the directory cannot be written.
    """
    note = await journal.sign_checkpoint(signer)
    checkpoint = peek_checkpoint(note, tiles.CHECKPOINT)
    before = await to_thread.run_sync(_existing, directory, signer.vkey)
    await _check_prefix(journal, before, checkpoint)
    writer = _Writer(directory)
    start = before.size // merkle.TILE_WIDTH * merkle.TILE_WIDTH
    rows = [await journal.tree_hashes(*place) for place in merkle.edge(start)]
    builder = merkle.Builder(rows)
    while builder.size < checkpoint.size:
        stop = min(builder.size + _BUNDLES * merkle.TILE_WIDTH, checkpoint.size)
        await _copy(journal, writer, builder, stop)
    if builder.root() != checkpoint.root:
        raise JournalRefused("root", tiles.CHECKPOINT, "the journal's entries do not lead to what was signed")
    await to_thread.run_sync(writer.finish, builder, signer.vkey, note)
    await journal.append([checkpoint_signed(checkpoint, signer, actor, correlation_id)])
    return Exported(note, checkpoint.size, before.size)


def _existing(directory: Path, vkey: str) -> Checkpoint:
    """The checkpoint that lies there, or that of an empty log."""
    key = parse_vkey(vkey)
    if (directory / tiles.VKEY).exists() and own_key(directory) != key:
        raise JournalRefused(
            "signature", tiles.VKEY, "the directory belongs to another key", hint="export into a new directory"
        )
    with _refusing():
        try:
            note = (directory / tiles.CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return Checkpoint(key.name, 0, merkle.EMPTY_ROOT)
    return verify_checkpoint(note, [key], tiles.CHECKPOINT)


async def _check_prefix(journal: AuditedJournal, before: Checkpoint, after: Checkpoint) -> None:
    if before.size > after.size:
        raise JournalRefused(
            "truncation", tiles.CHECKPOINT, f"the directory has {before.size} entries, the journal {after.size}"
        )
    if before.size and await journal.root(before.size) != before.root:
        raise JournalRefused("fork", tiles.CHECKPOINT, f"its {before.size} entries are no beginning of this journal")


async def _copy(journal: AuditedJournal, writer: _Writer, builder: merkle.Builder, stop: int) -> None:
    """Write the entries from where the builder stands up to ``stop``, and the tiles that they complete."""
    start = builder.size
    page = await journal.read(Query(start=start, before=stop, limit=stop - start))
    stored = await journal.tree_hashes(0, start, stop)
    if len(page) != stop - start:
        raise JournalRefused("missing", f"position {start + len(page)}", "the entry is gone")
    entries = [recorded.entry for recorded in page]
    full: list[merkle.Tile] = []
    for position, (entry, expected) in enumerate(zip(entries, stored, strict=True), start):
        leaf = merkle.leaf_hash(entry)
        if leaf != expected:
            raise JournalRefused("entry", f"position {position}", "not the entry that was appended")
        full += builder.add(leaf)
    await to_thread.run_sync(writer.bundles, start, entries)
    await to_thread.run_sync(writer.tiles, full)


class _Writer:
    """Puts files into the directory: each whole or not at all, none over another one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def bundles(self, start: int, entries: list[bytes]) -> None:
        """Entries from a position that begins a bundle."""
        width = merkle.TILE_WIDTH
        for at in range(0, len(entries), width):
            part = entries[at : at + width]
            self._once(Place(None, (start + at) // width, len(part)), tiles.encode_bundle(part))

    def tiles(self, full: list[merkle.Tile]) -> None:
        """Complete tiles."""
        for tile in full:
            self._once(Place(tile.level, tile.index, merkle.TILE_WIDTH), tiles.encode_tile(tile.hashes))

    def finish(self, builder: merkle.Builder, vkey: str, note: bytes) -> None:
        """The partial tiles at the right edge, the key and, last, the checkpoint."""
        for place, hashes in _edge(builder):
            self._once(place, tiles.encode_tile(hashes))
        with _refusing():
            self._directory.mkdir(parents=True, exist_ok=True)
            _replace(self._directory / tiles.VKEY, f"{vkey}\n".encode())
            _replace(self._directory / tiles.CHECKPOINT, note)

    def _once(self, place: Place, data: bytes) -> None:
        path = self._directory / place.path
        with _refusing():
            try:
                present = path.read_bytes()
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                _replace(path, data)
                return
        if present != data:
            raise JournalRefused("tile", place.path, "the file is not what the journal has")


def _edge(builder: merkle.Builder) -> Iterator[tuple[Place, list[bytes]]]:
    for level, row in enumerate(builder.rows):
        if row:
            yield Place(level, (builder.size >> (merkle.TILE_HEIGHT * level)) // merkle.TILE_WIDTH, len(row)), row


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns what the operating system refuses into an error of ours."""
    try:
        yield
    except OSError as error:
        raise Refused(f"export to {error.filename}: {error.strerror}") from error


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole: it is there with all its bytes, durably, or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
