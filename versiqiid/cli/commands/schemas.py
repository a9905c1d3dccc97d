"""``versiqii schemas``: register schemas; a registered one never changes."""

from __future__ import annotations

import click

from versiqiid.cli import output
from versiqiid.cli.commands.shared import dry_run, read_input, save, wrote
from versiqiid.cli.resolving import guessed_versioning
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, NotFound, UnusableSchema


@click.group()
def schemas() -> None:
    """Register schemas. A registered schema never changes: a change is a new version."""


@schemas.command()
@click.option("--family", "--type", "family", required=True, help="The family; made with defaults where it is missing.")
@click.option("--version", required=True, help="Its version, in the family's versioning.")
@click.argument("file")
@dry_run
@click.pass_obj
def add(session: Session, family: str, version: str, file: str, *, dry_run: bool) -> None:
    """Register the schema in FILE (- for standard input)."""
    raw = read_input(file)
    language = _language(session, family, version, dry=dry_run)
    if language == "json-schema":
        _check(raw, file)
    key = f"schemas/{family}/{version}"
    wrote(session, key, save(session, key, raw, dry_run=dry_run), dry=dry_run)


def _check(raw: bytes, file: str) -> None:
    """Refuse here what the daemon could only hold.

    :raises InvalidInput: the file holds no usable schema; the place is named.
    """
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.schema import compile_schema  # noqa: PLC0415

    try:
        compile_schema(read(raw), formats=False)
    except UnusableSchema as error:
        place = f" at {error.pointer}" if error.pointer else ""
        raise InvalidInput(f"{file} holds no usable schema{place}: {error.message}", hint=error.hint) from error


def _language(session: Session, family: str, version: str, *, dry: bool) -> str:
    """The family's language; a family that is not there is made, so that a first schema needs no other command."""
    from versiqiid.core.canonical import canonical  # noqa: PLC0415
    from versiqiid.core.objects import read_family  # noqa: PLC0415

    try:
        return read_family(session.key(f"families/{family}").raw).language
    except NotFound:
        scheme = guessed_versioning(version)
        raw = canonical({} if scheme == "semver" else {"versioning": scheme})
        if not dry:
            session.put(f"families/{family}", raw)
        session.tell(f"family {family} was not there: {'it would be' if dry else 'it is'} made, versioning {scheme}")
        return "json-schema"


@schemas.command("list")
@click.option("--family", help="Only this family's.")
@click.pass_obj
def list_(session: Session, family: str | None) -> None:
    """Every schema version."""
    rows = []
    for item in session.items(f"schemas/{family}/" if family else "schemas/", values=False):
        _, of, version = item["key"].split("/")
        rows.append({"family": of, "version": version, "key": item["key"], "created": item["created"]})
    session.show(rows, "family", "version", wide=("key", "created"), name="key")


@schemas.command()
@click.argument("family")
@click.argument("version")
@click.pass_obj
def show(session: Session, family: str, version: str) -> None:
    """Print a schema as it was registered, byte for byte."""
    output.raw(session.key(f"schemas/{family}/{version}").raw)
