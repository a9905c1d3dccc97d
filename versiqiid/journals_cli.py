"""``versiqiid journal``: what is done to a journal as a whole, with the daemon stopped.

Looking into one is ``versiqii audit``. Only words are here; what a command does is imported when it is called.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from versiqiid.errors import InvalidSetting, JournalRefused, Refused, VersiqiiError

if TYPE_CHECKING:
    from versiqiid.settings import Settings

T = TypeVar("T")

_PATH = click.Path(path_type=Path)
_POSTGRES = ("postgresql://", "postgres://")


def _judged(command: Callable[..., None]) -> Callable[..., None]:
    """Errors as exit codes of the one table; a refusal's last line is ``refused: <class> at <place>`` (exit 3)."""

    @functools.wraps(command)
    def run(*args: Any, **given: Any) -> None:
        from versiqiid.cli.exits import code_of  # noqa: PLC0415

        try:
            command(*args, **given)
        except JournalRefused as refusal:
            if refusal.hint:
                click.echo(refusal.hint, err=True)
            click.echo(refusal.message)
            click.echo(f"refused: {refusal.fault} at {refusal.place}")
            sys.exit(code_of(refusal))
        except VersiqiiError as error:
            click.echo(f"versiqiid: {error.message}", err=True)
            if error.hint:
                click.echo(f"  {error.hint}", err=True)
            sys.exit(code_of(error))

    return run


def _place(command: Callable[..., Any]) -> Callable[..., Any]:
    """Where the journal is, in the words of ``versiqiid run``."""
    command = click.option("--config", type=_PATH, help="TOML file with the daemon's settings.")(command)
    command = click.option("--data-dir", type=_PATH, help="The daemon's data directory; default: as the daemon's.")(
        command
    )
    return click.option("--journal", help="sqlite:///FILE or postgresql://…; default: in the data directory.")(command)


def _settings(given: dict[str, Any], *names: str) -> Settings:
    """The daemon's settings with what the options say."""
    from versiqiid.settings import load  # noqa: PLC0415

    return load({name: given[name] for name in names if given[name] is not None}, given["config"])


