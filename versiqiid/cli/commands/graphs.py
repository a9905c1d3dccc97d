"""``versiqii graphs``: which target versions get on with each other, and in which order to upgrade."""

from __future__ import annotations

import json
from typing import Any

import click

from versiqiid.cli.commands.shared import dry_run, split_version
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session


@click.group()
def graphs() -> None:
    """Which target versions require and accept which, and in which order to upgrade."""


@graphs.command()
@click.argument("target", metavar="TARGET[@VERSION]")
@click.argument("other")
@click.argument("range_text", metavar="RANGE", required=False)
@click.option("--accepts", is_flag=True, help="TARGET takes callers OTHER in RANGE; default: it requires OTHER.")
@click.option("--remove", is_flag=True, help="Take the link away instead.")
@dry_run
@click.pass_obj
def link(session: Session, /, target: str, other: str, range_text: str | None, *, dry_run: bool, **how: bool) -> None:
    """Say that TARGET, or one VERSION of it, requires OTHER in RANGE beside it, such as: web auth '>=1.5,<2'."""
    if (range_text is None) != how["remove"]:
        raise click.UsageError("give a RANGE, or --remove")
    name, version = split_version(target)
    kind = "accepts" if how["accepts"] else "requires"
    asked = {"target": name, "version": version, "kind": kind, "other": other, "range": range_text}
    query = {"validate_only": "true"} if dry_run else {}
    told = session.request("POST", "/v1/graphs:link", body=json.dumps(asked).encode(), query=query).json()
    for breach in told["breaches"]:
        session.tell(f"does not hold in {breach['environment']}: {breach['reason']}")
    for circle in told["circles"]:
        session.tell(f"a circle, whose targets may have to move at once: {' → '.join(circle)}")
    session.tell("nothing was written (--dry-run)" if dry_run else f"written at revision {told['revision']}")
    if session.output in ("json", "yaml"):
        session.show(told, "key")
    else:
        print(told["key"])


@graphs.command()
@click.argument("environment", required=False)
@click.pass_obj
def check(session: Session, environment: str | None) -> int:
    """Which links do not hold in ENVIRONMENT and below it, or anywhere. Exit 0: all hold; 3: one does not."""
    query = {"environment": environment} if environment else {}
    told = session.request("POST", "/v1/graphs:check", query=query).json()
    rows = [
        {"environment": place["environment"], **breach}
        for place in told["environments"]
        for breach in place["breaches"]
    ]
    if session.output in ("json", "yaml"):
        session.show(told, "holds")
    elif rows or session.output == "name":
        columns = ("environment", "target", "version", "kind", "other", "range", "found")
        session.show(rows, *columns, wide=("reason",), name="reason")
    for place in told["environments"]:
        if place["circle"]:
            session.tell(f"{place['environment']}: requirements go in a circle: {' → '.join(place['circle'])}")
    for unread in told["unreadable"]:
        session.tell(f"{unread['key']} is unreadable: {unread['reason']}")
    session.tell(f"{len(told['environments'])} environments, {len(rows)} links that do not hold")
    return Exit.OK if told["holds"] else Exit.INVALID


@graphs.command()
@click.argument("environment")
@click.argument("goals", nargs=-1, required=True, metavar="TARGET VERSION | TARGET@VERSION …")
@click.pass_obj
def plan(session: Session, environment: str, goals: tuple[str, ...]) -> int:
    """The order in which a set of upgrades can go, what else has to move, and what would break on the way.

    Nothing is written: the commands that do it are printed. Exit 0: there is a plan; 3: the demands conflict.
    """
    from versiqiid.cli.plans import plan_lines  # noqa: PLC0415

    asked = {"environment": environment, "goals": _goals(goals)}
    told = session.request("POST", "/v1/graphs:plan", body=json.dumps(asked).encode()).json()
    if session.output in ("json", "yaml"):
        session.show(told, "possible")
    else:
        print("\n".join(plan_lines(told)))
    return Exit.OK if told["possible"] else Exit.INVALID


def _goals(words: tuple[str, ...]) -> dict[str, str]:
    """``web 2.0.0``, ``web@2.0.0 auth@3.0.0``, or both mixed."""
    found: dict[str, str] = {}
    waiting = iter(words)
    for word in waiting:
        target, version = split_version(word)
        version = version or next(waiting, None)
        if not target or not version:
            raise click.UsageError(f"{word!r} has no version: give TARGET VERSION, or TARGET@VERSION")
        if target in found:
            raise click.UsageError(f"{target!r} is given twice")
        found[target] = version
    return found


@graphs.command()
@click.argument("environment", required=False)
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True)
@click.pass_obj
def show(session: Session, environment: str | None, form: str) -> None:
    """The links of what runs in ENVIRONMENT, or all that targets say; as a table, or to be drawn."""
    told = session.get("/v1/graphs", **({"environment": environment} if environment else {})).json()
    if form == "text":
        rows: Any = told if session.output in ("json", "yaml") else told["edges"]
        session.show(rows, "target", "kind", "other", "range", "broken")
        return
    from versiqiid.core.graph.drawing import Edge, dot, mermaid  # noqa: PLC0415

    edges = [Edge(e["target"], e["kind"], e["other"], e["range"], e["broken"]) for e in told["edges"]]
    print((mermaid if form == "mermaid" else dot)(told["running"], edges), end="")
