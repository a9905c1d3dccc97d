"""``versiqii drifts``: what should be and is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from versiqiid.cli.commands.shared import told_json
from versiqiid.cli.exits import Exit
from versiqiid.cli.session import Session

DIMENSIONS = ("target", "schema", "dependency", "environment")


@click.group()
def drifts() -> None:
    """The difference between what should be and what is, in four dimensions."""


@drifts.command("list")
@click.option("--env", "--region", "environment", help="Only in this environment and below.")
@click.option("--target", "--engine", "target", help="Only of this target.")
@click.option("--dimension", type=click.Choice(DIMENSIONS))
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is drift.")
@click.pass_obj
def list_(
    session: Session, environment: str | None, target: str | None, dimension: str | None, *, detailed_exitcode: bool
) -> int:
    """Every open drift."""
    rows = [
        place | drift
        for place, found in _documents(session, environment)
        if target in (None, place["target"])
        for drift in found
        if dimension in (None, drift["dimension"])
    ]
    shown = ("environment", "target", "dimension", "binding", "reason")
    session.show(rows, *shown, wide=("expected", "found", "since"), name="key")
    return Exit.DIFFERENT if rows and detailed_exitcode else Exit.OK


@drifts.command()
@click.option("--env", "--region", "environment", help="Only in this environment and below.")
@click.pass_obj
def matrix(session: Session, environment: str | None) -> None:
    """How many drifts of each dimension, for each environment and target."""
    counts = {f"{name}Drifts": name for name in DIMENSIONS}  # two dimensions are called as the place is
    rows = [
        place | {column: sum(drift["dimension"] == name for drift in found) for column, name in counts.items()}
        for place, found in _documents(session, environment)
    ]
    session.show(rows, "environment", "target", *counts, name="key")


def _documents(session: Session, environment: str | None) -> Iterator[tuple[dict[str, str], list[dict[str, Any]]]]:
    """Where, and the drifts there."""
    for item in session.items(f"drift/{environment}/" if environment else "drift/"):
        *place, target = item["key"].split("/")[1:]
        found = told_json(item).get("drifts", [])
        yield {"environment": "/".join(place), "target": target, "key": item["key"]}, found
