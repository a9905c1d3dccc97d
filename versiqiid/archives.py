"""Which archive the settings mean. Only ``daemon.py`` and the commands of ``versiqiid journal`` ask."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from versiqiid.core.access import Tell
from versiqiid.core.audit import Verified
from versiqiid.core.note import VerifierKey, parse_vkey
from versiqiid.engine.archive import Archive, Archived, ArchivedJournal, Objects
from versiqiid.engine.archive_loop import ArchiveLoop
from versiqiid.engine.archive_restore import Mirrored, mirror, restore
from versiqiid.engine.facts import DAEMON
from versiqiid.engine.retention import Retention, RetentionDuty
from versiqiid.errors import InvalidInput, InvalidSetting, Refused
from versiqiid.logs import logger
from versiqiid.ports import Actor, Metrics
from versiqiid.seals import Sealing, open_opening, open_sealing
from versiqiid.settings import Settings
from versiqiid.signers import known_keys
from versiqiid.stores import open_journal, sqlite_path

log = logger("archive")

OPERATOR = Actor("user", "operator", "cli")
SQLITE = "sqlite:///"


async def open_objects(settings: Settings) -> Objects:
    """The place that the setting ``archive`` names, looked at once.

    :raises InvalidSetting: no such address, or it cannot be used as it is set.
    :raises NotFound: no such bucket. :raises Forbidden: not enough rights. :raises Unavailable: no answer.
    """
    if not settings.archive:
        raise InvalidSetting("setting 'archive': expected s3://bucket or s3://bucket/prefix")
    from versiqiid.adapters.s3 import Retention, S3Objects  # noqa: PLC0415

    lock = settings.archive_lock
    retention = None if lock == "none" else Retention(lock.upper(), settings.archive_retain_days)
    return await S3Objects.open(settings.archive, retention=retention)


async def make_archive(settings: Settings, journal: ArchivedJournal, key: VerifierKey, sealing: Sealing) -> Archive:
    """The daemon's archive of this journal; errors as ``open_objects``."""
    objects = await open_objects(settings)
    return Archive(journal, objects, key, sealing.seal, actor=DAEMON, suffix=sealing.suffix)


@asynccontextmanager
async def open_archive(settings: Settings) -> AsyncIterator[tuple[Any, Archive]]:
    """The journal that the settings mean, and its archive, for an operator."""
    opened: Any
    async with open_journal(settings, create=False) as opened, open_sealing(settings, lambda _: None) as sealing:
        key = (await known_keys(settings, opened))[-1]
        objects = await open_objects(settings)
        yield opened, Archive(opened, objects, key, sealing.seal, actor=OPERATOR, suffix=sealing.suffix)


class Archiving:
    """The daemon's part: the archive kept up to date, history let go of that it holds, and what to say of both."""

    def __init__(
        self, settings: Settings, journal: Any, vkey: str, metrics: Metrics, tell: Tell = lambda _: None
    ) -> None:
        """:param tell: takes the facts of access: logins to Vault."""
        self._make = partial(make_archive, settings, journal, parse_vkey(vkey))
        self._seal = partial(open_sealing, settings, tell)
        self._duty: RetentionDuty | None = None
        if settings.retention_days and settings.archive_recipient:
            retention = Retention(journal, settings.retention_days, DAEMON, time.time)
            self._duty = RetentionDuty(retention, metrics)
        then = self._duty.when_due if self._duty else None
        self._loop = ArchiveLoop(interval_s=settings.archive_interval_s, metrics=metrics, then=then)
        self._refusal = ""

    async def run(self) -> None:
        """Until cancelled. An archive that cannot be this journal's is left alone from then on, and told."""
        try:
            async with self._seal() as sealing:
                await self._loop.run(partial(self._make, sealing))
        except (Refused, InvalidSetting) as refusal:
            self._refusal = refusal.message
            log.error("archive_refused", reason=refusal.message, hint=refusal.hint)

    def note(self) -> str | None:
        """What is wrong with the archive or with retention, if anything."""
        trouble = self._refusal or self._loop.trouble
        kept = self._duty.trouble if self._duty else ""
        told = [*(["archive: " + trouble] if trouble else []), *(["retention: " + kept] if kept else [])]
        return "; ".join(told) or None


