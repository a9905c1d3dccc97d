"""Journals opened by the command line itself: to look, to prove, to export, to verify. None is ever created here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio

from versiqiid.core.audit import Verified
from versiqiid.core.note import VerifierKey, parse_vkey, peek_checkpoint
from versiqiid.core.proof import verify_receipt
from versiqiid.engine.audit import prove, sign_on_request, verify_journal
from versiqiid.engine.audit_directory import verify_large_directory
from versiqiid.engine.audit_export import export
from versiqiid.errors import InvalidInput
from versiqiid.ports import Actor, Query
from versiqiid.settings import Settings, load
from versiqiid.signers import known_keys, open_signer
from versiqiid.stores import open_journal

T = TypeVar("T")

OPERATOR = Actor("user", "operator", "cli")
PAGE = 10_000


def entries(
    journal: str | None, data_dir: Path | None, *, start: int | None, limit: int | None, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    """Entries as JSON, ascending; ``limit`` None = all of them."""

    async def work(opened: Any, _: Settings) -> list[dict[str, Any]]:
        size = await opened.size()
        position = max(0, size - (limit or size)) if start is None and not asked else start or 0
        found: list[dict[str, Any]] = []
        while True:
            page = await opened.read(Query(start=position, limit=min(limit or PAGE, PAGE), **asked))
            found += [json.loads(entry.entry) for entry in page]
            if limit is not None or len(page) < PAGE:
                return found
            position = page[-1].position + 1

    return _with(journal, data_dir, work)


def verify_here(
    journal: str | None, data_dir: Path | None, vkeys: Sequence[Path], against: Sequence[Path]
) -> list[str]:
    """Verify the journal itself; what was found, a sentence a line.

    :raises JournalRefused: the fault and where it is.
    """

    async def work(opened: Any, settings: Settings) -> Verified:
        keys = _keys(vkeys)
        if not keys:
            keys = await known_keys(settings, opened)
        notes = [path.read_bytes() for path in against]
        return await verify_journal(opened, keys, key_given=bool(vkeys), against=notes)

    return _told(_with(journal, data_dir, work))


def verify_export(directory: Path, vkeys: Sequence[Path], against: Sequence[Path]) -> list[str]:
    """Verify an exported directory.

    :raises JournalRefused: the fault and where it is.
    """
    keys, notes = _keys(vkeys), [path.read_bytes() for path in against]
    return _told(anyio.run(partial(verify_large_directory, directory, keys, against=notes)))


def verify_receipt_file(receipt: Path, entry: Path | None, vkeys: Sequence[Path]) -> list[str]:
    """Verify one receipt offline.

    :raises JournalRefused: the fault and where it is. :raises InvalidInput: the entry or the key was not given.
    """
    if entry is None or not vkeys:
        raise InvalidInput("--receipt needs --entry FILE and --vkey FILE")
    position, checkpoint = verify_receipt(receipt.read_bytes(), entry.read_bytes(), _keys(vkeys))
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


def _keys(vkeys: Sequence[Path]) -> list[VerifierKey]:
    """A file may name several keys, one a line: a journal that has changed its key needs all of them."""
    lines = [line for path in vkeys for line in path.read_text(encoding="utf-8").splitlines()]
    return [parse_vkey(line) for line in lines if line.strip()]


def _told(verified: Verified) -> list[str]:
    covered = f"{verified.signed_size} of {verified.size} entries signed"
    held_off = [f"holds off {who}" for who in verified.held_off()]
    return [*verified.remarks(), *held_off, f"verified: {verified.origin}, {covered}, root {verified.root.hex()}"]
