"""A journal made again from its archive alone: mirrored, verified, filled in, verified again.

Nothing of an archive is believed: the log is verified as any export is, each document by its digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from anyio import to_thread

from versiqiid.core import merkle, tiles
from versiqiid.core.audit import Verified
from versiqiid.core.canonical import digest
from versiqiid.core.note import Checkpoint, VerifierKey, verify_checkpoint
from versiqiid.core.tiles import Place
from versiqiid.engine.archive import AGE, CHECKPOINTS, DOCUMENTS, SEALED, STATE, Objects, document_of
from versiqiid.engine.audit import AuditedJournal, verify_journal
from versiqiid.engine.audit_directory import own_key, verify_large_directory
from versiqiid.engine.parallel import in_parallel
from versiqiid.errors import JournalRefused

_DOCUMENT = re.compile(rf"{DOCUMENTS}[0-9a-f]{{64}}({re.escape(AGE)}|{re.escape(SEALED)})")
"""What is fetched: a name becomes a path here, and whoever can write an archive can choose names."""

Open = Callable[[bytes, str], bytes]
"""Decrypts a document; its second argument names it for errors."""


class FilledJournal(AuditedJournal, Protocol):
    """A journal that can be filled while it is empty."""

    async def fill(
        self,
        entries: Iterable[bytes],
        documents: Iterable[tuple[str, bytes]] | None,
        checkpoints: Sequence[bytes],
        *,
        epoch: int,
        outbox: Mapping[str, int],
    ) -> None:
        """All or nothing; documents are digests with raw values, None = without them."""
        ...


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A verified log in a local directory, with what lies beside it."""

    directory: Path
    keys: tuple[VerifierKey, ...]
    verified: Verified
    checkpoints: tuple[bytes, ...]
    epoch: int
    outbox: dict[str, int]


async def mirror(
    objects: Objects,
    directory: Path,
    keys: Sequence[VerifierKey],
    *,
    against: Sequence[bytes] = (),
    documents: bool,
    suffix: str = AGE,
) -> Mirrored:
    """Fetch the whole archive into an empty directory and verify the log.

    :param keys: verifier keys had from elsewhere; empty = the archive's own, which proves nothing about the signer.
    :param against: signed checkpoints that were kept elsewhere.
    :param documents: whether to fetch the (still encrypted) documents too; those that are encrypted as ``suffix`` says.
    :raises JournalRefused: ``missing``: there is no archive, or an object of it is gone; or as
        ``verify_large_directory``.
    """
    await _fetch(objects, directory, tiles.VKEY)
    note = await _fetch(objects, directory, tiles.CHECKPOINT)
    trusted = list(keys) or [own_key(directory)]
    checkpoint = verify_checkpoint(note, trusted, tiles.CHECKPOINT)
    levels = (None, *range(tiles.levels(checkpoint.size)))
    places = (place for level in levels for place in tiles.level_places(level, checkpoint.size))
    await in_parallel(partial(_place, objects, directory, place) for place in places)
    if documents:
        found = await objects.names(DOCUMENTS)
        names = [name for name in found if _DOCUMENT.fullmatch(name) and name.endswith(suffix)]
        await in_parallel(partial(_fetch, objects, directory, name) for name in names)
    verified = await verify_large_directory(directory, keys, against=against)
    state = await objects.read(f"{STATE}{checkpoint.size:020d}.json")
    epoch, outbox = _state(state[0] if state else None)
    return Mirrored(
        directory, tuple(trusted), verified, await _checkpoints(objects, trusted, checkpoint, note), epoch, outbox
    )


async def _fetch(objects: Objects, directory: Path, name: str) -> bytes:
    found = await objects.read(name)
    if found is None:
        raise JournalRefused("missing", name, f"not in {objects.place}")
    await to_thread.run_sync(_write, directory / name, found[0])
    return found[0]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


async def _place(objects: Objects, directory: Path, place: Place) -> None:
    """A tile or bundle, or the full one that has taken a partial one's place."""
    try:
        await _fetch(objects, directory, place.path)
    except JournalRefused:
        if place.width == merkle.TILE_WIDTH:
            raise
        await _fetch(objects, directory, place.complete().path)


async def _checkpoints(
    objects: Objects, keys: Sequence[VerifierKey], newest: Checkpoint, note: bytes
) -> tuple[bytes, ...]:
    """Every archived checkpoint up to the newest, which comes last. One that is not ours proves nothing: left out."""
    found: list[bytes] = []
    for name in sorted(await objects.names(CHECKPOINTS)):
        stored = await objects.read(name)
        try:
            checkpoint = verify_checkpoint(stored[0] if stored else b"", keys, name)
        except JournalRefused:
            continue
        if stored is not None and checkpoint.origin == newest.origin and checkpoint.size < newest.size:
            found.append(stored[0])
    return (*found, note)


# ------------------------------------------------------------------------------------------------------- filling in


async def restore(journal: FilledJournal, mirrored: Mirrored, opened: Open | None) -> Verified:
    """Fill the empty journal from the mirror and verify it; what was verified.

    :param opened: decrypts documents; None = the journal is filled without them.
    :raises Refused: the journal is not empty; nothing was changed.
    :raises JournalRefused: ``sealed`` or ``document``: a document is not what its name says, or the present value of a
        key is not among them; nothing was changed.
    """
    await journal.fill(
        _entries(mirrored.directory, mirrored.verified.size),
        None if opened is None else _documents(mirrored.directory, opened),
        mirrored.checkpoints,
        epoch=mirrored.epoch,
        outbox=mirrored.outbox,
    )
    return await verify_journal(
        journal, mirrored.keys, key_given=mirrored.verified.key_given, against=[mirrored.checkpoints[-1]]
    )


def _entries(directory: Path, size: int) -> Iterator[bytes]:
    for place in tiles.level_places(None, size):
        path = directory / place.path
        data = (path if path.is_file() else directory / place.complete().path).read_bytes()
        yield from tiles.decode_bundle(data, place)


def _documents(directory: Path, opened: Open) -> Iterator[tuple[str, bytes]]:
    folder = directory / DOCUMENTS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = document_of(path.name)
        value = opened(path.read_bytes(), f"{DOCUMENTS}{path.name}")
        if digest(value) != name:
            raise JournalRefused("document", name, "the archived bytes have another digest")
        yield name, value


def _state(raw: bytes | None) -> tuple[int, dict[str, int]]:
    """Epoch and outbox positions from a ``state/…`` object; zeros where it is missing or not what we write."""
    try:
        told = json.loads(raw or b"{}")
        return int(told["epoch"]), {str(sink): int(at) for sink, at in told["outbox"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0, {}
