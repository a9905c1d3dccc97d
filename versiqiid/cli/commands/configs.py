"""``versiqii configs``: write configs, see what they were, when, and how they differ."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli import output
from versiqiid.cli.commands.shared import check_index, dry_run, read_input, remove, save, split_version, wrote
from versiqiid.cli.exits import Exit
from versiqiid.cli.resolving import schema_of
from versiqiid.cli.session import Session


@click.group()
def configs() -> None:
    """Documents written for one schema version of one target. A config is named by its key."""


@configs.command()
@click.option("--target", "--type", "target", required=True, metavar="TARGET[@VERSION]", help="Whose config it is.")
@click.option("--version", help="The schema version it is written for; default: what TARGET@VERSION reads.")
@click.option("--name", default="default", show_default=True)
@click.argument("file")
@check_index
@dry_run
@click.option("--force", is_flag=True, help="Store it even if it does not fit its schema.")
@click.pass_obj
def create(session: Session, /, target: str, file: str, check_index: int | None, *, dry_run: bool, **given: Any) -> int:
    """Store the config in FILE (- for standard input) as a new revision; prints its key."""
    from versiqiid.cli.commands.validate import judge, print_violations  # noqa: PLC0415

    target, at = split_version(target)
    schema = given["version"] or (schema_of(session, target, at)[1] if at else None)
    if not schema:
        raise click.UsageError("name the schema version: --version SCHEMA, or --target TARGET@VERSION")
    raw = read_input(file)
    if not given["force"]:
        verdict = judge(session, raw, target=target, schema_version=schema)
        if not verdict["valid"]:
            print_violations(verdict, file, to_stderr=True)
            session.tell("nothing was written; --force stores it all the same")
            return Exit.INVALID
    key = f"configs/{target}/{schema}/{given['name']}"
    wrote(session, key, save(session, key, raw, check_index=check_index, dry_run=dry_run), dry=dry_run)
    return Exit.OK


@configs.command("list")
@click.option("--target", help="Only this target's.")
@click.pass_obj
def list_(session: Session, target: str | None) -> None:
    """Every config."""
    rows = []
    for item in session.items(f"configs/{target}/" if target else "configs/", values=False):
        _, of, version, name = item["key"].split("/")
        times = {field: item[field] for field in ("revision", "created", "updated")}
        rows.append({"key": item["key"], "target": of, "schema": version, "name": name, **times})
    session.show(rows, "key", "revision", "updated", wide=("target", "schema", "name", "created"))


@configs.command()
@click.argument("key")
@click.pass_obj
def history(session: Session, key: str) -> None:
    """Every revision of the config KEY, oldest first."""
    rows = session.pages(f"/v1/history/{key}")
    session.show(rows, "revision", "time", "correlationId", "digest", wide=("type", "position"))


@configs.command()
@click.argument("key")
@click.option("--at", help="Revision, RFC 3339 time or correlation id; default: now.")
@click.pass_obj
def show(session: Session, key: str, at: str | None) -> None:
    """Print the config KEY as it was or is, byte for byte."""
    output.raw((session.key(key) if at is None else session.get(f"/v1/show/{key}", at=at)).raw)


@configs.command()
@click.argument("key")
@click.option("--from", "first", required=True, help="Revision, RFC 3339 time or correlation id.")
@click.option("--to", "second", required=True, help="Revision, RFC 3339 time or correlation id.")
@click.option("--structural", is_flag=True, help="Item by item, lists by the keys that the schema names.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when they differ.")
@click.pass_obj
def diff(session: Session, /, key: str, first: str, second: str, *, structural: bool, detailed_exitcode: bool) -> int:
    """What changed between two points: an RFC 6902 patch with -o json, else a text difference.

    With --structural a row for each change: an item of a list whose schema says x-versiqii-list-keys is known by its
    keys, wherever it stands.
    """
    from versiqiid.cli.textdiff import unified  # noqa: PLC0415

    if structural:
        rows = session.get(f"/v1/diff/{key}", **{"from": first, "to": second, "form": "changes"}).json()
        session.show(rows, "change", "path", "before", "after")
        return Exit.DIFFERENT if detailed_exitcode and rows else Exit.OK
    one = session.get(f"/v1/show/{key}", at=first).raw
    other = session.get(f"/v1/show/{key}", at=second).raw
    if session.output in ("json", "yaml"):
        patch = session.get(f"/v1/diff/{key}", **{"from": first, "to": second}).json()
        session.show(patch, "op")
        different = bool(patch)
    else:
        text = unified(one, other, f"{key}@{first}", f"{key}@{second}")
        print(text, end="")
        different = bool(text)
    return Exit.DIFFERENT if detailed_exitcode and different else Exit.OK


@configs.command()
@click.argument("key")
@check_index
@dry_run
@click.pass_obj
def delete(session: Session, key: str, check_index: int | None, *, dry_run: bool) -> None:
    """Remove the config KEY; bindings that read it are held, with their last good effective config."""
    remove(session, key, check_index=check_index, dry_run=dry_run)
