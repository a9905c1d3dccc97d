"""``versiqii schemas``: register schemas, judge them, and lead them through their life."""

from __future__ import annotations

import json
from typing import Any

import click

from versiqiid.cli import output
from versiqiid.cli.commands.shared import dry_run, read_input, remove
from versiqiid.cli.exits import Exit
from versiqiid.cli.resolving import guessed_versioning
from versiqiid.cli.session import Session
from versiqiid.errors import NotFound, Refused

LEVELS = ("NONE", *(f"{level}{tail}" for level in ("BACKWARD", "FORWARD", "FULL") for tail in ("", "_TRANSITIVE")))


@click.group()
def schemas() -> None:
    """Register schemas. A published schema never changes: a change is a new version."""


@schemas.command()
@click.option("--family", "--type", "family", required=True, help="The family; made with defaults where it is missing.")
@click.option("--version", required=True, help="Its version, in the family's versioning.")
@click.option(
    "--draft", is_flag=True, help="Not published yet: judged, but not refused, and its text may still change."
)
@click.option(
    "--empty-migration", is_flag=True, help="Where it provably takes all that the version before took, say so as a key."
)
@click.argument("file")
@dry_run
@click.pass_obj
def add(session: Session, /, family: str, version: str, file: str, *, dry_run: bool, **how: bool) -> int:
    """Register the schema in FILE (- for standard input); one that breaks the family's promise is refused (exit 3)."""
    from versiqiid.cli.schemas import check_usable, empty_migration, tell_draft, write  # noqa: PLC0415

    raw = read_input(file)
    language = _language(session, family, version, dry=dry_run)
    check_usable(session, raw, file, {"family": family, "version": version, "language": language})
    keys = {f"schemas/{family}/{version}": raw}
    keys |= empty_migration(session, family, version, raw, wanted=how["empty_migration"])
    if how["draft"]:
        keys[f"lifecycle/{family}/{version}"] = b'{"state":"draft"}'
        tell_draft(session, family, version, raw)
    return write(session, keys, dry=dry_run)


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


@schemas.command()
@click.option("--family", "--type", "family", help="Against its registered versions, by what it promises.")
@click.option("--version", help="Where in the order it stands; default: after all that are there.")
@click.option("--against", multiple=True, metavar="FILE", help="Offline: earlier schemas, newest first.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="Instead of the family's.")
@click.option(
    "--policy", type=click.Choice(["STRICT", "LENIENT"], case_sensitive=False), help="Instead of the family's."
)
@click.option("--defaults", type=click.Choice(["ignored", "applied"]), help="Instead of the family's.")
@click.option("--formats", type=click.Choice(["annotate", "assert"]), help="Instead of the family's.")
@click.option("--group", help="Instead of the family's: major, or a member of the schemas that names the group.")
@click.option(
    "--language", type=click.Choice(["json-schema", "avro", "protobuf"]), help="Offline; default: json-schema."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "yaml", "github", "sarif", "junit"]),
    default="text",
    show_default=True,
)
@click.argument("file", required=False)
@click.pass_obj
def check(session: Session, /, file: str | None, form: str, **by: Any) -> int:
    """May the schema in FILE (- for standard input; none = the registered --version) follow those that are there?

    Says by which rule not and where, shows a document that would break, names the live configs that would, by
    environment, and what would help. Exit 0: compatible; 3: not.
    """
    from versiqiid.cli.schemas import checked_offline, checked_online, show_report  # noqa: PLC0415

    if by["against"]:
        report = checked_offline(read_input(file) if file else b"", by)
    elif by["family"]:
        report = checked_online(session, read_input(file) if file else b"", by)
    else:
        raise click.UsageError("give --family FAMILY, or --against FILE")
    show_report(session, report, form, file or f"schemas/{by['family']}/{by['version']}")
    return Exit.OK if report["compatible"] else Exit.INVALID


