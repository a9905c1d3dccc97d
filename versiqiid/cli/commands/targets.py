"""``versiqii targets``: what has a version, and which schema each version reads."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.commands.families import VERSIONING
from versiqiid.cli.commands.shared import check_index, dry_run, remove, save, told_json, wrote
from versiqiid.cli.resolving import guessed_versioning, newest_schema
from versiqiid.cli.session import Session
from versiqiid.errors import NotFound


@click.group()
def targets() -> None:
    """Anything with a version: an engine, a service, a database schema, a model."""


@targets.command()
@click.argument("name", required=False)
@click.option("--name", "named", help="The same as the argument.")
@click.option("--family", required=True, help="Whose schemas it reads.")
@click.option("--version", help="Declare one exact version; it reads --schema, or the family's newest schema.")
@click.option("--versioning", type=VERSIONING, help="Default: semver.")
@click.option(
    "--schema", "schemas", multiple=True, metavar="RANGE=VERSION", help="Versions in RANGE read schema VERSION."
)
@click.option("--requires", multiple=True, metavar="TARGET=RANGE", help="What it needs beside it.")
@click.option("--accepts", multiple=True, metavar="TARGET=RANGE", help="Which callers it takes.")
@click.option("--on-dependency-conflict", type=click.Choice(["report", "block"]), help="Default: report.")
@check_index
@dry_run
@click.pass_obj
def create(
    session: Session, /, name: str | None, named: str | None, check_index: int | None, *, dry_run: bool, **given: Any
) -> None:
    """Describe the target NAME, or describe it anew; with --version, one exact version of it."""
    target = name or named
    if not target:
        raise click.UsageError("name the target")
    if given["version"]:
        _create_version(session, target, check_index, dry=dry_run, given=given)
        return
    told: dict[str, Any] = {"family": given["family"]}
    if given["schemas"]:
        told["schemas"] = dict(_pair(text, last=True) for text in given["schemas"])
    told |= _constraints(given)
    if given["versioning"]:
        told["versioning"] = given["versioning"]
    if given["on_dependency_conflict"]:
        told["onDependencyConflict"] = given["on_dependency_conflict"]
    raw, key = _target(told), f"targets/{target}"
    wrote(session, key, save(session, key, raw, check_index=check_index, dry_run=dry_run), dry=dry_run)


def _create_version(
    session: Session, target: str, check_index: int | None, *, dry: bool, given: dict[str, Any]
) -> None:
    """``targets/<target>/<version>``, and the target itself where it is not there yet."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.objects import read_override, read_target  # noqa: PLC0415
    from versiqiid.core.versions import parse  # noqa: PLC0415

    family, version = given["family"], given["version"]
    if any("=" in text for text in given["schemas"]) or len(given["schemas"]) > 1:
        raise click.UsageError("with --version, --schema is one schema version")
    try:
        there = read_target(session.key(f"targets/{target}").raw)
        scheme, first = there.versioning, None
        if there.family != family:
            raise click.UsageError(f"target {target} is of family {there.family}, not {family}")
    except NotFound:
        words = given["versioning"] or guessed_versioning(version)
        first = _target({"family": family} | ({} if words == "semver" else {"versioning": words}))
        scheme = read_target(first).versioning
    parse(scheme, version)
    schema = given["schemas"][0] if given["schemas"] else newest_schema(session, family)
    raw, key = canonical({"schema": schema} | _constraints(given)), f"targets/{target}/{version}"
    read_override(raw)
    if first is not None:
        save(session, f"targets/{target}", first, dry_run=dry)
    wrote(session, key, save(session, key, raw, check_index=check_index, dry_run=dry), dry=dry)


def _target(told: dict[str, Any]) -> bytes:
    """:raises Unreadable: a range or field that the daemon could not read."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.objects import read_target  # noqa: PLC0415

    raw = canonical(told)
    read_target(raw)
    return raw


def _constraints(given: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {field: dict(_pair(text) for text in given[field]) for field in ("requires", "accepts") if given[field]}


def _pair(text: str, *, last: bool = False) -> tuple[str, str]:
    """``a=b`` as two parts; a range on the left may itself hold ``=``."""
    left, equals, right = text.rpartition("=") if last else text.partition("=")
    if not equals or not right:
        raise click.UsageError(f"expected NAME=VALUE, not {text!r}")
    return left, right


@targets.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """Every target."""
    rows = [
        {"name": item["key"].removeprefix("targets/"), **told_json(item), "revision": item["revision"]}
        for item in session.items("targets/")
        if item["key"].count("/") == 1
    ]
    session.show(rows, "name", "family", "schemas", wide=("versioning", "requires", "accepts", "revision"))


@targets.command()
@click.argument("name", metavar="NAME[@VERSION]")
@check_index
@dry_run
@click.pass_obj
def delete(session: Session, name: str, check_index: int | None, *, dry_run: bool) -> None:
    """Remove a target, or what was declared for one version of it."""
    remove(session, f"targets/{name.replace('@', '/', 1)}", check_index=check_index, dry_run=dry_run)
