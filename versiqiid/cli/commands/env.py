"""``versiqii env`` and ``versiqii regions``: which version runs where. Moving one is an engine upgrade."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import check_index, dry_run, wrote
from versiqiid.cli.session import Session


@click.group()
def env() -> None:
    """Which version of a target runs in which environment."""


@click.group()
def regions() -> None:
    """The same as ``env``, in the words of regions and engines."""


@click.command()
@click.argument("environment")
@click.argument("target")
@click.argument("version")
@check_index
@dry_run
@click.pass_obj
def set_target(session: Session, environment: str, target: str, version: str, check_index: int | None, *, dry_run: bool) -> None:
    """Say that VERSION of TARGET runs in ENVIRONMENT: every config bound there follows."""
    key = f"envs/{environment}/{target}/version"
    wrote(session, key, session.replace(key, version.encode(), check_index=check_index, dry_run=dry_run), dry=dry_run)


@click.command()
@click.pass_obj
def list_(session: Session) -> None:
    """Every version key."""
    rows = []
    for item in session.items("envs/"):
        *place, target, _ = item["key"].split("/")[1:]
        rows.append({"environment": "/".join(place), "target": target, "version": item["value"].strip(), "updated": item["updated"]})
    session.show(rows, "environment", "target", "version", wide=("updated",))


env.add_command(set_target, "set-target")
env.add_command(list_, "list")
regions.add_command(set_target, "set-engine")
regions.add_command(list_, "list")
