"""``versiqii rollback``: back to what was, as one call."""

from __future__ import annotations

import json

import click

from versiqiid.cli.commands.shared import dry_run
from versiqiid.cli.session import Session


@click.command()
@click.argument("subject", required=False)
@click.option("--to", "point", help="Revision, RFC 3339 time or correlation id.")
@click.option("--undo", "undone", metavar="CORRELATION-ID", help="Undo everything that was done under this id.")
@dry_run
@click.pass_obj
def rollback(session: Session, subject: str | None, point: str | None, undone: str | None, *, dry_run: bool) -> None:
    """Move SUBJECT (a config's or binding's key, or an environment) to a new revision with its old content.

    The plan is printed either way; with --dry-run nothing is moved.
    """
    if undone is not None and not subject and point is None:
        path, body = f"/v1/correlations/{undone}:undo", b"{}"
    elif subject and point is not None and undone is None:
        path, body = f"/v1/{subject.strip('/')}:rollback", json.dumps({"to": point}).encode()
    else:
        raise click.UsageError("give SUBJECT --to POINT, or --undo CORRELATION-ID")
    query = {"validate_only": "true"} if dry_run else {}
    told = session.request("POST", path, body=body, query=query).json()
    rows = told["plan"] if dry_run else told["moved"]
    moving = sum(row["fromDigest"] != row["toDigest"] for row in rows)
    session.tell(f"{moving} keys {'would move' if dry_run else 'moved'}; correlation id {told['correlationId']}")
    session.show(rows, "key", "fromRevision", "toRevision", wide=("fromDigest", "toDigest"))