@schemas.command("list")
@click.option("--family", help="Only this family's.")
@click.option("--digests", is_flag=True, help="With the digest of each text, by which `schemas show` prints it, too.")
@click.pass_obj
def list_(session: Session, family: str | None, *, digests: bool) -> None:
    """Every schema version and where in its life it is."""
    from versiqiid.cli.schemas import lives, text_digest  # noqa: PLC0415

    states = lives(session, family)
    rows = []
    for item in session.items(f"schemas/{family}/" if family else "schemas/", values=digests):
        _, of, version = item["key"].split("/")
        told = {"digest": text_digest(item)} if digests else {}
        life = states.get((of, version), {"state": "published"})
        rows.append({"family": of, "version": version, **life, **told, "key": item["key"], "created": item["created"]})
    columns = ("family", "version", "state", *(["digest"] if digests else []))
    session.show(rows, *columns, wide=("successor", "sunset", "key", "created"), name="key")


@schemas.command()
@click.argument("family", metavar="FAMILY|DIGEST")
@click.argument("version", required=False)
@click.pass_obj
def show(session: Session, family: str, version: str | None) -> None:
    """Print a schema as it was registered, byte for byte: of a family's VERSION, or by its content, sha256:<hex>."""
    if version is not None:
        output.raw(session.key(f"schemas/{family}/{version}").raw)
    elif family.startswith("sha256:"):
        output.raw(session.get(f"/v1/documents/{family}").raw)
    else:
        raise click.UsageError("give FAMILY and VERSION, or the digest of a text: sha256:<hex>")


@schemas.command()
@click.argument("family")
@click.argument("version")
@click.argument("other")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is a difference.")
@click.pass_obj
def diff(session: Session, family: str, version: str, other: str, *, detailed_exitcode: bool) -> int:
    """What is different between two versions: place, before and after. Whether it matters says `check`."""
    from versiqiid.cli.schemas import differences  # noqa: PLC0415

    found = differences(session, family, version, other)
    session.show(found, "what", "pointer", "before", "after")
    return Exit.DIFFERENT if found and detailed_exitcode else Exit.OK


@schemas.command()
@click.argument("family")
@click.argument("version")
@dry_run
@click.pass_obj
def publish(session: Session, family: str, version: str, *, dry_run: bool) -> int:
    """Publish a draft, or take a deprecation or deletion back; one that breaks the family's promise is refused."""
    return _live_on(session, family, version, {"state": "published"}, dry=dry_run)


@schemas.command()
@click.argument("family")
@click.argument("version")
@click.option("--successor", help="The version to go to.")
@click.option("--sunset", metavar="DATE", help="When it is no longer to be used: a date, or an RFC 3339 time.")
@click.option("--reason", help="Why, for people.")
@dry_run
@click.pass_obj
def deprecate(session: Session, /, family: str, version: str, *, dry_run: bool, **said: str | None) -> int:
    """Say that a version should no longer be used; whoever reads it is told so in headers."""
    life = {"state": "deprecated"} | {name: value for name, value in said.items() if value is not None}
    return _live_on(session, family, version, life, dry=dry_run)


@schemas.command()
@click.argument("family")
@click.argument("version")
@click.option("--permanent", is_flag=True, help="The second step: take the text away too. Its name stays taken.")
@click.option("--reason", help="Why, for people.")
@dry_run
@click.pass_obj
def delete(session: Session, family: str, version: str, reason: str | None, *, permanent: bool, dry_run: bool) -> int:
    """Delete a version that nothing refers to: first it is marked, then with --permanent its text goes."""
    from versiqiid.cli.schemas import lives  # noqa: PLC0415

    if permanent:
        state = lives(session, family).get((family, version), {}).get("state", "published")
        if state not in ("deleted", "draft"):
            raise Refused(
                f"schemas/{family}/{version} is {state}: it is deleted in two steps, and this is the second",
                hint=f"First: versiqii schemas delete {family} {version}",
            )
        remove(session, f"schemas/{family}/{version}", dry_run=dry_run)
        return Exit.OK
    life = {"state": "deleted"} | ({"reason": reason} if reason else {})
    return _live_on(session, family, version, life, dry=dry_run)


def _live_on(session: Session, family: str, version: str, life: dict[str, Any], *, dry: bool) -> int:
    from versiqiid.cli.schemas import write  # noqa: PLC0415
    from versiqiid.core.objects import read_lifecycle  # noqa: PLC0415

    session.key(f"schemas/{family}/{version}")
    raw = json.dumps(life, separators=(",", ":")).encode()
    read_lifecycle(raw)
    return write(session, {f"lifecycle/{family}/{version}": raw}, dry=dry)