def _with_journal(given: dict[str, Any], work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the journal that the options mean, never making one; do the work; close it."""
    import anyio  # noqa: PLC0415

    from versiqiid.stores import open_journal  # noqa: PLC0415

    settings = _settings(given, "journal", "data_dir")

    async def run() -> T:
        async with open_journal(settings, create=False) as opened:
            return await work(opened)

    return anyio.run(run)


@click.group()
def journal() -> None:
    """The journal as a whole, with the daemon stopped: make it, recompute it, archive it, restore it."""


@journal.command()
@_place
@click.option("--repair", is_flag=True, help="First put streams, keys and epoch right, drop snapshots.")
@_judged
def rebuild(*, repair: bool, **given: Any) -> None:
    """Recompute every projection from the entries alone and compare it with what is stored.

    Exit 0 only if all of it is equal; 3 with the first difference, last line "refused: <class> at <place>".
    """
    from versiqiid.engine.past import check_snapshots  # noqa: PLC0415
    from versiqiid.sides import open_beside  # noqa: PLC0415

    async def work(opened: Any) -> tuple[Any, int]:
        found = await opened.rebuild(repair=repair)
        async with open_beside(_settings(given, "journal", "data_dir")) as beside:
            try:
                if repair:
                    await beside.snapshots.drop(0)
                return found, await check_snapshots(opened, beside.snapshots)
            except JournalRefused:
                raise
            except Refused:  # a journal in PostgreSQL that was made before there were any
                return found, 0

    found, snapshots = _with_journal(given, work)
    click.echo(
        f"rebuilt from {found.size} entries: {found.streams} streams, {found.keys} keys, epoch {found.epoch};"
        " all as stored"
    )
    if snapshots:
        click.echo(f"snapshots: {snapshots}, all as the entries say")


@journal.command()
@click.option("--journal", "url", required=True, help="postgresql://… of an administrator.")
@click.option("--service-role", required=True, help="The role that the daemon logs in as; made without a password.")
@click.option("--debezium", is_flag=True, help="Also make versiqii_outbox.outbox, for Debezium to relay the entries.")
@_judged
def init(url: str, service_role: str, *, debezium: bool) -> None:
    """Make the journal's tables, owner, guards and grants in PostgreSQL; again, it only lets one more role in.

    Without a superuser there are no event triggers: what could not be made is said, here and by audit verify.
    """
    if not url.startswith(_POSTGRES):
        raise InvalidSetting(
            "setting 'journal': expected postgresql://admin@host/database",
            hint="A journal in SQLite is made by the daemon at its first start.",
        )
    from versiqiid.adapters.postgres.init import init_journal  # noqa: PLC0415

    for missing in init_journal(url, service_role, debezium=debezium):
        click.echo(f"could not be made without a superuser: {missing}", err=True)
    click.echo(f"the journal is ready for {service_role}")


# ---------------------------------------------------------------------------------------------------------- archive


def _archive_place(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--archive", help="s3://bucket/prefix; default: the daemon's setting.")(command)


_recipient = click.option(
    "--archive-recipient",
    help="age1…, comma separated, or vault-transit:<mount>/<key>: what documents are encrypted for.",
)


@journal.command()
@_place
@_archive_place
@_recipient
@_judged
def archive(**given: Any) -> None:
    """Bring the archive up to the newest signed checkpoint, once; the daemon does the same at intervals.

    May run beside a daemon. Repeating it after a failure is right at any time.
    """
    from versiqiid import archives  # noqa: PLC0415

    settings = _settings(given, "journal", "data_dir", "archive", "archive_recipient")
    done = archives.archive_once(settings)
    if not settings.archive_recipient:
        click.echo("documents are not archived: there is no --archive-recipient", err=True)
    added = done.size - done.before
    click.echo(f"archived {done.size} entries ({added} new) and {done.documents} new documents, root {done.root.hex()}")


@journal.command()
@_place
@_archive_place
@_recipient
@click.option("--days", type=click.FloatRange(min=0), default=365, show_default=True, help="How old history must be.")
@_judged
def retire(*, days: float, **given: Any) -> None:
    """Let documents go now that are only history, once the archive has them; the daemon does so by retention-days.

    Entries, hashes and checkpoints stay for ever, and every proof with them. What any key holds now, or any newer entry
    speaks of, stays too. Past contents come back with `versiqiid journal restore`.
    """
    from versiqiid import archives  # noqa: PLC0415

    count, place = archives.retire(_settings(given, "journal", "data_dir", "archive", "archive_recipient"), days)
    click.echo(f"{count} documents are in {place} alone")


@journal.command()
@click.argument("file", type=_PATH)
@_place
@_judged
def backup(*, file: Path, **given: Any) -> None:
    """Copy the journal as of now to FILE, a journal in SQLite; the daemon may go on writing.

    Of PostgreSQL too. FILE appears when it is complete; `versiqii audit verify --journal sqlite:///FILE` verifies it.
    """
    from versiqiid import backups  # noqa: PLC0415

    click.echo(backups.back_up(_settings(given, "journal", "data_dir"), file))


@journal.command()
@_place
@_archive_place
@_recipient
@click.option("--backup", type=_PATH, help="Fill the journal from this backup instead of the archive.")
@click.option(
    "--identity", type=_PATH, help="age identity file that opens the documents; or --archive-recipient vault-…."
)
@click.option("--without-documents", is_flag=True, help="Restore entries only: past contents cannot be shown then.")
@click.option("--vkey", type=_PATH, multiple=True, help="File with the log's verifier key, had from elsewhere.")
@click.option("--against", type=_PATH, multiple=True, help="Signed checkpoint that was kept elsewhere.")
@_judged
def restore(
    *,
    backup: Path | None,
    identity: Path | None,
    without_documents: bool,
    vkey: tuple[Path, ...],
    against: tuple[Path, ...],
    **given: Any,
) -> None:
    """Make a new journal from the archive alone, verified before and after; or from a backup.

    The signing key is in neither: put log.key back into the data directory from its own backup.
    """
    from versiqiid import archives, backups  # noqa: PLC0415
    from versiqiid.seals import by_vault  # noqa: PLC0415

    if backup is not None:
        click.echo(backups.restore_backup(_settings(given, "journal", "data_dir"), backup))
        return
    settings = _settings(given, "journal", "data_dir", "archive", "archive_recipient")
    if (identity is not None and without_documents) or not (identity or without_documents or by_vault(settings)):
        told = "give either --identity FILE, --archive-recipient vault-transit:<mount>/<key> or --without-documents"
        raise InvalidSetting(told)
    wanted = archives.Restore(identity, not without_documents, vkey, against)
    for line in archives.restore_all(settings, wanted):
        click.echo(line)
