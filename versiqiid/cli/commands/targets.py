"""``versiqii targets``: what has a version, and which schema each version reads."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.commands.shared import check_index, dry_run, wrote
from versiqiid.cli.session import Session


@click.group()
def targets() -> None:
    """Anything with a version: an engine, a service, a database schema, a model."""


@targets.command()
@click.argument("name", required=False)
@click.option("--name", "named", help="The same as the argument.")
@click.option("--family", required=True, help="Whose schemas it reads.")
@click.option("--versioning", type=click.Choice(["semver", "pep440", "date", "git-sha", "sequence"]), help="Default: semver.")
@click.option("--schema", "ranges", multiple=True, metavar="RANGE=VERSION", help="Versions in RANGE read schema VERSION.")
@click.option("--requires", multiple=True, metavar="TARGET=RANGE", help="What it needs beside it.")
@click.option("--accepts", multiple=True, metavar="TARGET=RANGE", help="Which callers it takes.")
@click.option("--on-dependency-conflict", type=click.Choice(["report", "block"]), help="Default: report.")
@check_index
@dry_run
@click.pass_obj
def create(session: Session, name: str | None, named: str | None, check_index: int | None, *, dry_run: bool, **given: Any) -> None:
    """Describe a target, or describe it anew."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.objects import read_target  # noqa: PLC0415

    target = name or named
    if not target:
        raise click.UsageError("name the target")
    told: dict[str, Any] = {"family": given["family"]}
    if given["ranges"]:
        told["schemas"] = dict(_pair(text, last=True) for text in given["ranges"])
    for field in ("requires", "accepts"):
        if given[field]:
            told[field] = dict(_pair(text) for text in given[field])
    if given["versioning"]:
        told["versioning"] = given["versioning"]
    if given["on_dependency_conflict"]:
        told["onDependencyConflict"] = given["on_dependency_conflict"]
    raw = canonical(told)
    read_target(raw)
    key = f"targets/{target}"
    wrote(session, key, session.replace(key, raw, check_index=check_index, dry_run=dry_run), dry=dry_run)


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
    import json  # noqa: PLC0415

    rows = []
    for item in session.items("targets/"):
        name = item["key"].removeprefix("targets/")
        if "/" in name:
            continue
        try:
            told = json.loads(item["value"])
        except ValueError:
            told = {}
        rows.append({"name": name, **told})
    session.show(rows, "name", "family", "schemas", wide=("versioning", "requires", "accepts"))
