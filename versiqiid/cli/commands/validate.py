"""``versiqii validate``: judge a config without storing it, offline or by what is registered."""

from __future__ import annotations

import json
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input, split_version
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.errors import NotFound


@click.command()
@click.option("--file", "file", help="The config (- for standard input).")
@click.option("--schema", "schema_file", help="Judge offline, against this schema file.")
@click.option("--target", metavar="TARGET[@VERSION]", help="By the schema that this target version reads.")
@click.option("--env", "environment", help="By the version of --target that runs there.")
@click.option("--family", help="By a registered schema of this family.")
@click.option("--version", help="Schema version, with --family.")
@click.option("--formats", is_flag=True, help="Assert format, offline.")
@click.option("--format", "form", type=click.Choice(["text", "github", "sarif"]), default="text", show_default=True)
@click.option("--batch", help="Many cases as JSON (- for standard input): {remotes?, cases: [{schema, document, formats?}]}.")
@click.pass_obj
def validate(session: Session, file: str | None, form: str, batch: str | None, **by: Any) -> int:
    """Judge a config. Exit 0 when it fits, 3 when it does not."""
    if batch:
        return _batch(session, read_input(batch))
    if not file:
        raise click.UsageError("give --file FILE or --batch FILE")
    raw = read_input(file)
    verdict = _offline(raw, by["schema_file"], formats=by["formats"]) if by["schema_file"] else _online(session, raw, by)
    if session.output in ("json", "yaml"):
        session.show(verdict)
    else:
        told_where(session, verdict, file, form)
    return Exit.OK if verdict["valid"] else Exit.INVALID


def judge(session: Session, raw: bytes, *, target: str, schema_version: str) -> dict[str, Any] | None:
    """The verdict on a config of a target's schema version, None when target or schema is not registered yet."""
    try:
        family = _described(session, target)["family"]
        return _registered(session, raw, family, schema_version)
    except NotFound:
        return None


def told_where(session: Session, verdict: dict[str, Any], file: str, form: str = "text") -> None:
    """Print the violations: for people, as GitHub annotations, or as SARIF."""
    from versiqiid.cli.findings import github, sarif  # noqa: PLC0415

    match form:
        case "github":
            print(github(verdict, file), end="")
        case "sarif":
            print(json.dumps(sarif(verdict, file), indent=2))
        case _:
            for violation in verdict["violations"]:
                print(f"{file}: {violation['pointer'] or '/'}: {violation['message']} ({violation['keyword']})")
            session.tell(f"{file}: " + ("fits" if verdict["valid"] else f"{len(verdict['violations'])} violations"))


def _offline(raw: bytes, schema_file: str, *, formats: bool) -> dict[str, Any]:
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.schema import compile_schema, violations  # noqa: PLC0415

    found = violations(compile_schema(read(read_input(schema_file)), formats=formats), read(raw))
    told = [{"pointer": v.pointer, "keyword": v.keyword, "message": v.message} for v in found]
    return {"valid": not found, "schema": schema_file, "violations": told}


def _online(session: Session, raw: bytes, by: dict[str, Any]) -> dict[str, Any]:
    if by["family"] and by["version"]:
        return _registered(session, raw, by["family"], by["version"])
    if not by["target"]:
        raise click.UsageError("give --schema FILE, or --family and --version, or --target TARGET@VERSION")
    name, version = split_version(by["target"])
    if version is None and by["environment"]:
        version = _running(session, by["environment"], name)
    if version is None:
        raise click.UsageError("name the version: --target TARGET@VERSION or --env ENVIRONMENT")
    family, schema = _schema_of(session, name, version)
    return _registered(session, raw, family, schema)


def _registered(session: Session, raw: bytes, family: str, version: str) -> dict[str, Any]:
    told: dict[str, Any] = session.request("POST", f"/v1/validate/{family}/{version}", body=raw).json()
    return told


def _described(session: Session, target: str) -> dict[str, Any]:
    from versiqiid.core.document import read  # noqa: PLC0415

    told = read(session.key(f"targets/{target}").raw)
    return told if isinstance(told, dict) else {}


def _running(session: Session, environment: str, target: str) -> str:
    from versiqiid.core.keys import lineage, version_key  # noqa: PLC0415

    for place in lineage(environment):
        try:
            return session.key(version_key(place, target)).raw.decode("utf-8").strip()
        except NotFound:
            continue
    raise NotFound(f"no version of {target} is set at or above {environment}")


def _schema_of(session: Session, target: str, version: str) -> tuple[str, str]:
    from versiqiid.core.objects import read_override, read_target  # noqa: PLC0415
    from versiqiid.core.versions import parse  # noqa: PLC0415

    described = read_target(session.key(f"targets/{target}").raw)
    try:
        override = read_override(session.key(f"targets/{target}/{version}").raw).schema
    except NotFound:
        override = None
    parsed = parse(described.versioning, version)
    matching = {override} if override else {schema for known, schema in described.schemas if known.contains(parsed)}
    if len(matching) != 1:
        raise NotFound(f"no single schema is named for {target} {version}", hint="See `versiqii targets list -o wide`.")
    return described.family, str(matching.pop())


def _batch(session: Session, raw: bytes) -> int:
    told = session.request("POST", "/v1/validate:batch", body=raw).json()
    session.output = session.output or "json"
    session.show(told if session.output in ("json", "yaml") else told["results"], "valid", "error", "violations")
    return Exit.OK if all(result["valid"] for result in told["results"]) else Exit.INVALID
