"""``versiqiid journal``: what is done to a journal as a whole, with the daemon stopped.

Looking into one is ``versiqii audit``. Only words are here; what a command does is imported when it is called.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from versiqiid.errors import InvalidSetting, JournalRefused, VersiqiiError

T = TypeVar("T")

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
    path = click.Path(path_type=Path)
    command = click.option("--config", type=path, help="TOML file with the daemon's settings.")(command)
    command = click.option("--data-dir", type=path, help="The daemon's data directory; default: as the daemon's.")(
        command
    )
    return click.option("--journal", help="sqlite:///FILE or postgresql://…; default: in the data directory.")(command)


def _with_journal(given: dict[str, Any], work: Callable[[Any], Awaitable[T]]) -> T:
    """Open the journal that the options mean, never making one; do the work; close it."""
    import anyio  # noqa: PLC0415

    from versiqiid.settings import load  # noqa: PLC0415
    from versiqiid.stores import open_journal  # noqa: PLC0415

    flags = {name: given[name] for name in ("journal", "data_dir") if given[name] is not None}
    settings = load(flags, given["config"])

    async def run() -> T:
        async with open_journal(settings, create=False) as opened:
            return await work(opened)

    return anyio.run(run)


@click.group()
def journal() -> None:
    """The journal as a whole, with the daemon stopped: make it, recompute it."""


@journal.command()
@_place
@click.option("--repair", is_flag=True, help="First put streams, keys and epoch right; entries are never touched.")
@_judged
def rebuild(*, repair: bool, **given: Any) -> None:
    """Recompute every projection from the entries alone and compare it with what is stored.

    Exit 0 only if all of it is equal; 3 with the first difference, last line "refused: <class> at <place>".
    """
    found = _with_journal(given, lambda opened: opened.rebuild(repair=repair))
    click.echo(
        f"rebuilt from {found.size} entries: {found.streams} streams, {found.keys} keys, epoch {found.epoch};"
        " all as stored"
    )


@journal.command()
@click.option("--journal", "url", required=True, help="postgresql://… of an administrator.")
@click.option("--service-role", required=True, help="The role that the daemon logs in as; made without a password.")
@_judged
def init(url: str, service_role: str) -> None:
    """Make the journal's tables, owner, guards and grants in PostgreSQL; again, it only lets one more role in.

    Without a superuser there are no event triggers: what could not be made is said, here and by audit verify.
    """
    if not url.startswith(_POSTGRES):
        raise InvalidSetting(
            "setting 'journal': expected postgresql://admin@host/database",
            hint="A journal in SQLite is made by the daemon at its first start.",
        )
    from versiqiid.adapters.postgres.init import init_journal  # noqa: PLC0415

    for missing in init_journal(url, service_role):
        click.echo(f"could not be made without a superuser: {missing}", err=True)
    click.echo(f"the journal is ready for {service_role}")