# --------------------------------------------------------------------------------------------------- for commands


def archive_once(settings: Settings) -> Archived:
    """Bring the archive of this journal up to date; errors as ``Archive.bring``."""

    async def run() -> Archived:
        async with open_archive(settings) as (_, archive):
            return await archive.bring()

    return anyio.run(run)


def retire(settings: Settings, days: float) -> tuple[int, str]:
    """Let documents go that are only history for so many days, once the archive has them; their number and the place.

    First the archive is brought up to date; then they are deleted, with ``DocumentsRetired`` recorded for each batch.
    Repeating it after a failure is right. Entries, hashes and checkpoints stay, and every proof with them.

    :raises InvalidSetting: no archive, or no recipient.
    :raises JournalRefused: as ``Archive.bring``; nothing was changed here.
    :raises Refused: PostgreSQL, and ``journal init`` has not made the function that deletes; nothing was changed.
    """
    if not settings.archive_recipient:
        raise InvalidSetting("setting 'archive-recipient': documents are not archived without one, and so not retired")

    async def run() -> tuple[int, str]:
        async with open_archive(settings) as (opened, archive):
            await archive.bring()
            return await Retention(opened, days, OPERATOR, time.time).run(archive), archive.place

    return anyio.run(run)


@dataclass(frozen=True, slots=True)
class Restore:
    """What a restore is given. ``identity`` None = the setting's key of Vault; ``vkeys`` empty = the archive's own."""

    identity: Path | None
    documents: bool
    vkeys: Sequence[Path] = ()
    against: Sequence[Path] = ()


def restore_all(settings: Settings, wanted: Restore) -> list[str]:
    """Make the journal again from the archive; what was found, a sentence a line.

    A journal in SQLite appears under its name only when it is complete and verified.

    :raises JournalRefused: the archive or what came of it does not verify. :raises Refused: the journal is not empty.
    """
    lines = [line for path in wanted.vkeys for line in _bytes(path).decode("utf-8", "replace").splitlines()]
    keys = [parse_vkey(line) for line in lines if line.strip()]
    notes = [_bytes(path) for path in wanted.against]

    async def run() -> tuple[Mirrored, Verified]:
        objects = await open_objects(settings)
        with tempfile.TemporaryDirectory(prefix="versiqii-restore-") as name:
            async with open_opening(settings, wanted.identity, documents=wanted.documents) as opening:
                documents, folder = wanted.documents, Path(name)
                found = await mirror(objects, folder, keys, against=notes, documents=documents, suffix=opening.suffix)
                with _destination(settings, found.verified.origin) as destination:
                    opened: Any
                    async with open_journal(destination, create=True) as opened:
                        return found, await restore(opened, found, opening.open)

    found, verified = anyio.run(run)
    return [*_remarks(found), f"restored {verified.size} entries of {verified.origin}, root {verified.root.hex()}"]


@contextmanager
def _destination(settings: Settings, origin: str) -> Iterator[Settings]:
    """Where to restore to: a file beside the final one, which takes its name when the block ends well.

    :raises Refused: the file is there already; nothing was changed.
    """
    named = settings.model_copy(update={"log_origin": origin})
    if not settings.journal_url.startswith(SQLITE):
        yield named
        return
    final = sqlite_path(settings.journal_url)
    part = final.with_name(f"{final.name}.restoring")
    try:
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (part, *(part.with_name(part.name + suffix) for suffix in ("-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
        if final.exists():
            raise Refused(f"journal {final}: it is there already", hint="restore beside it, or move it away first")
        yield named.model_copy(update={"journal": f"{SQLITE}{part}"})
        part.rename(final)
    except OSError as error:
        raise Refused(f"journal {final}: {error.strerror}") from error


def _remarks(found: Mirrored) -> list[str]:
    told = [line for line in found.verified.remarks() if "newer than" not in line]
    if not found.outbox:
        told.append("no outbox position was archived: every event is sent again, with the same ce_id")
    return told


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from error
