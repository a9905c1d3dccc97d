"""``versiqii env`` and ``versiqii regions``: which version runs where. Moving one is an engine upgrade."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import check_index, dry_run, remove, save, split_version, wrote
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, InvalidVersion, NotFound


@click.group()
def env() -> None:
    """Which version of a target runs in which environment."""


@click.group()
def regions() -> None:
    """The same as ``env``, in the words of regions and engines."""


@click.command()
@click.argument("words", nargs=-1, metavar="ENVIRONMENT TARGET VERSION")
@click.option("--env", "--region", "environment", help="Instead of the first argument.")
@click.option("--target", "--engine", "target", help="TARGET or TARGET@VERSION, instead of the second.")
@click.option("--version", "--engine-version", "version", help="Instead of the third.")
@check_index
@dry_run
@click.pass_obj
def set_target(
    session: Session, /, words: tuple[str, ...], check_index: int | None, *, dry_run: bool, **given: str
) -> None:
    """Say that VERSION of TARGET runs in ENVIRONMENT: every config bound there follows."""
    environment, target, version = _three(list(words), given)
    key = f"envs/{environment}/{target}/version"
    _remark(session, target, version)
    wrote(session, key, save(session, key, version.encode(), check_index=check_index, dry_run=dry_run), dry=dry_run)


def _three(words: list[str], given: dict[str, str]) -> tuple[str, str, str]:
    """Environment, target and version, from options first and words for the rest; ``TARGET@VERSION`` is two of them."""
    environment = given["environment"] or (words.pop(0) if words else "")
    target, at = split_version(given["target"] or (words.pop(0) if words else ""))
    version = given["version"] or at or (words.pop(0) if words else "")
    if not (environment and target and version) or words:
        raise click.UsageError("give ENVIRONMENT TARGET VERSION, such as: prod/asia-sg av-engine 2.1.3")
    return environment, target, version


def _remark(session: Session, target: str, version: str) -> None:
    """Say at once what would only be seen in the status: it is written all the same, as a plain key would be."""
    from versiqiid.core.objects import read_target  # noqa: PLC0415
    from versiqiid.core.versions import parse  # noqa: PLC0415

    try:
        parse(read_target(session.key(f"targets/{target}").raw).versioning, version)
    except NotFound:
        session.tell(f"there is no target {target} yet")
    except InvalidVersion as error:
        session.tell(f"everything bound there will be held: {error.message}")
    except InvalidInput as error:
        session.tell(f"targets/{target} cannot be read: {error.message}")


@click.command()
@click.option("--env", "--region", "environment", help="Only in this environment and below.")
@click.pass_obj
def list_(session: Session, environment: str | None) -> None:
    """Every version key."""
    rows = []
    for item in session.items(f"envs/{environment}/" if environment else "envs/"):
        *place, target, _ = item["key"].split("/")[1:]
        version = item.get("value", "").strip()
        row = {"environment": "/".join(place), "target": target, "version": version, "updated": item["updated"]}
        rows.append(row | {"key": item["key"]})
    session.show(rows, "environment", "target", "version", wide=("updated", "key"), name="key")


@click.command()
@click.argument("environment")
@click.argument("target")
@check_index
@dry_run
@click.pass_obj
def unset(session: Session, environment: str, target: str, check_index: int | None, *, dry_run: bool) -> None:
    """Remove the version of TARGET in ENVIRONMENT; an inherited one holds then."""
    remove(session, f"envs/{environment}/{target}/version", check_index=check_index, dry_run=dry_run)


env.add_command(set_target, "set-target")
env.add_command(list_, "list")
env.add_command(unset, "unset-target")
regions.add_command(set_target, "set-engine")
regions.add_command(list_, "list")
regions.add_command(unset, "unset-engine")
