"""``versiqii validate``: judge a config without storing it, offline or by what is registered."""

from __future__ import annotations

import json
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input, split_version
from versiqiid.cli.exits import Exit
from versiqiid.cli.resolving import family_of, newest_schema, running_version, schema_of
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, NotFound, Unreadable, UnusableSchema


@click.command()
@click.option("--file", "file", help="The config (- for standard input).")
@click.option("--schema", "schema_file", help="Judge offline, against this schema file.")
@click.option("--target", metavar="TARGET[@VERSION]", help="By the schema that this target version reads.")
@click.option("--env", "--region", "environment", help="By the version of --target that runs there.")
@click.option("--family", "--type", "family", help="By a registered schema of this family; default: its newest.")
@click.option("--version", help="Schema version, with --family.")
@click.option("--formats", is_flag=True, help="Assert format, offline.")
@click.option("--format", "form", type=click.Choice(["text", "github", "sarif"]), default="text", show_default=True)
@click.option("--batch", help="Many cases (- for standard input): {remotes?, cases: [{schema, document, formats?}]}.")
@click.pass_obj
def validate(session: Session, /, file: str | None, form: str, batch: str | None, **by: Any) -> int:
    """Judge a config. Exit 0 when it fits, 3 when it does not."""
    if batch:
        return _batch(session, read_input(batch))
    if not file:
        raise click.UsageError("give --file FILE or --batch FILE")
    raw = read_input(file)
    verdict = (
        _offline(raw, by["schema_file"], formats=by["formats"]) if by["schema_file"] else _online(session, raw, by)
    )
    if form == "text" and session.output in ("json", "yaml"):
        session.show(verdict, "valid")
    else:
        print_violations(verdict, file, form)
    if form == "text":
        session.tell(f"{file}: " + ("fits" if verdict["valid"] else f"{len(verdict['violations'])} violations"))
        if "bestMatch" in verdict and len(verdict["violations"]) > 1:
            session.tell(f"  look first at {verdict['bestMatch']['pointer'] or '/'}: {verdict['bestMatch']['message']}")
    return Exit.OK if verdict["valid"] else Exit.INVALID


def judge(session: Session, raw: bytes, *, target: str, schema_version: str) -> dict[str, Any]:
    """The verdict on a config of a target's schema version. Where target or schema is not registered yet, whatever is
    a document fits.
    """
    try:
        return _registered(session, raw, family_of(session, target), schema_version)
    except NotFound:
        return _readable(raw) or {"valid": True, "violations": []}


def print_violations(verdict: dict[str, Any], file: str, form: str = "text", *, to_stderr: bool = False) -> None:
    """Print the violations: for people, as GitHub annotations, or as SARIF."""
    from versiqiid.cli.findings import github, sarif  # noqa: PLC0415

    match form:
        case "github":
            click.echo(github(verdict, file), nl=False, err=to_stderr)
        case "sarif":
            click.echo(json.dumps(sarif(verdict, file), indent=2), err=to_stderr)
        case _:
            for violation in verdict["violations"]:
                line = f"{file}: {violation['pointer'] or '/'}: {violation['message']} ({violation['keyword']})"
                click.echo(line, err=to_stderr)


def _readable(raw: bytes) -> dict[str, Any] | None:
    """A verdict on what is no document at all, else None."""
    from versiqiid.core.document import read  # noqa: PLC0415

    try:
        read(raw)
    except Unreadable as error:
        violation = {"pointer": "", "keyword": "unreadable", "message": error.message}
        return {"valid": False, "violations": [violation]}
    return None


def _offline(raw: bytes, schema_file: str, *, formats: bool) -> dict[str, Any]:
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.schema import compile_schema, violations  # noqa: PLC0415
    from versiqiid.core.violation import verdict  # noqa: PLC0415

    try:
        compiled = compile_schema(read(read_input(schema_file)), formats=formats)
    except (Unreadable, UnusableSchema) as error:
        raise InvalidInput(f"{schema_file} holds no usable schema: {error.message}", hint=error.hint) from error
    unreadable = _readable(raw)
    if unreadable is not None:
        return unreadable | {"schema": schema_file}
    return {"schema": schema_file, **verdict(violations(compiled, read(raw)))}


def _online(session: Session, raw: bytes, by: dict[str, Any]) -> dict[str, Any]:
    if by["family"]:
        return _registered(session, raw, by["family"], by["version"] or newest_schema(session, by["family"]))
    if not by["target"]:
        family = _only_family(session)
        return _registered(session, raw, family, newest_schema(session, family))
    name, version = split_version(by["target"])
    if version is None and by["environment"]:
        version = running_version(session, by["environment"], name)
    if version is None:
        raise click.UsageError("name the version: --target TARGET@VERSION, or --env ENVIRONMENT where it runs")
    family, schema = schema_of(session, name, version)
    return _registered(session, raw, family, schema)


def _only_family(session: Session) -> str:
    """The family that is meant when none is named, because there is no other."""
    known = [item["key"].removeprefix("families/") for item in session.items("families/", values=False)]
    if len(known) != 1:
        raise click.UsageError("give --schema FILE, or --family FAMILY, or --target TARGET@VERSION")
    return str(known[0])


def _registered(session: Session, raw: bytes, family: str, version: str) -> dict[str, Any]:
    told: dict[str, Any] = session.request("POST", f"/v1/validate/{family}/{version}", body=raw).json()
    return told


def _batch(session: Session, raw: bytes) -> int:
    told = session.request("POST", "/v1/validate:batch", body=raw).json()
    session.output = session.output or "json"
    rows = told if session.output in ("json", "yaml") else told["results"]
    session.show(rows, "valid", "error", "violations")
    return Exit.OK if all(result["valid"] for result in told["results"]) else Exit.INVALID
