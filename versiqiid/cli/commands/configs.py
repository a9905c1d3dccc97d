"""``versiqii configs``: write configs, see what they were, when, and how they differ."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import check_index, dry_run, read_input, split_version, wrote
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session


@click.group()
def configs() -> None:
    """Documents written for one schema version of one target. A config is named by its key."""


@configs.command()
@click.option("--target", required=True, metavar="TARGET[@VERSION]", help="Whose config it is.")
@click.option("--version", help="The schema version it is written for.")
@click.option("--name", default="default", show_default=True)
@click.argument("file")
@check_index
@dry_run
@click.option("--force", is_flag=True, help="Store it even if it does not fit its schema.")
@click.pass_obj
def create(
    session: Session, target: str, version: str | None, name: str, file: str, check_index: int | None, *, dry_run: bool, force: bool
) -> int:
    """Store the config in FILE (- for standard input) as a new revision; prints its key."""
    from versiqiid.cli.commands.validate import judge, told_where  # noqa: PLC0415

    target, at = split_version(target)
    schema = version or at
    if not schema:
        raise click.UsageError("name the schema version: --version or --target TARGET@VERSION")
    raw = read_input(file)
    if not force:
        verdict = judge(session, raw, target=target, schema_version=schema)
        if verdict is not None and not verdict["valid"]:
            told_where(session, verdict, file)
            return Exit.INVALID
    key = f"configs/{target}/{schema}/{name}"
    wrote(session, key, session.replace(key, raw, check_index=check_index, dry_run=dry_run), dry=dry_run)
    return Exit.OK


@configs.command("list")
@click.option("--target", help="Only this target's.")
@click.pass_obj
def list_(session: Session, target: str | None) -> None:
    """Every config."""
    rows = []
    for item in session.items(f"configs/{target}/" if target else "configs/", values=False):
        _, of, version, name = item["key"].split("/")
        rows.append({"key": item["key"], "target": of, "schema": version, "name": name, **_times(item)})
    session.show(rows, "key", "revision", "updated", wide=("target", "schema", "name", "created"))


@configs.command()
@click.argument("key")
@click.pass_obj
def history(session: Session, key: str) -> None:
    """Every revision of a config, oldest first."""
    rows = session.get(f"/v1/history/{key}").json()["items"]
    session.show(rows, "revision", "time", "correlationId", "digest", wide=("type", "position"))


@configs.command()
@click.argument("key")
@click.option("--at", help="Revision, RFC 3339 time or correlation id; default: now.")
@click.pass_obj
def show(session: Session, key: str, at: str | None) -> None:
    """Print a config as it was or is."""
    answer = session.get(f"/v1/show/{key}", at=at) if at else session.key(key)
    print(answer.raw.decode("utf-8", "replace"))


@configs.command()
@click.argument("key")
@click.option("--from", "first", required=True, help="Revision, RFC 3339 time or correlation id.")
@click.option("--to", "second", required=True, help="Revision, RFC 3339 time or correlation id.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when they differ.")
@click.pass_obj
def diff(session: Session, key: str, first: str, second: str, *, detailed_exitcode: bool) -> int:
    """What changed between two points: an RFC 6902 patch with -o json, else a text difference."""
    from versiqiid.cli.textdiff import unified  # noqa: PLC0415

    patch = session.get(f"/v1/diff/{key}", **{"from": first, "to": second}).json()
    if session.output in ("json", "yaml"):
        session.show(patch)
    else:
        one = session.get(f"/v1/show/{key}", at=first).raw
        other = session.get(f"/v1/show/{key}", at=second).raw
        print(unified(one, other, f"{key}@{first}", f"{key}@{second}"), end="")
    return Exit.DIFFERENT if detailed_exitcode and patch else Exit.OK


def _times(item: dict[str, object]) -> dict[str, object]:
    return {name: item[name] for name in ("revision", "created", "updated")}
