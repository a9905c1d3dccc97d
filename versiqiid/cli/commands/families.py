"""``versiqii families``: groups of targets that share one schema language and one line of versions."""

from __future__ import annotations

from typing import Any

import click

from versiqiid.cli.commands.shared import check_index, dry_run, remove, save, told_json, wrote
from versiqiid.cli.session import Session

VERSIONING = click.Choice(["semver", "pep440", "date", "git-sha", "sequence"])


@click.group()
def families() -> None:
    """Groups of targets that share one schema language and one line of schema versions."""


@families.command()
@click.argument("name")
@click.option("--language", type=click.Choice(["json-schema", "avro", "protobuf"]), help="Default: json-schema.")
@click.option("--versioning", type=VERSIONING, help="Default: semver.")
@click.option("--compatibility", metavar="LEVEL", help="NONE, BACKWARD, FORWARD, FULL, or one with _TRANSITIVE.")
@click.option("--policy", type=click.Choice(["STRICT", "LENIENT"]))
@click.option("--defaults", type=click.Choice(["ignored", "applied"]))
@click.option("--formats", type=click.Choice(["annotate", "assert"]))
@click.option("--group")
@click.option("--message", help="Protobuf message that a config is.")
@click.option("--subject", help="Name in the schema registry endpoint, where it is no key segment.")
@click.option("--description")
@click.option("--owner")
@check_index
@dry_run
@click.pass_obj
def create(session: Session, /, name: str, check_index: int | None, *, dry_run: bool, **fields: Any) -> None:
    """Describe the family NAME, or describe it anew."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.objects import read_family  # noqa: PLC0415

    raw = canonical({field: value for field, value in fields.items() if value is not None})
    read_family(raw)
    key = f"families/{name}"
    wrote(session, key, save(session, key, raw, check_index=check_index, dry_run=dry_run), dry=dry_run)


@families.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """Every family."""
    rows = [
        {"name": item["key"].removeprefix("families/"), **told_json(item), "revision": item["revision"]}
        for item in session.items("families/")
    ]
    session.show(rows, "name", "language", "versioning", "compatibility", wide=("policy", "owner", "revision"))


@families.command()
@click.argument("name")
@check_index
@dry_run
@click.pass_obj
def delete(session: Session, name: str, check_index: int | None, *, dry_run: bool) -> None:
    """Remove the family NAME; targets that read its schemas are held then."""
    remove(session, f"families/{name}", check_index=check_index, dry_run=dry_run)
