"""``versiqii bindings``: this config is read there."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.commands.shared import check_index, dry_run, remove, save, split_version, wrote
from versiqiid.cli.resolving import running_version
from versiqiid.cli.session import Session
from versiqiid.errors import NotFound


@click.group()
def bindings() -> None:
    """A config, read in an environment by a target."""


@bindings.command()
@click.option("--config", "--config-id", "config", required=True, help="A config's key, or its name with --target.")
@click.option("--env", "--region", "environment", required=True, help="Environment path, such as prod/asia-sg.")
@click.option("--target", help="Which target; taken from the config's key when that is given.")
@click.option("--name", help="The binding's name; default: the config's.")
@click.option("--version", "--engine-version", "version", help="Also say that this version runs there.")
@click.option("--hold", is_flag=True, help="Bind, but change nothing until it is released.")
@check_index
@dry_run
@click.pass_obj
def create(
    session: Session,
    /,
    config: str,
    environment: str,
    check_index: int | None,
    *,
    dry_run: bool,
    **given: Any,
) -> None:
    """Bind a config in an environment; it is migrated to the version that runs there."""
    from versiqiid.core import keys as k  # noqa: PLC0415
    from versiqiid.core.canonical import canonical  # noqa: PLC0415

    meaning = k.parse(config)
    named, target = (meaning.name, meaning.target) if isinstance(meaning, k.ConfigKey) else (config, given["target"])
    target, at = split_version(target or "")
    if not target:
        raise click.UsageError("name the target: --target, or a config key such as configs/<target>/<version>/<name>")
    name, version = given["name"] or named, given["version"] or at
    told = ({"config": named} if named != name else {}) | ({"hold": True} if given["hold"] else {})
    key, raw = f"bindings/{environment}/{target}/{name}", canonical(told) if told else b""
    written = save(session, key, raw, check_index=check_index, dry_run=dry_run)
    if version:
        save(session, f"envs/{environment}/{target}/version", version.encode(), dry_run=dry_run)
    else:
        _remark(session, environment, target)
    wrote(session, key, written, dry=dry_run)


def _remark(session: Session, environment: str, target: str) -> None:
    """Say at once when nothing will happen: no version of the target is set there, above or below."""
    try:
        running_version(session, environment, target)
    except NotFound as error:
        below = session.items(f"envs/{environment}/", values=False)
        if not any(item["key"].split("/")[-2] == target for item in below):
            session.tell(f"{error.message}, nor below it: the binding waits\n  {error.hint}")


@bindings.command("list")
@click.option("--env", "--region", "environment", help="Only in this environment and below.")
@click.pass_obj
def list_(session: Session, environment: str | None) -> None:
    """Every binding."""
    rows = []
    for item in session.items(f"bindings/{environment}/" if environment else "bindings/"):
        *place, target, name = item["key"].split("/")[1:]
        row = {"environment": "/".join(place), "target": target, "name": name, "value": item.get("value", "")}
        rows.append(row | {"key": item["key"], "revision": item["revision"]})
    session.show(rows, "environment", "target", "name", wide=("value", "key", "revision"), name="key")


@bindings.command()
@click.argument("key")
@check_index
@dry_run
@click.pass_obj
def delete(session: Session, key: str, check_index: int | None, *, dry_run: bool) -> None:
    """Remove the binding KEY; its effective config goes with it."""
    remove(session, key, check_index=check_index, dry_run=dry_run)
