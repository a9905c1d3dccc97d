"""``versiqii rollback``: one call back to what was, as a new revision."""

from __future__ import annotations

import json

import click

from versiqiid.cli.session import Session


@click.command()
@click.argument("subject")
@click.option("--to", "point", required=True, help="Revision, RFC 3339 time or correlation id.")
@click.option("--dry-run", is_flag=True, help="Show the plan, move nothing.")
@click.pass_obj
def rollback(session: Session, subject: str, point: str, *, dry_run: bool) -> None:
    """Move SUBJECT (a config's or binding's key, or an environment) to a new revision with its old content."""
    query = {"validate_only": "true"} if dry_run else {}
    body = json.dumps({"to": point}).encode()
    told = session.request("POST", f"/v1/{subject}:rollback", body=body, query=query).json()
    rows = told["plan"] if dry_run else told["moved"]
    session.tell(f"{'would move' if dry_run else 'moved'} {len(rows)} keys; correlation id {told['correlationId']}")
    session.show(rows, "key", "fromRevision", "toRevision", wide=("fromDigest", "toDigest"))
