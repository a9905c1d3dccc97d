"""``versiqii bindings``: this config is read there."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import check_index, dry_run, wrote
from versiqiid.cli.session import Session


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
def create(session: Session, config: str, environment: str, check_index: int | None, *, dry_run: bool, hold: bool, **given: str | None) -> None:
    """Bind a config in an environment; it is migrated to the version that runs there."""
    from versiqiid.core import keys as k  # noqa: PLC0415
    from versiqiid.core.canonical import canonical  # noqa: PLC0415

    meaning = k.parse(config)
    named, target = (meaning.name, meaning.target) if isinstance(meaning, k.ConfigKey) else (config, given["target"])
    if not target:
        raise click.UsageError("name the target: --target, or a config key such as configs/<target>/<version>/<name>")
    name = given["name"] or named
    told = ({"config": named} if named != name else {}) | ({"hold": True} if hold else {})
    key = f"bindings/{environment}/{target}/{name}"
    written = session.replace(key, canonical(told) if told else b"", check_index=check_index, dry_run=dry_run)
    if given["version"]:
        session.replace(f"envs/{environment}/{target}/version", given["version"].encode(), dry_run=dry_run)
    wrote(session, key, written, dry=dry_run)


@bindings.command("list")
@click.option("--env", "environment", help="Only in this environment and below.")
@click.pass_obj
def list_(session: Session, environment: str | None) -> None:
    """Every binding."""
    rows = []
    for item in session.items(f"bindings/{environment}/" if environment else "bindings/"):
        *place, target, name = item["key"].split("/")[1:]
        rows.append({"environment": "/".join(place), "target": target, "name": name, "value": item["value"], "key": item["key"]})
    session.show(rows, "environment", "target", "name", wide=("value", "key"))


@bindings.command()
@click.argument("key")
@click.pass_obj
def delete(session: Session, key: str) -> None:
    """Remove a binding; its effective config goes with it."""
    item = session.key(key)
    session.request("DELETE", f"/v1/{key}", headers={"If-Match": f'"{item.etag}"'})
    print(key)
