"""``versiqii schemas``: register schemas; a registered one never changes."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import dry_run, read_input, wrote
from versiqiid.cli.session import Session


@click.group()
def schemas() -> None:
    """Register schemas. A registered schema never changes: a change is a new version."""


@schemas.command()
@click.option("--family", "--type", "family", required=True, help="The family it belongs to.")
@click.option("--version", required=True, help="Its version, in the family's versioning.")
@click.argument("file")
@dry_run
@click.pass_obj
def add(session: Session, family: str, version: str, file: str, *, dry_run: bool) -> None:
    """Register the schema in FILE (- for standard input)."""
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.schema import compile_schema  # noqa: PLC0415

    raw = read_input(file)
    compile_schema(read(raw), formats=False)
    key = f"schemas/{family}/{version}"
    wrote(session, key, session.replace(key, raw, dry_run=dry_run), dry=dry_run)


@schemas.command("list")
@click.option("--family", help="Only this family's.")
@click.pass_obj
def list_(session: Session, family: str | None) -> None:
    """Every schema version."""
    rows = []
    for item in session.items(f"schemas/{family}/" if family else "schemas/", values=False):
        _, of, version = item["key"].split("/")
        rows.append({"family": of, "version": version, "key": item["key"], "created": item["created"]})
    session.show(rows, "family", "version", wide=("key", "created"))


@schemas.command()
@click.argument("family")
@click.argument("version")
@click.pass_obj
def show(session: Session, family: str, version: str) -> None:
    """Print a schema as it was registered."""
    print(session.key(f"schemas/{family}/{version}").raw.decode("utf-8"))
