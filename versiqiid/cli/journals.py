"""Journals opened by the command line itself: to look, to prove, to export, to verify. None is ever created here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio

from versiqiid.attestations import authority, witnesses
from versiqiid.core.audit import Verified
from versiqiid.core.cosignature import WitnessKey, parse_witness_key
from versiqiid.core.note import VerifierKey, parse_vkey, peek_checkpoint
from versiqiid.core.proof import verify_receipt
from versiqiid.engine.audit import prove, sign_on_request, verify_journal
from versiqiid.engine.audit_directory import verify_large_directory
from versiqiid.engine.audit_export import export
from versiqiid.engine.timestamping import stamp_newest
from versiqiid.engine.witnessing import cosign
from versiqiid.errors import InvalidInput, InvalidSetting
from versiqiid.ports import Actor, Query
from versiqiid.settings import Settings, load
from versiqiid.signers import known_keys, open_signer
from versiqiid.stores import open_journal

T = TypeVar("T")

OPERATOR = Actor("user", "operator", "cli")
PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries. ``limit`` None = all of them; ``start`` None = the last ones, where nothing more is asked."""

    start: int | None
    limit: int | None
    asked: Mapping[str, Any]


def entries(
    journal: str | None, data_dir: Path | None, wanted: Wanted, take: Callable[[list[dict[str, Any]]], None]
) -> None:
    """Give entries as JSON, ascending, a page at a time."""
    limit, asked = wanted.limit, wanted.asked

    async def work(opened: Any, _: Settings) -> None:
        size = await opened.size()
        position = max(0, size - (limit or size)) if wanted.start is None and not asked else wanted.start or 0
        while True:
            page = await opened.read(Query(start=position, limit=min(limit or PAGE, PAGE), **asked))
            take([json.loads(entry.entry) for entry in page])
            if limit is not None or len(page) < PAGE:
                return
            position = page[-1].position + 1

    _with(journal, data_dir, work)


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a verification is given from elsewhere: files with verifier keys, earlier checkpoints, witnesses' keys."""

    vkeys: Sequence[Path] = ()
    against: Sequence[Path] = ()
    witnesses: Sequence[Path] = ()
    every_checkpoint: bool = False

    def keys(self) -> list[VerifierKey]:
        """A file may name several keys, one a line: a journal that has changed its key needs all of them."""
        return [parse_vkey(line) for line in _lines(self.vkeys)]

    def witness_keys(self) -> list[WitnessKey]:
        """A witness's key a line."""
        return [parse_witness_key(line) for line in _lines(self.witnesses)]

    def notes(self) -> list[bytes]:
        """The checkpoints."""
        return [_bytes(path) for path in self.against]


def verify_here(journal: str | None, data_dir: Path | None, trusted: Trusted) -> list[str]:
    """Verify the journal itself; what was found, a sentence a line.

    :raises JournalRefused: the fault and where it is.
    """

    async def work(opened: Any, settings: Settings) -> Verified:
        keys = trusted.keys()
        return await verify_journal(
            opened,
            keys or await known_keys(settings, opened),
            key_given=bool(keys),
            against=trusted.notes(),
            witnesses=trusted.witness_keys(),
            every_checkpoint=trusted.every_checkpoint,
        )

    return _told(_with(journal, data_dir, work))


def verify_export(directory: Path, trusted: Trusted) -> list[str]:
    """Verify an exported directory.

    :raises JournalRefused: the fault and where it is.
    """
    notes, witness_keys = trusted.notes(), trusted.witness_keys()
    work = partial(verify_large_directory, directory, trusted.keys(), against=notes, witnesses=witness_keys)
    return _told(anyio.run(work))


def verify_receipt_file(receipt: Path, entry: Path | None, trusted: Trusted) -> list[str]:
    """Verify one receipt offline.

    :raises JournalRefused: the fault and where it is. :raises InvalidInput: the entry or the key was not given.
    """
    if entry is None or not trusted.vkeys:
        raise InvalidInput("--receipt needs --entry FILE and --vkey FILE")
    keys, witnesses = trusted.keys(), trusted.witness_keys()
    position, checkpoint = verify_receipt(_bytes(receipt), _bytes(entry), keys, witnesses)
    return [
        f"verified: the entry is at position {position} of {checkpoint.origin}, of {checkpoint.size} signed entries"
    ]


