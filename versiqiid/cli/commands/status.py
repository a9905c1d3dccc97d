"""``versiqii status``: how every binding stands."""

from __future__ import annotations

import click

from versiqiid.cli.commands.shared import told_json
from versiqiid.cli.session import Session


@click.command()
@click.argument("binding", required=False)
@click.option("--env", "--region", "environment", help="Only in this environment and below.")
@click.pass_obj
def status(session: Session, binding: str | None, environment: str | None) -> None:
    """How every binding stands, or one of them in full (BINDING is <env…>/<target>/<name>)."""
    if binding:
        told = session.key(f"status/{binding.removeprefix('status/').removeprefix('bindings/')}").json()
        session.output = "yaml" if session.output in (None, "table", "wide") else session.output
        session.show({"binding": binding, **told} if session.output == "name" else told, "binding")
        return
    rows = [
        {"binding": item["key"].removeprefix("status/"), **told_json(item)}
        for item in session.items(f"status/{environment}/" if environment else "status/")
    ]
    shown = ("binding", "state", "targetVersion", "schemaVersion", "reason")
    session.show(rows, *shown, wide=("since", "correlationId", "journal"))
