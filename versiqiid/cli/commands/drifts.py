"""``versiqii drifts``: what should be and is not."""

from __future__ import annotations

import json

import click

from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session

DIMENSIONS = ("target", "schema", "dependency", "environment")


@click.group()
def drifts() -> None:
    """The difference between what should be and what is, in four dimensions."""


@drifts.command("list")
@click.option("--env", "environment", help="Only in this environment and below.")
@click.option("--target", help="Only of this target.")
@click.option("--dimension", type=click.Choice(DIMENSIONS))
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is drift.")
@click.pass_obj
def list_(session: Session, environment: str | None, target: str | None, dimension: str | None, *, detailed_exitcode: bool) -> int:
    """Every open drift."""
    rows = []
    for item in session.items("drift/"):
        told = json.loads(item["value"])
        if environment and not f"{told['environment']}/".startswith(f"{environment}/"):
            continue
        if target and told["target"] != target:
            continue
        place = {"environment": told["environment"], "target": told["target"]}
        rows += [place | drift for drift in told["drifts"] if dimension in (None, drift["dimension"])]
    session.show(rows, "environment", "target", "dimension", "binding", "reason", wide=("expected", "found", "since"))
    return Exit.DIFFERENT if rows and detailed_exitcode else Exit.OK


@drifts.command()
@click.pass_obj
def matrix(session: Session) -> None:
    """How many drifts of each dimension, for each environment and target."""
    rows = []
    for item in session.items("drift/"):
        told = json.loads(item["value"])
        counts = {name: sum(d["dimension"] == name for d in told["drifts"]) for name in DIMENSIONS}
        rows.append({"environment": told["environment"], "target": told["target"], **counts})
    session.show(rows, "environment", "target", *DIMENSIONS)
