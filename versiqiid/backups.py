"""Backups of a journal: one SQLite file, whatever the journal's database is. Only ``versiqiid journal`` asks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from versiqiid.errors import InvalidSetting, JournalRefused, Refused
from versiqiid.settings import Settings
from versiqiid.stores import open_journal, sqlite_path

SQLITE = "sqlite:///"


def back_up(settings: Settings, file: Path) -> str:
    """Copy the journal as of now to a file; the daemon may go on writing. One sentence about the copy.

    The file appears under its name only when it is complete and durable, and can be opened as a journal.

    :raises Refused: the file is there already; nothing was changed.
    :raises JournalRefused: there is no journal, or it does not lead to its own newest checkpoint.
    """
    with _appearing(file) as part:
        size, origin = anyio.run(_copy, settings, part)
    return f"backed up {size} entries of {origin}"


async def _copy(settings: Settings, part: Path) -> tuple[int, str]:
    if settings.journal_url.startswith(SQLITE):
        from versiqiid.adapters.sqlite.backup import backup_file  # noqa: PLC0415

        source = sqlite_path(settings.journal_url)
        if not source.is_file():
            raise JournalRefused("missing", str(source), "there is no journal")
        await to_thread.run_sync(backup_file, source, part)
        opened: Any
        async with open_journal(_at(settings, part), create=False) as opened:
            return await opened.size(), opened.origin
    source_journal: Any
    async with open_journal(settings, create=False) as source_journal:
        made: Any
        async with open_journal(_at(settings, part, source_journal.origin), create=True) as made:
            await source_journal.copy_into(made)
            return await made.size(), made.origin


def restore_backup(settings: Settings, file: Path) -> str:
    """Fill a new journal from a backup; one sentence about it.

    A journal in SQLite appears under its name only when it is complete. In PostgreSQL ``journal init`` made the tables.

    :raises Refused: the journal is there already, or is not empty; nothing was changed.
    :raises JournalRefused: the backup is none, or does not lead to its own newest checkpoint.
    """

    async def run(target: Settings) -> str:
        backup: Any
        async with open_journal(_at(settings, file), create=False) as backup:
            named = target.model_copy(update={"log_origin": backup.origin})
            made: Any
            async with open_journal(named, create=True) as made:
                await backup.copy_into(made)
                return f"restored {await made.size()} entries of {made.origin}"

    if not file.is_file():
        raise InvalidSetting(f"backup {file}: there is no such file")
    if not settings.journal_url.startswith(SQLITE):
        return anyio.run(run, settings)
    with _appearing(sqlite_path(settings.journal_url)) as part:
        return anyio.run(run, _at(settings, part))


def _at(settings: Settings, file: Path, origin: str = "") -> Settings:
    return settings.model_copy(update={"journal": f"{SQLITE}{file.absolute()}", "log_origin": origin})


@contextmanager
def _appearing(final: Path) -> Iterator[Path]:
    """A name beside the final one, which takes it when the block ends well; otherwise nothing is left.

    :raises Refused: the final name is taken, or the folder cannot be used.
    """
    part = final.with_name(f".{final.name}.part-{os.getpid()}")
    kept = [part.with_name(part.name + suffix) for suffix in ("", "-wal", "-shm", "-journal")]
    try:
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if final.exists():
            raise Refused(f"{final}: it is there already", hint="name another file, or move it away first")
        try:
            yield part
            os.link(part, final)  # fails where the name was taken meanwhile, unlike a rename
        finally:
            for leftover in kept:
                leftover.unlink(missing_ok=True)
        folder = os.open(final.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Refused(f"{final}: {error.strerror}") from error