def receipt(journal: str | None, data_dir: Path | None, position: int) -> tuple[bytes, bytes]:
    """The receipt of an entry, and the entry's bytes."""

    async def work(opened: Any, settings: Settings) -> tuple[bytes, bytes]:
        async with open_signer(settings, opened, making=False) as signer:
            proof = await prove(opened, position, signer=signer)
        (entry,) = await opened.read(Query(start=position, limit=1))
        return proof, entry.entry

    return _with(journal, data_dir, work)


def export_to(journal: str | None, data_dir: Path | None, directory: Path) -> str:
    """Write the log to the directory; one sentence about what was written."""

    async def work(opened: Any, settings: Settings) -> str:
        async with open_signer(settings, opened, making=False) as signer:
            done = await export(opened, signer, directory, actor=OPERATOR, correlation_id=str(uuid.uuid4()))
        size = peek_checkpoint(done.checkpoint, "checkpoint").size
        return f"exported {size} entries of {opened.origin}"

    return _with(journal, data_dir, work)


def witness(journal: str | None, data_dir: Path | None, asked: str | None) -> bytes:
    """A checkpoint over everything, cosigned by every witness; ``asked`` None = those of the settings.

    :raises JournalRefused: a witness has seen another history. :raises InvalidSetting: there is no witness.
    """

    async def work(opened: Any, settings: Settings) -> bytes:
        found = witnesses(settings if asked is None else settings.model_copy(update={"witness": asked}))
        if not found:
            raise InvalidSetting("setting 'witness': no witness", hint="give --witness https://host/prefix#<key>")
        async with open_signer(settings, opened, making=False) as signer:
            await opened.sign_checkpoint(signer)
        note = b""
        for one in found:
            note = await cosign(opened, one)
        return note

    return _with(journal, data_dir, work)


def stamp(journal: str | None, data_dir: Path | None, given: dict[str, Any]) -> tuple[bytes, bytes, str]:
    """A checkpoint over everything, a time stamp over it, and its time; both are kept in the journal.

    :param given: ``timestamp`` and ``timestamp_ca`` where the settings are not meant.
    """

    async def work(opened: Any, settings: Settings) -> tuple[bytes, bytes, str]:
        asked = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
        clock = authority(asked)
        async with open_signer(settings, opened, making=False) as signer:
            await opened.sign_checkpoint(signer)
        return await stamp_newest(opened, clock, actor=OPERATOR)

    return _with(journal, data_dir, work)


def verify_stamp(stamp_file: Path, checkpoint: Path, ca: Path) -> list[str]:
    """Verify a time stamp over a checkpoint, with nothing but files.

    :raises JournalRefused: ``timestamp``.
    """
    from versiqiid.adapters.timestamps import verify  # noqa: PLC0415

    time = verify(_bytes(stamp_file), _bytes(checkpoint), _bytes(ca), stamp_file.name)
    return [f"verified: the checkpoint was there at {time}"]


def newest_checkpoint(journal: str | None, data_dir: Path | None, *, sign: bool) -> bytes | None:
    """The newest signed checkpoint; with ``sign``, a new one over everything, recorded as asked for."""

    async def work(opened: Any, settings: Settings) -> bytes | None:
        if not sign:
            found: bytes | None = await opened.checkpoint()
            return found
        async with open_signer(settings, opened, making=False) as signer:
            return await sign_on_request(opened, signer, actor=OPERATOR, correlation_id=str(uuid.uuid4()))

    return _with(journal, data_dir, work)


def _with(journal: str | None, data_dir: Path | None, work: Callable[[Any, Settings], Awaitable[T]]) -> T:
    given = {"journal": journal, "data_dir": data_dir}
    settings = load({name: value for name, value in given.items() if value is not None})

    async def run() -> T:
        async with open_journal(settings, create=False) as opened:
            return await work(opened, settings)

    return anyio.run(run)


def _lines(files: Sequence[Path]) -> list[str]:
    lines = [line for path in files for line in _bytes(path).decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line.strip()]


def _bytes(path: Path) -> bytes:
    """:raises InvalidInput: it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"file {path}: {error.strerror}") from error


def _told(verified: Verified) -> list[str]:
    covered = f"{verified.signed_size} of {verified.size} entries signed"
    held_off = [f"holds off {who}" for who in verified.held_off()]
    return [*verified.remarks(), *held_off, f"verified: {verified.origin}, {covered}, root {verified.root.hex()}"]
