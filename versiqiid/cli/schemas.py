"""What ``versiqii schemas`` asks the daemon, or works out offline, and how a refusal is shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import click

from versiqiid.cli.commands.shared import read_input, told_json, wrote_all
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session
from versiqiid.errors import InvalidInput, NotFound, TooLarge, UnusableSchema, VersiqiiError

_TERMS = ("level", "policy", "defaults", "formats", "group")
_ERRORS_FROM = 400
EMPTY = b'{"patch":[],"runtime":"json-patch"}'


def checked_online(session: Session, raw: bytes, by: Mapping[str, Any]) -> dict[str, Any]:
    """The daemon's report on a schema."""
    query = {name: by[name] for name in ("version", *_TERMS) if by.get(name)}
    told: dict[str, Any] = session.request("POST", f"/v1/schemas/{by['family']}:check", body=raw, query=query).json()
    return told


def check_usable(session: Session, raw: bytes, file: str, of: Mapping[str, str]) -> None:
    """Refuse here what the daemon could only hold; one that uses other schemas the daemon is asked about.

    :param of: family, version and language.
    :raises InvalidInput: the file holds no usable schema; the place is named.
    """
    from versiqiid.core.document import read  # noqa: PLC0415
    from versiqiid.core.schema import compile_schema  # noqa: PLC0415
    from versiqiid.core.schema.naming import uses_json  # noqa: PLC0415

    try:
        if of["language"] == "json-schema" and not uses_json(raw).needs:
            compile_schema(read(raw), formats=False)
        else:
            checked_online(session, raw, {"family": of["family"], "version": of["version"], "level": "NONE"})
    except NotFound:
        return  # a dry run of the first schema: its family is not there
    except UnusableSchema as error:
        place = f" at {error.pointer}" if error.pointer else ""
        raise InvalidInput(f"{file} holds no usable schema{place}: {error.message}", hint=error.hint) from error


def checked_offline(raw: bytes, by: Mapping[str, Any]) -> dict[str, Any]:
    """The same of files, without a daemon: there are no live configs then.

    :raises InvalidInput: a file holds no usable schema.
    """
    from versiqiid.adapters.validation.protoc import compile_source  # noqa: PLC0415
    from versiqiid.core.comparison import Pair, Text, judged, judgement_json  # noqa: PLC0415
    from versiqiid.core.compatibility import Direction, Level  # noqa: PLC0415

    level = Level(by["level"] or "BACKWARD")
    policy, defaults = by["policy"] or "STRICT", by["defaults"] or "ignored"
    findings = []
    for name in by["against"] if level.transitive else by["against"][:1]:
        other = read_input(name)
        for direction in level.directions:
            backward = direction is Direction.BACKWARD
            old, new = (other, raw) if backward else (raw, other)
            pair = Pair(
                by["language"] or "json-schema",
                Text(old),
                Text(new),
                policy=policy,
                defaults=defaults,
                formats=by["formats"] == "assert",
            )
            try:
                judgement = judged(pair, compile_source)
            except (UnusableSchema, TooLarge) as error:
                raise InvalidInput(f"no usable schema: {error.message}", hint=error.hint) from error
            writer, reader = (name, "(new)") if backward else ("(new)", name)
            told = judgement_json(judgement)
            del told["broken"]
            findings.append(
                {"writer": writer, "reader": reader, "direction": direction.value, **told}
                | {"fixes": list(judgement.fixes)}
            )
    fixes = list(dict.fromkeys(fix for finding in findings for fix in finding["fixes"]))
    compatible = all(finding["compatible"] for finding in findings)
    head = {"family": "(files)", "version": None, "level": level.value, "policy": policy, "defaults": defaults}
    return {**head, "compatible": compatible, "findings": findings, "live": None, "fixes": fixes}


def show_report(session: Session, report: dict[str, Any], form: str, file: str) -> None:
    """Print a report as the user asked for."""
    from versiqiid.cli import verdicts  # noqa: PLC0415

    if form in ("json", "yaml"):
        session.output, form = form, "text"
    match form:
        case "github":
            click.echo(verdicts.github(report, file), nl=False)
        case "sarif":
            click.echo(json.dumps(verdicts.sarif(report, file), indent=2))
        case "junit":
            click.echo(verdicts.junit(report, file))
        case _ if session.output in ("json", "yaml"):
            session.show(report, "compatible")
        case _:
            click.echo("\n".join(verdicts.lines(report)))
    if form == "text":
        session.tell(verdicts.summary(report))


