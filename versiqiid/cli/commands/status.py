"""``versiqii status``: how every binding stands."""

from __future__ import annotations

import json

import click

from versiqiid.cli.session import Session


@click.command()
@click.argument("binding", required=False)
@click.option("--env", "environment", help="Only in this environment and below.")
@click.pass_obj
def status(session: Session, binding: str | None, environment: str | None) -> None:
    """How every binding stands, or one of them in full (BINDING is <env…>/<target>/<name>)."""
    if binding:
        told = json.loads(session.key(f"status/{binding}").raw)
        if session.output in (None, "table"):
            session.output = "yaml"
        session.show(told)
        return
    rows = []
    for item in session.items(f"status/{environment}/" if environment else "status/"):
        rows.append({"binding": item["key"].removeprefix("status/"), **json.loads(item["value"])})
    session.show(rows, "binding", "state", "targetVersion", "schemaVersion", "reason", wide=("since", "correlationId", "journal"))
