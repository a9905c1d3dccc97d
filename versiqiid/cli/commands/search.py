"""``versiqii search``: entries by the words in them and in their documents."""

from __future__ import annotations

from pathlib import Path

import click

from versiqiid.cli.session import Session

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@click.option("--in", "within", type=click.Choice(["entry", "document"]), help="Only there; default: both.")
@click.option("--rebuild", is_flag=True, help="Make the index anew first; offline only.")
@click.option("--journal", help="Offline: sqlite:///FILE or postgresql://…; default: in the data directory.")
@click.option("--data-dir", type=_PATH, help="Offline: the daemon's data directory.")
@click.pass_obj
def search(
    session: Session,
    words: tuple[str, ...],
    limit: int,
    within: str | None,
    *,
    rebuild: bool,
    journal: str | None,
    data_dir: Path | None,
) -> None:
    """Find entries by all of WORDS in them or in the documents recorded with them, newest first.

    Letters' case and accents do not matter; `av-engine` is found as it stands, `releas*` as a beginning. The daemon
    searches; with --journal or --data-dir it is done here. The index lies beside the journal, is brought up to date by
    each search, and may be removed at any time.
    """
    from versiqiid.cli import search as index  # noqa: PLC0415
    from versiqiid.core.search import Asked  # noqa: PLC0415

    asked = Asked(words, within, limit)
    if journal or data_dir:
        rows = index.offline(journal, data_dir, asked, rebuild=rebuild)
    elif rebuild:
        raise click.UsageError("--rebuild needs --journal or --data-dir")
    else:
        rows = index.online(session, asked)
    session.show(rows, "position", "time", "type", "stream", "foundIn", wide=("correlationId", "actor"))