def tell_draft(session: Session, family: str, version: str, raw: bytes) -> None:
    """What the family's promise says of a draft: it is told, and blocks nothing."""
    from versiqiid.cli import verdicts  # noqa: PLC0415

    try:
        report = checked_online(session, raw, {"family": family, "version": version})
    except InvalidInput as error:
        session.tell(f"the draft cannot be judged: {error.message}")
        return
    except NotFound:
        return
    for line in (*verdicts.lines(report), verdicts.summary(report)):
        session.tell(line)


def empty_migration(session: Session, family: str, version: str, raw: bytes, *, wanted: bool) -> dict[str, bytes]:
    """The key that leads from the version before to one that provably takes all of its documents, where it is wanted;
    where it is not, it is offered.

    :raises InvalidInput: it is wanted, and there is no such proof.
    """
    before = _proven(session, family, version, raw)
    if before is None:
        if wanted:
            raise InvalidInput(
                f"no proof that {version} takes all that the version before took",
                hint=f"Write a migration: versiqii migrations add {family} FROM {version} …",
            )
        return {}
    key = f"migrations/{family}/{before}/{version}"
    if _is_there(session, key):
        return {}
    if wanted:
        return {key: EMPTY}
    session.tell(f"{version} provably takes all that {before} took: --empty-migration carries its configs as they are")
    return {}


def _proven(session: Session, family: str, version: str, raw: bytes) -> str | None:
    """The version before, when this one provably takes all of its documents."""
    try:
        report = checked_online(session, raw, {"family": family, "version": version, "level": "BACKWARD"})
    except (InvalidInput, NotFound):  # the write says what is wrong; a first schema has nothing before it
        return None
    told = (f for f in report["findings"] if f["reader"] == version and f["basis"] == "proof")
    return next((str(finding["writer"]) for finding in told), None)


def _is_there(session: Session, key: str) -> bool:
    try:
        session.key(key)
    except NotFound:
        return False
    return True


def write(session: Session, keys: Mapping[str, bytes], *, dry: bool) -> int:
    """Write these keys together, over what is there now; what a refusal shows is printed."""
    operations = [
        {"op": "set", "key": key, "valueBase64": base64.b64encode(raw).decode("ascii")} for key, raw in keys.items()
    ]
    query = {"validate_only": "true"} if dry else {}
    answer = session.ask("POST", "/v1/txn", body=json.dumps({"operations": operations}).encode(), query=query)
    told = answer.json()
    if answer.status >= _ERRORS_FROM:
        return _refused(session, told, answer.status, answer.raw)
    wrote_all(session, keys, told, dry=dry)
    return Exit.OK


def _refused(session: Session, told: dict[str, Any], status: int, raw: bytes) -> int:
    from versiqiid.cli import verdicts  # noqa: PLC0415
    from versiqiid.cli.problems import raise_problem  # noqa: PLC0415

    if told.get("code") != "incompatible_schema":
        raise_problem(status, raw)
    report = told["verdict"]
    if session.output in ("json", "yaml"):
        session.show(report, "compatible")
    else:
        print("\n".join(verdicts.lines(report)))
    session.tell(f"versiqii: nothing was written: {verdicts.summary(report)}")
    return Exit.INVALID


def lives(session: Session, family: str | None) -> dict[tuple[str, str], dict[str, Any]]:
    """Where in its life each version is that says so."""
    found = {}
    for item in session.items(f"lifecycle/{family}/" if family else "lifecycle/"):
        _, of, version = item["key"].split("/")
        found[of, version] = told_json(item)
    return found


def text_digest(item: Mapping[str, Any]) -> str:
    """``sha256:<hex>`` of a listed value."""
    from versiqiid.core.canonical import digest  # noqa: PLC0415

    value = item.get("value")
    return digest(value.encode() if value is not None else base64.b64decode(item["valueBase64"]))


def differences(session: Session, family: str, version: str, other: str) -> list[dict[str, Any]]:
    """What is different between two registered texts.

    :raises InvalidInput: one of them is no JSON or YAML (Protobuf texts are compared with `diff`).
    """
    from versiqiid.core.compatibility import changes  # noqa: PLC0415
    from versiqiid.core.document import read  # noqa: PLC0415

    texts = []
    for name in (version, other):
        try:
            texts.append(read(session.key(f"schemas/{family}/{name}").raw))
        except (InvalidInput, VersiqiiError) as error:
            if isinstance(error, NotFound):
                raise
            raise InvalidInput(f"schemas/{family}/{name}: {error.message}", hint=error.hint) from error
    return [
        {"what": each.what.value, "pointer": each.pointer, "before": each.before, "after": each.after}
        for each in changes(*texts)
    ]
