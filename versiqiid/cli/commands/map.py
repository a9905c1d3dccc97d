"""``versiqii map``: a config written for the version in one environment, as the version in another needs it."""

from __future__ import annotations

import click

from versiqiid.cli.session import Session


@click.command("map")
@click.argument("file")
@click.option("--target", required=True, help="Whose config it is.")
@click.option("--from-env", "start", required=True, metavar="ENV", help="For whose version it is written.")
@click.option("--to-env", "end", required=True, metavar="ENV", help="For whose version it shall be.")
@click.option("--stash", metavar="FILE", help="What an earlier way in the other direction kept aside.")
@click.option("--stash-out", metavar="FILE", help="Where to write what this way keeps aside.")
@click.pass_obj
def map_(session: Session, /, file: str, target: str, start: str, end: str, **stashes: str | None) -> int:
    """Print the config in FILE as the other environment's version needs it. Nothing is stored; exit 3 when refused."""
    from versiqiid.cli.accounts import carry  # noqa: PLC0415

    return carry(session, "/v1/map", {"target": target, "from": start, "to": end, "config": file}, **stashes)
