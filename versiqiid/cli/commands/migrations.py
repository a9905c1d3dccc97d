"""``versiqii migrations``: write, try and register what carries a config from one schema version to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from versiqiid.cli.commands.shared import dry_run, save, told_json, wrote_all
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def migrations() -> None:
    """Write, try and register what carries a config from one schema version to another; up and down are two."""


def _segment(_: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """The value as it may stand in a key: anything else would be a step of some other place."""
    from versiqiid.core.keys import is_segment  # noqa: PLC0415

    if value is not None and not is_segment(value):
        raise click.BadParameter(f"{value!r} cannot stand in a key", param=parameter)
    return value


def step(command: F) -> F:
    """``FAMILY FROM TO``."""
    for argument in (
        click.argument("destination", metavar="TO", callback=_segment),
        click.argument("source", metavar="FROM", callback=_segment),
        click.argument("family", callback=_segment),
    ):
        command = argument(command)
    return command


def effort(command: F) -> F:
    """How hard the laws are tried."""
    for option in (
        click.option(
            "--extra", "extras", multiple=True, metavar="NAME", help="A member that open objects get now and then."
        ),
        click.option(
            "--budget", type=click.FloatRange(0.1, 20), default=10, show_default=True, help="Seconds per direction."
        ),
        click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides which documents."),
        click.option("--count", type=click.IntRange(1, 20_000), default=2000, show_default=True, help="Per direction."),
    ):
        command = option(command)
    return command


@migrations.command()
@step
@click.option("--wasm", metavar="FILE", help="WebAssembly module (ABI v1); it is stored by its digest.")
@click.option(
    "--entry", type=click.Choice(["vq_up", "vq_down"]), help="Export to call; default: by the order of the versions."
)
@click.option("--patch", metavar="FILE", help="RFC 6902 patch.")
@click.option(
    "--lens", metavar="FILE", help="Reversible operations; the way back is registered too, unless it is there."
)
@click.option("--lua", metavar="FILE", help="Lua script that defines migrate(config, context).")
@click.option("--both", is_flag=True, help="With --wasm: register both directions of the module at once.")
@click.option("--back", metavar="FILE", help="With --patch or --lua: the same for the way back, registered at once.")
@click.option("--one-way", is_flag=True, help="With --lens: leave the way back alone.")
@click.option("--lossy", multiple=True, metavar="POINTER", help="What it cannot carry; absent = claimed lossless.")
@click.option("--back-lossy", multiple=True, metavar="POINTER", help="The same of the way back.")
@click.option("--description")
@click.option("--owner")
@dry_run
@click.pass_obj
def add(session: Session, /, family: str, source: str, destination: str, *, dry_run: bool, **given: Any) -> int:
    """Register a step of FAMILY; a pair that breaks a law is refused, with the document that shows it."""
    from versiqiid.cli.registering import files, manifests, module_keys  # noqa: PLC0415

    if source == destination:
        raise click.UsageError(
            f"FROM and TO are both {source}: no path takes such a step, and no key can be taken back"
        )
    there, back = manifests(given)
    key, opposite = f"migrations/{family}/{source}/{destination}", f"migrations/{family}/{destination}/{source}"
    keys, read_from = {key: there}, dict(zip((key, opposite), files(given), strict=True))
    if back is not None and not (given["lens"] and _exists(session, opposite)):
        keys[opposite] = back
    for module_key, value in reversed(module_keys(given).items()):  # the head last: it is held against its parts
        save(session, module_key, value, dry_run=dry_run)
    return _write(session, keys, read_from, dry_run=dry_run)


def _exists(session: Session, key: str) -> bool:
    from versiqiid.errors import NotFound  # noqa: PLC0415

    try:
        session.key(key)
    except NotFound:
        return False
    session.tell(f"{key} is there already and stays")
    return True


def _write(session: Session, keys: dict[str, bytes], read_from: dict[str, str], *, dry_run: bool) -> int:
    """Both keys or none; the documents that break a law are printed.

    :param read_from: the file of each key, which is named when what is registered would change.
    """
    from versiqiid.cli.lawtext import finding_lines  # noqa: PLC0415
    from versiqiid.cli.problems import raise_problem  # noqa: PLC0415

    operations = [{"op": "set", "key": key, "value": raw.decode()} for key, raw in keys.items()]
    query = {"validate_only": "true"} if dry_run else {}
    answer = session.ask("POST", "/v1/txn", body=json.dumps({"operations": operations}).encode(), query=query)
    told = answer.json()
    if answer.status >= 400:  # noqa: PLR2004 - HTTP errors begin there
        if told.get("code") == "immutable":
            file = next((file for key, file in read_from.items() if told["detail"].startswith(f"{key} ")), None)
            raise_problem(answer.status, json.dumps(told | {"detail": f"file {file!r}: {told['detail']}"}).encode())
        if told.get("code") != "law_broken":
            raise_problem(answer.status, answer.raw)
        if session.output in ("json", "yaml"):
            session.show(told)
        else:
            print("\n".join(line for finding in told["findings"] for line in finding_lines(finding)).lstrip("\n"))
        session.tell(f"versiqii: {told['detail']}\n  {told.get('hint', '')}")
        return Exit.INVALID
    wrote_all(session, keys, told, dry=dry_run)
    return Exit.OK


@migrations.command("list")
@click.option("--family", help="Only this family's.")
@click.pass_obj
def list_(session: Session, family: str | None) -> None:
    """Every registered step."""
    rows = []
    for item in session.items(f"migrations/{family}/" if family else "migrations/"):
        _, of, source, destination = item["key"].split("/")
        rows.append({"family": of, "from": source, "to": destination, **told_json(item), "key": item["key"]})
    session.show(rows, "family", "from", "to", "runtime", "lossy", wide=("module", "key"), name="key")


@migrations.command()
@step
@click.pass_obj
def plan(session: Session, family: str, source: str, destination: str) -> int:
    """The way that the rule chooses, its lossy steps, what is missing. Exit 6 when there is no way."""
    from versiqiid.cli.lawtext import show_plan  # noqa: PLC0415

    told = session.request("POST", f"/v1/migrations/{family}/{source}/{destination}:plan").json()
    show_plan(session, told)
    return Exit.OK if told["path"] is not None else Exit.NOT_FOUND


@migrations.command()
@click.argument("family", required=False, callback=_segment)
@click.argument("source", metavar="FROM", required=False, callback=_segment)
@click.argument("destination", metavar="TO", required=False, callback=_segment)
@click.option("--project", metavar="FOLDER", help="Try the migration in this folder instead, without a daemon.")
@effort
@click.pass_obj
def test(session: Session, /, family: str | None, source: str | None, destination: str | None, **how: Any) -> int:
    """Try the laws of a step and its opposite on thousands of documents. Exit 0: they hold; 3: one is broken."""
    from versiqiid.cli.lawtext import show_report  # noqa: PLC0415

    if how["project"]:
        told = _offline(how)
    elif family and source and destination:
        effort = {"count": how["count"], "seed": how["seed"], "budgetSeconds": how["budget"], "extras": how["extras"]}
        path = f"/v1/migrations/{family}/{source}/{destination}:test"
        told = session.request("POST", path, body=json.dumps(effort).encode()).json()
    else:
        raise click.UsageError("give FAMILY FROM TO, or --project FOLDER")
    show_report(session, told)
    return Exit.OK if told["holds"] else Exit.INVALID


def _offline(how: dict[str, Any]) -> dict[str, Any]:
    from versiqiid.cli.lawtest import test_project  # noqa: PLC0415
    from versiqiid.engine.lawcheck import Effort  # noqa: PLC0415

    wanted = Effort(how["count"], how["seed"], how["budget"], extras=tuple(how["extras"]))
    return test_project(Path(how["project"]), wanted)


@migrations.command()
@step
@click.argument("file")
@click.option("--stash", metavar="FILE", help="What an earlier way in the other direction kept aside.")
@click.option("--stash-out", metavar="FILE", help="Where to write what this way keeps aside.")
@click.pass_obj
def run(session: Session, /, family: str, source: str, destination: str, file: str, **stashes: str | None) -> int:
    """Carry the config in FILE from FROM to TO without storing anything. Exit 3 when it is refused."""
    from versiqiid.cli.accounts import carry  # noqa: PLC0415

    path = f"/v1/migrations/{family}/{source}/{destination}:run"
    return carry(session, path, {"config": file}, **stashes)


@migrations.command()
@click.argument("folder")
@click.option("--lang", required=True, metavar="LANGUAGE", help="c, rust, assemblyscript, python, lua, lens …")
@click.pass_obj
def init(session: Session, folder: str, lang: str) -> None:
    """Begin a migration in a new FOLDER, from a template that builds and passes its law tests."""
    from versiqiid.cli.projects import make  # noqa: PLC0415

    for name in make(Path(folder), lang):
        print(f"{folder}/{name}")
    session.tell(f"next: versiqii migrations build {folder}, then versiqii migrations test --project {folder}")


@migrations.command()
@click.argument("folder", default=".")
@click.pass_obj
def build(session: Session, folder: str) -> None:
    """Build the migration in FOLDER by its own build.py."""
    from versiqiid.cli.projects import build as made  # noqa: PLC0415

    module = made(Path(folder))
    if module is None:
        session.tell("nothing to build: a lens or a script is its key's value")
    else:
        print(module)
